//! The columns of the shadow's tables, as its catalog has them now.

use crate::connect::Reader;
use crate::{Kind, Result};
use restage_core::schema::{ColumnName, TableName};
use std::collections::BTreeMap;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// A table of the shadow.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) table: TableName,
    pub(crate) partitioned: bool,
    pub(crate) columns: Vec<Column>,
}

/// A column of the shadow.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: ColumnName,
    /// With length, precision and scale.
    pub(crate) type_name: String,
    /// Without them, as a cast takes it.
    pub(crate) cast: String,
    pub(crate) not_null: bool,
    pub(crate) generated: bool,
    /// `GENERATED ALWAYS AS IDENTITY`, which no UPDATE can set.
    pub(crate) always: bool,
    pub(crate) default: Option<String>,
    /// The sequence that belongs to the column or that its default draws from.
    pub(crate) sequence: Option<String>,
}

impl Layout {
    /// The table with its own rows, not those of tables that inherit from it.
    pub(crate) fn from(&self) -> String {
        if self.partitioned { self.table.sql() } else { format!("ONLY {}", self.table.sql()) }
    }
    pub(crate) fn column(&self, name: &ColumnName) -> Option<&Column> {
        self.columns.iter().find(|column| &column.name == name)
    }
}

/// Foreign tables and views are left out: their rows are not theirs.
const COLUMNS: &str = "
SELECT n.nspname::text, c.relname::text, c.relkind = 'p', a.attname::text, format_type(a.atttypid, a.atttypmod), \
format_type(a.atttypid, -1), a.attnotnull, a.attgenerated <> '', a.attidentity = 'a', \
CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END, s.name
FROM unnest($1, $2) AS wanted (namespace, relation)
JOIN pg_namespace n ON n.nspname = wanted.namespace
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.relation AND c.relkind IN ('r', 'p')
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN LATERAL (
    SELECT s.oid::regclass::text FROM pg_class s JOIN pg_depend p ON p.classid = 'pg_class'::regclass AND p.objid = s.oid
    WHERE s.relkind = 'S' AND p.refclassid = 'pg_class'::regclass AND p.refobjid = c.oid AND p.refobjsubid = a.attnum
      AND p.deptype IN ('a', 'i')
    UNION ALL
    SELECT s.oid::regclass::text FROM pg_class s JOIN pg_depend p ON p.refclassid = 'pg_class'::regclass AND p.refobjid = s.oid
    WHERE s.relkind = 'S' AND p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid
    LIMIT 1
) AS s (name) ON true
ORDER BY n.nspname, c.relname, a.attnum";

/// Reads the tables that are there; those that are not are missing from the result.
pub(crate) async fn read<'a>(
    reader: Reader<'_>,
    tables: impl Iterator<Item = &'a TableName>,
) -> Result<BTreeMap<TableName, Layout>> {
    let (schemas, names): (Vec<&str>, Vec<&str>) = tables.map(|table| (table.schema.as_str(), table.name.as_str())).unzip();
    let rows = reader.query("read columns", COLUMNS, &[(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)]).await?;
    let mut layouts = BTreeMap::new();
    for row in &rows {
        let table = TableName::new(text(row, 0)?, text(row, 1)?);
        let partitioned = flag(row, 2)?;
        let layout = layouts.entry(table.clone()).or_insert_with(|| Layout { table, partitioned, columns: Vec::new() });
        let column = Column {
            name: ColumnName(text(row, 3)?),
            type_name: text(row, 4)?,
            cast: text(row, 5)?,
            not_null: flag(row, 6)?,
            generated: flag(row, 7)?,
            always: flag(row, 8)?,
            default: maybe_text(row, 9)?,
            sequence: maybe_text(row, 10)?,
        };
        // A table that is wanted twice is read twice.
        if layout.column(&column.name).is_none() {
            layout.columns.push(column);
        }
    }
    Ok(layouts)
}

pub(crate) fn text(row: &Row, at: usize) -> Result<String> {
    maybe_text(row, at).map(Option::unwrap_or_default)
}

pub(crate) fn maybe_text(row: &Row, at: usize) -> Result<Option<String>> {
    row.try_get(at).map_err(|error| unexpected(at, error))
}

pub(crate) fn flag(row: &Row, at: usize) -> Result<bool> {
    row.try_get::<_, Option<bool>>(at).map(Option::unwrap_or_default).map_err(|error| unexpected(at, error))
}

pub(crate) fn count(row: &Row, at: usize) -> Result<u64> {
    let number: Option<i64> = row.try_get(at).map_err(|error| unexpected(at, error))?;
    Ok(u64::try_from(number.unwrap_or_default()).unwrap_or_default())
}

fn unexpected(at: usize, error: tokio_postgres::Error) -> crate::Error {
    Kind::Query.error(format!("the server's answer has an unexpected field {at}")).because(error)
}
