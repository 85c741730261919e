//! The older format: what a service manager says of the migrator's service, all of it text.

use super::exit::ExitStatus;
use super::message::SchemaVersion;
use crate::duration::Duration;
use serde::{Deserialize, Serialize};

/// How often a monitor told of a running migrator where it was not told otherwise.
pub const OLDER_HEARTBEAT: Duration = Duration::from_minutes(5);

/// What stands for a moment that has not come.
const NOT_YET: &str = "n/a";
/// What stands for the reason of an end that has not come.
const NO_CODE: &str = "(null)";
/// The reason of an end by itself; other ends have no exit status.
const EXITED: &str = "exited";
/// The status of what runs.
const NO_STATUS: &str = "0/0";

/// A message about a migrator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OlderMessage {
    /// When it was started, in the words of the service manager.
    pub start_time: String,
    /// When it ended, likewise.
    pub stop_time: String,
    /// Its process.
    pub pid: String,
    /// Why it ended.
    pub code: String,
    /// Its exit status, or the signal that ended it.
    pub status: String,
    /// The version of the schema, which only the last message has; empty where none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<String>,
}

/// What a message says of its migrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OlderState {
    /// It runs.
    Running,
    /// It ended by itself.
    Ended(ExitStatus),
    /// It was ended.
    Killed,
}

impl OlderMessage {
    /// A message about a migrator that runs.
    pub fn running(pid: String, start_time: String) -> Self {
        let (code, status) = (NO_CODE.into(), NO_STATUS.into());
        Self { start_time, stop_time: NOT_YET.into(), pid, code, status, schema_version: None }
    }

    /// The last message about a migrator.
    pub fn ended(pid: String, start_time: String, stop_time: String, exit: ExitStatus, version: Option<SchemaVersion>) -> Self {
        let (code, status) = (EXITED.into(), exit.number().to_string());
        Self {
            start_time,
            stop_time,
            pid,
            code,
            status,
            schema_version: Some(version.map_or_else(String::new, |version| version.0)),
        }
    }

    /// What it says.
    pub fn state(&self) -> OlderState {
        if self.code == NO_CODE && self.status == NO_STATUS {
            return OlderState::Running;
        }
        // The status may have a name behind it: `1/FAILURE`.
        let number = self.status.split('/').next().and_then(|number| number.trim().parse().ok());
        match number {
            Some(number) if self.code == EXITED || self.code == NO_CODE => OlderState::Ended(ExitStatus::of(number)),
            _ => OlderState::Killed,
        }
    }

    /// The version of the schema, if it says one.
    pub fn observed_version(&self) -> Option<SchemaVersion> {
        self.schema_version.as_ref().filter(|version| !version.is_empty()).map(|version| SchemaVersion(version.clone()))
    }
}
