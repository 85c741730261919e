//! Puts the shadow in the target's place.

use super::action::{About, Action, ReceiptOf, Summary};
use super::{CreateShadow, Cx};
use crate::duration::Duration;
use crate::environment::DatabaseAddress;
use crate::error::Result;
use crate::facts::Identity;
use crate::name::{RunId, StepId};
use crate::plan::How;
use crate::provider::{Gone, Place, Stay, Surviving, SwapSpec, Swapped};
use serde::{Deserialize, Serialize};

/// Ends the target's sessions and renames both databases in one transaction; the old one is retained for undo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SwapDatabase {
    /// The database to be replaced.
    pub target: DatabaseAddress,
    /// The shadow.
    pub shadow: ReceiptOf<CreateShadow>,
    /// The digest of the target's structure when the plan was made.
    pub target_structure: String,
    /// What of the target must be in the shadow.
    pub surviving: Surviving,
    /// The source's identity, which must not be the target's.
    pub source_identity: Identity,
    /// The target's identity when the plan was made.
    pub target_identity: Identity,
    /// How long running transactions may end by themselves.
    pub drain: Duration,
    /// The deadline for closing every session and renaming.
    pub within: Duration,
    /// How long the old database is kept.
    pub retain: Duration,
}

impl SwapDatabase {
    fn spec(&self, run: &RunId) -> SwapSpec {
        SwapSpec {
            target: self.target.clone(),
            target_structure: self.target_structure.clone(),
            surviving: self.surviving.clone(),
            shadow: Place::Shadow(self.target.clone()).address(run),
            old: Place::Old(self.target.clone()).address(run),
            source_identity: self.source_identity.clone(),
            target_identity: self.target_identity.clone(),
            drain: self.drain.as_std(),
            within: self.within.as_std(),
        }
    }
}

impl Action for SwapDatabase {
    type Receipt = Swapped;
    fn about(&self) -> About {
        let kept = if self.retain.as_std().is_zero() { "not kept".to_owned() } else { format!("kept for {} as undo", self.retain) };
        About::new(format!("swap the shadow in for `{}`", self.target.database))
            .effect(How::Changes, &self.target)
            .effect(How::Destroys, format!("the present content of {}, {kept}", self.target))
    }
    fn needs(&self) -> Vec<StepId> {
        vec![self.shadow.step]
    }
    async fn run(&self, cx: &Cx<'_>) -> Result<Swapped> {
        cx.providers.databases.swap(&self.spec(&cx.run), &cx.run).await
    }
    async fn undo(&self, cx: &Cx<'_>, _: Option<Swapped>) -> Result<()> {
        cx.providers.databases.swap_back(&self.spec(&cx.run), &cx.run).await
    }
    fn retained(&self) -> Option<std::time::Duration> {
        Some(self.retain.as_std())
    }
    async fn retire(&self, cx: &Cx<'_>, receipt: Swapped, stay: Stay) -> Result<Gone> {
        match cx.providers.databases.find_own(receipt.old.get(), &cx.run).await? {
            Some(old) => cx.providers.databases.ensure_dropped(old, stay).await,
            None => Ok(Gone::Now),
        }
    }
    fn summary(&self, receipt: Swapped) -> Summary {
        Summary { outage_seconds: Some(receipt.outage_seconds), swapped: Some(receipt), ..Summary::default() }
    }
    fn by_hand(&self, run: &RunId) -> Vec<String> {
        let SwapSpec { target, shadow, old, .. } = self.spec(run);
        vec![
            format!(
                "look which databases exist on {}: `{}`, `{}`, `{}`",
                target.endpoint, target.database, shadow.database, old.database
            ),
            format!(
                "if `{}` exists, end the sessions of both and run `begin; alter database \"{}\" rename to \"{}\"; alter database \"{}\" rename to \"{}\"; commit`",
                old.database, target.database, shadow.database, old.database, target.database
            ),
            format!("let sessions in again: `alter database \"{}\" allow_connections true`", target.database),
        ]
    }
}
