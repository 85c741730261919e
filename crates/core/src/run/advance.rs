//! The driver: takes a run from where its journal says it is to where nothing more can be done.

use super::control::{Asked, Cancel, Journal, Lease, Observer, Request, Requests};
use super::event::{Event, Person, What};
use super::limits::Limits;
use super::rules::{Believe, Rules};
use super::state::{Next, Outcome, Run, StepState};
use crate::error::{Code, Error, Failure, Result};
use crate::name::{RunId, StepId};
use crate::plan::Plan;
use crate::provider::{Clock, Providers};
use crate::steps::{Check, Cx};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Everything a driver needs.
pub struct Drive<'a> {
    /// The run.
    pub id: RunId,
    /// Who started it, for the first event.
    pub by: Person,
    /// Where this driver runs: host and process id.
    pub driver: String,
    /// The plan.
    pub plan: &'a Plan,
    /// The journal.
    pub journal: &'a dyn Journal,
    /// What must be held all along: the store's lease, the targets' marks.
    pub leases: Vec<&'a dyn Lease>,
    /// What people ask meanwhile.
    pub requests: &'a dyn Requests,
    /// The world.
    pub providers: &'a Providers,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Who watches.
    pub observer: &'a dyn Observer,
    /// Limits.
    pub limits: Limits,
    /// The rules; [`super::Sound`] in the product.
    pub rules: &'a dyn Rules,
}

type Ended = (StepId, Attempt, Result<Value>);
type Work<'a> = FuturesUnordered<BoxFuture<'a, Ended>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Do,
    Undo,
}

/// Drives the run until it has ended, is held, stuck or waiting, or the lease is lost.
///
/// Errors are the driver's own: a journal that cannot be written, a lease that was lost. The run's failures are its outcome.
pub async fn advance(drive: &Drive<'_>) -> Result<Outcome> {
    let events = drive.journal.read().await?;
    let mut driver = Driver {
        drive,
        run: Run::replay(drive.plan, &events)?,
        busy: BTreeSet::new(),
        cancel: Cancel::default(),
        since: drive.clock.now(),
    };
    let result = driver.go().await;
    if result.is_err() {
        // The run may be another driver's by now: nothing of this one may touch the world any more.
        drive.providers.jobs.abandon().await;
    }
    result
}

struct Driver<'a> {
    drive: &'a Drive<'a>,
    run: Run<'a>,
    /// Steps this driver has at work.
    busy: BTreeSet<StepId>,
    cancel: Cancel,
    since: jiff::Timestamp,
}

impl<'a> Driver<'a> {
    async fn go(&mut self) -> Result<Outcome> {
        if self.run.started().is_none() {
            let plan = self.drive.plan.digest();
            self.record(What::RunStarted { by: self.drive.by.clone(), plan }).await?;
        }
        self.record(What::DriverStarted { driver: self.drive.driver.clone() }).await?;
        let mut work: Work<'a> = FuturesUnordered::new();
        loop {
            self.hear().await?;
            if work.is_empty() && self.run.wants_undo() {
                self.record(What::UndoAsked { by: Person("on-failure: undo".into()) }).await?;
            }
            self.start(&mut work).await?;
            if work.is_empty()
                && let Next::Ended(outcome) = self.drive.rules.next(&self.run)
            {
                return Ok(outcome);
            }
            if let Some((step, attempt, result)) = self.wait(&mut work).await {
                self.busy.remove(&step);
                self.settle(step, attempt, result).await?;
            }
        }
    }

    /// Waits for a step to end, or for the next tick.
    async fn wait(&self, work: &mut Work<'a>) -> Option<Ended> {
        let tick = self.drive.clock.sleep(self.drive.limits.tick);
        match futures::future::select(work.next(), tick).await {
            futures::future::Either::Left((ended, _)) => ended,
            futures::future::Either::Right(_) => None,
        }
    }

    /// Renews the leases, reads what people ask, and looks at the run's own deadline.
    async fn hear(&mut self) -> Result<()> {
        for lease in &self.drive.leases {
            lease.renew().await?;
        }
        for asked in self.drive.requests.open().await? {
            self.answer(&asked).await?;
            self.drive.requests.settle(asked.id).await?;
        }
        Ok(())
    }

    async fn answer(&mut self, asked: &Asked) -> Result<()> {
        let by = asked.by.clone();
        let what = match &asked.request {
            Request::Resume => What::ResumeAsked { by },
            Request::Undo if self.run.past_return().is_none() => What::UndoAsked { by },
            Request::Cancel if self.run.past_return().is_none() => What::CancelAsked { by },
            Request::Approve { step, plan } if self.may_approve(*step, plan, &by) => What::Approved { step: *step, by },
            // Past the point of no return, or an approval of something else: the asker was told, nothing changes.
            Request::Undo | Request::Cancel | Request::Approve { .. } => return Ok(()),
        };
        if matches!(what, What::UndoAsked { .. } | What::CancelAsked { .. }) {
            self.cancel.ask();
        }
        self.record(what).await
    }

