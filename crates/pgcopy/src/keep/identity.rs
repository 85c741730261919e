//! What a row is, as an SQL expression that has the same value on every server.
//!
//! A row is known by the columns it is matched by. Where one of them refers to a kept table whose rows are known by something
//! else than the key referred to, the number says nothing: what the referred-to row is takes its place, through a join.

use super::taken::Side;
use super::value::record;
use crate::{Kind, Result};
use restage_core::provider::{OnConflict, OnMissing};
use restage_core::schema::{ColumnName, ForeignKey, TableName};
use std::collections::BTreeSet;

/// A kept table as a comparison sees it.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) table: TableName,
    pub(crate) key: Vec<ColumnName>,
    pub(crate) matched: Vec<ColumnName>,
    /// Columns of both sides whose content decides whether two rows are the same.
    pub(crate) compared: Vec<ColumnName>,
    pub(crate) references: Vec<ForeignKey>,
    /// What production demands to be unique, besides the columns rows are matched by.
    pub(crate) uniques: Vec<Vec<ColumnName>>,
    pub(crate) on_conflict: OnConflict,
    pub(crate) on_missing: OnMissing,
}

impl Subject {
    pub(crate) fn matched_by_key(&self) -> bool {
        let set = |columns: &[ColumnName]| columns.iter().cloned().collect::<BTreeSet<_>>();
        set(&self.key) == set(&self.matched)
    }
}

