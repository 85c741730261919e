//! The stage `migrate`: scripts that bring a database of the target environment to their version.

use super::migrations::{Scripts, WrittenLocations};
use super::reading::Reading;
use crate::document::{At, Text};
use crate::duration::Duration;
use crate::name::DatabaseName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// The deadline.
    pub within: Duration,
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
    /// The deadline, 1s to 7d; default 1h.
    within: Option<Text<Duration>>,
}

impl WrittenMigrate {
    pub(super) fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Migrate> {
        let database = reading.target_database(at.key("database"), &self.database);
        let scripts = self.scripts.read(at.key("scripts"), reading);
        let limits = Duration::from_secs(1)..=MAX_WITHIN;
        let within = reading.duration(at.key("within"), self.within.as_ref(), DEFAULT_WITHIN, limits);
        Some(Migrate { database: database?, scripts: scripts?, within: within? })
    }
}
