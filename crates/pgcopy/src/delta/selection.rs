//! Which entries of the target's archive make the deltas, in the archive's order.

use super::Restoration;
use crate::archive::{Entry, EntryId, Section};
use crate::{Kind, Result};
use restage_core::facts::ObjectKind;
use restage_core::provider::Delta;
use restage_core::schema::{ColumnName, TableName};
use std::collections::{BTreeMap, BTreeSet};

/// Everything to make.
pub(super) struct Selection<'a> {
    /// Up to tables and views.
    pub(super) before_rows: Vec<Part<'a>>,
    /// Indexes, constraints, triggers and the like.
    pub(super) after_rows: Vec<Part<'a>>,
    /// Grants on what was made.
    pub(super) grants: Vec<&'a Entry>,
    /// Comments on what was made.
    pub(super) remarks: Vec<&'a Entry>,
}

/// One thing to make.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    /// As the archive says.
    Entry(&'a Entry),
    /// A column more.
    Column { table: &'a TableName, column: &'a ColumnName, definition: &'a str },
    /// Row security of a table that is there.
    RowSecurity { table: &'a TableName, forced: bool },
}

/// Kinds that are named after their relation, such as `users users_pkey`.
const NAMED_BY_RELATION: [ObjectKind; 7] = [
    ObjectKind::Default,
    ObjectKind::Constraint,
    ObjectKind::ForeignKey,
    ObjectKind::CheckConstraint,
    ObjectKind::Trigger,
    ObjectKind::Rule,
    ObjectKind::Policy,
];

impl<'a> Selection<'a> {
    pub(super) fn of(what: Restoration<'a>) -> Result<Self> {
        let mut choice = Choice::new(what);
        for entry in &what.archive.entries {
            if choice.wants(entry) {
                choice.taken.insert(entry.id, entry);
            }
        }
        choice.refuse_missing()?;
        let mut selection = Self { before_rows: Vec::new(), after_rows: Vec::new(), grants: Vec::new(), remarks: Vec::new() };
        for entry in &what.archive.entries {
            selection.place(entry, &choice);
        }
        selection.place_other_columns(what.deltas);
        selection.after_rows.extend(what.deltas.iter().filter_map(|delta| match delta {
            Delta::RowSecurity { table, forced } => Some(Part::RowSecurity { table, forced: *forced }),
            _ => None,
        }));
        Ok(selection)
    }

    fn place(&mut self, entry: &'a Entry, choice: &Choice<'a>) {
        if entry.kind == ObjectKind::Table {
            // Whatever a column needs comes before the table that has it on the target, and what needs it comes after.
            let table = TableName::new(entry.schema.clone(), entry.name.clone());
            for (column, definition) in choice.columns.get(&table).into_iter().flatten() {
                self.before_rows.extend(choice.sequences_of(&table, column).map(Part::Entry));
                if let Some((name, _)) = choice.columns.get_key_value(&table) {
                    self.before_rows.push(Part::Column { table: name, column, definition });
                }
            }
        }
        match &entry.kind {
            ObjectKind::Acl if choice.is_about(entry) => self.grants.push(entry),
            kind if kind.is_remark() && choice.is_about(entry) => self.remarks.push(entry),
            _ if !choice.taken.contains_key(&entry.id) => {}
            _ if entry.section == Section::PostData => self.after_rows.push(Part::Entry(entry)),
            _ => self.before_rows.push(Part::Entry(entry)),
        }
    }

    /// Columns of tables that the archive does not name, such as those of a foreign server's.
    fn place_other_columns(&mut self, deltas: &'a [Delta]) {
        for delta in deltas {
            let Delta::Column { table, column, definition } = delta else { continue };
            let is_this =
                |part: &Part<'_>| matches!(part, Part::Column { table: of, column: name, .. } if *of == table && *name == column);
            if !self.before_rows.iter().any(is_this) {
                self.before_rows.push(Part::Column { table, column, definition });
            }
        }
    }
}

/// What is looked for, and what has been found of it.
struct Choice<'a> {
    what: Restoration<'a>,
    relations: BTreeSet<&'a TableName>,
    columns: BTreeMap<&'a TableName, Vec<(&'a ColumnName, &'a str)>>,
    objects: BTreeSet<(&'a ObjectKind, &'a str, &'a str)>,
    foreign_keys: BTreeSet<(&'a str, String)>,
    taken: BTreeMap<EntryId, &'a Entry>,
}

impl<'a> Choice<'a> {
    fn new(what: Restoration<'a>) -> Self {
        let mut choice = Self {
            what,
            relations: BTreeSet::new(),
            columns: BTreeMap::new(),
            objects: BTreeSet::new(),
            foreign_keys: BTreeSet::new(),
            taken: BTreeMap::new(),
        };
        for delta in what.deltas {
            match delta {
                Delta::Table { name } | Delta::View { name } => {
                    choice.relations.insert(name);
                }
                Delta::Column { table, column, definition } => choice.columns.entry(table).or_default().push((column, definition)),
                Delta::ForeignKey { table, name, .. } => {
                    choice.foreign_keys.insert((&table.schema, format!("{} {name}", table.name)));
                }
                Delta::RowSecurity { .. } => {}
                Delta::Object { kind, schema, name } => {
                    choice.objects.insert((kind, schema, name));
                }
            }
        }
        choice
    }

    fn wants(&self, entry: &Entry) -> bool {
        let kind = &entry.kind;
        let named = TableName::new(entry.schema.clone(), entry.name.clone());
        let of_taken = |fits: fn(&ObjectKind) -> bool| {
            entry.dependencies.iter().filter_map(|id| self.taken.get(id)).any(|other| fits(&other.kind))
        };
        if self.objects.contains(&(kind, entry.schema.as_str(), entry.name.as_str())) {
            return true;
        }
        match kind {
            _ if kind.is_relation() => self.relations.contains(&named),
            ObjectKind::Sequence => self.wants_sequence(entry, &named),
            ObjectKind::SequenceOwnedBy => of_taken(|kind| *kind == ObjectKind::Sequence) || self.belongs_to_new_column(&named),
            ObjectKind::ForeignKey if self.foreign_keys.contains(&(entry.schema.as_str(), entry.name.clone())) => true,
            ObjectKind::TableAttach | ObjectKind::RowSecurity => self.relations.contains(&named),
            ObjectKind::Index | ObjectKind::Statistics => of_taken(ObjectKind::is_relation),
            ObjectKind::IndexAttach => of_taken(|kind| matches!(kind, ObjectKind::Index | ObjectKind::Constraint)),
            _ if NAMED_BY_RELATION.contains(kind) => self.is_of_relation(entry),
            _ => false,
        }
    }

    /// A column's sequence comes with its table; a new column's is made before the column.
    fn wants_sequence(&self, entry: &Entry, named: &TableName) -> bool {
        let owner = self.what.schema.sequences.get(named).and_then(|sequence| sequence.owned_by.as_ref());
        let of_table = owner.is_some_and(|path| self.relations.contains(&path.table));
        of_table
            || (owner.is_none()
                && entry.dependencies.iter().any(|id| self.taken.get(id).is_some_and(|other| other.kind == ObjectKind::Table)))
    }

    fn belongs_to_new_column(&self, sequence: &TableName) -> bool {
        let owner = self.what.schema.sequences.get(sequence).and_then(|sequence| sequence.owned_by.as_ref());
        owner.is_some_and(|path| {
            self.columns.get(&path.table).is_some_and(|columns| columns.iter().any(|(name, _)| **name == path.column))
        })
    }

    /// The sequences of a new column; that of an identity column comes with the column.
    fn sequences_of(&self, table: &TableName, column: &ColumnName) -> impl Iterator<Item = &'a Entry> {
        let owned = |entry: &&Entry| {
            let named = TableName::new(entry.schema.clone(), entry.name.clone());
            let owner = self.what.schema.sequences.get(&named).and_then(|sequence| sequence.owned_by.as_ref());
            owner.is_some_and(|path| &path.table == table && &path.column == column)
        };
        let made: Vec<&'a Entry> = self
            .what
            .archive
            .entries
            .iter()
            .filter(|entry| entry.kind == ObjectKind::Sequence && entry.sql.starts_with("CREATE"))
            .filter(owned)
            .collect();
        made.into_iter()
    }

    fn is_of_relation(&self, entry: &Entry) -> bool {
        let of = |id: &EntryId| {
            let other = self.taken.get(id)?;
            let rest = entry.name.strip_prefix(other.name.as_str())?;
            Some(other.kind.is_relation() && other.schema == entry.schema && rest.starts_with(' '))
        };
        entry.dependencies.iter().filter_map(of).any(|is| is)
    }

    /// A grant or comment on something that is made, or on a new column.
    fn is_about(&self, entry: &Entry) -> bool {
        let on_taken = entry.dependencies.iter().any(|id| self.taken.contains_key(id));
        let column = entry.name.strip_prefix("COLUMN ").map(|name| name.replace('"', ""));
        let on_column = column.is_some_and(|name| {
            let is_this = |table: &TableName, column: &ColumnName| {
                entry.schema == table.schema && name == format!("{}.{column}", table.name).replace('"', "")
            };
            self.columns.iter().any(|(table, columns)| columns.iter().any(|(column, _)| is_this(table, column)))
        });
        on_taken || on_column
    }

    /// What the plan names must be in the archive, or the target has changed since.
    fn refuse_missing(&self) -> Result<()> {
        let taken: BTreeSet<(&str, &str)> = self
            .taken
            .values()
            .filter(|entry| entry.kind.is_relation())
            .map(|entry| (entry.schema.as_str(), entry.name.as_str()))
            .collect();
        match self.relations.iter().find(|name| !taken.contains(&(name.schema.as_str(), name.name.as_str()))) {
            None => Ok(()),
            Some(name) => {
                Err(Kind::SchemaChanged.error(format!("`{name}`, which only the target had, is no more there")).help("plan again"))
            }
        }
    }
}
