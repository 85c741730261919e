//! What steps may ask of the world. Every call may be repeated; repeating changes nothing.

mod copying;
mod database;
mod job;
mod migrating;
mod own;
mod place;
pub mod queue;
mod surviving;
mod versions;

pub use copying::{Against, Carried, FillSpec, Filled, RowsTaken, TableFilled, TableTaken, Verified, VerifySpec, Waits};
pub use database::{Databases, Gone, InPlaceSpec, Refreshed, ShadowSpec, SqlDone, SqlSpec, Stay, SwapSpec, Swapped};
pub use job::{CommandDone, CommandSpec, Condition, Fate, ItemProgress, Jobs, Progress, Standing, Watch, Work};
pub use migrating::{MigrateSpec, Migrated};
pub use own::Own;
pub use place::Place;
pub use queue::Queues;
pub use surviving::{Delta, DeltaSpec, Deltas, KeepSpec, KeepTable, Kept, KeptTable, Surviving};
pub use versions::{Record, Versions};

pub use crate::scenario::copy_database::{OnCollision, OnConflict, OnMissing, Verify};

use std::time::Duration;

/// The world as steps see it.
pub struct Providers {
    /// Databases: shadows and swaps.
    pub databases: Box<dyn Databases>,
    /// Long work, started once under a name and watched in slices.
    pub jobs: Box<dyn Jobs>,
    /// Conditions that a step waits for.
    pub probes: Box<dyn Probes>,
    /// Queues in which migrators tell of themselves.
    pub queues: Box<dyn Queues>,
    /// Versions of schemas.
    pub versions: Box<dyn Versions>,
}

/// Looks whether a condition holds, once.
#[async_trait::async_trait]
pub trait Probes: Send + Sync {
    /// Looks; `Err` only when looking itself is impossible for good, such as a malformed address.
    async fn look(&self, condition: &Condition) -> crate::Result<Look>;
}

/// What a look at a condition found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// It holds, with what was seen.
    Holds(String),
    /// It does not hold yet, with what was seen.
    NotYet(String),
}

/// Time, which core never reads by itself.
#[async_trait::async_trait]
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> jiff::Timestamp;
    /// Returns after so long.
    async fn sleep(&self, time: Duration);
}
