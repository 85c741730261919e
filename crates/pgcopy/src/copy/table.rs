//! How each table's rows are copied: which columns, in which format, under which condition.

mod format;

pub(super) use format::Formats;

use super::parts::Part;
use crate::facts::filtered;
use crate::mask::{CopyColumn, Format, MaskKey, MaskSet};
use crate::{Kind, Result};
use restage_core::facts::TableEstimate;
use restage_core::provider::{Carried, RowsTaken, TableFilled};
use restage_core::schema::{Column, ColumnName, Persistence, Schema, TableName};
use std::collections::BTreeMap;

/// One table whose rows are copied.
#[derive(Clone, Debug)]
pub(super) struct TableCopy {
    pub(super) name: TableName,
    /// The columns that COPY carries, in their order.
    pub(super) columns: Vec<Column>,
    pub(super) masks: BTreeMap<ColumnName, restage_core::mask::Mask>,
    pub(super) format: Format,
    pub(super) rows: Rows,
    /// What is copied at a time; all rows together.
    pub(super) parts: Vec<Part>,
    /// Bytes on the source, as estimated.
    pub(super) bytes: u64,
    /// Whether an extension fills it when it is created.
    pub(super) of_extension: bool,
}

/// Which rows are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    All,
    /// Those for which the scenario's condition holds, with names looked up as people write them.
    Where(String),
    /// Those that an extension's `WHERE …` says.
    Extension(String),
}

/// What is copied of all tables.
#[derive(Debug, Default)]
pub(super) struct TableCopies {
    /// The largest first.
    pub(super) tables: Vec<TableCopy>,
    /// Tables that are made and stay empty.
    pub(super) empty: Vec<TableName>,
    pub(super) notes: Vec<String>,
}

/// Says how every table that is carried is copied.
pub(super) fn table_copies(
    schema: &Schema,
    carried: &Carried,
    formats: &Formats,
    estimates: &BTreeMap<TableName, TableEstimate>,
    source_is_standby: bool,
) -> Result<TableCopies> {
    let mut copies = TableCopies::default();
    for (name, table) in &schema.tables {
        if carried.without.contains(name) || !table.has_own_rows() {
            continue;
        }
        let Some(taken) = carried.tables.get(name) else {
            let error = Kind::SchemaChanged.error(format!("`{name}` is not in the plan"));
            return Err(error.help("plan again"));
        };
        let rows = match (&taken.rows, &table.extension_config) {
            (RowsTaken::None, _) => None,
            (RowsTaken::Where(condition), _) => Some(Rows::Where(condition.clone())),
            (RowsTaken::All, Some(config)) if !config.condition.trim().is_empty() => {
                Some(Rows::Extension(config.condition.clone()))
            }
            (RowsTaken::All, _) => Some(Rows::All),
        };
        let unreadable = source_is_standby && table.persistence == Persistence::Unlogged;
        if unreadable && rows.is_some() {
            copies.notes.push(format!("the rows of `{name}` are not copied: it is unlogged, and a standby has no rows of it"));
        }
        let Some(rows) = rows.filter(|_| !unreadable) else {
            copies.empty.push(name.clone());
            continue;
        };
        let columns: Vec<Column> = table.written_columns().cloned().collect();
        copies.tables.push(TableCopy {
            name: name.clone(),
            format: formats.of(name),
            columns,
            masks: taken.masks.clone(),
            rows,
            parts: vec![Part::Whole],
            bytes: estimates.get(name).map_or(0, |estimate| estimate.bytes),
            of_extension: table.extension_config.is_some(),
        });
    }
    missing(schema, carried)?;
    copies.tables.sort_by(|one, other| other.bytes.cmp(&one.bytes).then_with(|| one.name.cmp(&other.name)));
    Ok(copies)
}

/// A table of the plan that is no more.
fn missing(schema: &Schema, carried: &Carried) -> Result<()> {
    match carried.tables.keys().find(|name| !schema.tables.contains_key(*name)) {
        None => Ok(()),
        Some(name) => Err(Kind::SchemaChanged.error(format!("`{name}` of the plan is no more in the source")).help("plan again")),
    }
}

