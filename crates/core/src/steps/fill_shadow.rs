//! Copies production into the shadow.

use super::action::{About, Action, ReceiptOf, Summary};
use super::{CreateShadow, Cx};
use crate::environment::DatabaseAddress;
use crate::error::Result;
use crate::name::StepId;
use crate::plan::How;
use crate::provider::{Carried, FillSpec, Filled, Work};
use serde::{Deserialize, Serialize};

/// Copies structure and rows, masked in flight, from one snapshot of the source. Its undo is the shadow's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FillShadow {
    /// Where to copy from.
    pub source: DatabaseAddress,
    /// The database to be replaced, whose owners and grants are taken over.
    pub target: DatabaseAddress,
    /// The shadow.
    pub shadow: ReceiptOf<CreateShadow>,
    /// Which rows and how.
    pub carried: Carried,
}

impl Action for FillShadow {
    type Receipt = Filled;
    fn about(&self) -> About {
        About::new(format!("copy {} tables, masked in flight where asked", self.carried.tables.len()))
            .effect(How::Reads, &self.source)
    }
    fn needs(&self) -> Vec<StepId> {
        vec![self.shadow.step]
    }
    async fn run(&self, cx: &Cx<'_>) -> Result<Filled> {
        let spec = FillSpec {
            run: cx.run.clone(),
            source: self.source.clone(),
            shadow: cx.receipt(&self.shadow)?,
            target: self.target.clone(),
            carried: self.carried.clone(),
            deadline: cx.deadline,
        };
        cx.job(&Work::Fill(spec)).await
    }
    async fn undo(&self, _: &Cx<'_>, _: Option<Filled>) -> Result<()> {
        Ok(())
    }
    fn summary(&self, receipt: Filled) -> Summary {
        Summary { filled: Some(receipt), ..Summary::default() }
    }
}
