//! Which tables and rows are carried over.

use super::Copying;
use super::checks::list;
use crate::error::Code;
use crate::facts::structure_digest;
use crate::plan::{Builder, Level};
use crate::provider::{Carried, RowsTaken, TableTaken};
use crate::scenario::copy_database::{CopyDatabase, Publications};
use crate::schema::{ColumnPath, Schema, TableKind, TableName};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;

pub(super) fn select(copying: &Copying<'_>, builder: &mut Builder) -> Carried {
    let stage = copying.stage;
    let schema = &copying.facts.source.schema;
    let (selected, without): (BTreeSet<_>, BTreeSet<_>) =
        schema.tables.keys().cloned().partition(|table| stage.selection.has(table));
    if selected.is_empty() {
        builder.refuse(
            Code::TableMissing
                .error("no table of the source is selected")
                .help("correct `only:` and `without:`, or the source's address"),
        );
    }
    patterns_that_match_nothing(copying, builder);
    let tables = taken(stage, schema);
    for table in stage.selection.rows.keys().filter(|table| !tables.contains_key(*table)) {
        builder.refuse(missing_table("rows", table));
    }
    for path in stage.masks.keys() {
        masked_column(copying, path, &tables, builder);
    }
    broken_references(copying, &tables, builder);
    Carried {
        tables,
        without,
        publications: stage.publications == Publications::Copy,
        mask_secret: copying.scope.scenario.mask_secret.clone(),
        workers: stage.workers.map(NonZeroU16::get),
        verify: stage.verify,
        source_schema: structure_digest(&copying.facts.source.objects),
        source_identity: copying.facts.source.identity.clone(),
    }
}

fn patterns_that_match_nothing(copying: &Copying<'_>, builder: &mut Builder) {
    let selection = &copying.stage.selection;
    let tables = &copying.facts.source.schema.tables;
    for (key, patterns) in [("only", &selection.only), ("without", &selection.without), ("without-rows", &selection.without_rows)] {
        for pattern in patterns.iter().filter(|pattern| !tables.keys().any(|table| pattern.matches(table))) {
            builder.refuse(
                Code::TableMissing
                    .error(format!("`{key}:` names `{pattern}`, and the source has no such table"))
                    .help("correct or remove the pattern"),
            );
        }
    }
}

/// What a stage takes of each table of a source that it carries over; what it names and the source lacks is left aside.
pub fn taken(stage: &CopyDatabase, source: &Schema) -> BTreeMap<TableName, TableTaken> {
    let selected = source.tables.iter().filter(|(table, _)| stage.selection.has(table));
    let mut tables: BTreeMap<TableName, TableTaken> = selected
        .map(|(table, facts)| {
            let has_rows = stage.selection.has_rows(table) && facts.kind != TableKind::Foreign;
            let rows = if has_rows { RowsTaken::All } else { RowsTaken::None };
            (table.clone(), TableTaken { rows, ..TableTaken::default() })
        })
        .collect();
    for (table, condition) in &stage.selection.rows {
        for part in source.row_tables(table) {
            if let Some(taken) = tables.get_mut(&part) {
                taken.rows = RowsTaken::Where(condition.clone());
            }
        }
    }
    for (path, mask) in &stage.masks {
        for part in source.row_tables(&path.table) {
            if let Some(taken) = tables.get_mut(&part) {
                taken.masks.insert(path.column.clone(), mask.clone());
            }
        }
    }
    tables
}

fn missing_table(key: &str, table: &TableName) -> crate::Error {
    Code::TableMissing
        .error(format!("`{key}:` names `{table}`, which is not among the source's selected tables"))
        .help("correct the name; write `schema.table` for tables outside `public`")
}

fn masked_column(copying: &Copying<'_>, path: &ColumnPath, tables: &BTreeMap<TableName, TableTaken>, builder: &mut Builder) {
    if !tables.contains_key(&path.table) {
        return builder.refuse(missing_table("mask", &path.table));
    }
    let facts = &copying.facts.source.schema.tables[&path.table];
    if facts.column(&path.column).is_none() {
        let message = format!("`mask:` names `{path}`, and `{}` has no such column", path.table);
        builder.refuse(Code::ColumnMissing.error(message).help("correct the name"));
    }
}

/// Foreign keys from rows that are taken to rows that are not.
fn broken_references(copying: &Copying<'_>, tables: &BTreeMap<TableName, TableTaken>, builder: &mut Builder) {
    let schema = &copying.facts.source.schema;
    let has_rows = |table: &TableName| tables.get(table).is_some_and(|taken| taken.rows != RowsTaken::None);
    let mut broken = Vec::new();
    let mut doubtful = Vec::new();
    for table in tables.keys().filter(|table| has_rows(table)) {
        for key in &schema.tables[table].foreign_keys {
            let line = format!("`{}` of `{table}` to `{}`", key.name, key.to);
            match tables.get(&key.to).map(|taken| &taken.rows) {
                // A foreign key to a table that is left out is left out with it.
                None | Some(RowsTaken::All) => {}
                Some(RowsTaken::None) if schema.tables.get(&key.to).is_some_and(|to| to.kind == TableKind::Partitioned) => {}
                Some(RowsTaken::None) => broken.push(line),
                Some(RowsTaken::Where(_)) => doubtful.push(line),
            }
        }
    }
    if !broken.is_empty() {
        builder.refuse(
            Code::SourceUnreadable
                .error(format!("foreign keys would lead to tables without rows: {}", list(&broken)))
                .help("leave the rows of the referring tables out too, or filter them with `rows:`"),
        );
    }
    if !doubtful.is_empty() {
        let message = format!("foreign keys lead to filtered tables: {}", list(&doubtful));
        builder.find(
            Level::Warning,
            message,
            Some("filter the referring rows to match, or the copy fails when these keys are checked"),
        );
    }
}
