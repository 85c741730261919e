//! Conditions that a scenario puts on a table's rows: how they stand in queries, and trying them before anything is made.

use crate::connect::SourceClient;
use crate::{Error, Kind, Result};
use restage_core::facts::DatabaseFacts;
use restage_core::provider::{RowsTaken, TableTaken};
use restage_core::schema::{Persistence, TableName, quote_identifier};
use std::collections::BTreeMap;

/// The rows of a table for which a condition holds, from `FROM` on; rows of partitions and children count with their own table.
///
/// The closing brackets stand on a line of their own, so that a condition may end in a comment; there are two, so that none of
/// the condition's own closes the outer one.
pub(crate) fn filtered(table: &TableName, condition: &str) -> String {
    format!("FROM ONLY {} WHERE (({condition}\n))", table.sql())
}

/// The search path for a condition on a table: as people write them, without the table's schema and `public`.
pub(crate) fn search_path(table: &TableName) -> String {
    format!("{}, public", quote_identifier(&table.schema))
}

/// Lets the server read every condition without reading rows; the first that it does not understand is the error.
///
/// The session must not be in a transaction.
pub async fn try_conditions(client: &SourceClient, source: &DatabaseFacts, taken: &BTreeMap<TableName, TableTaken>) -> Result<()> {
    client.begin(None).await?;
    let tried = try_each(client, source, taken).await;
    // Also ends one that a refused condition has broken.
    client.end().await?;
    tried
}

async fn try_each(client: &SourceClient, source: &DatabaseFacts, taken: &BTreeMap<TableName, TableTaken>) -> Result<()> {
    for (table, taken) in taken.iter().filter(|(table, _)| has_readable_rows(source, table)) {
        if let RowsTaken::Where(condition) = &taken.rows {
            try_one(client, table, condition).await?;
        }
    }
    Ok(())
}

/// A standby cannot even plan to read an unlogged table, whose rows are not copied from there.
fn has_readable_rows(source: &DatabaseFacts, table: &TableName) -> bool {
    let facts = source.schema.tables.get(table);
    facts.is_some_and(|facts| facts.has_own_rows() && !(source.in_recovery && facts.persistence == Persistence::Unlogged))
}

async fn try_one(client: &SourceClient, table: &TableName, condition: &str) -> Result<()> {
    let doing = format!("read the condition in `rows:` for `{table}`");
    client.reader().rows(&doing, &format!("SET LOCAL search_path = {}", search_path(table))).await?;
    // With parameters, though there are none: so the server takes one statement and no more.
    let sql = format!("SELECT 1 {} LIMIT 0", filtered(table, condition));
    client.query(&doing, &sql, &[]).await.map(drop).map_err(with_help)
}

fn with_help(error: Error) -> Error {
    match error.kind {
        Kind::PermissionDenied => error.help("grant what the condition reads to the source's role, or change the condition"),
        Kind::Query | Kind::Missing => {
            error.help("correct the condition; names in it are looked up in the table's schema and in `public`")
        }
        _ => error,
    }
}
