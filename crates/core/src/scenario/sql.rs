//! The stage `sql`: statements on a database.

use super::reading::Reading;
use crate::document::{At, Text};
use crate::duration::Duration;
use crate::name::DatabaseName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The deadline where none is given.
pub const DEFAULT_WITHIN: Duration = Duration::from_minutes(10);
/// The longest deadline.
pub const MAX_WITHIN: Duration = Duration::from_days(7);

/// Runs SQL on a database of the target environment; before a swap, on the shadow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sql {
    /// The database.
    pub database: DatabaseName,
    /// What is run, in one transaction.
    pub script: SqlScript,
    /// What takes it back; nothing where nothing can.
    pub undo: Option<String>,
    /// The deadline.
    pub within: Duration,
}

/// SQL, or where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SqlScript {
    /// The statements.
    Statement(String),
    /// A file of statements, relative to the scenario's folder.
    File(PathBuf),
}

/// Runs SQL on a database of the target environment. Inside `before-swap` the copied database is the shadow, not yet
/// seen by anyone. Everything runs in one transaction.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "sql")]
pub(super) struct WrittenSql {
    /// The database, by its name in the environments file.
    database: Text<DatabaseName>,
    /// One or more statements, separated by `;`. Either this or `file`. Prompts belong through the filter `sql`:
    /// `{{ name | sql }}`.
    #[schemars(length(min = 1))]
    statement: Option<String>,
    /// A file of statements, relative to the scenario's folder. Either this or `statement`.
    #[schemars(length(min = 1))]
    file: Option<String>,
    /// Statements that take this back when the run is undone; default none, and the stage is then not taken back.
    #[schemars(length(min = 1))]
    undo: Option<String>,
    /// The deadline, 1s to 7d; default 10m.
    within: Option<Text<Duration>>,
}

impl WrittenSql {
    pub(super) fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Sql> {
        let database = reading.target_database(at.key("database"), &self.database);
        let limits = Duration::from_secs(1)..=MAX_WITHIN;
        let within = reading.duration(at.key("within"), self.within.as_ref(), DEFAULT_WITHIN, limits);
        let script = match (&self.statement, &self.file) {
            (Some(statement), None) => Some(SqlScript::Statement(statement.clone())),
            (None, Some(file)) => Some(SqlScript::File(PathBuf::from(file))),
            (Some(_), Some(_)) => {
                let finding = reading.findings.add(at.key("file").heading(), "`sql` has both `statement` and `file`");
                finding.help("keep one; use a stage for each");
                None
            }
            (None, None) if at.key("statement").is_doubtful() || at.key("file").is_doubtful() => None,
            (None, None) => {
                let finding = reading.findings.at(at, "`sql` has nothing to run");
                finding.help("add `statement: …` or `file: …`");
                None
            }
        };
        Some(Sql { database: database?, script: script?, undo: self.undo.clone(), within: within? })
    }
}
