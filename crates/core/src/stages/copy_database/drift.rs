//! What only the target has, and whether it still fits.

use super::Copying;
use super::checks::list;
use super::selection::is_taken;
use crate::error::Code;
use crate::facts::{DanglingReference, DatabaseFacts, ObjectKind, ObjectName};
use crate::plan::{Builder, Level};
use crate::provider::{Carried, Delta};
use crate::scenario::copy_database::{CopyDatabase, Deltas, Require};
use crate::schema::{ColumnName, ColumnSource, Schema, Table, TableName, View};
use std::collections::{BTreeMap, BTreeSet};

/// Finds the deltas in the order of need: objects, tables, columns, views, foreign keys.
pub(super) fn find(copying: &Copying<'_>, carried: &Carried, builder: &mut Builder) -> Vec<Delta> {
    let found = Drift::new(&copying.facts.source, &copying.facts.target, carried.tables.keys().collect());
    let deltas = found.deltas();
    if deltas.is_empty() {
        return deltas;
    }
    let names: Vec<String> = deltas.iter().map(ToString::to_string).collect();
    match copying.stage.deltas {
        Deltas::Refuse => {
            let message = format!("only the target has: {}", names.join(", "));
            builder.refuse(
                Code::DeltaUnfit.error(message).help("remove them from the target, or use `deltas: restore` or `deltas: drop`"),
            );
            vec![]
        }
        Deltas::Drop => {
            builder.find(
                Level::Warning,
                format!("only the target has, and will lose: {}", names.join(", ")),
                Some("use `deltas: restore` to bring them back"),
            );
            vec![]
        }
        Deltas::Restore => {
            builder.find(Level::Note, format!("only the target has, and gets back: {}", names.join(", ")), None);
            refuse_unfit(&found, &deltas, copying, builder);
            deltas
        }
    }
}

fn refuse_unfit(drift: &Drift<'_>, deltas: &[Delta], copying: &Copying<'_>, builder: &mut Builder) {
    for delta in deltas {
        if let Err((why, help)) = drift.fits(delta) {
            builder.refuse(Code::DeltaUnfit.error(format!("the {delta} {why}")).help(help));
        }
    }
    for reference in &copying.facts.delta_references {
        builder.refuse(dangling(reference));
    }
    if copying.stage.migrations.require == Require::TargetAhead {
        builder.find(
            Level::Note,
            "deltas that the target's migrations make are brought back after those migrations, with the target's rows",
            None,
        );
    }
}

/// What only the target has, of what the stage would carry over from such a source, in the order of need.
pub fn deltas(stage: &CopyDatabase, source: &DatabaseFacts, target: &DatabaseFacts) -> Vec<Delta> {
    let carried = source.schema.tables.keys().filter(|table| is_taken(stage, &source.schema, table)).collect();
    Drift::new(source, target, carried).deltas()
}

struct Drift<'a> {
    source: &'a DatabaseFacts,
    target: &'a DatabaseFacts,
    carried: BTreeSet<&'a TableName>,
    /// Tables of the target that production's copy will not have.
    new_tables: BTreeSet<&'a TableName>,
}

impl<'a> Drift<'a> {
    fn new(source: &'a DatabaseFacts, target: &'a DatabaseFacts, carried: BTreeSet<&'a TableName>) -> Self {
        let new_tables = target.schema.tables.keys().filter(|table| !carried.contains(*table)).collect();
        Self { source, target, carried, new_tables }
    }
    fn deltas(&self) -> Vec<Delta> {
        [self.objects(), self.tables(), self.columns(), self.views(), self.foreign_keys(), self.row_security()].concat()
    }

