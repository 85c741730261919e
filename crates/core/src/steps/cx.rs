//! What a step is given.

use super::action::{Action, ReceiptOf, read};
use crate::error::{Code, Error, Failure, Result};
use crate::name::{JobName, RunId, StepId};
use crate::provider::{Clock, Progress, Providers, Watch, Work};
use crate::run::{Cancel, Observer};
use futures::future::{Either, select};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a step that must stop may take to end by itself: it knows best what it waited for, and what is nearly done is
/// easier taken back than what was broken off.
const NOTICE_LIMIT: Duration = Duration::from_secs(15);
/// How long stopping a job may take, with all its traces looked for.
const STOPPING_LIMIT: Duration = Duration::from_mins(5);

/// The step's surroundings: who it is, the world, time, and whether it must stop.
pub struct Cx<'a> {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepId,
    /// The world.
    pub providers: &'a Providers,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Who watches.
    pub observer: &'a dyn Observer,
    /// Whether the step must stop.
    pub cancel: Cancel,
    /// How long one look at a job lasts.
    pub watch_slice: Duration,
    /// When the step must have ended.
    pub deadline: Timestamp,
    /// The receipts of finished steps.
    pub receipts: Arc<BTreeMap<StepId, Value>>,
    /// Whether the step is at a job: whoever watches that ends it, and must not be cut off meanwhile.
    pub(crate) at_job: AtomicBool,
}

