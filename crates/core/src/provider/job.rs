//! Long work: started once under a name, watched in slices.

use super::copying::{FillSpec, VerifySpec};
use super::database::{InPlaceSpec, SqlSpec};
use super::migrating::MigrateSpec;
use super::surviving::{DeltaSpec, KeepSpec};
use crate::environment::DatabaseAddress;
use crate::error::{Error, Result};
use crate::name::JobName;
use crate::scenario::run::Command;
use crate::scenario::wait_for::TcpAddress;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Starts, watches and stops named work.
#[async_trait::async_trait]
pub trait Jobs: Send + Sync {
    /// Starts the work unless a job of that name is running or has ended well; one that failed or was stopped starts anew.
    async fn start(&self, name: &JobName, work: &Work) -> Result<()>;
    /// Waits up to `slice` (60 s at most) for news of the job.
    async fn watch(&self, name: &JobName, slice: Duration) -> Result<Watch>;
    /// Stops the job; returns once it can no longer touch anything. Unknown names are no error.
    async fn stop(&self, name: &JobName) -> Result<()>;
    /// What became of a job that runs no more, even if the process that started it is gone.
    async fn fate(&self, name: &JobName) -> Result<Fate>;
    /// How a job stands, whoever started it.
    async fn standing(&self, name: &JobName) -> Result<Standing>;
    /// Stops all this process has at work; what outlives a process by design, such as a command, is left for the next driver.
    async fn abandon(&self);
}

/// What became of a job's effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They are there.
    Happened,
    /// There are none, for certain.
    Never,
    /// Some may be there.
    Unknown,
}

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was never started.
    New,
    /// It is at work.
    AtWork,
    /// It ended well.
    Done,
    /// It ended otherwise: it failed, was stopped, or died.
    Over,
}

/// What a slice of watching brought.
#[derive(Debug)]
pub enum Watch {
    /// Still at work.
    Running(Option<Progress>),
    /// Ended well, with the receipt of the step that started it.
    Done(Value),
    /// Ended badly.
    Failed(Error),
}

/// The kinds of long work. Each is written so that starting it again after a crash is safe.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "kebab-case")]
pub enum Work {
    /// Copy production into the shadow; the receipt is `Filled`.
    Fill(FillSpec),
    /// Bring back what only the target has; `Deltas`.
    Deltas(DeltaSpec),
    /// Carry the kept rows over; `Kept`.
    Keep(KeepSpec),
    /// Compare; `Verified`.
    Verify(VerifySpec),
    /// Replace the target's content in one transaction; `Refreshed`.
    InPlace(InPlaceSpec),
    /// Apply pending migrations; `Migrated`.
    Migrate(MigrateSpec),
    /// Run SQL in one transaction; `SqlDone`.
    Sql(SqlSpec),
    /// Run a command; `CommandDone`.
    Command(CommandSpec),
}

/// A command to run here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandSpec {
    /// What to run.
    pub command: Command,
    /// Additional environment variables.
    pub env: BTreeMap<String, String>,
    /// The working directory.
    pub directory: PathBuf,
    /// A database whose connection the command gets as PGHOST, PGPORT, PGUSER, PGDATABASE and PGPASSWORD.
    pub database: Option<DatabaseAddress>,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandDone {
    /// The last lines of its output, both streams, at most 4 KiB; the whole is in the run's log.
    pub tail: String,
    /// Seconds it took.
    pub seconds: f64,
}

/// Something that can be waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "condition", rename_all = "kebab-case")]
pub enum Condition {
    /// A URL answers with a status and, if asked, a text.
    Http {
        /// The URL.
        url: String,
        /// The expected status.
        status: u16,
        /// A text that the body must contain.
        contains: Option<String>,
    },
    /// A query returns one value, as text.
    Sql {
        /// Where.
        address: DatabaseAddress,
        /// The query.
        query: String,
        /// The expected text; any row will do where there is none.
        returns: Option<String>,
    },
    /// A TCP port accepts connections.
    Tcp {
        /// The host and port.
        address: TcpAddress,
    },
    /// A file exists.
    File {
        /// Its path.
        path: PathBuf,
    },
    /// A command exits with 0.
    Command(CommandSpec),
}

/// How far long work has come; droppable, never journaled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What is going on, in a few words.
    pub doing: String,
    /// Rows so far.
    pub rows: u64,
    /// Rows expected, if known.
    pub rows_total: Option<u64>,
    /// Bytes so far.
    pub bytes: u64,
    /// Bytes expected, if known.
    pub bytes_total: Option<u64>,
    /// The items now at work, such as tables; at most 16.
    pub items: Vec<ItemProgress>,
}

/// How far one item has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemProgress {
    /// Its name.
    pub name: String,
    /// Rows so far.
    pub rows: u64,
    /// Bytes so far.
    pub bytes: u64,
    /// Bytes expected, if known.
    pub bytes_total: Option<u64>,
}
