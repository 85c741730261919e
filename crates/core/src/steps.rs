//! The closed set of steps: each looks, does, takes back.

mod action;
mod cx;

mod create_shadow;
mod fill_shadow;
mod verify_rows;
mod restore_deltas;
mod keep_rows;
mod verify_shadow;
mod swap_database;
mod refresh_in_place;
mod hearing;
mod check_queue;
mod run_migrations;
mod await_migrator;
mod verify_migrations;
mod record_version;
mod purge_queue;
mod run_sql;
mod run_command;
mod await_condition;
mod await_approval;

pub use action::{About, Action, AnyAction, Check, ReceiptOf, Summary};
pub use await_approval::{Approval, AwaitApproval, FourEyes, may_approve};
pub use await_condition::{AwaitCondition, Met};
pub use await_migrator::{AwaitMigrator, MigratorDone};
pub use check_queue::{CheckQueue, NoMessages};
pub use create_shadow::CreateShadow;
pub use cx::Cx;
pub use fill_shadow::FillShadow;
pub use keep_rows::KeepRows;
pub use purge_queue::{PurgeQueue, Purged};
pub use record_version::{Observer, RecordVersion, VersionRecorded};
pub use refresh_in_place::RefreshInPlace;
pub use restore_deltas::RestoreDeltas;
pub use run_command::RunCommand;
pub use run_migrations::RunMigrations;
pub use run_sql::RunSql;
pub use swap_database::SwapDatabase;
pub use verify_migrations::VerifyMigrations;
pub use verify_rows::VerifyRows;
pub use verify_shadow::VerifyShadow;

use serde::{Deserialize, Serialize};

/// `From<StepKind> for Step`, so that a plan's builder takes any of them.
macro_rules! impl_from_steps {
    ($($kind:ident),* $(,)?) => { $(
        impl From<$kind> for Step {
            fn from(step: $kind) -> Self { Self::$kind(step) }
        }
    )* };
}

/// Every kind of step. Adding one is a compile error until [`Step::action`] knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Step {
    /// Create the shadow database.
    CreateShadow(CreateShadow),
    /// Copy production into it.
    FillShadow(FillShadow),
    /// Compare the copy with what the source said.
    VerifyRows(VerifyRows),
    /// Bring back what only the target has.
    RestoreDeltas(RestoreDeltas),
    /// Carry the kept rows over.
    KeepRows(KeepRows),
    /// Compare the whole before the swap.
    VerifyShadow(VerifyShadow),
    /// Put the shadow in the target's place.
    SwapDatabase(SwapDatabase),
    /// Replace the target's content in one transaction.
    RefreshInPlace(RefreshInPlace),
    /// Find the queue of a migrator empty.
    CheckQueue(CheckQueue),
    /// Apply pending migrations.
    RunMigrations(RunMigrations),
    /// Run a migrator and follow its messages.
    AwaitMigrator(AwaitMigrator),
    /// Find all migrations applied.
    VerifyMigrations(VerifyMigrations),
    /// Record the version that was observed.
    RecordVersion(RecordVersion),
    /// Empty the queue of a migrator.
    PurgeQueue(PurgeQueue),
    /// Run SQL.
    RunSql(RunSql),
    /// Run a command.
    RunCommand(RunCommand),
    /// Wait until a condition holds.
    AwaitCondition(AwaitCondition),
    /// Wait until a person approves.
    AwaitApproval(AwaitApproval),
}

impl Step {
    /// The step as the engine sees it.
    pub fn action(&self) -> &dyn AnyAction {
        match self {
            Self::CreateShadow(step) => step,
            Self::FillShadow(step) => step,
            Self::VerifyRows(step) => step,
            Self::RestoreDeltas(step) => step,
            Self::KeepRows(step) => step,
            Self::VerifyShadow(step) => step,
            Self::SwapDatabase(step) => step,
            Self::RefreshInPlace(step) => step,
            Self::CheckQueue(step) => step,
            Self::RunMigrations(step) => step,
            Self::AwaitMigrator(step) => step,
            Self::VerifyMigrations(step) => step,
            Self::RecordVersion(step) => step,
            Self::PurgeQueue(step) => step,
            Self::RunSql(step) => step,
            Self::RunCommand(step) => step,
            Self::AwaitCondition(step) => step,
            Self::AwaitApproval(step) => step,
        }
    }
    /// Whether it begins only after a person's approval.
    pub fn is_gate(&self) -> bool {
        matches!(self, Self::AwaitApproval(_))
    }
    /// The kind, as the journal and reports name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CreateShadow(_) => "create-shadow",
            Self::FillShadow(_) => "fill-shadow",
            Self::VerifyRows(_) => "verify-rows",
            Self::RestoreDeltas(_) => "restore-deltas",
            Self::KeepRows(_) => "keep-rows",
            Self::VerifyShadow(_) => "verify-shadow",
            Self::SwapDatabase(_) => "swap-database",
            Self::RefreshInPlace(_) => "refresh-in-place",
            Self::CheckQueue(_) => "check-queue",
            Self::RunMigrations(_) => "run-migrations",
            Self::AwaitMigrator(_) => "await-migrator",
            Self::VerifyMigrations(_) => "verify-migrations",
            Self::RecordVersion(_) => "record-version",
            Self::PurgeQueue(_) => "purge-queue",
            Self::RunSql(_) => "run-sql",
            Self::RunCommand(_) => "run-command",
            Self::AwaitCondition(_) => "await-condition",
            Self::AwaitApproval(_) => "await-approval",
        }
    }
}

impl_from_steps!(
    CreateShadow,
    FillShadow,
    VerifyRows,
    RestoreDeltas,
    KeepRows,
    VerifyShadow,
    SwapDatabase,
    RefreshInPlace,
    CheckQueue,
    RunMigrations,
    AwaitMigrator,
    VerifyMigrations,
    RecordVersion,
    PurgeQueue,
    RunSql,
    RunCommand,
    AwaitCondition,
    AwaitApproval,
);
