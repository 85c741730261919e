//! The stage `wait-for`: looks again and again until a condition holds.

use super::reading::Reading;
use super::run::{Command, WrittenCommand};
use crate::document::{At, FromText, Text, listed};
use crate::duration::Duration;
use crate::name::DatabaseName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// The deadline where none is given.
pub const DEFAULT_WITHIN: Duration = Duration::from_minutes(5);
/// The longest deadline.
pub const MAX_WITHIN: Duration = Duration::from_days(7);
/// The time between two looks where none is given.
pub const DEFAULT_EVERY: Duration = Duration::from_secs(2);
/// The shortest time between two looks.
pub const MIN_EVERY: Duration = Duration::from_millis(100);
/// The longest time between two looks.
pub const MAX_EVERY: Duration = Duration::from_hours(1);

const CONDITIONS: [&str; 4] = ["sql", "tcp", "file", "command"];

/// Waits until a condition holds; fails when the deadline is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitFor {
    /// The condition.
    pub condition: Condition,
    /// The deadline.
    pub within: Duration,
    /// The time between two looks.
    pub every: Duration,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// A query that gives a certain answer.
    Sql {
        /// The database, in the target environment.
        database: DatabaseName,
        /// The query; it is run read-only.
        query: String,
        /// The text that the first column of the first row must have; any row will do where there is none.
        returns: Option<String>,
    },
    /// A TCP port that accepts connections.
    Tcp(TcpAddress),
    /// A file that exists, relative to the scenario's folder.
    File(PathBuf),
    /// A command that ends with 0.
    Command(Command),
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpAddress {
    /// A name or an IP address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for TcpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl FromText for TcpAddress {
    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a host and a port");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
        if host.is_empty() || host.contains(char::is_whitespace) { Err(wrong()) } else { Ok(Self { host: host.into(), port }) }
    }
    fn help(_text: &str) -> Option<String> {
        Some("write `host:port`, as in `preprod.example:8080`".into())
    }
}

/// Looks again and again until a condition holds; fails when the deadline is over. Exactly one of `sql`, `tcp`, `file`
/// and `command` says what is waited for.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "wait-for")]
pub(super) struct WrittenWaitFor {
    /// Waits for a query to give an answer.
    sql: Option<WrittenQuery>,
    /// Waits for a port to accept connections: `host:port`.
    tcp: Option<String>,
    /// Waits for a file to exist; the path is relative to the scenario's folder.
    #[schemars(length(min = 1))]
    file: Option<String>,
    /// Waits for a command to end with 0: text for `sh -c`, or a list of a program and its arguments.
    command: Option<WrittenCommand>,
    /// The deadline, 1s to 7d; default 5m.
    within: Option<Text<Duration>>,
    /// The time between two looks, 100ms to 1h; default 2s.
    every: Option<Text<Duration>>,
}

/// A query and the answer that is waited for.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "wait-for-sql")]
struct WrittenQuery {
    /// The database in the target environment, by its name in the environments file.
    database: Text<DatabaseName>,
    /// The query; it is run read-only.
    #[schemars(length(min = 1))]
    query: String,
    /// The text that the first column of the first row must have, as `psql` prints it; default any row.
    returns: Option<String>,
}

impl WrittenWaitFor {
    pub(super) fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<WaitFor> {
        let limits = Duration::from_secs(1)..=MAX_WITHIN;
        let within = reading.duration(at.key("within"), self.within.as_ref(), DEFAULT_WITHIN, limits);
        let every = reading.duration(at.key("every"), self.every.as_ref(), DEFAULT_EVERY, MIN_EVERY..=MAX_EVERY);
        let condition = self.condition(at, reading);
        Some(WaitFor { condition: condition?, within: within?, every: every? })
    }

    fn condition(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Condition> {
        let given = CONDITIONS.into_iter().filter(|key| at.has(key)).collect::<Vec<_>>();
        match given.as_slice() {
            [_] => {}
            [] => {
                if !at.is_doubtful() {
                    let finding = reading.findings.at(at, "`wait-for` says nothing to wait for");
                    finding.help("add one of `sql`, `tcp`, `file` and `command`");
                }
                return None;
            }
            [_, second, ..] => {
                let list = listed(given.iter().copied(), "and").unwrap_or_default();
                let finding = reading.findings.add(at.key(second).heading(), format!("`wait-for` has {list}"));
                finding.help("keep one; use a stage for each");
                return None;
            }
        }
        if let Some(sql) = &self.sql {
            let database = reading.target_database(at.key("sql").key("database"), &sql.database);
            return Some(Condition::Sql { database: database?, query: sql.query.clone(), returns: sql.returns.clone() });
        }
        if let Some(tcp) = &self.tcp {
            return reading.findings.parse_str(at.key("tcp"), tcp).map(Condition::Tcp);
        }
        if let Some(file) = &self.file {
            return Some(Condition::File(PathBuf::from(file)));
        }
        let command = self.command.as_ref()?.read(at.key("command"), &mut reading.findings);
        command.map(Condition::Command)
    }
}
