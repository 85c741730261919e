//! Which tables and rows are copied.

use super::WrittenCopyDatabase;
use crate::document::{At, Findings, Text};
use crate::scenario::reading::Reading;
use crate::schema::{TableName, TablePattern};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which tables and rows are copied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Patterns of the tables that are copied; empty for all.
    pub only: Vec<TablePattern>,
    /// Patterns of the tables that are left out, structure included.
    pub without: Vec<TablePattern>,
    /// Patterns of the tables that are copied without their rows.
    pub without_rows: Vec<TablePattern>,
    /// Conditions on the rows of single tables, in SQL without `where`.
    pub rows: BTreeMap<TableName, String>,
}

impl Selection {
    /// Whether the table is copied, with or without its rows.
    pub fn has(&self, table: &TableName) -> bool {
        let wanted = self.only.is_empty() || self.only.iter().any(|pattern| pattern.matches(table));
        wanted && !self.without.iter().any(|pattern| pattern.matches(table))
    }
    /// Whether rows of the table are copied.
    pub fn has_rows(&self, table: &TableName) -> bool {
        self.has(table) && !self.without_rows.iter().any(|pattern| pattern.matches(table))
    }
    /// Reports a table that is named although it is not copied.
    pub(super) fn refuse_left_out(&self, table: &TableName, verb: &str, at: At<'_>, findings: &mut Findings) {
        if !self.has(table) {
            let key = if self.without.iter().any(|pattern| pattern.matches(table)) { "without" } else { "only" };
            let finding = findings.at(at, format!("`{table}` is {verb}, but `{key}` leaves it out"));
            finding.help(format!("change `{key}`, or remove the table here"));
        }
    }
}

/// The rows of a table that are copied.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "rows")]
pub(super) struct WrittenRows {
    /// The table, `table` or `schema.table`.
    table: Text<TableName>,
    /// The condition for a row to be copied, in SQL without `where`. Rows that copied rows refer to must be included:
    /// the plan warns of foreign keys that lead to filtered tables, and the copy fails where one does not hold.
    #[serde(rename = "where")]
    #[schemars(length(min = 1))]
    condition: String,
}

impl WrittenCopyDatabase {
    /// The selection as far as it is right.
    pub(super) fn selection(&self, at: At<'_>, reading: &mut Reading<'_>) -> Selection {
        let findings = &mut reading.findings;
        let mut selection = Selection {
            only: patterns(self.only.as_deref().unwrap_or_default(), at.key("only"), findings),
            without: patterns(&self.without, at.key("without"), findings),
            without_rows: patterns(&self.without_rows, at.key("without-rows"), findings),
            rows: BTreeMap::new(),
        };
        // What cannot be read might have covered any table.
        let certain = !["only", "without", "without-rows"].iter().any(|key| at.has(key) && at.key(key).has_doubts());
        for (index, rows) in self.rows.iter().enumerate() {
            let at = at.key("rows").index(index).key("table");
            let Some(table) = findings.parse(at, &rows.table) else { continue };
            if certain && !selection.has(&table) {
                selection.refuse_left_out(&table, "filtered", at, findings);
            } else if certain && !selection.has_rows(&table) {
                let finding = findings.at(at, format!("`{table}` is filtered, but `without-rows` leaves out its rows"));
                finding.help("change `without-rows`, or remove the table here");
            }
            if selection.rows.insert(table.clone(), rows.condition.clone()).is_some() {
                let finding = findings.at(at, format!("`{table}` is filtered twice"));
                finding.help("join the two conditions with `and`");
            }
        }
        selection
    }
}

fn patterns(written: &[Text<TablePattern>], at: At<'_>, findings: &mut Findings) -> Vec<TablePattern> {
    let read = |(index, pattern)| findings.parse(at.index(index), pattern);
    written.iter().enumerate().filter_map(read).collect()
}
