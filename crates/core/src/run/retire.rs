//! Gives up what finished runs keep for their undo, once its time has passed.

use super::advance::{Drive, after};
use super::control::Cancel;
use super::event::{Event, What};
use super::rules::Believe;
use super::state::{Run, StepState};
use crate::error::Result;
use crate::name::StepId;
use crate::provider::{Gone, Stay};
use crate::steps::Cx;
use jiff::Timestamp;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Whether what is retained may go before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Only what has expired.
    Expired,
    /// All of it: somebody gave the undo up.
    Now,
}

/// Retires every step that is due; returns those that were, and when what they retained is gone.
pub async fn retire(drive: &Drive<'_>, due: Due, stay: Stay) -> Result<Vec<(StepId, Gone)>> {
    let events = drive.journal.read().await?;
    let mut run = Run::replay(drive.plan, &events)?;
    let mut retired = Vec::new();
    for step in retirable(&run, drive.clock.now(), due) {
        for lease in &drive.leases {
            lease.renew().await?;
        }
        record(drive, &mut run, What::RetireStarted { step }).await?;
        let receipt = run.receipts().get(&step).cloned().expect("a step that is done left its receipt");
        let cx = cx(drive, &run, step);
        let gone = cx.limited(drive.plan.step(step).step.action().retire(&cx, receipt, stay)).await?;
        record(drive, &mut run, What::RetireDone { step }).await?;
        retired.push((step, gone));
    }
    Ok(retired)
}

/// The steps of a finished run whose retained things are due.
pub fn retirable(run: &Run<'_>, now: Timestamp, due: Due) -> Vec<StepId> {
    if run.next() != super::Next::Ended(super::Outcome::Refreshed) {
        return vec![];
    }
    let is_due = |step: &StepId| match (run.state(*step), run.plan().step(*step).step.action().retained(), run.times(*step).end) {
        (StepState::Retiring, ..) => true,
        (StepState::Done, Some(_), _) if due == Due::Now => true,
        (StepState::Done, Some(kept_for), Some(end)) => end.saturating_add(kept_for).is_ok_and(|until| until <= now),
        _ => false,
    };
    run.plan().ids().filter(is_due).collect()
}

async fn record(drive: &Drive<'_>, run: &mut Run<'_>, what: What) -> Result<()> {
    let event = Event { at: drive.clock.now(), what };
    drive.rules.believe(Believe { run, journal: drive.journal, event: event.clone() }).await?;
    drive.observer.event(&event);
    Ok(())
}

fn cx<'a>(drive: &Drive<'a>, run: &Run<'_>, step: StepId) -> Cx<'a> {
    Cx {
        run: drive.id.clone(),
        step,
        providers: drive.providers,
        clock: drive.clock,
        observer: drive.observer,
        cancel: Cancel::default(),
        watch_slice: drive.limits.watch_slice,
        // As long as taking it back: either may have to drop a large database.
        deadline: after(drive.clock.now(), drive.limits.undo_within),
        receipts: Arc::new(run.receipts().clone()),
        at_job: AtomicBool::new(false),
    }
}
