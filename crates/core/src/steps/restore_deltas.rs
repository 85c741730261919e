//! Brings back what only the target has.

use super::action::{About, Action, ReceiptOf, Summary};
use super::{CreateShadow, Cx};
use crate::environment::DatabaseAddress;
use crate::error::Result;
use crate::name::StepId;
use crate::plan::How;
use crate::provider::{DeltaSpec, Deltas, Surviving, Work};
use serde::{Deserialize, Serialize};

/// Re-creates target-only tables with their rows, views, columns and foreign keys in the shadow. Its undo is the shadow's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoreDeltas {
    /// Where they are.
    pub target: DatabaseAddress,
    /// The shadow.
    pub shadow: ReceiptOf<CreateShadow>,
    /// What of the target survives.
    pub surviving: Surviving,
}

impl Action for RestoreDeltas {
    type Receipt = Deltas;
    fn about(&self) -> About {
        About::new(format!("bring back {} objects that only the target has", self.surviving.deltas.len()))
            .effect(How::Reads, &self.target)
    }
    fn needs(&self) -> Vec<StepId> {
        vec![self.shadow.step]
    }
    async fn run(&self, cx: &Cx<'_>) -> Result<Deltas> {
        let spec = DeltaSpec { target: self.target.clone(), shadow: cx.receipt(&self.shadow)?, surviving: self.surviving.clone() };
        cx.job(&Work::Deltas(spec)).await
    }
    async fn undo(&self, _: &Cx<'_>, _: Option<Deltas>) -> Result<()> {
        Ok(())
    }
    fn summary(&self, receipt: Deltas) -> Summary {
        Summary { deltas: Some(receipt), ..Summary::default() }
    }
}
