//! The stage `migrate`: scripts that bring a database of the target environment to their version.

mod program;
mod record;
mod signals;

pub use program::Program;
pub use record::{Recorded, When};
pub use signals::{DEFAULT_HEARTBEAT, MAX_HEARTBEAT, Signals};

use super::migrations::{Scripts, WrittenLocations};
use super::reading::Reading;
use super::run::{WrittenCommand, refuse_no_variables};
use crate::document::{At, Text};
use crate::duration::Duration;
use crate::name::DatabaseName;
use record::WrittenRecord;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signals::WrittenSignals;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The deadline where none is given.
pub const DEFAULT_WITHIN: Duration = Duration::from_hours(1);
/// The longest deadline.
pub const MAX_WITHIN: Duration = Duration::from_days(7);

/// Runs the pending migrations of a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migrate {
    /// The database.
    pub database: DatabaseName,
    /// Its scripts.
    pub scripts: Scripts,
    /// Who runs them.
    pub migrator: Migrator,
    /// What says whether they are needed.
    pub record: Recorded,
    /// When they are run.
    pub when: When,
    /// The deadline.
    pub within: Duration,
}

/// Who runs migrations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Migrator {
    /// restage itself, which tells of it in a queue where one is given.
    Restage(Option<Signals>),
    /// A command, which is followed by its messages.
    Command(Program, Signals),
}

impl Migrator {
    /// How it is followed.
    pub fn signals(&self) -> Option<&Signals> {
        match self {
            Self::Restage(signals) => signals.as_ref(),
            Self::Command(_, signals) => Some(signals),
        }
    }
}

/// Runs the pending migrations of a database of the target environment, as Flyway would, and records them in Flyway's history.
/// What is pending is in the plan; a run applies that and nothing else.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "migrate")]
pub(super) struct WrittenMigrate {
    /// The database, by its name in the environments file.
    database: Text<DatabaseName>,
    /// The folder of the scripts, relative to the scenario's folder; a list of folders; or `locations`, `config`, `settings`
    /// and `models`.
    scripts: WrittenLocations,
    /// The queue in which the migrator tells of itself; default none.
    signals: Option<WrittenSignals>,
    /// Where the version is recorded that says whether migrations are needed: `history`, `{ file: PATH }` or
    /// `{ parameter: NAME }`; default `history`, the database's own. The version that was observed is recorded afterwards.
    record: Option<WrittenRecord>,
    /// `needed`: only where the newest script is above the recorded version, or `always`; default `needed`.
    #[serde(default)]
    when: When,
    /// A command that is a migrator itself, on this machine or through `ssh`, as text for `sh -c` or a list of a program and its
    /// arguments; default none: restage applies the scripts. It is followed by its `signals`.
    command: Option<WrittenCommand>,
    /// Variables added to the command's environment; default none. They are not for secrets.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// The command's working directory, relative to the scenario's folder; default that folder.
    #[schemars(length(min = 1))]
    directory: Option<String>,
    /// The deadline, 1s to 7d; default 1h.
    within: Option<Text<Duration>>,
}

impl WrittenMigrate {
    pub(super) fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Migrate> {
        let database = reading.target_database(at.key("database"), &self.database);
        let scripts = self.scripts.read(at.key("scripts"), reading);
        let migrator = self.migrator(at, reading);
        let record = match &self.record {
            Some(record) => record.read(at.key("record"), reading),
            None => Some(Recorded::InHistory),
        };
        let limits = Duration::from_secs(1)..=MAX_WITHIN;
        let within = reading.duration(at.key("within"), self.within.as_ref(), DEFAULT_WITHIN, limits);
        Some(Migrate {
            database: database?,
            scripts: scripts?,
            migrator: migrator?,
            record: record?,
            when: self.when,
            within: within?,
        })
    }

    fn migrator(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Migrator> {
        let signals_at = at.key("signals");
        let Some(command) = &self.command else {
            for key in ["env", "directory"].into_iter().filter(|key| at.has(key)) {
                let finding = reading.findings.add(at.key(key).heading(), format!("`{key}` is for a command, and there is none"));
                finding.help("remove it, or add `command:`");
            }
            return match &self.signals {
                Some(signals) => signals.read(signals_at, reading).map(|signals| Migrator::Restage(Some(signals))),
                None => Some(Migrator::Restage(None)),
            };
        };
        let command = command.read(at.key("command"), &mut reading.findings);
        refuse_no_variables(&self.env, at.key("env"), &mut reading.findings);
        let Some(signals) = &self.signals else {
            if !signals_at.is_doubtful() {
                let finding = reading.findings.add(at.key("command").heading(), "nothing says how the command is followed");
                finding.help("add `signals: { queue: … }`: whether it migrated is told by its messages, not by its exit code");
            }
            return None;
        };
        let signals = signals.read_of_command(signals_at, reading);
        let directory = self.directory.as_ref().map(PathBuf::from);
        Some(Migrator::Command(Program { command: command?, environment: self.env.clone(), directory }, signals?))
    }
}
