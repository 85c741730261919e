//! Long work: named, done unit by unit as time passes, whether anybody watches or not.

use crate::content::Spot;
use crate::faults::{Lasting, Point, Trouble};
use crate::world::{Process, State};
use jiff::Timestamp;
use restage_core::error::Failure;
use restage_core::name::JobName;
use restage_core::provider::{Fate, Jobs, Progress, Standing, Watch, Work};
use restage_core::{Error, Result};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// A piece of long work.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) work: Arc<Work>,
    pub(crate) home: Home,
    pub(crate) stage: Stage,
    /// Units done, of so many.
    pub(crate) done: u32,
    pub(crate) units: u32,
    /// When the next unit is done.
    pub(crate) due: Timestamp,
    /// Which snapshot of the source a copy reads.
    pub(crate) snapshot: u32,
    pub(crate) trouble: Option<Trouble>,
}

/// What a job lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// The process that started it; it dies with that process, and nobody else knows of it.
    Process(u32),
    /// The machine: commands outlive the process that started them.
    Machine,
}

/// How a job stands.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    Running,
    Done(Value),
    Failed(Failure, Lasting),
    Stopped,
}

impl Job {
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running)
    }
    pub(crate) fn is_last_unit(&self) -> bool {
        self.done + 1 == self.units
    }
    fn is_known_to(&self, process: u32) -> bool {
        self.home == Home::Machine || self.home == Home::Process(process)
    }
    /// The databases it writes.
    fn places(&self) -> Vec<Spot> {
        match &*self.work {
            Work::Fill(spec) => vec![Spot::of(spec.shadow.get())],
            Work::Deltas(spec) => vec![Spot::of(spec.shadow.get())],
            Work::Keep(spec) => vec![Spot::of(spec.shadow.get())],
            Work::Verify(spec) => vec![Spot::of(spec.shadow.get())],
            Work::InPlace(spec) => vec![Spot::of(&spec.target)],
            Work::Migrate(spec) => vec![Spot::of(&spec.address)],
            Work::Sql(spec) => vec![Spot::of(&spec.address)],
            Work::Command(spec) => spec.database.iter().map(Spot::of).collect(),
        }
    }
}

#[async_trait::async_trait]
impl Jobs for Process {
    async fn start(&self, name: &JobName, work: &Work) -> Result<()> {
        self.call("start", |state, _| {
            state.start(self.id, name, work);
            Ok(())
        })
        .await
    }
    async fn watch(&self, name: &JobName, slice: Duration) -> Result<Watch> {
        let wait = self.world.lock().time_to_news(name, slice);
        self.world.sleep(wait).await;
        self.call("watch", |state, _| Ok(state.news(self.id, name))).await
    }
    async fn stop(&self, name: &JobName) -> Result<()> {
        self.call("stop", |state, _| {
            state.stop(name);
            Ok(())
        })
        .await
    }
    async fn fate(&self, name: &JobName) -> Result<Fate> {
        self.call("fate", |state, _| {
            let doubt = state.lasting.get("fate") == Some(&Trouble::Doubt);
            let known = if state.committed.contains(name) { Fate::Happened } else { Fate::Never };
            Ok(if doubt { Fate::Unknown } else { known })
        })
        .await
    }
    async fn standing(&self, name: &JobName) -> Result<Standing> {
        self.call("standing", |state, _| {
            let job = state.jobs.get(name).filter(|job| job.is_known_to(self.id));
            Ok(match job.map(|job| &job.stage) {
                None => Standing::New,
                Some(Stage::Running) => Standing::AtWork,
                Some(Stage::Done(_)) => Standing::Done,
                Some(Stage::Failed(..) | Stage::Stopped) => Standing::Over,
            })
        })
        .await
    }
    async fn abandon(&self) {
        let mut state = self.world.lock();
        let names: Vec<JobName> = state.running_in(self.id).cloned().collect();
        for name in &names {
            state.stop(name);
        }
    }
}

