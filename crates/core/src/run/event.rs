//! The events of a run: the only durable truth about it.

use crate::error::Failure;
use crate::name::StepId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// One thing that happened, with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// Who did something: a login name, or the name of a system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Person(pub String);

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The kinds of event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// The run began.
    RunStarted {
        /// Who started it.
        by: Person,
        /// The digest of the plan that was agreed to.
        plan: String,
    },
    /// A process took the run up, at first or after a crash.
    DriverStarted {
        /// Where it runs: host and process id.
        driver: String,
    },
    /// A step is about to touch the world.
    StepStarted {
        /// The step.
        step: StepId,
    },
    /// A step has reached its end.
    StepDone {
        /// The step.
        step: StepId,
        /// What its undo and later steps must know.
        receipt: Value,
    },
    /// A step has failed.
    StepFailed {
        /// The step.
        step: StepId,
        /// Why.
        failure: Failure,
        /// Whether it is tried again without anyone's asking.
        again: bool,
    },
    /// A person approved at a gate.
    Approved {
        /// The gate.
        step: StepId,
        /// Who.
        by: Person,
    },
    /// Somebody asked for failed steps to be tried again.
    ResumeAsked {
        /// Who.
        by: Person,
    },
    /// Every step that started is to be taken back.
    UndoAsked {
        /// Who; the scenario itself if `on-failure: undo` decides.
        by: Person,
    },
    /// Work is to stop, and every step that started is to be taken back.
    CancelAsked {
        /// Who.
        by: Person,
    },
    /// A step is about to be taken back.
    UndoStarted {
        /// The step.
        step: StepId,
    },
    /// A step has been taken back.
    UndoDone {
        /// The step.
        step: StepId,
    },
    /// Taking a step back failed.
    UndoFailed {
        /// The step.
        step: StepId,
        /// Why.
        failure: Failure,
        /// Whether it is tried again without anyone's asking.
        again: bool,
    },
    /// What a step kept for its undo is about to be given up.
    RetireStarted {
        /// The step.
        step: StepId,
    },
    /// What a step kept for its undo is gone.
    RetireDone {
        /// The step.
        step: StepId,
    },
}

impl What {
    /// The step it is about, if it is about one.
    pub fn step(&self) -> Option<StepId> {
        match self {
            Self::RunStarted { .. }
            | Self::DriverStarted { .. }
            | Self::ResumeAsked { .. }
            | Self::UndoAsked { .. }
            | Self::CancelAsked { .. } => None,
            Self::StepStarted { step }
            | Self::StepDone { step, .. }
            | Self::StepFailed { step, .. }
            | Self::Approved { step, .. }
            | Self::UndoStarted { step }
            | Self::UndoDone { step }
            | Self::UndoFailed { step, .. }
            | Self::RetireStarted { step }
            | Self::RetireDone { step } => Some(*step),
        }
    }
}
