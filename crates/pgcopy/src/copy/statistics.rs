//! The planner's statistics of large tables: the source's own, given to the target, where that serves as well as gathering them.
//!
//! Statistics hold values of rows. Those of a table with a mask are therefore never asked for, nor those of a table above one.

use super::statements::{Failure, Statement};
use crate::Result;
use crate::connect::Reader;
use restage_core::schema::{TableName, quote_literal};
use std::collections::{BTreeSet, HashSet};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

/// The first version whose server takes statistics.
const TAKEN_SINCE: u32 = 18;
/// The first version that tells all that it knows of ranges.
const RANGES_SINCE: u32 = 170_000;
/// How many columns a table and its partitions may have together: their statistics are one statement, of some MB.
const MOST_COLUMNS: usize = 500;

/// What is known of a column, by its name in `pg_stats`, with the type that the target wants.
const OF_COLUMNS: [(&str, &str); 10] = [
    ("null_frac", "real"),
    ("avg_width", "integer"),
    ("n_distinct", "real"),
    ("most_common_vals", "text"),
    ("most_common_freqs", "real[]"),
    ("histogram_bounds", "text"),
    ("correlation", "real"),
    ("most_common_elems", "text"),
    ("most_common_elem_freqs", "real[]"),
    ("elem_count_histogram", "real[]"),
];
const OF_RANGES: [(&str, &str); 3] =
    [("range_length_histogram", "text"), ("range_empty_frac", "real"), ("range_bounds_histogram", "text")];

/// A table with all below it: its columns with statistics (those computed when they are read have none), how many rows the
/// source counts in a partitioned one, and whether there are statistics that cannot be given, or not even told: in another
/// encoding, values of rows that are gone since may be no text.
const TREE: &str = "WITH RECURSIVE tree AS ( \
       SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2 \
       UNION SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid) \
     SELECT n.nspname::text, c.relname::text, c.relkind = 'p', \
       ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         AND coalesce(a.attstattarget, -1) <> 0 AND a.attgenerated <> 'v'), \
       c.reltuples::int8, \
       getdatabaseencoding() <> 'UTF8' OR EXISTS (SELECT FROM pg_statistic_ext e WHERE e.stxrelid = c.oid) \
         OR EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indexprs IS NOT NULL) \
         OR current_setting('server_version_num')::int < $3 AND EXISTS (SELECT FROM pg_attribute a JOIN pg_type t \
           ON t.oid = a.atttypid WHERE a.attrelid = c.oid AND NOT a.attisdropped AND t.typtype IN ('r', 'm')) \
     FROM tree JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace";

/// The tables of which more is known than what is in their columns: expressions of indexes, several columns together.
pub(super) async fn known_by_indexes(source: Reader<'_>) -> Result<HashSet<TableName>> {
    let sql = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.oid IN (SELECT indrelid FROM pg_index WHERE indexprs IS NOT NULL UNION SELECT stxrelid FROM pg_statistic_ext)";
    let rows = source.query("list what has statistics of its own", sql, &[]).await?;
    Ok(rows.iter().map(|row| TableName::new(row.get::<_, String>(0), row.get::<_, String>(1))).collect())
}

/// A table, or one below it.
struct Member {
    name: TableName,
    is_partitioned: bool,
    columns: BTreeSet<String>,
    /// How many rows there are, in the copy of all that has rows of its own.
    rows: i64,
}

/// The statement that gives a table of the target and its partitions what the source knows of them; `None` where that is
/// nothing, not all, or not to be had. The statement fails if the target does not take everything.
///
/// `rows` says how many rows a table has in the copy, if these are all of the source's and as they are there.
pub(super) async fn carried_over(
    source: Reader<'_>,
    target_major: u32,
    root: &TableName,
    rows: impl Fn(&TableName) -> Option<u64>,
) -> Result<Option<Statement>> {
    if target_major < TAKEN_SINCE || !may_be_read(source).await? {
        return Ok(None);
    }
    let Some(members) = members(source, root, rows).await? else { return Ok(None) };
    let Some(mut calls) = of_columns(source, &members).await? else { return Ok(None) };
    calls.extend(members.iter().map(|member| of_rows(member, source.version())));
    calls.push(same_order(source).await?);
    // A division by zero is how a plain statement fails.
    let sql = format!("SELECT 1 / bool_and(taken)::int FROM (VALUES ({})) AS calls (taken);", calls.join("), ("));
    Ok(Some(Statement { doing: format!("give statistics to `{root}`"), sql, failure: Failure::Fatal }))
}

/// Asked before, for a refusal would end the snapshot.
pub(super) async fn may_be_read(source: Reader<'_>) -> Result<bool> {
    let sql = "SELECT has_table_privilege('pg_catalog.pg_stats', 'SELECT')";
    Ok(source.query("ask who may read statistics", sql, &[]).await?[0].get(0))
}

