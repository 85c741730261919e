//! Carries the kept rows over.

use super::action::{About, Action, ReceiptOf, Summary};
use super::{CreateShadow, Cx};
use crate::environment::DatabaseAddress;
use crate::error::Result;
use crate::name::StepId;
use crate::plan::How;
use crate::provider::{KeepSpec, Kept, Surviving, Work};
use serde::{Deserialize, Serialize};

/// Adds the target's own rows of the kept tables to production's in the shadow. Its undo is the shadow's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeepRows {
    /// Where they are.
    pub target: DatabaseAddress,
    /// The shadow.
    pub shadow: ReceiptOf<CreateShadow>,
    /// What of the target survives.
    pub surviving: Surviving,
}

impl Action for KeepRows {
    type Receipt = Kept;
    fn about(&self) -> About {
        let tables: Vec<String> = self.surviving.keep.iter().map(|keep| format!("`{}`", keep.table)).collect();
        About::new(format!("keep rows of {}", tables.join(", "))).effect(How::Reads, &self.target)
    }
    fn needs(&self) -> Vec<StepId> {
        vec![self.shadow.step]
    }
    async fn run(&self, cx: &Cx<'_>) -> Result<Kept> {
        let spec = KeepSpec { target: self.target.clone(), shadow: cx.receipt(&self.shadow)?, surviving: self.surviving.clone() };
        cx.job(&Work::Keep(spec)).await
    }
    async fn undo(&self, _: &Cx<'_>, _: Option<Kept>) -> Result<()> {
        Ok(())
    }
    fn summary(&self, receipt: Kept) -> Summary {
        Summary { kept: Some(receipt), ..Summary::default() }
    }
}
