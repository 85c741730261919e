//! What was observed.

use super::log::LogSeen;
use crate::error::Failure;
use crate::name::RunId;
use crate::provider::queue::Peeked;
use crate::signal::{Following, Heard, MigratorId, Signal};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Everything that was observed, by whoever could.
#[derive(Clone, Debug)]
pub struct Symptoms {
    /// The present.
    pub now: Timestamp,
    /// The command that makes this diagnosis again; next commands begin with it.
    pub command: String,
    /// The queue.
    pub queue: Observed<QueueSeen>,
    /// Processes of this machine that sent messages.
    pub processes: BTreeMap<MigratorId, LocalProcess>,
    /// What the command said that asks the migrator's host.
    pub host: Observed<HostSeen>,
    /// The database.
    pub database: Observed<DatabaseSeen>,
    /// What restage's own store says of the database.
    pub lease: Observed<Option<LeaseSeen>>,
    /// Amazon Web Services.
    pub access: Observed<Access>,
    /// The migrator's log.
    pub log: Observed<LogSeen>,
}

impl Symptoms {
    /// What was seen of the scripts, if the history was.
    pub(super) fn scripts(&self) -> Option<&Observed<ScriptsSeen>> {
        Some(&self.database.seen()?.history.seen()?.scripts)
    }
    /// Who holds the lock of the history, if that is known.
    pub(super) fn lock(&self) -> Option<&SessionSeen> {
        self.database.seen()?.lock.seen()?.as_ref()
    }
}

/// What became of a look at something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Observed<T> {
    /// Nobody asked for it.
    #[default]
    NotAsked,
    /// It could not be looked at.
    Failed(Failure),
    /// It was seen.
    Seen(T),
}

impl<T> Observed<T> {
    /// What was seen, if it was.
    pub fn seen(&self) -> Option<&T> {
        match self {
            Self::Seen(seen) => Some(seen),
            Self::NotAsked | Self::Failed(_) => None,
        }
    }
    /// Whether somebody asked for it.
    pub fn is_asked(&self) -> bool {
        !matches!(self, Self::NotAsked)
    }
    /// Why it could not be looked at, if it could not.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::NotAsked | Self::Seen(_) => None,
        }
    }
}

impl<T> From<crate::Result<T>> for Observed<T> {
    fn from(looked: crate::Result<T>) -> Self {
        match looked {
            Ok(seen) => Self::Seen(seen),
            Err(error) => Self::Failed(Failure::from(&error)),
        }
    }
}

/// What a look at the queue showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSeen {
    /// The name by which people know it.
    pub name: String,
    /// The messages and their number.
    pub peeked: Peeked,
}

impl QueueSeen {
    /// What its messages say.
    pub fn following(&self) -> Following {
        let mut following = Following::default();
        for message in &self.peeked.messages {
            following.hear(Heard { at: message.sent, signal: Signal::decode(&message.text) });
        }
        following
    }
}

/// Whether a process of this machine is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalProcess {
    /// It is.
    Runs,
    /// It is not, or its number is another process's by now.
    Gone,
}

/// What the command said that asks the migrator's host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSeen {
    /// The command.
    pub command: String,
    /// Whether the migrator lives.
    pub standing: Standing,
    /// What it said, with its exit status.
    pub said: String,
}

/// Whether a process is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Alive,
    /// It is not.
    Gone,
    /// Nobody can tell.
    Unknown,
}

/// What was seen of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseSeen {
    /// The name by which people know it, such as `preprod/app`.
    pub name: String,
    /// Whether restage may change it.
    pub protection: Protection,
    /// Who holds the lock of the history, if anybody does.
    pub lock: Observed<Option<SessionSeen>>,
    /// Who holds restage's own mark on it, if anybody does.
    pub mark: Observed<Option<SessionSeen>>,
    /// The history.
    pub history: Observed<HistorySeen>,
    /// Where the database differs from the models.
    pub models: Observed<Vec<String>>,
}

/// Whether restage may change a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// It may.
    None,
    /// It is production's.
    Production,
}

/// A session on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSeen {
    /// The server's process for it.
    pub pid: i32,
    /// What it calls itself.
    pub application: String,
    /// Its role, where the server tells it.
    pub user: Option<String>,
    /// Where it comes from, where the server tells it.
    pub address: Option<String>,
    /// When it began, as the server writes it.
    pub began: Option<String>,
    /// The run that it works for, if its name says so.
    pub run: Option<RunId>,
}

/// What was seen of a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistorySeen {
    /// The table, if there is one.
    pub table: Option<String>,
    /// What there is in place of a table.
    pub beginning: Option<BeginningSeen>,
    /// The version that a run goes on from.
    pub version: Option<String>,
    /// Rows that are not as they should be, in the order of their ranks.
    pub odd: Vec<OddRow>,
    /// A migration that was begun without a transaction and did not end.
    pub unfinished: Option<UnfinishedSeen>,
    /// The scripts that it was compared with.
    pub scripts: Observed<ScriptsSeen>,
    /// What a repair would do to failed rows.
    pub repair_failed: Vec<String>,
    /// What a repair would do to all rows.
    pub repair_all: Vec<String>,
}

/// A database without a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BeginningSeen {
    /// The name of the table that is not there.
    pub missing: String,
    /// Whether a run refuses to begin one: there are objects, and no setting says that they are a baseline.
    pub refused: bool,
    /// Tables that look like histories under other names.
    pub like: Vec<String>,
}

/// Scripts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptsSeen {
    /// How many there are.
    pub count: u64,
    /// Those that the next run applies.
    pub pending: Vec<String>,
}

/// A row of the history that is not as it should be, or a script that has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddRow {
    /// What the history calls its script.
    pub script: String,
    /// Its version, if it has one.
    pub version: Option<String>,
    /// Rank, moment and who applied it, if it has a row.
    pub applied: Option<String>,
    /// What is the matter.
    pub oddity: Oddity,
}

/// What is the matter with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// Its migration failed.
    Failed,
    /// Its script is in none of the locations.
    ScriptGone,
    /// The same, and its version is above those of all scripts.
    AboveAllScripts,
    /// Its script is not what was applied.
    Differs {
        /// In what.
        what: String,
        /// What the history has.
        applied: String,
        /// What the script has.
        script: String,
    },
    /// A script that was not applied, although a higher version was.
    LeftOut,
}

/// A migration that was begun without a transaction and did not end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedSeen {
    /// What the history calls its script.
    pub script: String,
    /// How far it came, in words.
    pub told: String,
}

/// What the store says of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseSeen {
    /// The run.
    pub run: RunId,
    /// The process that holds it, in words.
    pub holder: String,
    /// Whether that process is there.
    pub standing: Standing,
    /// Since when.
    pub since: Timestamp,
    /// Until when, unless it is renewed.
    pub expires: Timestamp,
}

/// What Amazon Web Services say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whom they take this process for.
    pub caller: Observed<String>,
    /// Parameters that must be there and may be read, by how many names and paths, and what is wrong with some.
    pub parameters: Observed<(u64, Vec<ParameterTrouble>)>,
}

/// A parameter that is missing or may not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterTrouble {
    /// What is wrong, with its name.
    pub failure: Failure,
    /// AWS's own command that asks for the same.
    pub command: String,
}
