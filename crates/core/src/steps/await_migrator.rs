//! Starts a command that is a migrator, and follows its messages to their end.

mod judge;

use super::Cx;
use super::action::{About, Action, Summary};
use super::hearing::Hearing;
use crate::duration::Duration;
use crate::environment::DatabaseAddress;
use crate::error::Result;
use crate::facts::PendingScript;
use crate::name::RunId;
use crate::plan::{How, Reversal};
use crate::provider::queue::Queue;
use crate::provider::{CommandSpec, Standing, Work};
use crate::scenario::run::Command;
use crate::signal::{Followed, SchemaVersion, Sender};
use crate::words::plural;
use judge::Judge;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Runs a command that migrates, here or elsewhere. What its migrator says decides whether it did, not the command's exit code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitMigrator {
    /// What it migrates.
    pub database: DatabaseAddress,
    /// Where it tells of itself.
    pub queue: Queue,
    /// How often it is expected to, where it does not say.
    pub heartbeat: Option<Duration>,
    /// The command.
    pub command: Command,
    /// Additional environment variables.
    pub env: BTreeMap<String, String>,
    /// The working directory.
    pub directory: PathBuf,
    /// What it should apply.
    pub pending: Vec<PendingScript>,
}

/// The receipt of a migrator that said that it ended well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigratorDone {
    /// Who said so.
    pub sender: Sender,
    /// The version that it observed last, if it said one.
    pub version: Option<SchemaVersion>,
    /// How the command itself ended, where that was otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl MigratorDone {
    fn of(migrator: &Followed, command: Option<String>) -> Self {
        Self { sender: migrator.sender.clone(), version: migrator.version.clone(), command }
    }
}

impl AwaitMigrator {
    fn work(&self) -> Work {
        Work::Command(CommandSpec {
            command: self.command.clone(),
            env: self.env.clone(),
            directory: self.directory.clone(),
            database: None,
        })
    }

    fn hearing(&self) -> Hearing<'_> {
        Hearing::of(&self.queue, self.heartbeat)
    }

    /// Before the command is started again: its earlier migrator must be over, and may have ended well unnoticed.
    async fn settle(&self, cx: &Cx<'_>) -> Result<Option<MigratorDone>> {
        let heard = self.hearing().until_over(cx).await?;
        if let Some(last) = heard.migrators.last()
            && last.state.is_success()
        {
            return Ok(Some(MigratorDone::of(last, None)));
        }
        if !heard.is_empty() {
            cx.providers.queues.purge(&self.queue).await?;
        }
        Ok(None)
    }
}

impl Action for AwaitMigrator {
    type Receipt = MigratorDone;
    fn about(&self) -> About {
        let migrations = plural(self.pending.len() as u64, "migration");
        let changes = format!("{} by {migrations}, and whatever else `{}` changes", self.database, self.command);
        About::new(format!("run `{}` and follow its migrator in the queue `{}`", self.command, self.queue))
            .effect(How::Changes, changes)
            .reversal(Reversal::Leaves(format!("what `{}` changed", self.command)))
    }
    async fn run(&self, cx: &Cx<'_>) -> Result<MigratorDone> {
        if cx.providers.jobs.standing(&cx.job_name()).await? == Standing::Over
            && let Some(done) = self.settle(cx).await?
        {
            return Ok(done);
        }
        cx.job_beside(&self.work(), &mut Judge::new(self)).await
    }
    async fn undo(&self, cx: &Cx<'_>, _: Option<MigratorDone>) -> Result<()> {
        self.hearing().purge_if_over(cx).await
    }
    fn summary(&self, receipt: MigratorDone) -> Summary {
        let version = receipt.version.map(|version| format!(" at version {version}")).unwrap_or_default();
        let mut lines = vec![format!("the migrator ended well{version}: {}", receipt.sender)];
        lines.extend(receipt.command.map(|how| format!("its command did not: {how}")));
        Summary { lines, ..Summary::default() }
    }
    fn by_hand(&self, _: &RunId) -> Vec<String> {
        vec![
            format!("make sure that the migrator of `{}` does not run any more", self.command),
            format!("purge the queue `{}`", self.queue),
        ]
    }
}