    fn source(&self) -> &'a Schema {
        &self.source.schema
    }
    fn target(&self) -> &'a Schema {
        &self.target.schema
    }
    /// Tables that both have, with the target's and production's structure.
    fn common(&self) -> impl Iterator<Item = (&'a TableName, &'a Table, &'a Table)> {
        let both = |(name, target): (&'a TableName, &'a Table)| {
            let source = self.carried.contains(name).then(|| self.source().tables.get(name))?;
            Some((name, target, source?))
        };
        self.target().tables.iter().filter_map(both)
    }

    /// Referred-to tables first, and partitions after what they are partitions of.
    fn tables(&self) -> Vec<Delta> {
        let mut done: BTreeSet<&TableName> = BTreeSet::new();
        let mut ordered = Vec::new();
        while done.len() < self.new_tables.len() {
            let ready =
                |table: &&&TableName| !done.contains(**table) && self.needs(table).iter().all(|needed| done.contains(needed));
            // A circle of foreign keys is broken anywhere: they are added after the rows.
            let next = self.new_tables.iter().find(ready).or_else(|| self.new_tables.iter().find(|table| !done.contains(**table)));
            let Some(next) = next else { break };
            done.insert(next);
            ordered.push(Delta::Table { name: (*next).clone() });
        }
        ordered
    }

    fn needs(&self, table: &TableName) -> Vec<&'a TableName> {
        let Some(facts) = self.target().tables.get(table) else { return vec![] };
        let mut needs: Vec<&TableName> =
            facts.foreign_keys.iter().map(|key| &key.to).filter(|to| *to != table && self.new_tables.contains(to)).collect();
        needs.extend(facts.partition_of.as_ref().and_then(|parent| self.new_tables.get(parent)));
        needs
    }

    fn columns(&self) -> Vec<Delta> {
        let mut deltas = Vec::new();
        for (name, target, source) in self.common() {
            // A partition gets its columns from the table it belongs to.
            if target.partition_of.is_some() {
                continue;
            }
            for column in target.columns.iter().filter(|column| source.column(&column.name).is_none()) {
                deltas.push(Delta::Column { table: name.clone(), column: column.name.clone(), definition: column.definition() });
            }
        }
        deltas
    }

    fn foreign_keys(&self) -> Vec<Delta> {
        let mut deltas = Vec::new();
        for (name, target, source) in self.common() {
            if target.partition_of.is_some() {
                continue;
            }
            let known: BTreeSet<&str> = source.foreign_keys.iter().map(|key| key.name.as_str()).collect();
            for key in target.foreign_keys.iter().filter(|key| !known.contains(key.name.as_str())) {
                deltas.push(Delta::ForeignKey { table: name.clone(), name: key.name.clone(), definition: key.definition.clone() });
            }
        }
        deltas
    }

    /// Without it, policies that come back would hold for nobody.
    fn row_security(&self) -> Vec<Delta> {
        let is_on = |facts: &DatabaseFacts, table: &TableName| {
            let object = ObjectName { kind: ObjectKind::RowSecurity, schema: table.schema.clone(), name: table.name.clone() };
            facts.objects.contains_key(&object)
        };
        let forced = |facts: &DatabaseFacts, table: &TableName| facts.schema.forced_policies.contains(table);
        let is_lost = |table: &TableName| {
            is_on(self.target, table) && !is_on(self.source, table) || forced(self.target, table) && !forced(self.source, table)
        };
        let lost = self.common().map(|(name, _, _)| name).filter(|name| is_lost(name));
        lost.map(|name| Delta::RowSecurity { table: name.clone(), forced: forced(self.target, name) }).collect()
    }

    /// Views that read others come after them.
    fn views(&self) -> Vec<Delta> {
        let new: BTreeMap<&TableName, &View> =
            self.target().views.iter().filter(|(name, _)| !self.source().views.contains_key(*name)).collect();
        let mut done: BTreeSet<&TableName> = BTreeSet::new();
        let mut ordered = Vec::new();
        while let Some(next) = new
            .iter()
            .find(|(name, view)| {
                !done.contains(*name) && view.reads.iter().all(|read| !new.contains_key(read) || done.contains(read))
            })
            .map(|(name, _)| *name)
        {
            done.insert(next);
            ordered.push(Delta::View { name: next.clone() });
        }
        ordered
    }

    fn objects(&self) -> Vec<Delta> {
        let known = &self.source.objects;
        let mut new: Vec<&ObjectName> = self.target.objects.keys().filter(|object| !known.contains_key(*object)).collect();
        let own = |kind: &ObjectKind| RESTORED_KINDS.contains(kind) || LOST_KINDS.contains(kind);
        // Every database has it; `pg_dump` lists it where its owner is not the usual one.
        let is_public = |object: &ObjectName| object.kind == ObjectKind::Schema && object.name == "public";
        new.retain(|object| own(&object.kind) && !is_public(object) && !self.belongs_to_new(object));
        new.sort_by_key(|object| RESTORED_KINDS.iter().position(|kind| *kind == object.kind));
        new.into_iter()
            .map(|object| Delta::Object { kind: object.kind.clone(), schema: object.schema.clone(), name: object.name.clone() })
            .collect()
    }

    /// What comes back with a table or column anyway.
    fn belongs_to_new(&self, object: &ObjectName) -> bool {
        let named = TableName::new(object.schema.clone(), object.name.clone());
        let of_table = |table: &&TableName| {
            table.schema == object.schema && object.name.strip_prefix(&table.name).is_some_and(|rest| rest.starts_with(' '))
        };
        match object.kind {
            ObjectKind::Index => self.target().indexes.get(&named).is_some_and(|table| self.new_tables.contains(table)),
            ObjectKind::Sequence => {
                let owner = self.target().sequences.get(&named).and_then(|sequence| sequence.owned_by.as_ref());
                owner.is_some_and(|path| self.new_tables.contains(&path.table) || self.is_new_column(&path.table, &path.column))
            }
            // What makes a view a view.
            ObjectKind::Rule if object.name.ends_with(" _RETURN") => true,
            ObjectKind::Trigger | ObjectKind::Policy | ObjectKind::Rule | ObjectKind::Constraint | ObjectKind::CheckConstraint => {
                self.new_tables.iter().any(of_table)
            }
            _ => false,
        }
    }

    fn is_new_column(&self, table: &TableName, column: &ColumnName) -> bool {
        self.source().tables.get(table).is_some_and(|facts| facts.column(column).is_none())
    }

    fn fits(&self, delta: &Delta) -> Result<(), (String, &'static str)> {
        match delta {
            Delta::Column { table, column, .. } => {
                let column = self.target().tables.get(table).and_then(|facts| facts.column(column));
                let must_be_given = column
                    .is_some_and(|column| column.not_null && column.default.is_none() && column.source == ColumnSource::Written);
                if must_be_given && !self.stays_empty(table) {
                    return Err((
                        "is NOT NULL and has no default, so production's rows cannot have it".into(),
                        "give it a default on the target, or use `deltas: drop`",
                    ));
                }
            }
            Delta::Table { name } => {
                if self.source().views.contains_key(name) {
                    return Err((TAKEN_NAME.0.into(), TAKEN_NAME.1));
                }
                if let Some(facts) = self.target().tables.get(name) {
                    return self.references_fit(facts.foreign_keys.iter().map(|key| (&key.to, &key.to_columns)));
                }
            }
            Delta::ForeignKey { table, name, .. } => {
                let key = self.target().tables.get(table).and_then(|facts| facts.foreign_keys.iter().find(|key| key.name == *name));
                return self.references_fit(key.into_iter().map(|key| (&key.to, &key.to_columns)));
            }
            Delta::View { name } => {
                if self.source().tables.contains_key(name) {
                    return Err((TAKEN_NAME.0.into(), TAKEN_NAME.1));
                }
                let reads = self.target().views.get(name).map(|view| &view.reads);
                let gone: Vec<String> =
                    reads.into_iter().flatten().filter(|read| !self.will_exist(read)).map(|read| format!("`{read}`")).collect();
                if !gone.is_empty() {
                    return Err((
                        format!("reads {}, which production does not have", list(&gone)),
                        "drop the view from the target, or use `deltas: drop`",
                    ));
                }
            }
            Delta::Object { kind, .. } if LOST_KINDS.contains(kind) => {
                return Err((
                    "cannot be brought back by restage".into(),
                    "drop it from the target and make it again afterwards, or use `deltas: drop`",
                ));
            }
            Delta::Object { .. } | Delta::RowSecurity { .. } => {}
        }
        Ok(())
    }

    fn references_fit<'k>(
        &self,
        mut keys: impl Iterator<Item = (&'k TableName, &'k Vec<ColumnName>)>,
    ) -> Result<(), (String, &'static str)> {
        let lost = keys.find(|(to, columns)| {
            !self.new_tables.contains(to)
                && !self.source().tables.get(to).is_some_and(|facts| columns.iter().all(|column| facts.column(column).is_some()))
        });
        match lost {
            None => Ok(()),
            Some((to, _)) => Err((
                format!("refers to `{to}`, which production has not, or not with these columns"),
                "drop the foreign key from the target, or use `deltas: drop`",
            )),
        }
    }

    fn will_exist(&self, name: &TableName) -> bool {
        let target = self.target();
        self.carried.contains(name)
            || target.tables.contains_key(name)
            || target.views.contains_key(name)
            || self.source().views.contains_key(name)
            || name.schema == "pg_catalog"
            || name.schema == "information_schema"
    }

    fn stays_empty(&self, table: &TableName) -> bool {
        self.source.estimates.tables.get(table).is_some_and(|estimate| estimate.rows == 0 && estimate.bytes == 0)
    }
}

