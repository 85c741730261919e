//! Compares the copy with what its source said.

use super::action::{About, Action, ReceiptOf, Summary};
use super::{CreateShadow, Cx, FillShadow};
use crate::error::Result;
use crate::name::StepId;
use crate::provider::{Against, Verified, VerifySpec, Work};
use serde::{Deserialize, Serialize};

/// Counts every copied table, and sums its content if asked; a difference fails the step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifyRows {
    /// The shadow.
    pub shadow: ReceiptOf<CreateShadow>,
    /// What the copy said.
    pub filled: ReceiptOf<FillShadow>,
}

impl Action for VerifyRows {
    type Receipt = Verified;
    fn about(&self) -> About {
        About::new("compare the copy with its source")
    }
    fn needs(&self) -> Vec<StepId> {
        vec![self.shadow.step, self.filled.step]
    }
    async fn run(&self, cx: &Cx<'_>) -> Result<Verified> {
        let spec = VerifySpec { shadow: cx.receipt(&self.shadow)?, against: Against::Copy(cx.receipt(&self.filled)?) };
        cx.job(&Work::Verify(spec)).await
    }
    async fn undo(&self, _: &Cx<'_>, _: Option<Verified>) -> Result<()> {
        Ok(())
    }
    fn summary(&self, receipt: Verified) -> Summary {
        Summary { verified: Some(receipt), ..Summary::default() }
    }
}
