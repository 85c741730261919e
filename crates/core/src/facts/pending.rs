//! Which migrations are still to be applied, and what keeps them from it.

use crate::error::Failure;
use crate::name::{DatabaseName, EnvironmentName};
use crate::scenario::migrations::Scripts;
use crate::signal::SchemaVersion;
use serde::{Deserialize, Serialize};

/// Names the scripts of a database, and whose history they are compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingKey {
    /// The environment whose history was read.
    pub history: EnvironmentName,
    /// The environment that is migrated.
    pub to: EnvironmentName,
    /// The database.
    pub database: DatabaseName,
    /// Its scripts.
    pub scripts: Scripts,
}

/// What scripts and a history come to together; deciding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingFacts {
    /// The newest version that the history has.
    pub version: Option<String>,
    /// The newest version among the scripts, applied or not.
    #[serde(default)]
    pub newest: Option<SchemaVersion>,
    /// What would be applied, in its order.
    pub pending: Vec<PendingScript>,
    /// What keeps them from being applied.
    pub refusals: Vec<Failure>,
}

/// A script that would be applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingScript {
    /// Its name, as the history will have it.
    pub script: String,
    /// Its version; a repeatable migration has none.
    pub version: Option<String>,
    /// What it says it does.
    pub description: String,
    /// The checksum of its content, as the history will have it.
    pub checksum: Option<i32>,
}

impl PendingScript {
    /// What makes it this migration and no other, as [`super::AppliedMigration`] has it.
    pub fn id(&self) -> &str {
        self.version.as_deref().unwrap_or(&self.script)
    }
}