    fn may_approve(&self, step: StepId, plan: &str, by: &Person) -> bool {
        crate::steps::may_approve(&self.run, step, plan, by).is_ok()
    }

    async fn start(&mut self, work: &mut Work<'a>) -> Result<()> {
        match self.drive.rules.next(&self.run) {
            Next::Start(steps) => {
                for step in steps {
                    if self.busy.len() >= self.drive.limits.concurrent_steps {
                        break;
                    }
                    if !self.busy.contains(&step) {
                        self.begin(step, work).await?;
                    }
                }
            }
            // Undoing begins when nothing is at work any more, one step at a time, the latest first.
            Next::Undo(step) if work.is_empty() => {
                self.record(What::UndoStarted { step }).await?;
                self.busy.insert(step);
                work.push(self.undoing(step));
            }
            Next::Undo(_) | Next::Ended(_) => {}
        }
        Ok(())
    }

    async fn begin(&mut self, step: StepId, work: &mut Work<'a>) -> Result<()> {
        self.record(What::StepStarted { step }).await?;
        self.busy.insert(step);
        work.push(self.doing(step));
        Ok(())
    }

    fn doing(&self, step: StepId) -> BoxFuture<'a, Ended> {
        let within = self.drive.plan.step(step).within.as_std();
        let mut cx = self.cx(step, within);
        cx.deadline = cx.deadline.min(after(self.since, self.drive.limits.run_within));
        let action = self.drive.plan.step(step).step.action();
        let pause = self.pause(step);
        Box::pin(async move {
            let result = cx.limited(async {
                cx.pause(pause).await?;
                if let Check::Blocked(error) = action.check(&cx).await? {
                    return Err(error);
                }
                action.run(&cx).await
            });
            (step, Attempt::Do, result.await)
        })
    }

    fn undoing(&self, step: StepId) -> BoxFuture<'a, Ended> {
        let mut cx = self.cx(step, self.drive.limits.undo_within);
        cx.cancel = Cancel::default(); // an undo is never cancelled
        let action = self.drive.plan.step(step).step.action();
        let receipt = self.run.receipts().get(&step).cloned();
        let pause = self.pause(step);
        Box::pin(async move {
            let result = cx.limited(async {
                cx.pause(pause).await?;
                cx.providers.jobs.stop(&cx.job_name()).await?;
                action.undo(&cx, receipt).await
            });
            (step, Attempt::Undo, result.await.map(|()| Value::Null))
        })
    }

    /// The first attempt begins at once, each further one waits twice as long as the one before.
    fn pause(&self, step: StepId) -> Duration {
        match self.run.times(step).attempts_in_a_row {
            0 | 1 => Duration::ZERO,
            nth => self.drive.limits.retry_pause.saturating_mul(1 << (nth - 2).min(10)),
        }
    }

    fn cx(&self, step: StepId, within: Duration) -> Cx<'a> {
        Cx {
            run: self.drive.id.clone(),
            step,
            providers: self.drive.providers,
            clock: self.drive.clock,
            observer: self.drive.observer,
            cancel: self.cancel.clone(),
            watch_slice: self.drive.limits.watch_slice,
            deadline: after(self.drive.clock.now(), within),
            receipts: Arc::new(self.run.receipts().clone()),
            at_job: AtomicBool::new(false),
        }
    }

    async fn settle(&mut self, step: StepId, attempt: Attempt, result: Result<Value>) -> Result<()> {
        let what = match (attempt, result) {
            (Attempt::Do, Ok(receipt)) => What::StepDone { step, receipt },
            (Attempt::Do, Err(error)) => {
                let again = self.tries_again(step, &error, self.drive.limits.step_attempts);
                What::StepFailed { step, failure: Failure::from(&error), again }
            }
            (Attempt::Undo, Ok(_)) => What::UndoDone { step },
            (Attempt::Undo, Err(error)) => {
                let hopeless = error.code == Code::CannotUndo;
                let again = !hopeless && self.run.times(step).attempts_in_a_row < self.drive.limits.undo_attempts;
                What::UndoFailed { step, failure: Failure::from(&error), again }
            }
        };
        self.record(what).await
    }

    fn tries_again(&self, step: StepId, error: &Error, attempts: u32) -> bool {
        let in_time = !self.cancel.is_asked();
        error.retry && in_time && self.run.times(step).attempts_in_a_row < attempts && *self.run.state(step) == StepState::Running
    }

    async fn record(&mut self, what: What) -> Result<()> {
        let event = Event { at: self.drive.clock.now(), what };
        let believe = Believe { run: &mut self.run, journal: self.drive.journal, event: event.clone() };
        self.drive.rules.believe(believe).await?;
        self.drive.observer.event(&event);
        Ok(())
    }
}

pub(super) fn after(moment: jiff::Timestamp, time: Duration) -> jiff::Timestamp {
    moment.saturating_add(time).unwrap_or(jiff::Timestamp::MAX)
}