/// The rows of one kept table (`t`) on one side, with the joins that their expressions need.
pub(crate) struct Rows<'a> {
    side: Side<'a>,
    subjects: &'a [Subject],
    at: usize,
    from: String,
    joins: usize,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(side: Side<'a>, subjects: &'a [Subject], at: usize) -> Self {
        let from = format!("{} AS t", side.rows(&subjects[at].table));
        Self { side, subjects, at, from, joins: 0 }
    }

    /// The rows as `FROM` takes them, once every expression has been asked for.
    pub(crate) fn from(&self) -> &str {
        &self.from
    }

    /// What each row is, as a text; rows of tables without any key are told apart by all their content.
    pub(crate) fn identity(&mut self) -> Result<String> {
        self.whole(self.at, "t", &mut Vec::new())
    }

    /// The content of each row, as a text.
    pub(crate) fn content(&mut self) -> Result<String> {
        let columns = self.subjects[self.at].compared.clone();
        let texts: Vec<String> =
            columns.iter().map(|column| self.column(self.at, "t", column, Form::Exact, &mut Vec::new())).collect::<Result<_>>()?;
        Ok(record(&texts))
    }

    /// Some columns as one text, NULL if one of them is.
    pub(crate) fn values(&mut self, columns: &[ColumnName]) -> Result<String> {
        let texts: Vec<String> = columns
            .iter()
            .map(|column| self.column(self.at, "t", column, Form::Canonical, &mut Vec::new()))
            .collect::<Result<_>>()?;
        Ok(unless_null(&texts, &record(&texts), "NULL"))
    }

    /// What the row is that a foreign key leads to, NULL if it leads nowhere.
    pub(crate) fn referred(&mut self, key: &ForeignKey, to: usize) -> Result<String> {
        let alias = self.join("t", key);
        let whole = self.whole(to, &alias, &mut Vec::new())?;
        Ok(if_there(key, &alias, &whole))
    }

    fn whole(&mut self, at: usize, alias: &str, path: &mut Vec<usize>) -> Result<String> {
        let subject = &self.subjects[at];
        if path.contains(&at) {
            return Err(Kind::Unfit
                .error(format!(
                    "rows of `{}` are matched by columns that refer back to rows that are matched by them",
                    subject.table
                ))
                .help("match by other columns"));
        }
        path.push(at);
        let identity = self.known(at, alias, path);
        path.pop();
        identity
    }

    fn known(&mut self, at: usize, alias: &str, path: &mut Vec<usize>) -> Result<String> {
        let subject = &self.subjects[at];
        if subject.matched.is_empty() {
            let texts: Vec<String> =
                subject.compared.iter().map(|column| self.column(at, alias, column, Form::Exact, path)).collect::<Result<_>>()?;
            let content = record(&texts);
            return Ok(format!("'row ' || {content} || row_number() OVER (PARTITION BY {content})"));
        }
        let texts: Vec<String> =
            subject.matched.iter().map(|column| self.column(at, alias, column, Form::Canonical, path)).collect::<Result<_>>()?;
        let matched = format!("'is ' || {}", record(&texts));
        if subject.matched_by_key() {
            return Ok(matched);
        }
        let key: Vec<String> =
            subject.key.iter().filter_map(|column| Some(self.side.value(&subject.table, alias, column)?.canonical())).collect();
        let otherwise = if key.is_empty() { "NULL".to_owned() } else { format!("'key ' || {}", record(&key)) };
        Ok(unless_null(&texts, &matched, &otherwise))
    }

    fn column(&mut self, at: usize, alias: &str, column: &ColumnName, form: Form, path: &mut Vec<usize>) -> Result<String> {
        if let Some((key, to, there)) = self.meaning(at, column, self.subjects.len()) {
            let joined = self.join_at(at, alias, &key);
            let whole = if self.subjects[to].matched.contains(&there) {
                self.column(to, &joined, &there, form, path)?
            } else {
                self.whole(to, &joined, path)?
            };
            return Ok(if_there(&key, &joined, &whole));
        }
        let table = &self.subjects[at].table;
        let value = self.side.value(table, alias, column).ok_or_else(|| {
            let error = Kind::Unfit.error(format!("`{table}.{column}` is not in {}", self.side.reader.endpoint()));
            error.help("plan again; if it says the same, correct the stage's `keep:`")
        })?;
        Ok(match form {
            Form::Exact => value.text(),
            Form::Canonical => value.canonical(),
        })
    }

    /// The foreign key to a kept table by which a column's value means a row, not itself.
    fn meaning(&self, at: usize, column: &ColumnName, depth: usize) -> Option<(ForeignKey, usize, ColumnName)> {
        self.subjects[at].references.iter().find_map(|key| {
            let to = self.subjects.iter().position(|subject| subject.table == key.to)?;
            let place = key.columns.iter().position(|name| name == column)?;
            let there = key.to_columns.get(place)?.clone();
            let moves = !self.subjects[to].matched.contains(&there) || depth == 0 || self.meaning(to, &there, depth - 1).is_some();
            moves.then(|| (key.clone(), to, there))
        })
    }

    fn join(&mut self, alias: &str, key: &ForeignKey) -> String {
        self.join_at(self.at, alias, key)
    }

    fn join_at(&mut self, at: usize, alias: &str, key: &ForeignKey) -> String {
        self.joins += 1;
        let joined = format!("r{}", self.joins);
        let table = &self.subjects[at].table;
        let pair = |(here, there): (&ColumnName, &ColumnName)| {
            Some(self.side.value(table, alias, here)?.equals(&self.side.value(&key.to, &joined, there)?))
        };
        let conditions: Vec<String> = key.columns.iter().zip(&key.to_columns).filter_map(pair).collect();
        let rows = self.side.rows(&key.to);
        self.from = format!("{} LEFT JOIN {rows} AS {joined} ON {}", self.from, super::value::all(&conditions));
        joined
    }
}

/// The expression, or NULL where the join found no row.
fn if_there(key: &ForeignKey, joined: &str, expression: &str) -> String {
    let there: Vec<String> = key.to_columns.iter().map(|column| format!("{joined}.{} IS NULL", column.sql())).collect();
    format!("CASE WHEN {} THEN NULL ELSE {expression} END", super::value::any(&there))
}

/// How a value becomes text.
#[derive(Clone, Copy)]
enum Form {
    /// As its type prints it.
    Exact,
    /// The same for equal values.
    Canonical,
}

fn unless_null(texts: &[String], expression: &str, otherwise: &str) -> String {
    let null: Vec<String> = texts.iter().map(|text| format!("{text} IS NULL")).collect();
    format!("CASE WHEN {} THEN {otherwise} ELSE {expression} END", super::value::any(&null))
}
