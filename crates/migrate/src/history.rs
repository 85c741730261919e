//! The history: its rows, and the SQL that reads and writes them as Flyway does.

mod baseline;
mod sql;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::checksum::{Checksum, java_hash};
use crate::name::Sort;
use crate::scripts::Script;
use crate::version::Version;
use crate::{Error, Kind, Result};

pub use baseline::{Baselining, Beginning, Found, baselining, beginning};

/// One row of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The order in which rows were written.
    pub installed_rank: i32,
    /// The version; repeatable migrations and created schemas have none.
    pub version: Option<Version>,
    /// The description.
    pub description: String,
    /// What the row is about.
    #[serde(rename = "type")]
    pub sort: RowType,
    /// The script's path in its location.
    pub script: String,
    /// The script's checksum; what has no script has none.
    pub checksum: Option<Checksum>,
    /// Who applied it.
    pub installed_by: String,
    /// How long it took, in milliseconds.
    pub execution_time: i32,
    /// Whether it succeeded.
    pub success: bool,
    /// When it was written, as the server writes it without a time zone; a row to be written has it from the server.
    pub installed_on: Option<String>,
}

macro_rules! row_types {
    ($($(#[$doc:meta])* $name:ident = $text:literal $(| $former:literal)*,)*) => {
        /// What a row is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum RowType {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl RowType {
            /// The type as it stands in a row, or the error that there is none such.
            pub fn parse(text: &str) -> Result<Self> {
                match text {
                    $($text $(| $former)* => Ok(Self::$name),)*
                    _ => Err(unknown_type(text)),
                }
            }

            /// How it stands in a row.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

row_types! {
    /// Schemas were created.
    Schema = "SCHEMA",
    /// The schema was what it was when the history began.
    Baseline = "BASELINE" | "INIT",
    /// The row of the same version or description counts no more.
    Delete = "DELETE",
    /// A script, versioned or repeatable.
    Sql = "SQL",
    /// A baseline script.
    SqlBaseline = "SQL_BASELINE" | "SQL_STATE_SCRIPT",
    /// An undo script.
    UndoSql = "UNDO_SQL",
    /// A program; never run here.
    Jdbc = "JDBC" | "SPRING_JDBC",
    /// A baseline program; never run here.
    JdbcBaseline = "JDBC_BASELINE" | "JDBC_STATE_SCRIPT",
    /// An undo program; never run here.
    UndoJdbc = "UNDO_JDBC" | "UNDO_SPRING_JDBC",
    /// A script of the operating system; never run here.
    Script = "SCRIPT",
    /// A baseline script of the operating system; never run here.
    ScriptBaseline = "SCRIPT_BASELINE",
    /// An undo script of the operating system; never run here.
    UndoScript = "UNDO_SCRIPT",
    /// Something of somebody's own making; never run here.
    Custom = "CUSTOM",
    /// The undo of something of somebody's own making; never run here.
    UndoCustom = "UNDO_CUSTOM",
}

fn unknown_type(text: &str) -> Error {
    Kind::Invalid
        .error(format_args!("the history has a row of the type `{text}`, which Flyway has not"))
        .help("look at who wrote that row, and correct or remove it")
}

impl RowType {
    /// What a script's row is.
    pub fn of(sort: &Sort) -> Self {
        match sort {
            Sort::Versioned(_) | Sort::Repeatable => Self::Sql,
            Sort::Undo(_) => Self::UndoSql,
            Sort::Baseline(_) => Self::SqlBaseline,
        }
    }

    /// Whether there is no script behind such a row.
    pub fn is_synthetic(self) -> bool {
        matches!(self, Self::Schema | Self::Baseline | Self::Delete)
    }

    /// Whether such a row is of a script that could be found here; programs are only seen by Flyway itself.
    pub fn is_sql(self) -> bool {
        matches!(self, Self::Sql | Self::SqlBaseline | Self::UndoSql)
    }

    /// Whether such a row takes another one back.
    pub fn is_undo(self) -> bool {
        matches!(self, Self::UndoSql | Self::UndoJdbc | Self::UndoScript | Self::UndoCustom)
    }

    /// Whether such a row stands for all versions up to its own.
    pub fn is_baseline(self) -> bool {
        matches!(self, Self::Baseline | Self::SqlBaseline | Self::JdbcBaseline | Self::ScriptBaseline)
    }
}

impl fmt::Display for RowType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// How a migration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was applied.
    Success,
    /// It was not, or not wholly; only migrations without a transaction leave such a row.
    Failure,
}

impl Row {
    /// The row that a script is remembered by; its time is cut at what the column holds.
    pub fn of_script(script: &Script, rank: i32, installed_by: &str, took: std::time::Duration, outcome: Outcome) -> Self {
        Self {
            installed_rank: rank,
            version: script.sort.version().cloned(),
            description: cut_description(&script.description),
            sort: RowType::of(&script.sort),
            script: cut_script(&script.file.script),
            checksum: Some(script.checksum),
            installed_by: installed_by.to_owned(),
            execution_time: i32::try_from(took.as_millis()).unwrap_or(i32::MAX),
            success: outcome == Outcome::Success,
            installed_on: None,
        }
    }

    /// The row that tells which schemas were created, the first of a history.
    pub fn of_schemas(rows: &[Self], schemas: &[String], installed_by: &str) -> Self {
        let quoted: Vec<_> = schemas.iter().map(|schema| quote(schema)).collect();
        Self {
            installed_rank: if rows.is_empty() { 0 } else { next_rank(rows) },
            version: None,
            description: "<< Flyway Schema Creation >>".to_owned(),
            sort: RowType::Schema,
            script: cut_script(&quoted.join(",")),
            checksum: None,
            installed_by: installed_by.to_owned(),
            execution_time: 0,
            success: true,
            installed_on: None,
        }
    }
}

/// The rank of the next row: one more than that of the last.
pub fn next_rank(rows: &[Row]) -> i32 {
    rows.last().map_or(1, |row| row.installed_rank.saturating_add(1))
}

/// A description as the history holds it: up to 200 UTF-16 units whole, a longer one cut at 197 with `...` behind.
pub fn cut_description(description: &str) -> String {
    const LIMIT: usize = 200;
    if length(description) <= LIMIT {
        return description.to_owned();
    }
    format!("{}...", units(description, 0, LIMIT - 3))
}

/// A script's path as the history holds it: up to 1000 UTF-16 units whole, of a longer one the first 1000, `...` for the first three.
pub fn cut_script(script: &str) -> String {
    const LIMIT: usize = 1000;
    if length(script) <= LIMIT {
        return script.to_owned();
    }
    format!("...{}", units(script, 3, LIMIT))
}

fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The characters that lie wholly between two places, counted in UTF-16 units.
fn units(text: &str, from: usize, to: usize) -> String {
    let mut place = 0;
    text.chars()
        .filter(|character| {
            let start = place;
            place += character.len_utf16();
            start >= from && place <= to
        })
        .collect()
}

/// An identifier for use in SQL.
pub fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// The table of a history.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Table {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
}

impl Table {
    /// The key of the advisory lock that Flyway takes for this history.
    pub fn lock_key(&self) -> i64 {
        const FLYWAY: i64 = i64::from_be_bytes(*b"\0\0Flyway");
        FLYWAY + i64::from(java_hash(&self.to_string()))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", quote(&self.schema), quote(&self.name))
    }
}

#[cfg(test)]
mod tests;