/// The table and its partitions, if of each the rows are those of the source and the statistics can be had.
async fn members(source: Reader<'_>, root: &TableName, rows: impl Fn(&TableName) -> Option<u64>) -> Result<Option<Vec<Member>>> {
    let ranges_since = RANGES_SINCE.cast_signed();
    let parameters: [(&(dyn ToSql + Sync), Type); 3] =
        [(&root.schema, Type::TEXT), (&root.name, Type::TEXT), (&ranges_since, Type::INT4)];
    let found = source.query(format!("look at the columns of `{root}`"), TREE, &parameters).await?;
    // Children of a table with rows of its own inherit in the older way, in which there are statistics of both sorts.
    if found.len() > 1 && found.iter().any(|row| of(row, root) && !row.get::<_, bool>(2)) {
        return Ok(None);
    }
    let member = |row: &Row| {
        let (name, is_partitioned) = (TableName::new(row.get::<_, String>(0), row.get::<_, String>(1)), row.get(2));
        let rows = if is_partitioned { Some(row.get(4)) } else { rows(&name).map(u64::cast_signed) };
        let can_be_had = !row.get::<_, bool>(5);
        let columns = row.get::<_, Vec<String>>(3).into_iter().collect();
        rows.filter(|_| can_be_had).map(|rows| Member { name, is_partitioned, columns, rows })
    };
    let members: Option<Vec<Member>> = found.iter().map(member).collect();
    Ok(members.filter(|members| members.iter().map(|member| member.columns.len()).sum::<usize>() <= MOST_COLUMNS))
}

fn of(row: &Row, table: &TableName) -> bool {
    row.get::<_, &str>(0) == table.schema && row.get::<_, &str>(1) == table.name
}

/// The calls for every column, if the source has statistics of every column that has rows.
async fn of_columns(source: Reader<'_>, members: &[Member]) -> Result<Option<Vec<String>>> {
    let known: Vec<(&str, &str)> =
        if source.version() >= RANGES_SINCE { [&OF_COLUMNS[..], &OF_RANGES].concat() } else { OF_COLUMNS.to_vec() };
    let columns: Vec<String> = known.iter().map(|(column, _)| format!("{column}::text")).collect();
    let sql = format!(
        "SELECT schemaname::text, tablename::text, attname::text, inherited, {} FROM pg_stats \
         WHERE schemaname = ANY ($1::text[]) AND tablename = ANY ($2::text[])",
        columns.join(", ")
    );
    let schemas: BTreeSet<&str> = members.iter().map(|member| member.name.schema.as_str()).collect();
    let schemas: Vec<&str> = schemas.into_iter().collect();
    let names: Vec<&str> = members.iter().map(|member| member.name.name.as_str()).collect();
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)];
    let found = source.query("read statistics", &sql, &parameters).await?;
    let mut calls = Vec::new();
    for member in members {
        let own = found.iter().filter(|row| of(row, &member.name) && row.get::<_, bool>(3) == member.is_partitioned);
        let own: Vec<&Row> = own.filter(|row| member.columns.contains(row.get::<_, &str>(2))).collect();
        if own.len() < member.columns.len() && (member.is_partitioned || member.rows > 0) {
            return Ok(None);
        }
        calls.extend(own.into_iter().map(|row| of_column(member, row, &known, source.version())));
    }
    Ok(Some(calls))
}

fn of_column(member: &Member, row: &Row, known: &[(&str, &str)], version: u32) -> String {
    let values = known.iter().zip(4..).filter_map(|((name, wanted), at)| {
        let value: Option<&str> = row.get(at);
        value.map(|value| format!(", '{name}', {}::{wanted}", quote_literal(value)))
    });
    let (column, inherited) = (quote_literal(row.get(2)), member.is_partitioned);
    format!(
        "pg_restore_attribute_stats({}, 'attname', {column}, 'inherited', {inherited}{})",
        of_table(member, version),
        values.collect::<String>()
    )
}

/// The call for the number of rows; pages are the target's own, for the source's may be half empty.
fn of_rows(member: &Member, version: u32) -> String {
    let pages = if member.is_partitioned {
        // So the server itself says of what stores nothing.
        "-1".to_owned()
    } else {
        format!("(pg_relation_size({}) / current_setting('block_size')::int)::int", quote_literal(&member.name.sql()))
    };
    format!("pg_restore_relation_stats({}, 'relpages', {pages}, 'reltuples', {}::real)", of_table(member, version), member.rows)
}

fn of_table(member: &Member, version: u32) -> String {
    let (schema, name) = (quote_literal(&member.name.schema), quote_literal(&member.name.name));
    format!("'version', {version}, 'schemaname', {schema}, 'relname', {name}")
}

/// Whether the target sorts as the source does, by the name of the collation: otherwise a histogram of the one is none of the
/// other.
async fn same_order(source: Reader<'_>) -> Result<String> {
    let sql = "SELECT datcollate::text FROM pg_database WHERE datname = current_database()";
    let row = source.query("read the collation", sql, &[]).await?.remove(0);
    Ok(format!("(SELECT datcollate = {} FROM pg_database WHERE datname = current_database())", quote_literal(row.get(0))))
}
