//! The target's rows of the kept tables, in temporary tables of the shadow's session.
//!
//! A staged row has each value twice where it may change on the way: as the target had it (`o3`), by which other rows refer to
//! it, and as it will be (`c3`).

use super::layout::{self, Column, Layout};
use super::table::Table;
use super::value::{Value, all};
use crate::connect::TargetClient;
use crate::{Error, Kind, Result};
use restage_core::schema::{ColumnName, ForeignKey, TableName};
use std::collections::BTreeMap;

/// All staged tables with the session they live in.
pub(super) struct Staging<'a> {
    pub(super) shadow: &'a TargetClient,
    pub(super) tables: Vec<Staged<'a>>,
}

/// One staged table.
pub(super) struct Staged<'a> {
    pub(super) keep: &'a Table,
    /// The temporary table.
    pub(super) name: String,
    pub(super) layout: Layout,
    pub(super) fields: Vec<Field>,
    pub(super) references: Vec<Reference>,
}

/// A column that is carried over.
#[derive(Clone)]
pub(super) struct Field {
    pub(super) column: Column,
    at: usize,
}

/// A foreign key of which the target's rows carry every column.
pub(super) struct Reference {
    pub(super) key: ForeignKey,
    /// The columns of both sides, in the key's order.
    pub(super) pairs: Vec<(Field, Column)>,
    /// The table referred to, as `FROM` takes it.
    pub(super) to: String,
    /// The staged table referred to, if that is a kept one.
    pub(super) kept: Option<usize>,
    /// Whether production does not have one of its columns, so that rows which both have carry the target's reference too.
    pub(super) own: bool,
}

impl Field {
    /// The value as it will be, of a staged row.
    pub(super) fn value(&self, alias: &str) -> Value {
        Value::new(format!("{alias}.c{}", self.at), &self.column.type_name)
    }
    /// The value as the target had it.
    pub(super) fn old(&self, alias: &str) -> Value {
        Value::new(format!("{alias}.o{}", self.at), &self.column.type_name)
    }
    /// The column of the temporary table.
    pub(super) fn current(&self) -> String {
        format!("c{}", self.at)
    }
    pub(super) fn former(&self) -> String {
        format!("o{}", self.at)
    }
    /// The value of a row of the shadow.
    pub(super) fn there(&self, alias: &str) -> Value {
        Value::new(format!("{alias}.{}", self.column.name.sql()), &self.column.type_name)
    }
}

impl<'a> Staging<'a> {
    /// Looks at the shadow's tables and decides what is carried; creates nothing.
    pub(super) async fn look(shadow: &'a TargetClient, tables: &'a [Table]) -> Result<Self> {
        let referred = tables.iter().flat_map(|table| table.plan.foreign_keys.iter().map(|key| &key.to));
        let names: Vec<&TableName> = tables.iter().map(|table| &table.plan.table).chain(referred).collect();
        let layouts = layout::read(shadow.reader(), names.into_iter()).await?;
        let mut staged = Vec::new();
        for (at, keep) in tables.iter().enumerate() {
            staged.push(Staged::look(at, keep, &layouts)?);
        }
        for (at, keep) in tables.iter().enumerate() {
            let references = keep.plan.foreign_keys.iter().filter_map(|key| staged[at].reference(key, &staged, &layouts)).collect();
            staged[at].references = references;
        }
        Ok(Self { shadow, tables: staged })
    }

    /// Runs a statement and returns how many rows it changed.
    pub(super) async fn change(&self, table: &TableName, doing: &str, sql: &str) -> Result<u64> {
        let done = self.shadow.execute(sql, &[]).await;
        done.map_err(|error| {
            let place = self.shadow.endpoint();
            constraint(Error::postgres(format!("cannot {doing} of `{table}` in {place}"), &error), table)
        })
    }

    /// Lets the planner know what has become of the staged rows; nobody else looks after temporary tables.
    pub(super) async fn analyze(&self, at: usize) -> Result<()> {
        let staged = &self.tables[at];
        self.shadow.run(format!("analyze kept rows of `{}`", staged.table()), &format!("ANALYZE {}", staged.name)).await
    }

    /// Runs a query that returns one number.
    pub(super) async fn number(&self, table: &TableName, sql: &str) -> Result<u64> {
        let rows = self.shadow.reader().query(format!("look at kept rows of `{table}`"), sql, &[]).await?;
        rows.first().map_or(Ok(0), |row| layout::count(row, 0))
    }

    /// The primary keys of some staged rows (`k`) that a condition holds for.
    pub(super) async fn keys(&self, at: usize, condition: &str) -> Result<String> {
        let staged = &self.tables[at];
        let sql = format!("SELECT {} FROM {} AS k WHERE {condition} ORDER BY k.nth LIMIT {EXAMPLES}", staged.label(), staged.name);
        let rows = self.shadow.reader().query(format!("look at kept rows of `{}`", staged.table()), &sql, &[]).await?;
        let keys: Vec<String> = rows.iter().map(|row| layout::text(row, 0)).collect::<Result<_>>()?;
        Ok(keys.join("; "))
    }
}

