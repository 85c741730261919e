//! Databases: places, the swap, and work that is done in one transaction.

use super::copying::{Carried, Filled, Verified};
use super::own::Own;
use super::surviving::{Deltas, Kept, Surviving};
use crate::environment::DatabaseAddress;
use crate::error::Result;
use crate::facts::Identity;
use crate::name::RunId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Creates, drops and swaps databases.
#[async_trait::async_trait]
pub trait Databases: Send + Sync {
    /// Creates the shadow beside the target: same owner, encoding, locale and settings, tagged with the run.
    async fn ensure_shadow(&self, spec: &ShadowSpec, run: &RunId) -> Result<Own<DatabaseAddress>>;
    /// The database at that address, if it carries this run's tag.
    async fn find_own(&self, address: &DatabaseAddress, run: &RunId) -> Result<Option<Own<DatabaseAddress>>>;
    /// Drops it, sessions and all; stays with the server as long as asked and says when it is gone.
    async fn ensure_dropped(&self, database: Own<DatabaseAddress>, stay: Stay) -> Result<Gone>;
    /// Puts the shadow in the target's place by renaming both in one transaction; the old one stays under its new name, closed.
    async fn swap(&self, spec: &SwapSpec, run: &RunId) -> Result<Swapped>;
    /// Renames back: the old database is the target again, the refreshed one the shadow. Nothing to do is no error.
    async fn swap_back(&self, spec: &SwapSpec, run: &RunId) -> Result<()>;
    /// Whether this run's in-place refresh of that database was committed.
    async fn was_refreshed_by(&self, address: &DatabaseAddress, run: &RunId) -> Result<bool>;
}

/// How long a caller stays with what a server does to the end by itself: dropping a database takes a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// Until it is done.
    ToTheEnd,
    /// Until nothing but the server's own end can keep it from being done.
    UntilCertain,
}

/// When something is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It is.
    Now,
    /// The server is still at it and needs nobody for that; what its own end leaves is told by the next plan.
    Soon,
}

/// A shadow to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowSpec {
    /// The database it will replace.
    pub target: DatabaseAddress,
    /// Its own address.
    pub shadow: DatabaseAddress,
    /// The target's identity when the plan was made; another one is refused.
    pub target_identity: Identity,
    /// The digest of the target's structure when the plan was made; another structure is refused.
    pub target_structure: String,
}

/// A swap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SwapSpec {
    /// The database to be replaced.
    pub target: DatabaseAddress,
    /// The digest of its structure when the plan was made; what was added since would be lost.
    pub target_structure: String,
    /// What of it must be in the shadow: compared once more, for days may have passed since it was carried over.
    pub surviving: Surviving,
    /// What replaces it.
    pub shadow: DatabaseAddress,
    /// What the replaced one will be called.
    pub old: DatabaseAddress,
    /// The source's identity, which must not be the target's.
    pub source_identity: Identity,
    /// The target's identity when the plan was made.
    pub target_identity: Identity,
    /// How long running transactions may end by themselves.
    pub drain: Duration,
    /// The deadline for closing every session and renaming.
    pub within: Duration,
}

/// The receipt of a swap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Swapped {
    /// Seconds in which nobody could connect.
    pub outage_seconds: f64,
    /// Sessions that had to be ended.
    pub sessions_ended: u64,
    /// The old database, kept for undo.
    pub old: Own<DatabaseAddress>,
    /// Who the target was.
    pub before: Identity,
    /// Who the target is.
    pub after: Identity,
    /// What of the target's settings and grants could not be taken over, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A refresh in one transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InPlaceSpec {
    /// The run, which marks the database in the same transaction.
    pub run: RunId,
    /// Where to copy from.
    pub source: DatabaseAddress,
    /// What to replace.
    pub target: DatabaseAddress,
    /// The target's identity when the plan was made.
    pub target_identity: Identity,
    /// The digest of the target's structure when the plan was made; another structure is refused.
    pub target_structure: String,
    /// Which rows and how.
    pub carried: Carried,
    /// What of the target survives.
    pub surviving: Surviving,
}

/// The receipt of a refresh in one transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refreshed {
    /// The copy.
    pub filled: Filled,
    /// The deltas.
    pub deltas: Deltas,
    /// The kept rows.
    pub kept: Kept,
    /// The comparison, made before the commit.
    pub verified: Verified,
    /// Seconds in which readers had to wait.
    pub outage_seconds: f64,
}

/// SQL to run in one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlSpec {
    /// Where.
    pub address: DatabaseAddress,
    /// The statements.
    pub statement: String,
}

/// The receipt of running SQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlDone {
    /// Rows that its statements changed or returned, in all.
    pub rows: u64,
}
