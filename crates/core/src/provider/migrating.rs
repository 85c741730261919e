//! Migrations: what is to be applied where, and what was.

use crate::environment::DatabaseAddress;
use crate::facts::PendingScript;
use crate::scenario::migrate::Signals;
use crate::scenario::migrations::Scripts;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Migrations of one database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrateSpec {
    /// Where.
    pub address: DatabaseAddress,
    /// The scripts.
    pub scripts: Scripts,
    /// The folder that their places are relative to.
    pub folder: PathBuf,
    /// What the plan said would be applied; anything else that is pending, or one of these that is not there, is an error.
    pub expected: Vec<PendingScript>,
    /// Where it is told of.
    #[serde(default)]
    pub signals: Option<Signals>,
}

/// What came of migrations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Migrated {
    /// What was applied, in its order, by this run or an earlier attempt of it.
    pub applied: Vec<String>,
    /// The newest version that the history has now.
    pub version: Option<String>,
    /// Tables that were compared with their models; none where there are no models.
    pub models: u64,
    /// What went wrong beside it, such as messages that were not sent.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Seconds it took.
    pub seconds: f64,
}
