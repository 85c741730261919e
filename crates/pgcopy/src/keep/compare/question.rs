//! From what is asked to what is compared.

use crate::keep::identity::Subject;
use crate::keep::taken::Side;
use crate::{Kind, Result};
use restage_core::provider::{OnConflict, OnMissing};
use restage_core::schema::{Column, ColumnName, ForeignKey, TableName};
use std::collections::BTreeSet;

/// A table whose rows are to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The table.
    pub table: TableName,
    /// The columns that make two rows the same thing; production's primary key if empty.
    pub matched: Vec<ColumnName>,
    /// Columns that are masked on their way out of production.
    pub masked: BTreeSet<ColumnName>,
    /// What happens to a row that both have, with different content.
    pub on_conflict: OnConflict,
    /// What happens to a kept row that refers to a row which will not exist.
    pub on_missing: OnMissing,
}

/// The subjects of a comparison, in the order of the questions.
pub(super) fn subjects(questions: &[Question], source: Side<'_>, target: Side<'_>) -> Result<Vec<Subject>> {
    questions.iter().map(|question| subject(question, source, target)).collect()
}

fn subject(question: &Question, source: Side<'_>, target: Side<'_>) -> Result<Subject> {
    let table = &question.table;
    let there = |side: Side<'_>, whose: &str| {
        let missing = || {
            Kind::Missing
                .error(format!("`{table}` is to be kept, and {whose} does not have it"))
                .help("correct the stage's `keep:`")
        };
        if side.carries(table) { Ok(()) } else { Err(missing()) }
    };
    there(source, "what is taken of production")?;
    there(target, "the target")?;
    let columns = |side: Side<'_>| -> Vec<ColumnName> {
        side.table(table).map(|table| table.written_columns().map(|Column { name, .. }| name.clone()).collect()).unwrap_or_default()
    };
    let (ours, theirs) = (columns(target), columns(source));
    let key = source.table(table).and_then(|table| table.primary_key.clone()).unwrap_or_default();
    let matched = if question.matched.is_empty() { key.clone() } else { question.matched.clone() };
    if let Some(column) = matched.iter().find(|column| question.masked.contains(*column)) {
        return Err(Kind::Unfit
            .error(format!("`{table}.{column}` is masked, and kept rows are matched by it"))
            .help("match by another column with `match:`, or leave this one unmasked"));
    }
    if let Some(column) = matched.iter().find(|column| !ours.contains(column) || !theirs.contains(column)) {
        return Err(Kind::Unfit
            .error(format!("`{table}.{column}`, by which kept rows are matched, is not on both sides"))
            .help("match by columns of both with `match:`"));
    }
    let says_something = |name: &&ColumnName| {
        theirs.contains(name) && !question.masked.contains(*name) && !matched.contains(name) && !key.contains(name)
    };
    Ok(Subject {
        compared: ours.iter().filter(says_something).cloned().collect(),
        uniques: uniques(question, source, &key, &matched, &ours),
        references: references(table, source, target),
        table: table.clone(),
        key,
        matched,
        on_conflict: question.on_conflict,
        on_missing: question.on_missing,
    })
}

/// What must be unique in production and can be judged: carried over, not masked, and not what rows are matched by anyway.
fn uniques(
    question: &Question,
    source: Side<'_>,
    key: &[ColumnName],
    matched: &[ColumnName],
    ours: &[ColumnName],
) -> Vec<Vec<ColumnName>> {
    let Some(table) = source.table(&question.table) else { return Vec::new() };
    let set = |columns: &[ColumnName]| columns.iter().cloned().collect::<BTreeSet<_>>();
    let can_be_judged = |columns: &&[ColumnName]| {
        !columns.is_empty()
            && set(columns) != set(matched)
            && columns.iter().all(|column| ours.contains(column) && !question.masked.contains(column))
    };
    let all = std::iter::once(key).chain(table.unique.iter().map(Vec::as_slice));
    all.filter(can_be_judged).map(<[ColumnName]>::to_vec).collect()
}

/// The foreign keys of either side of which the target's rows carry every column, each once.
fn references(table: &TableName, source: Side<'_>, target: Side<'_>) -> Vec<ForeignKey> {
    let (Some(ours), Some(theirs)) = (target.table(table), source.table(table)) else { return Vec::new() };
    let mut found: Vec<ForeignKey> = Vec::new();
    for key in theirs.foreign_keys.iter().chain(&ours.foreign_keys) {
        let known =
            found.iter().any(|other| (&other.columns, &other.to, &other.to_columns) == (&key.columns, &key.to, &key.to_columns));
        if !known && key.columns.iter().all(|column| ours.column(column).is_some()) {
            found.push(key.clone());
        }
    }
    found
}
