//! Whether every kept row of the target is in the shadow and refers to the same things, told by what the rows are, whatever keys
//! they have now. Other content is not compared: the target is in use, and may have changed it since.

use super::mismatch;
use crate::connect::SourceClient;
use crate::keep::{Side, Subject, Table, compare_all};
use crate::stop::Stop;
use crate::{Result, catalog};
use restage_core::provider::{OnConflict, OnMissing};
use restage_core::schema::{ColumnName, ForeignKey, Schema};

/// Looks for every row; those that `on-missing: drop` left out must be ones that refer to nothing. Returns how many there are.
pub(super) async fn present(shadow: &SourceClient, target: &SourceClient, tables: &[Table], stop: &Stop) -> Result<u64> {
    if tables.is_empty() {
        return Ok(0);
    }
    shadow.begin(None).await?;
    target.begin(None).await?;
    let found = shadow.guard(stop, look(shadow, target, tables, stop)).await;
    // Even after an error; what it was says more than that ending fails too.
    let ended = (shadow.end().await, target.end().await);
    let found = found?;
    ended.0?;
    ended.1?;
    Ok(found)
}

async fn look(shadow: &SourceClient, target: &SourceClient, tables: &[Table], stop: &Stop) -> Result<u64> {
    let (copy_schema, target_schema) = (catalog::read(shadow.reader()).await?, catalog::read(target.reader()).await?);
    let copy = Side { reader: shadow.reader(), schema: &copy_schema, taken: None };
    let mine = Side { reader: target.reader(), schema: &target_schema, taken: None };
    let subjects: Vec<Subject> = tables.iter().map(|table| subject(table, &copy_schema, &target_schema, tables)).collect();
    let compared = compare_all(copy, mine, &subjects, stop).await?;
    let mut rows = 0;
    for table in tables {
        let name = &table.plan.table;
        let Some(found) = compared.get(name) else { continue };
        let missing = found.facts.target_only - found.dropped;
        if missing > 0 {
            let message = format!("{missing} of {} kept rows of `{name}` are not in the copy", found.facts.found);
            return Err(mismatch(message)
                .help("if the target has got new rows since they were carried over, stop what writes there, undo and run again"));
        }
        if found.facts.conflicts > 0 {
            let keys = found.facts.conflict_examples.join("; ");
            return Err(mismatch(format!(
                "{} kept rows of `{name}` refer to other rows than on the target: {keys}",
                found.facts.conflicts
            )));
        }
        rows += found.facts.found - found.dropped;
    }
    Ok(rows)
}

fn subject(table: &Table, copy: &Schema, target: &Schema, tables: &[Table]) -> Subject {
    let plan = &table.plan;
    let written = |schema: &Schema, column: &ColumnName| {
        let facts = schema.tables.get(&plan.table);
        facts.is_some_and(|facts| facts.written_columns().any(|written| &written.name == column))
    };
    // Without a key, rows are told apart by all that is in them.
    let tells = |column: &ColumnName| plan.matched.is_empty() || says_whose(table, column, tables);
    let compared = plan.columns.iter().filter(|column| tells(column) && !table.masked.contains(*column));
    Subject {
        table: plan.table.clone(),
        key: plan.key.clone(),
        matched: plan.matched.clone(),
        compared: compared.filter(|column| written(copy, column) && written(target, column)).cloned().collect(),
        references: plan.foreign_keys.clone(),
        uniques: Vec::new(),
        on_conflict: plan.on_conflict,
        on_missing: plan.on_missing,
    }
}

/// Whether the column refers to a kept row, and must go on doing so: production has not decided otherwise, nor was it cleared.
fn says_whose(table: &Table, column: &ColumnName, tables: &[Table]) -> bool {
    let plan = &table.plan;
    let settled = plan.on_conflict == OnConflict::KeepSource || plan.on_missing != OnMissing::Refuse;
    let to_kept = |key: &ForeignKey| key.columns.contains(column) && tables.iter().any(|other| other.plan.table == key.to);
    !settled && !plan.matched.contains(column) && !plan.key.contains(column) && plan.foreign_keys.iter().any(to_kept)
}
