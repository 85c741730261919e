//! Whether every mask fits its column, and what looks personal and is not masked.

use super::Copying;
use crate::error::{Code, Error};
use crate::facts::TrialVerdict;
use crate::mask::{Mask, fit, looks_personal};
use crate::plan::{Builder, Level};
use crate::provider::{Carried, RowsTaken, TableTaken};
use crate::schema::{ColumnName, ColumnPath, TableName};

pub(super) fn look(copying: &Copying<'_>, carried: &Carried, builder: &mut Builder) {
    let schema = &copying.facts.source.schema;
    for (table, taken) in &carried.tables {
        for (column, mask) in &taken.masks {
            let Some((table_facts, column_facts)) = schema.tables.get(table).and_then(|facts| Some((facts, facts.column(column)?)))
            else {
                continue;
            };
            if let Err(unfit) = fit(mask, table_facts, column_facts) {
                builder.refuse(refusal(table, column, &unfit.why, &unfit.help));
            }
            references(carried, copying, table, column, mask, builder);
        }
    }
    trials(copying, builder);
    unmasked(copying, carried, builder);
    if carried.tables.values().any(|taken| !taken.masks.is_empty()) && carried.mask_secret.is_none() {
        builder.refuse(
            Code::SecretUnavailable.error("masks need a secret").help("add `mask-secret: { env: MASK_SECRET }` to the scenario"),
        );
    }
}

fn refusal(table: &TableName, column: &ColumnName, why: &str, help: &str) -> Error {
    Code::MaskUnfit.error(format!("the mask of `{table}.{column}` does not fit: the column {why}")).help(help)
}

/// A masked foreign key and the key it leads to must get the same fakes.
fn references(
    carried: &Carried,
    copying: &Copying<'_>,
    table: &TableName,
    column: &ColumnName,
    mask: &Mask,
    builder: &mut Builder,
) {
    let mask_of = |table: &TableName, column: &ColumnName| {
        let parts = copying.facts.source.schema.row_tables(table);
        parts.first().and_then(|part| carried.tables.get(part)).and_then(|taken| taken.masks.get(column))
    };
    for (from, facts) in &copying.facts.source.schema.tables {
        for key in &facts.foreign_keys {
            for (here, there) in key.columns.iter().zip(&key.to_columns) {
                let other = if (from, here) == (table, column) {
                    (&key.to, there)
                } else if (&key.to, there) == (table, column) {
                    (from, here)
                } else {
                    continue;
                };
                if carried.tables.contains_key(other.0) && mask_of(other.0, other.1) != Some(mask) {
                    let why = format!(
                        "belongs to the foreign key `{}` with `{}.{}`, which is masked otherwise",
                        key.name, other.0, other.1
                    );
                    builder.refuse(refusal(table, column, &why, "give both columns the same mask"));
                }
            }
        }
    }
}

fn trials(copying: &Copying<'_>, builder: &mut Builder) {
    for trial in &copying.facts.mask_trials {
        let ColumnPath { table, column } = &trial.column;
        match &trial.verdict {
            TrialVerdict::Passes => {}
            TrialVerdict::Refuses(sample) => {
                let why = format!("has the check `{}`, which refuses `{sample}`", trial.constraint);
                builder.refuse(refusal(table, column, &why, "choose a mask whose values pass, such as `template` or `fixed`"));
            }
            TrialVerdict::Unknown => builder.find(
                Level::Warning,
                format!(
                    "the check `{}` cannot be tried with fakes of `{table}.{column}`; nobody can say whether masked rows pass it",
                    trial.constraint
                ),
                None,
            ),
        }
    }
}

fn unmasked(copying: &Copying<'_>, carried: &Carried, builder: &mut Builder) {
    let mut found = Vec::new();
    for (table, taken) in carried.tables.iter().filter(|(_, taken)| taken.rows != RowsTaken::None) {
        let facts = &copying.facts.source.schema.tables[table];
        // Partitions say the same as the table they belong to.
        if facts.partition_of.is_some() {
            continue;
        }
        let masked = |column: &ColumnName| {
            let parts = copying.facts.source.schema.row_tables(table);
            let is_masked = |taken: &TableTaken| taken.masks.contains_key(column);
            is_masked(taken) || (!parts.is_empty() && parts.iter().all(|part| carried.tables.get(part).is_some_and(is_masked)))
        };
        for column in facts.written_columns().filter(|column| looks_personal(column) && !masked(&column.name)) {
            let path = ColumnPath { table: table.clone(), column: column.name.clone() };
            if !copying.stage.unmasked.contains(&path) {
                found.push(format!("`{path}`"));
            }
        }
    }
    if !found.is_empty() {
        let message = format!("not masked, and personal by their names: {}", found.join(", "));
        builder.find(Level::Warning, message, Some("mask them, or name them in `unmasked:`"));
    }
}
