//! A gate: goes on only once a person has approved.

use super::Cx;
use super::action::{About, Action, Summary};
use crate::error::{Code, Result};
use crate::name::StepId;
use crate::run::{Person, Run};
use crate::steps::Step;
use serde::{Deserialize, Serialize};

/// Waits, for as long as it takes, for a person's judgement. The approval itself is an event of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitApproval {
    /// What the person is asked.
    pub message: String,
    /// Who may not approve.
    pub four_eyes: FourEyes,
}

/// Whether the person who started a run may approve in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FourEyes {
    /// Somebody else must.
    Required,
    /// Anybody may.
    NotRequired,
}

/// The receipt of a gate: it was passed. Who approved stands in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {}

impl Action for AwaitApproval {
    type Receipt = Approval;
    fn about(&self) -> About {
        About::new(format!("approve: {}", self.message))
    }
    async fn run(&self, _: &Cx<'_>) -> Result<Approval> {
        Ok(Approval {})
    }
    async fn undo(&self, _: &Cx<'_>, _: Option<Approval>) -> Result<()> {
        Ok(())
    }
    fn summary(&self, _: Approval) -> Summary {
        Summary { lines: vec![format!("approved: {}", self.message)], ..Summary::default() }
    }
}

/// Whether that person may approve at that gate of that plan.
pub fn may_approve(run: &Run<'_>, step: StepId, plan: &str, by: &Person) -> Result<()> {
    if run.plan().digest() != plan {
        return Err(Code::ApprovalMismatch
            .error("the plan was changed after it was read")
            .help("read the plan again with `restage show`, then approve that one"));
    }
    let gate = run.plan().steps.get(step.index()).map(|planned| &planned.step);
    let Some(Step::AwaitApproval(gate)) = gate else {
        return Err(Code::WrongMoment
            .error(format!("step {step} is no gate"))
            .help("see `restage show` for what the run waits for"));
    };
    let starter = run.started().map(|(_, starter)| starter);
    if gate.four_eyes == FourEyes::Required && starter == Some(by) {
        return Err(Code::ApproverRefused
            .error(format!("`{by}` started the run and may not approve it"))
            .help("ask somebody else to run `restage approve`"));
    }
    Ok(())
}
