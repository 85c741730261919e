//! The plan: every name and choice made, so that running it decides nothing.

mod builder;
mod finding;
mod make;
mod outlook;

pub use builder::Builder;
pub use finding::{Finding, Level};
pub use make::{Asked, Refusals, plan};
pub use outlook::{COPY_BYTES_PER_SECOND, INDEX_BYTES_PER_SECOND, Outlook, StepOutlook, TABLES_PER_SECOND};

use crate::duration::Duration;
use crate::environment::DatabaseAddress;
use crate::name::{EnvironmentName, ScenarioName, StepId};
use crate::scenario::{Limits, OnFailure};
use crate::steps::Step;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The immutable graph of steps. Its digest covers all but the [`Outlook`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The scenario it was made from.
    pub scenario: ScenarioName,
    /// The scenario's title.
    pub title: String,
    /// The environment that is read.
    pub from: EnvironmentName,
    /// The environment that is changed.
    pub to: EnvironmentName,
    /// What a failed run does.
    pub on_failure: OnFailure,
    /// The databases that only one run may work on at a time.
    pub targets: Vec<DatabaseAddress>,
    /// The steps; each comes after those it needs.
    pub steps: Vec<PlannedStep>,
    /// Steps at work at the same time, and how long one process may drive the run.
    pub limits: Limits,
    /// The digest of the facts that decided it.
    pub facts: String,
    /// Estimates, warnings and whatever else is shown and not decided upon.
    pub outlook: Outlook,
}

/// One step with its place in the graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// The stage it belongs to, as a person names it.
    pub stage: String,
    /// What it does, in a few words.
    pub title: String,
    /// The work.
    pub step: Step,
    /// The steps that must be done before it.
    pub needs: Vec<StepId>,
    /// Its deadline, counted from each start.
    pub within: Duration,
    /// Whether it can be taken back.
    pub reversal: Reversal,
    /// What it reads, changes and destroys.
    pub effects: Vec<Effect>,
}

/// Whether a step can be taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reversal", content = "what", rename_all = "kebab-case")]
pub enum Reversal {
    /// All of it.
    Full,
    /// All but this, which does no harm to the target's data.
    Leaves(String),
    /// No: this is a point of no return.
    Never(String),
}

/// Something a step does to something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// How.
    pub how: How,
    /// To what.
    pub what: String,
}

/// The ways of touching a thing, from harmless to final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Looks at it.
    Reads,
    /// Makes it.
    Creates,
    /// Changes it.
    Changes,
    /// Gives up its present content, at once or once retained copies expire.
    Destroys,
}

impl Plan {
    /// The ids of the steps in their order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = StepId> + use<> {
        (0..u32::try_from(self.steps.len()).expect("a plan has fewer than 2^32 steps")).map(StepId)
    }
    /// The step of that id.
    pub fn step(&self, id: StepId) -> &PlannedStep {
        &self.steps[id.index()]
    }
    /// SHA-256, in hexadecimal, over everything but the outlook.
    pub fn digest(&self) -> String {
        let decided = Self { outlook: Outlook::default(), ..self.clone() };
        let json = serde_json::to_vec(&decided).expect("a plan is plain data");
        crate::facts::hex(&Sha256::digest(json))
    }
    /// The first step after which undo cannot bring the old state back.
    pub fn point_of_no_return(&self) -> Option<StepId> {
        self.ids().find(|id| matches!(self.step(*id).reversal, Reversal::Never(_)))
    }
}
