//! The rows of the target's own tables.

use super::Restoration;
use crate::connect::{Boundaries, SourceClient, TargetClient};
use crate::keep::{carry_own, own_table, own_tables};
use crate::stop::Stop;
use crate::{Kind, Result};
use restage_core::schema::{Table, TableKind, TableName};
use std::collections::{BTreeMap, BTreeSet};

/// Brings the rows of every table that was made and that does not wait for kept rows; returns how many.
///
/// A table that was there before, because the target's migrations make it, has its rows merged with the target's.
pub(super) async fn bring(
    target: &SourceClient,
    shadow: &TargetClient,
    what: Restoration<'_>,
    existing: &BTreeSet<TableName>,
    stop: &Stop,
) -> Result<BTreeMap<TableName, u64>> {
    let mut rows = BTreeMap::new();
    let own = own_tables(what.schema, what.deltas);
    let (merged, copied): (Vec<&TableName>, Vec<&TableName>) =
        own.into_iter().filter(|name| !what.kept.contains(*name)).partition(|name| existing.contains(*name));
    for name in copied {
        if let Some(table) = what.schema.tables.get(name) {
            stop.check()?;
            rows.insert(name.clone(), copy(target, shadow, name, table, stop).await?);
        }
    }
    let merged: Vec<_> = merged.into_iter().filter_map(|name| own_table(what.schema, name)).collect();
    if !merged.is_empty() {
        let kept = carry_own(target, shadow, &merged, stop).await?;
        rows.extend(kept.tables.into_iter().map(|(name, table)| (name, table.found)));
    }
    Ok(rows)
}

async fn copy(target: &SourceClient, shadow: &TargetClient, name: &TableName, table: &Table, stop: &Stop) -> Result<u64> {
    let columns: Vec<String> = table.written_columns().map(|column| column.name.sql()).collect();
    if columns.is_empty() {
        return Ok(0);
    }
    let columns = columns.join(", ");
    let from = if table.kind == TableKind::Partitioned { name.sql() } else { format!("ONLY {}", name.sql()) };
    let out = format!("COPY (SELECT {columns} FROM {from}) TO STDOUT");
    let mut from = target.copy_out(format!("the rows of `{name}`"), &out, Boundaries::Any)?;
    let copy_in = format!("COPY {} ({columns}) FROM STDIN", name.sql());
    let mut into = shadow.copy_in(format!("the rows of `{name}`"), &copy_in)?;
    while let Some(chunk) = stop.race(from.next()).await? {
        into.send(chunk).await?;
    }
    let (read, written) = (from.rows().await?, into.finish().await?);
    if read == written {
        return Ok(written);
    }
    Err(Kind::Mismatch.error(format!("`{name}` has {read} rows on the target, and {written} of them came back")))
}
