//! Replaces the target's content in one transaction.

use super::Cx;
use super::action::{About, Action, Summary};
use crate::environment::DatabaseAddress;
use crate::error::{Code, Result};
use crate::facts::Identity;
use crate::name::RunId;
use crate::plan::{How, Reversal};
use crate::provider::{Carried, InPlaceSpec, Refreshed, Surviving, Work};
use serde::{Deserialize, Serialize};

/// For where a second database cannot be had: the target sees old or new, never half; once committed there is no way back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefreshInPlace {
    /// Where to copy from.
    pub source: DatabaseAddress,
    /// What to replace.
    pub target: DatabaseAddress,
    /// The target's identity when the plan was made.
    pub target_identity: Identity,
    /// The digest of the target's structure when the plan was made.
    pub target_structure: String,
    /// Which rows and how.
    pub carried: Carried,
    /// What of the target survives.
    pub surviving: Surviving,
}

impl Action for RefreshInPlace {
    type Receipt = Refreshed;
    fn about(&self) -> About {
        About::new(format!("replace {} tables of `{}` in one transaction", self.carried.tables.len(), self.target.database))
            .effect(How::Reads, &self.source)
            .effect(How::Destroys, format!("the present content of {}", self.target))
            .reversal(Reversal::Never(format!("the old content of `{}` is gone once this step is done", self.target.database)))
    }
    async fn run(&self, cx: &Cx<'_>) -> Result<Refreshed> {
        let spec = InPlaceSpec {
            run: cx.run.clone(),
            source: self.source.clone(),
            target: self.target.clone(),
            target_identity: self.target_identity.clone(),
            target_structure: self.target_structure.clone(),
            carried: self.carried.clone(),
            surviving: self.surviving.clone(),
        };
        cx.job(&Work::InPlace(spec)).await
    }
    async fn undo(&self, cx: &Cx<'_>, _: Option<Refreshed>) -> Result<()> {
        if !cx.providers.databases.was_refreshed_by(&self.target, &cx.run).await? {
            return Ok(());
        }
        Err(Code::CannotUndo
            .error(format!("the refresh of `{}` was committed, and an in-place refresh keeps no old content", self.target.database))
            .help("restore the database from a backup, or run the scenario again; use `replace: swap` to have a way back"))
    }
    fn summary(&self, receipt: Refreshed) -> Summary {
        Summary {
            filled: Some(receipt.filled),
            deltas: Some(receipt.deltas),
            kept: Some(receipt.kept),
            verified: Some(receipt.verified),
            outage_seconds: Some(receipt.outage_seconds),
            ..Summary::default()
        }
    }
    fn by_hand(&self, _: &RunId) -> Vec<String> {
        vec![format!("restore {} from a backup made before the run, or run the scenario again", self.target)]
    }
}
