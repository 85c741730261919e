//! What every step can do, and how steps promise each other their receipts.

use super::Cx;
use crate::error::{Code, Error, Result};
use crate::name::{RunId, StepId};
use crate::plan::{Effect, How, Reversal};
use crate::provider::{Deltas, Filled, Gone, Kept, Stay, Swapped, Verified};
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

/// One durable piece of work: look, do, take back.
pub trait Action: Send + Sync {
    /// What later steps and `undo` must know; journaled before the step counts as done.
    type Receipt: Serialize + DeserializeOwned + Send;
    /// What a plan says of it.
    fn about(&self) -> About;
    /// The steps whose receipts it reads.
    fn needs(&self) -> Vec<StepId> {
        Vec::new()
    }
    /// Reads the world and says whether `run` may begin. Touches nothing.
    fn check(&self, _cx: &Cx<'_>) -> impl Future<Output = Result<Check>> + Send {
        async { Ok(Check::Ready) }
    }
    /// Makes it so. May be called again after a crash at any point.
    fn run(&self, cx: &Cx<'_>) -> impl Future<Output = Result<Self::Receipt>> + Send;
    /// Makes it not so. `None` means `run` began and nobody learned how it ended. The step's job has been stopped before.
    fn undo(&self, cx: &Cx<'_>, receipt: Option<Self::Receipt>) -> impl Future<Output = Result<()>> + Send;
    /// How long after its end it keeps what undo needs; `None` if it keeps nothing.
    fn retained(&self) -> Option<Duration> {
        None
    }
    /// Gives up what undo needs; called once [`Action::retained`] has passed.
    fn retire(&self, _cx: &Cx<'_>, _receipt: Self::Receipt, _stay: Stay) -> impl Future<Output = Result<Gone>> + Send {
        async { Ok(Gone::Now) }
    }
    /// What the report tells of it.
    fn summary(&self, _receipt: Self::Receipt) -> Summary {
        Summary::default()
    }
    /// What a person must do by hand where undo has failed for good.
    fn by_hand(&self, _run: &RunId) -> Vec<String> {
        Vec::new()
    }
}

/// What a plan says of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// What it does, in a few words.
    pub title: String,
    /// Whether it can be taken back.
    pub reversal: Reversal,
    /// What it touches.
    pub effects: Vec<Effect>,
}

impl About {
    /// A step that can be taken back wholly.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), reversal: Reversal::Full, effects: vec![] }
    }
    /// Adds what it touches.
    #[must_use]
    pub fn effect(mut self, how: How, what: impl fmt::Display) -> Self {
        self.effects.push(Effect { how, what: what.to_string() });
        self
    }
    /// Says how far it can be taken back.
    #[must_use]
    pub fn reversal(mut self, reversal: Reversal) -> Self {
        self.reversal = reversal;
        self
    }
}

/// What a look before the run says.
#[derive(Debug)]
pub enum Check {
    /// `run` may begin.
    Ready,
    /// `run` must not begin, and why.
    Blocked(Error),
}

/// What a report tells of a step; each step fills in what it knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// What was copied and masked.
    pub filled: Option<Filled>,
    /// What only the target had.
    pub deltas: Option<Deltas>,
    /// What became of kept rows.
    pub kept: Option<Kept>,
    /// What was compared.
    pub verified: Option<Verified>,
    /// The swap.
    pub swapped: Option<Swapped>,
    /// Seconds in which the target could not be used.
    pub outage_seconds: Option<f64>,
    /// Anything else, a line each.
    pub lines: Vec<String>,
}

/// A typed promise: "the receipt of that `FillShadow`".
#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct ReceiptOf<A> {
    /// The step that will leave it.
    pub step: StepId,
    #[serde(skip)]
    kind: PhantomData<fn() -> A>,
}

impl<A> ReceiptOf<A> {
    pub(crate) fn new(step: StepId) -> Self {
        Self { step, kind: PhantomData }
    }
}

impl<A> Clone for ReceiptOf<A> {
    fn clone(&self) -> Self {
        Self::new(self.step)
    }
}

impl<A> PartialEq for ReceiptOf<A> {
    fn eq(&self, other: &Self) -> bool {
        self.step == other.step
    }
}

impl<A> fmt::Debug for ReceiptOf<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "receipt of step {}", self.step)
    }
}

/// [`Action`] with its receipt as JSON, so that the engine can hold any step.
pub trait AnyAction: Send + Sync {
    /// See [`Action::check`].
    fn check<'a>(&'a self, cx: &'a Cx<'_>) -> BoxFuture<'a, Result<Check>>;
    /// See [`Action::run`].
    fn run<'a>(&'a self, cx: &'a Cx<'_>) -> BoxFuture<'a, Result<Value>>;
    /// See [`Action::undo`].
    fn undo<'a>(&'a self, cx: &'a Cx<'_>, receipt: Option<Value>) -> BoxFuture<'a, Result<()>>;
    /// See [`Action::retained`].
    fn retained(&self) -> Option<Duration>;
    /// See [`Action::retire`].
    fn retire<'a>(&'a self, cx: &'a Cx<'_>, receipt: Value, stay: Stay) -> BoxFuture<'a, Result<Gone>>;
    /// See [`Action::summary`].
    fn summary(&self, receipt: Value) -> Result<Summary>;
    /// See [`Action::by_hand`].
    fn by_hand(&self, run: &RunId) -> Vec<String>;
}

impl<A: Action> AnyAction for A {
    fn check<'a>(&'a self, cx: &'a Cx<'_>) -> BoxFuture<'a, Result<Check>> {
        Box::pin(Action::check(self, cx))
    }
    fn run<'a>(&'a self, cx: &'a Cx<'_>) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move { Ok(serde_json::to_value(Action::run(self, cx).await?).expect("receipts are plain data")) })
    }
    fn undo<'a>(&'a self, cx: &'a Cx<'_>, receipt: Option<Value>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { Action::undo(self, cx, receipt.map(read).transpose()?).await })
    }
    fn retained(&self) -> Option<Duration> {
        Action::retained(self)
    }
    fn retire<'a>(&'a self, cx: &'a Cx<'_>, receipt: Value, stay: Stay) -> BoxFuture<'a, Result<Gone>> {
        Box::pin(async move { Action::retire(self, cx, read(receipt)?, stay).await })
    }
    fn summary(&self, receipt: Value) -> Result<Summary> {
        Ok(Action::summary(self, read(receipt)?))
    }
    fn by_hand(&self, run: &RunId) -> Vec<String> {
        Action::by_hand(self, run)
    }
}

/// Reads a receipt back. A receipt of another shape was not written by this version.
pub(super) fn read<R: DeserializeOwned>(receipt: Value) -> Result<R> {
    serde_json::from_value(receipt).map_err(|cause| {
        Code::JournalCorrupt
            .error("a receipt in the journal is not what its step writes")
            .help("use the version of restage that wrote this run")
            .because(cause)
    })
}
