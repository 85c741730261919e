//! Which tables and rows are carried over.

use super::Copying;
use super::checks::list;
use crate::error::Code;
use crate::facts::structure_digest;
use crate::plan::{Builder, Level};
use crate::provider::{Carried, RowsTaken, TableTaken};
use crate::scenario::copy_database::{CopyDatabase, Deltas, Publications, Selection};
use crate::schema::{ColumnPath, Schema, Table, TableKind, TableName, TablePattern};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;

pub(super) fn select(copying: &Copying<'_>, builder: &mut Builder) -> Carried {
    let stage = copying.stage;
    let schema = &copying.facts.source.schema;
    let (selected, without): (BTreeSet<_>, BTreeSet<_>) =
        schema.tables.keys().cloned().partition(|table| is_taken(stage, schema, table));
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
        limits: stage.limits,
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
    let selected = source.tables.iter().filter(|(table, _)| is_taken(stage, source, table));
    selected.map(|(table, facts)| (table.clone(), taken_of(stage, source, table, facts))).collect()
}

/// Whether the table comes along: what is said of a table goes for its partitions and heirs.
pub(super) fn is_taken(stage: &CopyDatabase, source: &Schema, table: &TableName) -> bool {
    let Selection { only, without, .. } = &stage.selection;
    let lineage = source.lineage(table);
    let any = |patterns: &[TablePattern]| lineage.iter().any(|table| patterns.iter().any(|pattern| pattern.matches(table)));
    (only.is_empty() || any(only)) && !any(without)
}

fn taken_of(stage: &CopyDatabase, source: &Schema, table: &TableName, facts: &Table) -> TableTaken {
    let lineage = source.lineage(table);
    let without_rows = &stage.selection.without_rows;
    if facts.kind == TableKind::Foreign || lineage.iter().any(|table| without_rows.iter().any(|one| one.matches(table))) {
        return TableTaken { rows: RowsTaken::None, ..TableTaken::default() };
    }
    // A table that is partitioned holds no rows itself.
    let holds_rows = facts.kind == TableKind::Ordinary;
    let conditions: Vec<&String> =
        lineage.iter().filter(|_| holds_rows).filter_map(|table| stage.selection.rows.get(table)).collect();
    let rows = match conditions.as_slice() {
        [] => RowsTaken::All,
        [one] => RowsTaken::Where((*one).clone()),
        // Each closing bracket stands on a line of its own, for a condition may end in a comment.
        several => RowsTaken::Where(several.iter().map(|one| format!("({one}\n)")).collect::<Vec<_>>().join(" AND ")),
    };
    let (own, above): (Vec<_>, Vec<_>) = stage
        .masks
        .iter()
        .filter(|(path, _)| holds_rows && lineage.contains(&path.table))
        .map(|(path, mask)| (&path.table, (path.column.clone(), mask.clone())))
        .partition(|(of, _)| *of == table);
    // Its own masks replace those of the tables above it.
    let masks = above.into_iter().chain(own).map(|(_, mask)| mask).collect();
    TableTaken { rows, masks }
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
    let brought_back =
        |table: &TableName| copying.stage.deltas == Deltas::Restore && copying.facts.target.schema.tables.contains_key(table);
    let (mut broken, mut doubtful, mut strange) = (Vec::new(), Vec::new(), Vec::new());
    for table in tables.keys().filter(|table| has_rows(table)) {
        for key in &schema.tables[table].foreign_keys {
            let line = format!("`{}` of `{table}` to `{}`", key.name, key.to);
            match tables.get(&key.to).map(|taken| &taken.rows) {
                // Without the table its foreign keys are left out too, and the target's own rows would pass for production's.
                None if brought_back(&key.to) => strange.push(line),
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
    if !strange.is_empty() {
        builder.refuse(
            Code::SourceUnreadable
                .error(format!("production's rows would refer to rows of the target, which mean others: {}", list(&strange)))
                .help("leave the rows of the referring tables out too, or use `keep:` in place of `without:`"),
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