impl Cx<'_> {
    /// The receipt of a step that this one needs.
    pub fn receipt<A: Action>(&self, of: &ReceiptOf<A>) -> Result<A::Receipt> {
        let value = self.receipts.get(&of.step).expect("the plan orders receipts before their readers");
        read(value.clone())
    }
    /// The name of this step's job.
    pub fn job_name(&self) -> JobName {
        JobName::of(&self.run, self.step)
    }
    /// Tells whoever watches how far the step is.
    pub fn progress(&self, progress: &Progress) {
        self.observer.progress(self.step, progress);
    }
    /// Errs once the step must stop or its deadline has passed; called between slices of waiting.
    pub fn go_on(&self) -> Result<()> {
        if self.cancel.is_asked() {
            return Err(Code::Interrupted
                .error("the step was stopped")
                .help("`restage resume` starts it again, `restage undo` takes the run back"));
        }
        if self.clock.now() > self.deadline {
            return Err(Code::DeadlinePassed
                .error("the step's deadline has passed")
                .help("give it more time with `within:` in the scenario, or find out what it waited for with `restage logs`"));
        }
        Ok(())
    }
    /// Does the step's work, and cuts it off if it goes on after [`Cx::go_on`] has begun to err: a call that hangs never asks.
    pub async fn limited<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.or_cut_off(work, || !self.at_job.load(Ordering::Acquire)).await
    }
    /// Waits so long, in slices; errs as soon as [`Cx::go_on`] does.
    pub async fn pause(&self, time: Duration) -> Result<()> {
        let mut left = time;
        while !left.is_zero() {
            self.go_on()?;
            let slice = left.min(self.watch_slice);
            self.clock.sleep(slice).await;
            left -= slice;
        }
        self.go_on()
    }
    /// Starts this step's job, unless it is running already, and watches it to its end.
    pub async fn job<R: DeserializeOwned>(&self, work: &Work) -> Result<R> {
        self.watch(&self.job_name(), work).await
    }
    /// Starts the job that takes this step back, and watches it to its end.
    pub async fn undo_job<R: DeserializeOwned>(&self, work: &Work) -> Result<R> {
        self.watch(&JobName::undoing(&self.run, self.step), work).await
    }

    /// Starts this step's job, unless it is running already, and looks at something else beside it, which says when all has come
    /// to an end. A job that is still at work then is stopped.
    pub(crate) async fn job_beside<B: Beside>(&self, work: &Work, beside: &mut B) -> Result<B::Told> {
        let name = self.job_name();
        self.at_work(&name, async {
            let (told, stands) = self.watch_beside(&name, work, beside).await?;
            if matches!(stands, Stands::AtWork) {
                self.stop(&name).await?;
            }
            Ok(told)
        })
        .await
    }

    async fn watch<R: DeserializeOwned>(&self, name: &JobName, work: &Work) -> Result<R> {
        self.at_work(name, self.watch_to_end(name, work)).await
    }

    async fn at_work<R>(&self, name: &JobName, watching: impl Future<Output = Result<R>>) -> Result<R> {
        self.at_job.store(true, Ordering::Release);
        let watched = match self.or_cut_off(watching, || true).await {
            Ok(receipt) => Ok(receipt),
            // Whatever went wrong, a job that nobody watches must not go on.
            Err(error) => Err(match self.stop(name).await {
                Ok(()) => error,
                Err(cause) => still_at_work(&error, name, &cause),
            }),
        };
        self.at_job.store(false, Ordering::Release);
        watched
    }

    async fn stop(&self, name: &JobName) -> Result<()> {
        match select(self.providers.jobs.stop(name), self.clock.sleep(STOPPING_LIMIT)).await {
            Either::Left((stopped, _)) => stopped,
            Either::Right(_) => Err(Code::DeadlinePassed.error(format!("it did not stop within {} s", STOPPING_LIMIT.as_secs()))),
        }
    }

    async fn or_cut_off<T>(&self, work: impl Future<Output = Result<T>>, may_cut: impl Fn() -> bool) -> Result<T> {
        let overdue = async {
            loop {
                if self.go_on().is_err() && may_cut() {
                    self.clock.sleep(NOTICE_LIMIT).await;
                    if let (Err(stop), true) = (self.go_on(), may_cut()) {
                        return stop;
                    }
                }
                self.clock.sleep(self.watch_slice).await;
            }
        };
        match select(pin!(work), pin!(overdue)).await {
            Either::Left((done, _)) => done,
            Either::Right((stop, _)) => Err(stop),
        }
    }

    async fn watch_beside<B: Beside>(&self, name: &JobName, work: &Work, beside: &mut B) -> Result<(B::Told, Stands)> {
        let jobs = &self.providers.jobs;
        jobs.start(name, work).await?;
        let mut stands = Stands::AtWork;
        loop {
            self.go_on()?;
            if matches!(stands, Stands::AtWork) {
                stands = match jobs.watch(name, self.watch_slice).await? {
                    Watch::Running(_) => Stands::AtWork,
                    Watch::Done(_) => Stands::Ended,
                    Watch::Failed(error) if error.code == Code::CommandFailed => Stands::Failed(error),
                    Watch::Failed(error) => return Err(error),
                };
            } else {
                self.clock.sleep(self.watch_slice).await;
            }
            if let Some(told) = beside.look(self, &stands).await? {
                return Ok((told, stands));
            }
        }
    }

    async fn watch_to_end<R: DeserializeOwned>(&self, name: &JobName, work: &Work) -> Result<R> {
        let jobs = &self.providers.jobs;
        jobs.start(name, work).await?;
        loop {
            self.go_on()?;
            match jobs.watch(name, self.watch_slice).await? {
                Watch::Running(Some(progress)) => self.progress(&progress),
                Watch::Running(None) => {}
                Watch::Done(receipt) => return read(receipt),
                Watch::Failed(error) => return Err(error),
            }
        }
    }
}

/// How a job stands that something is looked at beside.
pub(crate) enum Stands {
    /// It is at work.
    AtWork,
    /// It has ended well.
    Ended,
    /// It has ended otherwise.
    Failed(Error),
}

/// What is looked at beside a job, again and again.
pub(crate) trait Beside: Send {
    /// What it comes to.
    type Told: Send;
    /// Looks once; an end, or an error, ends the looking.
    fn look(&mut self, cx: &Cx<'_>, job: &Stands) -> impl Future<Output = Result<Option<Self::Told>>> + Send;
}

/// The step's failure, with what became of its job after its own causes: what went wrong first says more.
fn still_at_work(error: &Error, name: &JobName, cause: &Error) -> Error {
    let (mut failure, cause) = (Failure::from(error), Failure::from(cause));
    failure.causes.push(format!("the job `{name}` may still be at work, for stopping it failed too: {}", cause.message));
    failure.causes.extend(cause.causes);
    let told = Error::from(failure);
    if error.retry { told.passing() } else { told }
}
