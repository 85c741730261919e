//! Migrators, what they say in queues, and what is recorded of versions.

use crate::content::Spot;
use crate::jobs::Job;
use crate::queues;
use crate::world::{Process, State};
use jiff::Timestamp;
use restage_core::facts::PendingScript;
use restage_core::provider::queue::{Count, Delivered, Outgoing, Peeked, Queue, Receipt};
use restage_core::provider::{MigrateSpec, Migrated, Queues, Record, Versions};
use restage_core::signal::{
    ExitStatus, Format, HeartbeatSeconds, HostName, MigrationStage, MigratorId, ProcessId, Progress, SchemaVersion, ScriptStage,
    Signal, Writer,
};
use restage_core::{Code, Result};
use std::time::Duration;

/// What every migrator promises.
const HEARTBEAT: HeartbeatSeconds = HeartbeatSeconds(2);

/// What a migrator says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// That it begins.
    Begins,
    /// What it did, and how it ended.
    Ends(ExitStatus),
}

impl State {
    fn queues(&mut self) -> &mut queues::Content {
        self.queues.at(self.time.now)
    }

    /// A migrator tells of itself; each job is another one.
    pub(crate) fn tell(&mut self, queue: &Queue, job: &Job, scripts: &[PendingScript], says: Says) {
        let started = Timestamp::from_second(job.snapshot.into()).expect("a small number");
        let migrator = MigratorId { host: HostName("simulated".into()), pid: ProcessId(job.snapshot.into()), started };
        let (mut writer, now) = (Writer::new(migrator, Format::Current, Some(HEARTBEAT)), self.time.now);
        let begins = [writer.progress(Progress::Started, now), writer.progress(Progress::Connected, now)];
        let signals: Vec<Option<Signal>> = match says {
            Says::Begins => begins.into(),
            Says::Ends(status) => {
                let done = scripts.last().filter(|_| status == ExitStatus::Success).map(|script| MigrationStage {
                    stage: ScriptStage::Completed,
                    migration_file: Some(script.script.clone()),
                    version: version_of(scripts),
                });
                let done = done.and_then(|stage| writer.progress(Progress::Migrating(stage), now));
                vec![done, writer.end(status, now)]
            }
        };
        for signal in signals.into_iter().flatten() {
            self.queues().send(queue, &signal.encode());
        }
    }

    /// What is there of the scripts of whoever migrates that database.
    fn observed(&self, spot: &Spot) -> Result<Migrated> {
        let migrators = self.scene.migrators.values().filter(|migrator| migrator.spot == *spot);
        let scripts: Vec<PendingScript> = migrators.flat_map(|migrator| migrator.scripts.clone()).collect();
        let there = &self.read(spot)?.content.statements;
        let is_missing = |script: &&PendingScript| !there.contains_key(&crate::work::migration(&script.script));
        match scripts.iter().find(is_missing) {
            Some(script) => Err(Code::VerifyMismatch.error(format!("`{}` was not applied", script.script))),
            None => Ok(Migrated { version: version_of(&scripts).map(|version| version.0), ..Migrated::default() }),
        }
    }
}

/// The version that scripts lead to.
pub(crate) fn version_of(scripts: &[PendingScript]) -> Option<SchemaVersion> {
    scripts.last().and_then(|script| script.version.clone()).map(SchemaVersion)
}

#[async_trait::async_trait]
impl Queues for Process {
    async fn send(&self, queue: &Queue, message: &Outgoing) -> Result<()> {
        self.call("send", |state, _| {
            state.queues().send(queue, &message.text);
            Ok(())
        })
        .await
    }
    async fn peek(&self, queue: &Queue) -> Result<Peeked> {
        self.call("peek", |state, _| Ok(state.queues().peek(queue))).await
    }
    async fn receive(&self, queue: &Queue, _: Duration) -> Result<Vec<Delivered>> {
        self.call("receive", |state, _| Ok(state.queues().receive(queue, Duration::ZERO))).await
    }
    async fn delete(&self, queue: &Queue, receipt: &Receipt) -> Result<()> {
        self.call("delete", |state, _| {
            state.queues().delete(queue, receipt);
            Ok(())
        })
        .await
    }
    async fn purge(&self, queue: &Queue) -> Result<()> {
        self.call("purge", |state, _| {
            state.queues().purge(queue);
            Ok(())
        })
        .await
    }
    async fn count(&self, queue: &Queue) -> Result<Count> {
        self.call("count", |state, _| Ok(state.queues().count(queue))).await
    }
}

#[async_trait::async_trait]
impl Versions for Process {
    async fn observed(&self, spec: &MigrateSpec) -> Result<Migrated> {
        let spot = Spot::of(&spec.address);
        self.call("observed", |state, _| state.observed(&spot)).await
    }
    async fn recorded(&self, record: &Record) -> Result<Option<SchemaVersion>> {
        self.call("recorded", |state, _| Ok(state.records.get(record).cloned())).await
    }
    async fn record(&self, record: &Record, version: Option<&SchemaVersion>) -> Result<()> {
        self.call("record", |state, _| {
            match version {
                Some(version) => drop(state.records.insert(record.clone(), version.clone())),
                None => drop(state.records.remove(record)),
            }
            Ok(())
        })
        .await
    }
}
