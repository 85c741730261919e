//! The rows of a database that count: all of the target's, and of production those that are taken.

use super::layout::count;
use super::value::{Value, base};
use crate::Result;
use crate::connect::Reader;
use crate::facts;
use restage_core::provider::{RowsTaken, TableTaken};
use restage_core::schema::{ColumnName, Schema, Table, TableKind, TableName, quote_identifier, quote_literal};
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::types::{ToSql, Type};

/// One side of a comparison.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) reader: Reader<'a>,
    pub(crate) schema: &'a Schema,
    /// What is taken of each table; everything if absent.
    pub(crate) taken: Option<&'a BTreeMap<TableName, TableTaken>>,
}

impl<'a> Side<'a> {
    /// Settings for the transaction: the ordinary path for the scenario's conditions. All else names its objects in full.
    pub(crate) async fn set_up(&self) -> Result<()> {
        let filtered = self.taken.into_iter().flatten().filter(|(_, taken)| matches!(taken.rows, RowsTaken::Where(_)));
        let mut schemas: BTreeSet<String> = filtered.map(|(name, _)| quote_identifier(&name.schema)).collect();
        if !schemas.is_empty() {
            schemas.insert("public".to_owned());
        }
        let path = if schemas.is_empty() { "''".to_owned() } else { schemas.into_iter().collect::<Vec<_>>().join(", ") };
        let sql = format!("SET LOCAL search_path = {path}");
        self.reader.rows("set the session up", &sql).await.map(drop)
    }

    pub(crate) fn table(&self, name: &TableName) -> Option<&'a Table> {
        self.schema.tables.get(name)
    }

    /// Whether the table comes along, with rows or without.
    pub(crate) fn carries(&self, name: &TableName) -> bool {
        self.table(name).is_some() && self.taken.is_none_or(|taken| taken.contains_key(name))
    }

    /// A column of a row of that table.
    pub(crate) fn value(&self, table: &TableName, alias: &str, column: &ColumnName) -> Option<Value> {
        let column = self.table(table)?.column(column)?;
        Some(Value::new(format!("{alias}.{}", column.name.sql()), &column.type_name))
    }

    /// The rows that count, as `FROM` takes them.
    pub(crate) fn rows(&self, name: &TableName) -> String {
        let Some(table) = self.table(name) else { return name.sql() };
        let partitioned = table.kind == TableKind::Partitioned;
        let parts = self.schema.row_tables(name);
        let filtered: Vec<(&TableName, String)> = parts.iter().filter_map(|part| Some((part, self.condition(part)?))).collect();
        let whole = if partitioned { name.sql() } else { format!("ONLY {}", name.sql()) };
        if filtered.is_empty() {
            return whole;
        }
        let columns: Vec<String> = table.columns.iter().map(|column| column.name.sql()).collect();
        let columns = columns.join(", ");
        let select = |(part, condition): &(&TableName, String)| format!("SELECT {columns} {}", facts::filtered(part, condition));
        let mut selects: Vec<String> = filtered.iter().map(select).collect();
        if partitioned {
            let oids: Vec<String> = filtered.iter().map(|(part, _)| format!("{}::regclass", quote_literal(&part.sql()))).collect();
            selects.push(format!("SELECT {columns} FROM {whole} AS t WHERE t.tableoid NOT IN ({})", oids.join(", ")));
        }
        format!("({})", selects.join(" UNION ALL "))
    }

    /// The condition for rows of a table with rows of its own; none if all are taken.
    fn condition(&self, part: &TableName) -> Option<String> {
        match self.taken?.get(part).map(|taken| &taken.rows) {
            Some(RowsTaken::All) => None,
            Some(RowsTaken::Where(condition)) => Some(condition.clone()),
            Some(RowsTaken::None) | None => Some("false".to_owned()),
        }
    }
}

/// Which of these keys no row of the table has; positions in `keys`, each of which is whole.
///
/// `columns` are the table's, in the order of each key's values.
pub(crate) async fn missing(
    side: Side<'_>,
    table: &TableName,
    columns: &[ColumnName],
    keys: &[Vec<String>],
) -> Result<BTreeSet<usize>> {
    if keys.is_empty() {
        return Ok(BTreeSet::new());
    }
    let lists: Vec<Vec<&str>> = (0..columns.len()).map(|at| keys.iter().map(|key| key[at].as_str()).collect()).collect();
    let parameters: Vec<(&(dyn ToSql + Sync), Type)> =
        lists.iter().map(|list| (list as &(dyn ToSql + Sync), Type::TEXT_ARRAY)).collect();
    let places: Vec<String> = (1..=columns.len()).map(|at| format!("${at}")).collect();
    let names: Vec<String> = (1..=columns.len()).map(|at| format!("v{at}")).collect();
    let same = |(at, column): (usize, &ColumnName)| Some(same(&side.value(table, "r", column)?, &format!("v.v{}", at + 1)));
    let conditions: Vec<String> = columns.iter().enumerate().filter_map(same).collect();
    let sql = format!(
        "SELECT v.nth - 1 FROM unnest({}) WITH ORDINALITY AS v ({}, nth) \
         WHERE NOT EXISTS (SELECT FROM {} AS r WHERE {})",
        places.join(", "),
        names.join(", "),
        side.rows(table),
        conditions.join(" AND ")
    );
    let rows = side.reader.query(format!("look for rows of `{table}`"), &sql, &parameters).await?;
    rows.iter().map(|row| Ok(usize::try_from(count(row, 0)?).unwrap_or(usize::MAX))).collect()
}

/// Types whose texts can be cast back so that an index serves the comparison.
const CAST: [&str; 9] =
    ["smallint", "integer", "bigint", "uuid", "date", "timestamp without time zone", "timestamp with time zone", "boolean", "oid"];

/// The value is the one whose text another server printed.
fn same(value: &Value, text: &str) -> String {
    match base(&value.type_name) {
        name if CAST.contains(&name.as_str()) => format!("{} = {text}::{name}", value.sql),
        _ => format!("{} = {}", value.canonical(), Value::new(text, &value.type_name).canonical_of_text()),
    }
}
