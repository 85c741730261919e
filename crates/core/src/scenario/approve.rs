//! The stage `approve`: a person's judgement.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Stops the run until a person approves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approve {
    /// What the person has to judge.
    pub message: String,
    /// Who may approve.
    pub approver: Approver,
}

/// Who may approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approver {
    /// Anyone who may approve at all.
    Anyone,
    /// Not the one who started the run.
    SomeoneElse,
}

/// Stops the run until a person approves; the approval is recorded with the run and holds for its plan only.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "approve")]
pub(super) struct WrittenApprove {
    /// What the person has to judge, shown where the approval is asked for.
    #[schemars(length(min = 1))]
    message: String,
    /// Whether the one who approves must not be the one who started the run; default false.
    #[serde(default)]
    distinct: bool,
}

impl WrittenApprove {
    pub(super) fn read(&self) -> Approve {
        let approver = if self.distinct { Approver::SomeoneElse } else { Approver::Anyone };
        Approve { message: self.message.clone(), approver }
    }
}
