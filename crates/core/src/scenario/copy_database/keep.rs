//! Rows of the target that survive a refresh.

use super::Selection;
use crate::document::{At, Text};
use crate::scenario::reading::Reading;
use crate::schema::{ColumnName, TableName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How the target's rows of a table survive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// The columns that say which rows of both ends are the same; the primary key where empty.
    pub match_by: Vec<ColumnName>,
    /// What happens to a row that the source has too.
    pub on_conflict: OnConflict,
    /// What happens to a row whose primary key another row of the source has.
    pub on_collision: OnCollision,
    /// What happens to a row that refers to a row which is gone.
    pub on_missing: OnMissing,
}

/// What happens to a kept row that the source has too, by its matching columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "on-conflict")]
pub enum OnConflict {
    /// The run stops before the swap and names the rows.
    #[default]
    Refuse,
    /// The target's row stays, the source's is not used.
    KeepTarget,
    /// The source's row is used, the target's is given up.
    KeepSource,
}

/// What happens to a kept row whose primary key belongs to another row of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "on-collision")]
pub enum OnCollision {
    /// The run stops before the swap and names the rows.
    #[default]
    Refuse,
    /// The kept row gets a new key, and the kept rows that refer to it follow.
    Renumber,
}

/// What happens to a kept row that refers to a row which the new data does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "on-missing")]
pub enum OnMissing {
    /// The run stops before the swap and names the rows.
    #[default]
    Refuse,
    /// The kept row is given up and counted in the report.
    Drop,
    /// The reference becomes NULL.
    SetNull,
}

/// A table whose rows in the target survive: its name, or a map with options.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "keep")]
pub(super) enum WrittenKeep {
    /// The table, `table` or `schema.table`, with every option at its default.
    Table(Text<TableName>),
    /// The table and its options.
    Options(WrittenOptions),
}

/// How the target's rows of a table survive.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "keep-options")]
pub(super) struct WrittenOptions {
    /// The table, `table` or `schema.table`.
    table: Text<TableName>,
    /// The columns that say which rows of both ends are the same; default the primary key.
    #[serde(rename = "match")]
    #[schemars(length(min = 1))]
    match_by: Option<Vec<String>>,
    /// What happens to a row that the source has too, by the `match` columns; default `refuse`.
    #[serde(default)]
    on_conflict: OnConflict,
    /// What happens to a row whose primary key another row of the source has; default `refuse`. Needs `match`.
    #[serde(default)]
    on_collision: OnCollision,
    /// What happens to a row that refers to a row which the new data does not have; default `refuse`.
    #[serde(default)]
    on_missing: OnMissing,
}

pub(super) fn read(
    written: &[WrittenKeep],
    at: At<'_>,
    selection: &Selection,
    reading: &mut Reading<'_>,
) -> BTreeMap<TableName, Keep> {
    let mut kept = BTreeMap::new();
    for (index, item) in written.iter().enumerate() {
        let item_at = at.index(index);
        if item_at.is_doubtful() {
            continue;
        }
        let (table, table_at, keep) = match item {
            WrittenKeep::Table(table) => (table, item_at, Keep::default()),
            WrittenKeep::Options(options) => (&options.table, item_at.key("table"), options.read(item_at, reading)),
        };
        let findings = &mut reading.findings;
        let Some(table) = findings.parse(table_at, table) else { continue };
        selection.refuse_left_out(&table, "kept", table_at, findings);
        if kept.insert(table.clone(), keep).is_some() {
            findings.at(table_at, format!("`{table}` is kept twice")).help("remove one of the two items");
        }
    }
    kept
}

impl WrittenOptions {
    fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Keep {
        let mut match_by = Vec::new();
        for (index, column) in self.match_by.iter().flatten().enumerate() {
            let at = at.key("match").index(index);
            let name = ColumnName(column.clone());
            if column.trim().is_empty() && !at.is_doubtful() {
                reading.findings.at(at, "the name of a column is empty").help("name a column of the table");
            } else if match_by.contains(&name) {
                reading.findings.at(at, format!("`{column}` is given twice")).help("remove one of the two");
            } else {
                match_by.push(name);
            }
        }
        let matched = at.has("match") || at.key("match").is_doubtful();
        if self.on_collision == OnCollision::Renumber && !matched {
            let finding = reading.findings.at(at.key("on-collision"), "`on-collision: renumber` needs `match`");
            finding.help("add `match: [column]`; without it rows with the same primary key are the same row");
        }
        Keep { match_by, on_conflict: self.on_conflict, on_collision: self.on_collision, on_missing: self.on_missing }
    }
}
