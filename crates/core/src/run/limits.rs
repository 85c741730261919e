//! The limits of a run, each with a name.

use crate::plan::Plan;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Named limits; `docs/limits.md` lists them with their reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Steps at work at the same time; default 4.
    pub concurrent_steps: usize,
    /// Attempts at a step whose failure may pass by itself; default 3.
    pub step_attempts: u32,
    /// Attempts at taking a step back before the run is stuck; default 3.
    pub undo_attempts: u32,
    /// The pause before the second attempt; each further one takes twice as long; default 2 s.
    pub retry_pause: Duration,
    /// How long one look at a job lasts; 60 s at most; default 1 s.
    pub watch_slice: Duration,
    /// How often the lease is renewed and requests are read; default 1 s.
    pub tick: Duration,
    /// How long one process may drive the run, from taking it up to its end; default 12 h.
    pub run_within: Duration,
    /// How long taking one step back may take; default 30 min.
    pub undo_within: Duration,
}

impl Limits {
    /// The defaults with what a plan limits otherwise.
    pub fn of(plan: &Plan) -> Self {
        Self {
            concurrent_steps: plan.limits.concurrent_steps.get().into(),
            run_within: plan.limits.run_within.as_std(),
            ..Self::default()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent_steps: 4,
            step_attempts: 3,
            undo_attempts: 3,
            retry_pause: Duration::from_secs(2),
            watch_slice: Duration::from_secs(1),
            tick: Duration::from_secs(1),
            run_within: Duration::from_hours(12),
            undo_within: Duration::from_mins(30),
        }
    }
}
