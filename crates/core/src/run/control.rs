//! What a driver needs besides the providers: the journal, its leases, requests of people, and who watches.

use super::event::{Event, Person};
use crate::error::Result;
use crate::name::StepId;
use crate::provider::Progress;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// An event's place in its journal, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

/// The append-only events of one run.
#[async_trait::async_trait]
pub trait Journal: Send + Sync {
    /// Returns once the event would survive power loss; refused with [`crate::Code::LeaseLost`] unless `at` is the next place.
    async fn append(&self, at: Seq, event: &Event) -> Result<()>;
    /// Every event so far, in order.
    async fn read(&self) -> Result<Vec<Event>>;
}

/// The right to drive a run against a target: a row in the store, or a mark on the target itself.
#[async_trait::async_trait]
pub trait Lease: Send + Sync {
    /// Holds it a while longer; [`crate::Code::LeaseLost`] if it is no longer ours.
    async fn renew(&self) -> Result<()>;
}

/// What people ask of a run while a driver may be at it.
#[async_trait::async_trait]
pub trait Requests: Send + Sync {
    /// Requests not yet settled, oldest first.
    async fn open(&self) -> Result<Vec<Asked>>;
    /// Marks one as settled; settling twice is no error.
    async fn settle(&self, id: RequestId) -> Result<()>;
}

/// A request's id within its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub i64);

/// A request with who made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Its id.
    pub id: RequestId,
    /// Who.
    pub by: Person,
    /// What.
    pub request: Request,
}

/// What people may ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// Try failed steps again.
    Resume,
    /// Take everything back.
    Undo,
    /// Stop, and take everything back.
    Cancel,
    /// Let the run pass a gate.
    Approve {
        /// The gate.
        step: StepId,
        /// The digest of the plan that was approved.
        plan: String,
    },
}

/// Hears of events and progress as they come; can refuse nothing and must return at once.
pub trait Observer: Send + Sync {
    /// A durable event.
    fn event(&self, event: &Event);
    /// Droppable progress of a step.
    fn progress(&self, step: StepId, progress: &Progress);
}

/// Tells steps at work that they must stop.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks for the stop.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Release);
    }
    /// Whether the stop was asked for.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