/// Why something cannot have its name back, and what helps.
const TAKEN_NAME: (&str, &str) =
    ("has the name of something else in production", "rename or drop it on the target, or use `deltas: drop`");

/// `pg_dump`'s kinds that a target may have of its own and that are not brought back: said in the plan, never lost in silence.
const LOST_KINDS: [ObjectKind; 11] = [
    ObjectKind::Publication,
    ObjectKind::EventTrigger,
    ObjectKind::Server,
    ObjectKind::ForeignDataWrapper,
    ObjectKind::UserMapping,
    ObjectKind::Conversion,
    ObjectKind::ProceduralLanguage,
    ObjectKind::Transform,
    ObjectKind::AccessMethod,
    ObjectKind::TextSearchParser,
    ObjectKind::TextSearchTemplate,
];

/// `pg_dump`'s kinds that are brought back by themselves, in the order of need.
const RESTORED_KINDS: [ObjectKind; 22] = [
    ObjectKind::Schema,
    ObjectKind::Extension,
    ObjectKind::Collation,
    ObjectKind::Type,
    ObjectKind::Domain,
    ObjectKind::Sequence,
    ObjectKind::Function,
    ObjectKind::Procedure,
    ObjectKind::Aggregate,
    ObjectKind::Operator,
    ObjectKind::OperatorFamily,
    ObjectKind::OperatorClass,
    ObjectKind::Cast,
    ObjectKind::TextSearchDictionary,
    ObjectKind::TextSearchConfiguration,
    ObjectKind::Constraint,
    ObjectKind::CheckConstraint,
    ObjectKind::Index,
    ObjectKind::Statistics,
    ObjectKind::Rule,
    ObjectKind::Trigger,
    ObjectKind::Policy,
];

fn dangling(reference: &DanglingReference) -> crate::Error {
    let DanglingReference { table, constraint, to, rows, examples } = reference;
    Code::DeltaUnfit
        .error(format!(
            "{rows} rows of the target's `{table}` refer by `{constraint}` to rows of `{to}` that will not exist: {}",
            examples.join(", ")
        ))
        .help(format!("keep these rows with `keep: [{to}]`, delete the referring rows, or use `deltas: drop`"))
}
