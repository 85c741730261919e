//! What a step is given.

use super::action::{Action, ReceiptOf, read};
use crate::error::{Code, Result};
use crate::name::{JobName, RunId, StepId};
use crate::provider::{Clock, Progress, Providers, Watch, Work};
use crate::run::{Cancel, Observer};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

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

    async fn watch<R: DeserializeOwned>(&self, name: &JobName, work: &Work) -> Result<R> {
        let watched = self.watch_to_end(name, work).await;
        if watched.is_err() {
            // Whatever went wrong, a job that nobody watches must not go on. What it was says more than that this fails too.
            drop(self.providers.jobs.stop(name).await);
        }
        watched
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
