//! Progress, told to whoever wants to show or send it; a run itself never prints.

use restage_pgcopy::connect::Notice;
use serde::Serialize;

use super::lock::Holder;
use crate::scripts::Script;
use crate::version::Version;

/// Hears how far a run has come; calls must return at once.
pub trait Reporter: Send + Sync {
    /// Takes what has just happened.
    fn report(&self, progress: &Progress<'_>);
}

/// What has just happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "stage")]
pub enum Progress<'a> {
    /// The database is reached.
    Connected,
    /// The lock is held by somebody else; it is asked for again.
    Waiting {
        /// How often it was asked for.
        attempts: u32,
        /// Who holds it, if the server says so.
        holder: Option<Holder>,
    },
    /// History and scripts are about to be compared.
    BeforeValidate,
    /// They agree.
    AfterValidate,
    /// Migrations are about to be looked for.
    BeforeMigration,
    /// A script was read and can be split into statements; this is told of all before the first one runs.
    Preparing(File<'a>),
    /// A script is about to run.
    BeforeFile(File<'a>),
    /// All statements of a script have run.
    AfterFile(File<'a>),
    /// What a script did is durable, and the history has it.
    Completed(File<'a>),
    /// Nothing is left to be applied.
    AfterMigration,
    /// The server said something beside its answer to a statement, such as what `RAISE NOTICE` says.
    Notice {
        /// The script that the statement stands in.
        script: &'a str,
        /// The line that the statement begins on; none at the end of a transaction.
        line: Option<usize>,
        /// What it said.
        notice: Notice,
    },
    /// The server said more, and faster, than could be told.
    NoticesLeftOut {
        /// The script that made it say so much.
        script: &'a str,
        /// How many notices were left out.
        count: u64,
    },
    /// A callback for failures failed itself, which does not hide the failure it was called for.
    CallbackFailed {
        /// The script of the callback.
        script: &'a str,
        /// Why.
        message: String,
    },
}

/// The script of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct File<'a> {
    /// What the history calls it.
    pub migration_file: &'a str,
    /// Its version; repeatable ones have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'a Version>,
}

impl<'a> File<'a> {
    pub(super) fn of(script: &'a Script) -> Self {
        Self { migration_file: &script.file.script, version: script.sort.version() }
    }
}

/// A reporter that nobody listens to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _: &Progress<'_>) {}
}
