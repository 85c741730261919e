//! Applies pending migrations.

use super::Cx;
use super::action::{About, Action, Summary};
use super::hearing::Hearing;
use crate::error::Result;
use crate::facts::PendingScript;
use crate::name::RunId;
use crate::plan::{How, Reversal};
use crate::provider::{MigrateSpec, Migrated, Place, Work};
use crate::scenario::migrate::Signals;
use crate::scenario::migrations::Scripts;
use crate::words::plural;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Applies the scripts that the plan names, each in its own transaction where it can be in one, and records them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunMigrations {
    /// Where.
    pub place: Place,
    /// The scripts.
    pub scripts: Scripts,
    /// The folder that their places are relative to.
    pub folder: PathBuf,
    /// What will be applied, in its order.
    pub pending: Vec<PendingScript>,
    /// Where it is told of.
    #[serde(default)]
    pub signals: Option<Signals>,
}

impl RunMigrations {
    fn title(&self) -> String {
        match &self.pending[..] {
            [] => "find all migrations applied".to_owned(),
            [one] => format!("apply the migration `{}`", one.script),
            [first, .., last] => format!("apply {} migrations, `{}` to `{}`", self.pending.len(), first.script, last.script),
        }
    }
}

impl Action for RunMigrations {
    type Receipt = Migrated;
    fn about(&self) -> About {
        let (what, reversal) = match &self.place {
            Place::Shadow(target) => (format!("the shadow of {target}"), Reversal::Full),
            Place::Live(address) | Place::Old(address) if self.pending.is_empty() => (address.to_string(), Reversal::Full),
            Place::Live(address) | Place::Old(address) => {
                let migrations = plural(self.pending.len() as u64, "migration");
                (address.to_string(), Reversal::Leaves(format!("what {migrations} changed")))
            }
        };
        About::new(self.title()).effect(How::Changes, what).reversal(reversal)
    }
    async fn run(&self, cx: &Cx<'_>) -> Result<Migrated> {
        let work = Work::Migrate(MigrateSpec {
            address: self.place.address(&cx.run),
            scripts: self.scripts.clone(),
            folder: self.folder.clone(),
            expected: self.pending.clone(),
            signals: self.signals.clone(),
        });
        cx.job(&work).await
    }
    async fn undo(&self, cx: &Cx<'_>, _: Option<Migrated>) -> Result<()> {
        match &self.signals {
            Some(signals) => Hearing::of(&signals.queue, signals.heartbeat).purge_if_over(cx).await,
            None => Ok(()),
        }
    }
    fn summary(&self, receipt: Migrated) -> Summary {
        let version = receipt.version.map(|version| format!(", now at version {version}")).unwrap_or_default();
        let mut lines = vec![format!("{} applied{version}", plural(receipt.applied.len() as u64, "migration"))];
        if receipt.models > 0 {
            lines.push(format!("compared with the models: {}", plural(receipt.models, "table")));
        }
        lines.extend(receipt.notes);
        Summary { lines, ..Summary::default() }
    }
    fn by_hand(&self, run: &RunId) -> Vec<String> {
        match &self.place {
            Place::Live(_) | Place::Old(_) if !self.pending.is_empty() => {
                vec![format!("take back on {} what the migrations changed, or leave it", self.place.address(run))]
            }
            Place::Live(_) | Place::Old(_) | Place::Shadow(_) => vec![],
        }
    }
}
