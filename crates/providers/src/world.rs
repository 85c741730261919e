//! Everything that steps may ask for, put together.

use crate::aws::Aws;
use crate::clock::SystemClock;
use crate::diagnosis::Examiner;
use crate::jobs::{Keepers, LocalJobs, Output};
use crate::migrator::Access;
use crate::postgres::{Postgres, TargetMark, gather};
use crate::probes::LocalProbes;
use crate::queues::{AllQueues, SqsQueues};
use crate::secrets::Secrets;
use crate::versions::AllVersions;
use restage_core::environment::{DatabaseAddress, Environments};
use restage_core::facts::{Facts, QueueFacts, RecordFacts};
use restage_core::name::{RunId, ScenarioName};
use restage_core::provider::{Clock, Providers, Queues, Versions};
use restage_core::scenario::Scenario;
use restage_core::{Result, stages};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the world is made from.
#[derive(Clone)]
pub struct Settings {
    /// The folder for what jobs must remember; it outlives processes and belongs to one installation.
    pub jobs: PathBuf,
    /// Takes what commands say.
    pub output: Arc<dyn Output>,
    /// Who keeps the snapshots of copies.
    pub keepers: Keepers,
    /// The queues of this installation's own store.
    pub queues: Arc<dyn Queues>,
}

/// The real world, as this machine reaches it.
#[derive(Clone)]
pub struct World {
    settings: Settings,
    postgres: Postgres,
    queues: AllQueues,
    versions: AllVersions,
}

impl World {
    /// Fetches secrets from where environment files say.
    pub fn new(settings: Settings) -> Self {
        Self::with_secrets(settings, Secrets::default())
    }
    /// Fetches secrets through these.
    pub fn with_secrets(settings: Settings, secrets: Secrets) -> Self {
        let aws = Aws::default();
        let queues = AllQueues::new(Arc::new(SqsQueues::new(aws.clone())), settings.queues.clone());
        let access = Access::new(aws, secrets);
        Self { settings, postgres: Postgres::new(access.clone()), queues, versions: AllVersions::new(access) }
    }

    /// What steps are given.
    pub fn providers(&self) -> Result<Providers> {
        Ok(Providers {
            databases: Box::new(self.postgres.clone()),
            jobs: Box::new(self.jobs()),
            probes: Box::new(LocalProbes::new(self.postgres.servers().clone())?),
            queues: Box::new(self.queues.clone()),
            versions: Box::new(self.versions.clone()),
        })
    }

    /// Observes what a scenario and those that it runs will copy and migrate, and the queues and records around that; touches
    /// nothing. What they name is in `folder`.
    pub async fn gather(
        &self,
        scenario: &Scenario,
        library: &BTreeMap<ScenarioName, Scenario>,
        environments: &Environments,
        folder: &Path,
    ) -> Result<Facts> {
        let mut facts = Box::pin(gather(self.postgres.access(), scenario, library, environments, folder)).await?;
        for queue in stages::queues(scenario, library) {
            let peeked = self.queues.peek(&queue).await?;
            facts.queues.push((queue, QueueFacts::of(&peeked, SystemClock.now())));
        }
        for record in stages::records(scenario, library, folder) {
            let version = self.versions.recorded(&record).await?;
            facts.records.push((record, RecordFacts { version }));
        }
        Ok(facts)
    }

    /// Claims a target for a run on the target's own server.
    pub async fn claim(&self, target: &DatabaseAddress, run: &RunId) -> Result<TargetMark> {
        TargetMark::take(self.postgres.servers(), target, run).await
    }

    /// Whoever looks for what ails migrations, with these queues.
    pub fn examiner(&self, aws: Aws, queues: AllQueues) -> Examiner {
        Examiner::new(self.postgres.access().clone(), aws, queues)
    }

    /// Removes what is kept of the jobs of a run that has ended for good.
    pub async fn forget(&self, run: &RunId) -> Result<()> {
        self.jobs().forget(run).await
    }

    /// The text with every secret that this process has fetched replaced.
    pub fn redact(&self, text: &str) -> String {
        self.postgres.servers().secrets().redact(text)
    }

    fn jobs(&self) -> LocalJobs {
        let jobs = LocalJobs::new(self.settings.jobs.clone(), self.postgres.clone(), self.settings.output.clone());
        jobs.with_keepers(self.settings.keepers.clone()).with_queues(Arc::new(self.queues.clone()))
    }
}