/// What is told of a table that is made and stays empty.
pub(super) fn left_empty() -> TableFilled {
    TableFilled { rows_read: 0, rows_written: 0, rows_found: None, bytes: 0, seconds: 0.0, masked: vec![], checksum: None }
}

impl TableCopy {
    /// `COPY … TO STDOUT`, for the source.
    pub(super) fn copy_out(&self, part: &Part) -> String {
        let names = self.names();
        let listed = if names.is_empty() { String::new() } else { format!(" ({names})") };
        let from = match (&self.rows, part) {
            (Rows::All, Part::Whole) => format!("{}{listed}", self.name.sql()),
            _ => format!("(SELECT {names} {})", self.rows_of(part)),
        };
        format!("COPY {from} TO STDOUT{}", self.options(&[]))
    }

    /// The rows of a part, from `FROM` on.
    pub(super) fn rows_of(&self, part: &Part) -> String {
        let within = part.condition();
        match (&self.rows, within) {
            (Rows::All, None) => format!("FROM ONLY {}", self.name.sql()),
            (Rows::All, Some(within)) => format!("FROM ONLY {} WHERE {within}", self.name.sql()),
            (Rows::Where(condition), None) => filtered(&self.name, condition),
            (Rows::Where(condition), Some(within)) => format!("{} AND {within}", filtered(&self.name, condition)),
            (Rows::Extension(clause), _) => format!("FROM ONLY {} {clause}", self.name.sql()),
        }
    }

    /// `COPY … FROM STDIN`, for the shadow.
    pub(super) fn copy_in(&self, freeze: Freeze) -> String {
        let names = self.names();
        let listed = if names.is_empty() { String::new() } else { format!(" ({names})") };
        let options: &[&str] = if freeze == Freeze::Yes { &["FREEZE"] } else { &[] };
        format!("COPY {}{listed} FROM STDIN{}", self.name.sql(), self.options(options))
    }

    /// The columns whose values are the same on both sides.
    pub(super) fn unmasked(&self) -> Vec<Column> {
        self.columns.iter().filter(|column| !self.masks.contains_key(&column.name)).cloned().collect()
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| column.name.sql()).collect();
        names.join(", ")
    }

    fn options(&self, more: &[&str]) -> String {
        let binary: &[&str] = if self.format == Format::Binary { &["FORMAT binary"] } else { &[] };
        let options: Vec<&str> = binary.iter().chain(more).copied().collect();
        if options.is_empty() { String::new() } else { format!(" ({})", options.join(", ")) }
    }
}

/// Whether rows are written as already visible to everybody, which spares a later vacuum; only into a table that the same
/// transaction made or emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freeze {
    Yes,
    No,
}

/// The masks of every table, ready for the stream; a table whose masks need it goes as text from here on.
pub(super) async fn compile_masks(
    source: crate::connect::Reader<'_>,
    tables: &mut [TableCopy],
    key: Option<&MaskKey>,
) -> Result<BTreeMap<TableName, MaskSet>> {
    let mut compiled = BTreeMap::new();
    for table in tables.iter_mut().filter(|table| !table.masks.is_empty()) {
        let missing =
            || Kind::MaskUnfit.error("there are masks and no secret to make them with").help("name one under `mask-secret`");
        let key = key.ok_or_else(missing)?;
        let types = crate::catalog::base_types(source, &table.name).await?;
        let column = |column: &Column| CopyColumn {
            name: column.name.clone(),
            kind: column.kind.clone(),
            type_oid: types.get(&column.name).copied().unwrap_or_default(),
        };
        let columns: Vec<CopyColumn> = table.columns.iter().map(column).collect();
        let masks = MaskSet::compile(key, &columns, &table.masks)?;
        if !masks.binary_safe() {
            table.format = Format::Text;
        }
        compiled.insert(table.name.clone(), masks);
    }
    Ok(compiled)
}