impl State {
    /// Starts the work unless it is at work or has ended well; a job of that name at another process loses its sessions.
    fn start(&mut self, process: u32, name: &JobName, work: &Work) {
        if let Some(job) = self.jobs.get(name)
            && job.is_known_to(process)
            && matches!(job.stage, Stage::Running | Stage::Done(_))
        {
            return;
        }
        self.stop(name);
        let index = self.extent.jobs;
        self.extent.jobs += 1;
        let job = Job {
            work: Arc::new(work.clone()),
            home: if matches!(work, Work::Command(_)) { Home::Machine } else { Home::Process(process) },
            stage: self.committed_before(name).map_or(Stage::Running, Stage::Done),
            done: 0,
            units: units(work),
            due: self.time.now,
            snapshot: self.fresh(),
            trouble: self.schedule.troubles.get(&Point::Job(index)).copied(),
        };
        self.jobs.insert(name.clone(), job);
        self.set_due(name);
    }

    /// The next unit is done a random while from now.
    pub(crate) fn set_due(&mut self, name: &JobName) {
        const MOST_MS: u64 = 900;
        let due = self.time.after(Duration::from_millis(50 + self.random.below(MOST_MS)));
        if let Some(job) = self.jobs.get_mut(name) {
            job.due = due;
        }
    }

    /// The job whose next unit is done first, up to a moment.
    pub(crate) fn next_due(&self, until: Timestamp) -> Option<(Timestamp, JobName)> {
        let due = self.jobs.iter().filter(|(_, job)| job.is_running() && job.due <= until);
        due.map(|(name, job)| (job.due, name.clone())).min()
    }

    fn time_to_news(&self, name: &JobName, slice: Duration) -> Duration {
        let running = self.jobs.get(name).filter(|job| job.is_running());
        running.map_or(Duration::ZERO, |job| Duration::try_from(job.due.duration_since(self.time.now)).unwrap_or(slice).min(slice))
    }

    fn news(&mut self, process: u32, name: &JobName) -> Watch {
        let Some(job) = self.jobs.get(name).filter(|job| job.is_known_to(process)).cloned() else {
            self.violate(format!("job {name} was watched before it was started"));
            return Watch::Running(None);
        };
        match job.stage {
            Stage::Running => Watch::Running(Some(Progress { rows: u64::from(job.done), ..Progress::default() })),
            Stage::Done(receipt) => Watch::Done(receipt),
            Stage::Failed(failure, Lasting::Passing) => Watch::Failed(Error::from(failure).passing()),
            Stage::Failed(failure, Lasting::Permanent) => Watch::Failed(Error::from(failure)),
            Stage::Stopped => Watch::Failed(restage_core::Code::Interrupted.error(format!("job `{name}` was stopped"))),
        }
    }

    fn stop(&mut self, name: &JobName) {
        if let Some(job) = self.jobs.get_mut(name).filter(|job| job.is_running()) {
            job.stage = Stage::Stopped;
            self.note_broken_off(name);
        }
    }

    /// Jobs at work that live in that process.
    pub(crate) fn running_in(&self, process: u32) -> impl Iterator<Item = &JobName> {
        self.jobs.iter().filter(move |(_, job)| job.is_running() && job.home == Home::Process(process)).map(|(name, _)| name)
    }

    /// Nobody knows any more of the jobs that lived in that process; what they did stays.
    pub(crate) fn forget_jobs_of(&mut self, process: u32) {
        self.jobs.retain(|_, job| job.home != Home::Process(process));
    }

    /// Jobs at work, wherever they live.
    pub(crate) fn running(&self) -> impl Iterator<Item = &JobName> {
        self.jobs.iter().filter(|(_, job)| job.is_running()).map(|(name, _)| name)
    }

    /// Jobs at work that write that database.
    pub(crate) fn jobs_at<'s>(&'s self, spot: &'s Spot) -> impl Iterator<Item = &'s JobName> {
        self.jobs.iter().filter(|(_, job)| job.is_running() && job.places().contains(spot)).map(|(name, _)| name)
    }
}

fn units(work: &Work) -> u32 {
    match work {
        Work::Fill(_) | Work::InPlace(_) => u32::try_from(crate::content::PARTS).expect("a small number"),
        Work::Deltas(_) | Work::Keep(_) | Work::Migrate(_) | Work::Sql(_) | Work::Command(_) => 2,
        Work::Verify(_) => 1,
    }
}