/// Keys that an error shows.
const EXAMPLES: usize = 5;

impl Staged<'_> {
    pub(super) fn table(&self) -> &TableName {
        &self.keep.plan.table
    }
    pub(super) fn field(&self, name: &ColumnName) -> Option<&Field> {
        self.fields.iter().find(|field| &field.column.name == name)
    }
    pub(super) fn fields_of(&self, names: &[ColumnName]) -> Vec<&Field> {
        names.iter().filter_map(|name| self.field(name)).collect()
    }
    pub(super) fn key(&self) -> Vec<&Field> {
        self.fields_of(&self.keep.plan.key)
    }
    pub(super) fn matched(&self) -> Vec<&Field> {
        self.fields_of(&self.keep.plan.matched)
    }
    pub(super) fn is_key(&self, field: &Field) -> bool {
        self.keep.plan.key.contains(&field.column.name)
    }
    pub(super) fn is_matched(&self, field: &Field) -> bool {
        self.keep.plan.matched.contains(&field.column.name)
    }
    /// The columns whose content decides whether two matched rows are the same.
    pub(super) fn compared(&self) -> Vec<&Field> {
        let says_something = |field: &&Field| {
            let name = &field.column.name;
            !self.keep.own.contains(name) && !self.keep.masked.contains(name) && !self.is_matched(field) && !self.is_key(field)
        };
        self.fields.iter().filter(says_something).collect()
    }
    /// A staged row (`k`) and a row of the shadow (`p`) have equal values in those columns.
    pub(super) fn equal(fields: &[&Field]) -> String {
        all(&fields.iter().map(|field| field.value("k").equals(&field.there("p"))).collect::<Vec<_>>())
    }
    /// A staged row (`k`) has found this row of the shadow (`p`).
    pub(super) const FOUND: &'static str = "p.ctid = k.at_row AND p.tableoid = k.at_table";

    /// The primary key of a staged row as the target has it, for people.
    fn label(&self) -> String {
        let key: Vec<String> = self.key().iter().map(|field| field.old("k").text()).collect();
        if key.is_empty() { "'row ' || k.nth".to_owned() } else { format!("concat_ws(', ', {})", key.join(", ")) }
    }

    fn look<'a>(at: usize, keep: &'a Table, layouts: &BTreeMap<TableName, Layout>) -> Result<Staged<'a>> {
        let table = &keep.plan.table;
        let layout = layouts
            .get(table)
            .cloned()
            .ok_or_else(|| Kind::Missing.error(format!("`{table}` is to be kept and is not in the copy")).help("plan again"))?;
        let mut fields = Vec::new();
        for name in &keep.plan.columns {
            let column = layout.column(name).ok_or_else(|| unfit(table, name, "is to be carried over and is not in the copy"))?;
            if !column.generated {
                fields.push(Field { column: column.clone(), at: fields.len() });
            }
        }
        let staged = Staged { keep, name: format!("pg_temp.restage_kept_{at}"), layout, fields, references: Vec::new() };
        if let Some(name) = keep.plan.key.iter().chain(&keep.plan.matched).find(|name| staged.field(name).is_none()) {
            return Err(unfit(table, name, "tells rows apart and is not carried over"));
        }
        if let Some(name) = keep.plan.matched.iter().find(|name| keep.masked.contains(*name)) {
            return Err(unfit(table, name, "is masked, and kept rows are matched by it"));
        }
        Ok(staged)
    }

    fn reference(&self, key: &ForeignKey, all: &[Staged<'_>], layouts: &BTreeMap<TableName, Layout>) -> Option<Reference> {
        let to = layouts.get(&key.to)?;
        let pair = |(here, there): (&ColumnName, &ColumnName)| Some((self.field(here)?.clone(), to.column(there)?.clone()));
        let pairs = key.columns.iter().zip(&key.to_columns).map(pair).collect::<Option<Vec<_>>>()?;
        let carries =
            |staged: &Staged<'_>| staged.table() == &key.to && key.to_columns.iter().all(|name| staged.field(name).is_some());
        let own = key.columns.iter().any(|name| self.keep.own.contains(name));
        Some(Reference { key: key.clone(), pairs, to: to.from(), kept: all.iter().position(carries), own })
    }
}

fn unfit(table: &TableName, column: &ColumnName, why: &str) -> Error {
    Kind::Unfit.error(format!("`{table}.{column}` {why}")).help("plan again; if it says the same, correct the stage's `keep:`")
}

/// What a broken constraint or a value that does not fit means for kept rows.
pub(super) fn constraint(error: Error, table: &TableName) -> Error {
    let (kind, help) = match error.sqlstate() {
        Some("23505") => {
            (Kind::Conflict, "match the rows by those columns with `match:`, or remove one of the two from the target")
        }
        Some("23503") => (Kind::Dangling, "keep the table that is referred to as well, or use `on-missing: drop`"),
        Some(state) if state.starts_with("22") || state.starts_with("23") => {
            (Kind::Unfit, "change the row on the target, or leave it out of `keep:`")
        }
        _ => return error,
    };
    error.kind(kind).help(format!("a kept row of `{table}` does not fit production's rows: {help}"))
}
