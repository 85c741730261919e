//! Compares the whole shadow right before the swap.

use super::action::{About, Action, ReceiptOf, Summary};
use super::{CreateShadow, Cx};
use crate::environment::DatabaseAddress;
use crate::error::Result;
use crate::name::StepId;
use crate::provider::{Against, Surviving, Verified, VerifySpec, Work};
use serde::{Deserialize, Serialize};

/// Constraints valid, sequences at or past their columns, kept rows present; a difference fails the step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifyShadow {
    /// Production, for what is not valid there either.
    pub source: DatabaseAddress,
    /// The database to be replaced, where kept rows come from.
    pub target: DatabaseAddress,
    /// The shadow.
    pub shadow: ReceiptOf<CreateShadow>,
    /// What of the target survives.
    pub surviving: Surviving,
}

impl Action for VerifyShadow {
    type Receipt = Verified;
    fn about(&self) -> About {
        About::new("check constraints, sequences and kept rows")
    }
    fn needs(&self) -> Vec<StepId> {
        vec![self.shadow.step]
    }
    async fn run(&self, cx: &Cx<'_>) -> Result<Verified> {
        let Self { source, target, surviving, .. } = self.clone();
        let against = Against::Origins { source, target, surviving };
        cx.job(&Work::Verify(VerifySpec { shadow: cx.receipt(&self.shadow)?, against })).await
    }
    async fn undo(&self, _: &Cx<'_>, _: Option<Verified>) -> Result<()> {
        Ok(())
    }
    fn summary(&self, receipt: Verified) -> Summary {
        Summary { verified: Some(receipt), ..Summary::default() }
    }
}
