//! Long work: started once under a name, watched in slices, found again after a crash.
//!
//! Each job has a folder that outlives the process: it says what was begun and what came of it. Work on databases is a task of
//! this process and ends with it; a command is a process of its own and goes on, and so is what keeps the snapshot of a copy.

mod command;
mod folder;
mod keeper;
mod name;
mod output;
mod task;

pub(crate) use command::surround;
pub use keeper::{ANSWER_LIMIT, KEPT_LIMIT, Keepers, keep_snapshot};
pub use output::{NoOutput, Output};

use crate::postgres::Postgres;
use crate::postgres::work::Setting;
pub(crate) use folder::JobFolder;
pub(crate) use keeper::{Keep, Kept, end_keeper};
use name::JobParts;
use restage_core::name::{JobName, RunId};
use restage_core::provider::{CommandSpec, Fate, Jobs, Queues, Standing, Watch, Work};
use restage_core::{Code, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
pub(crate) use task::Teller;
use task::{Ended, Task};
use tokio::sync::Mutex;

/// The longest slice of watching.
const MAX_SLICE: Duration = Duration::from_mins(1);
/// How long a job that was asked to stop may take before it is cut off.
const STOP_LIMIT: Duration = Duration::from_mins(1);

/// Jobs of this machine.
pub struct LocalJobs {
    folder: PathBuf,
    postgres: Postgres,
    output: Arc<dyn Output>,
    keepers: Keepers,
    queues: Option<Arc<dyn Queues>>,
    tasks: Mutex<BTreeMap<JobName, Task>>,
}

impl LocalJobs {
    /// Keeps what must outlive the process in `folder`, and passes on what commands say to `output`.
    pub fn new(folder: impl Into<PathBuf>, postgres: Postgres, output: Arc<dyn Output>) -> Self {
        Self { folder: folder.into(), postgres, output, keepers: Keepers::None, queues: None, tasks: Mutex::default() }
    }

    /// Has the snapshots of copies kept by these.
    #[must_use]
    pub fn with_keepers(self, keepers: Keepers) -> Self {
        Self { keepers, ..self }
    }

    /// Has migrations tell of themselves in these.
    #[must_use]
    pub fn with_queues(self, queues: Arc<dyn Queues>) -> Self {
        Self { queues: Some(queues), ..self }
    }

    /// Removes what is kept of a run's jobs; for runs that have ended for good.
    pub async fn forget(&self, run: &RunId) -> Result<()> {
        for name in folder::jobs_of(&self.folder, run)? {
            self.stop(&name).await?;
            self.tasks.lock().await.remove(&name);
            self.job_folder(&name).remove()?;
        }
        Ok(())
    }

    fn job_folder(&self, name: &JobName) -> JobFolder {
        JobFolder::at(&self.folder, name)
    }

    /// The receipt of a job that an earlier process saw end well, if what it made is still there.
    async fn receipt(&self, folder: &JobFolder, work: &Work) -> Result<Option<Value>> {
        let Some(receipt) = folder.receipt()? else { return Ok(None) };
        let holds = self.postgres.still_holds(work, &receipt).await?;
        Ok(holds.then_some(receipt))
    }

    fn spawn(&self, name: &JobName, work: &Work, folder: JobFolder) -> Result<Task> {
        match work {
            Work::Command(spec) => self.spawn_command(name, spec, folder),
            work => {
                let (postgres, work, keepers) = (self.postgres.clone(), work.clone(), self.keepers.clone());
                let (name, queues) = (name.clone(), self.queues.clone());
                Ok(Task::spawn(|stop, reporter| async move {
                    let setting = Setting { job: name, folder: folder.clone(), keepers, queues, stop, reporter };
                    let receipt = postgres.perform(&work, setting).await?;
                    folder.set_receipt(&receipt)?;
                    end_keeper(&folder).await?;
                    Ok(receipt)
                }))
            }
        }
    }

    fn spawn_command(&self, name: &JobName, spec: &CommandSpec, folder: JobFolder) -> Result<Task> {
        let job = JobParts::of(name)?;
        let (postgres, output, spec) = (self.postgres.clone(), self.output.clone(), spec.clone());
        Ok(Task::spawn(|stop, _| async move {
            let done = command::follow(&folder, &spec, postgres.servers(), &job, output.as_ref(), &stop).await?;
            let receipt = serde_json::to_value(done).expect("receipts are plain data");
            folder.set_receipt(&receipt)?;
            Ok(receipt)
        }))
    }

    /// Makes sure that nothing which an earlier process began is still at work.
    async fn settle(&self, name: &JobName) -> Result<()> {
        let folder = self.job_folder(name);
        if folder.receipt()?.is_some() {
            return Ok(()); // what a command has left behind on purpose stays
        }
        match folder.work()? {
            None => Ok(()),
            Some(Work::Command(_)) => command::end(&folder).await,
            Some(work) => self.postgres.settle(&work, name, &folder).await,
        }
    }
}

#[async_trait::async_trait]
impl Jobs for LocalJobs {
    async fn start(&self, name: &JobName, work: &Work) -> Result<()> {
        let mut tasks = self.tasks.lock().await;
        if tasks.get(name).is_some_and(|task| !task.has_failed()) {
            return Ok(());
        }
        let folder = self.job_folder(name);
        let task = if let Some(receipt) = self.receipt(&folder, work).await? {
            end_keeper(&folder).await?;
            Task::ended(Ended::Done(receipt))
        } else {
            folder.begin(work)?;
            self.spawn(name, work, folder)?
        };
        tasks.insert(name.clone(), task);
        Ok(())
    }

    async fn watch(&self, name: &JobName, slice: Duration) -> Result<Watch> {
        let news = self.tasks.lock().await.get(name).map(Task::news);
        match news {
            Some(news) => Ok(news.watch(slice.min(MAX_SLICE)).await),
            None => Ok(Watch::Failed(
                Code::Interrupted
                    .error(format!("the job `{name}` is not at work here"))
                    .help("`restage resume` starts it again, `restage undo` takes the run back"),
            )),
        }
    }

    async fn stop(&self, name: &JobName) -> Result<()> {
        let task = {
            let mut tasks = self.tasks.lock().await;
            if tasks.get(name).is_some_and(Task::is_done) { None } else { tasks.remove(name) }
        };
        // Where it is worth trying again, the snapshot is worth keeping for a while.
        let is_tried_again = task.as_ref().is_some_and(Task::may_pass);
        if let Some(task) = task {
            task.stop(STOP_LIMIT).await;
        }
        let kept = if is_tried_again { Ok(()) } else { end_keeper(&self.job_folder(name)).await };
        self.settle(name).await.and(kept)
    }

    async fn fate(&self, name: &JobName) -> Result<Fate> {
        let folder = self.job_folder(name);
        let Some(work) = folder.work()? else { return Ok(Fate::Never) };
        if folder.receipt()?.is_some() {
            return Ok(Fate::Happened);
        }
        match &work {
            Work::Command(_) => command::fate(&folder),
            work => self.postgres.fate(work, &folder).await,
        }
    }

    async fn standing(&self, name: &JobName) -> Result<Standing> {
        if self.tasks.lock().await.get(name).is_some_and(|task| !task.has_failed() && !task.is_done()) {
            return Ok(Standing::AtWork);
        }
        let folder = self.job_folder(name);
        Ok(match folder.work()? {
            None => Standing::New,
            Some(_) if folder.receipt()?.is_some() => Standing::Done,
            Some(Work::Command(_)) => command::standing(&folder)?,
            Some(_) => Standing::Over,
        })
    }

    async fn abandon(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().await);
        // All at once: each may take a while to let go of its server.
        futures::future::join_all(tasks.into_values().map(|task| task.stop(STOP_LIMIT))).await;
        self.postgres.settle_swaps().await;
    }
}

impl std::fmt::Debug for LocalJobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalJobs").field("folder", &self.folder).finish_non_exhaustive()
    }
}
