//! Runs a command here.

use super::Cx;
use super::action::{About, Action, Summary};
use crate::error::Result;
use crate::name::RunId;
use crate::plan::{How, Reversal};
use crate::provider::{CommandDone, CommandSpec, Place, Work};
use crate::scenario::run::Command;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Runs a command to its end; it outlives restage's own process and is found again after a crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCommand {
    /// What to run.
    pub command: Command,
    /// What takes it back.
    pub undo: Option<Command>,
    /// Additional environment variables.
    pub env: BTreeMap<String, String>,
    /// The working directory.
    pub directory: PathBuf,
    /// The database whose connection it gets as PGHOST, PGPORT, PGUSER, PGDATABASE and PGPASSWORD.
    pub database: Option<Place>,
}

impl RunCommand {
    fn work(&self, cx: &Cx<'_>, command: &Command) -> Work {
        Work::Command(CommandSpec {
            command: command.clone(),
            env: self.env.clone(),
            directory: self.directory.clone(),
            database: self.database.as_ref().map(|place| place.address(&cx.run)),
        })
    }
}

impl Action for RunCommand {
    type Receipt = CommandDone;
    fn about(&self) -> About {
        let reversal = match (&self.undo, &self.database) {
            (Some(_), _) | (None, Some(Place::Shadow(_))) => Reversal::Full,
            (None, _) => Reversal::Leaves(format!("what `{}` did: it has no `undo:`", self.command)),
        };
        About::new(format!("run `{}`", self.command))
            .effect(How::Changes, format!("whatever `{}` changes", self.command))
            .reversal(reversal)
    }
    async fn run(&self, cx: &Cx<'_>) -> Result<CommandDone> {
        cx.job(&self.work(cx, &self.command)).await
    }
    async fn undo(&self, cx: &Cx<'_>, _: Option<CommandDone>) -> Result<()> {
        match &self.undo {
            Some(undo) => cx.undo_job::<CommandDone>(&self.work(cx, undo)).await.map(drop),
            None => Ok(()),
        }
    }
    fn summary(&self, receipt: CommandDone) -> Summary {
        Summary { lines: vec![format!("`{}` took {:.1} s", self.command, receipt.seconds)], ..Summary::default() }
    }
    fn by_hand(&self, _: &RunId) -> Vec<String> {
        self.undo.iter().map(|undo| format!("run `{undo}`")).collect()
    }
}
