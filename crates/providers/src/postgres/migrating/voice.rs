//! What a migration that restage runs itself tells of itself in a queue.

use jiff::Timestamp;
use restage_core::provider::Queues;
use restage_core::provider::queue::{Outgoing, Queue};
use restage_core::scenario::migrate::Signals;
use restage_core::signal::{
    ExitStatus, HeartbeatSeconds, HostName, MigrationStage, MigratorId, ProcessId, Progress, SchemaVersion, ScriptStage, Signal,
    Writer,
};
use restage_core::{Code, Error, Result};
use restage_migrate::runner;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// How often sending the last message is tried.
const LAST_ATTEMPTS: u32 = 5;
/// The pause between two attempts.
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// Speaks in a queue until its end.
pub(super) struct Voice {
    said: UnboundedSender<Progress>,
    speaking: JoinHandle<Speaker>,
}

struct Speaker {
    queues: Arc<dyn Queues>,
    queue: Queue,
    migrator: MigratorId,
    writer: Writer,
    /// Nothing where no heartbeat was promised.
    period: Option<Duration>,
}

impl Voice {
    /// Says that the migrator has started. A queue that cannot be written to is found out by that, before anything is done.
    pub(super) async fn start(queues: Arc<dyn Queues>, signals: &Signals) -> Result<Self> {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let now = Timestamp::now();
        let migrator = MigratorId { host: HostName(host), pid: ProcessId(std::process::id().into()), started: now };
        let seconds = signals.heartbeat.map(|period| period.as_std().as_secs());
        let heartbeat = seconds.map(|seconds| HeartbeatSeconds(u32::try_from(seconds).unwrap_or(u32::MAX)));
        let mut speaker = Speaker {
            queues,
            queue: signals.queue.clone(),
            writer: Writer::new(migrator.clone(), signals.format, heartbeat),
            migrator,
            period: heartbeat.map(HeartbeatSeconds::period),
        };
        let started = speaker.writer.progress(Progress::Started, now);
        speaker.send(started).await?;
        let (said, hears) = unbounded_channel();
        Ok(Self { said, speaking: tokio::spawn(speaker.speak(hears)) })
    }

    /// Passes on what a run has just told.
    pub(super) fn report(&self, progress: &runner::Progress<'_>) {
        // Whoever speaks ends only once this is gone.
        let _ = signal_of(progress).map(|progress| self.said.send(progress));
    }

    /// Says how it ended, after all that was said before.
    pub(super) async fn end(self, status: ExitStatus) {
        drop(self.said);
        if let Ok(mut speaker) = self.speaking.await {
            speaker.end(status).await;
        }
    }
}

impl Speaker {
    async fn speak(mut self, mut hears: UnboundedReceiver<Progress>) -> Self {
        loop {
            let silence = async {
                match self.period {
                    Some(period) => tokio::time::sleep(period).await,
                    None => std::future::pending().await,
                }
            };
            let said = tokio::select! {
                said = hears.recv() => Some(said),
                () = silence => None,
            };
            let signal = match said {
                Some(Some(progress)) => self.writer.progress(progress, Timestamp::now()),
                Some(None) => return self,
                None => self.writer.heartbeat(Timestamp::now()),
            };
            // What is lost here is told by a later message; a migration does not fail for it.
            let _ = self.send(signal).await;
        }
    }

    async fn end(&mut self, status: ExitStatus) {
        let last = self.writer.end(status, Timestamp::now());
        for _ in 0..LAST_ATTEMPTS {
            if self.send(last.clone()).await.is_ok() {
                return;
            }
            tokio::time::sleep(LAST_PAUSE).await;
        }
    }

    async fn send(&self, signal: Option<Signal>) -> Result<()> {
        let Some(signal) = signal else { return Ok(()) };
        self.queues.send(&self.queue, &Outgoing::of(&signal, &self.migrator, Timestamp::now())).await
    }
}

fn signal_of(progress: &runner::Progress<'_>) -> Option<Progress> {
    use runner::Progress as Said;
    let stage = |stage: ScriptStage, file: Option<&runner::File<'_>>| {
        Some(Progress::Migrating(MigrationStage {
            stage,
            migration_file: file.map(|file| file.migration_file.to_owned()),
            version: file.and_then(|file| file.version).map(|version| SchemaVersion(version.to_string())),
        }))
    };
    match progress {
        Said::Connected => Some(Progress::Connected),
        Said::BeforeValidate => stage(ScriptStage::BeforeValidate, None),
        Said::AfterValidate => stage(ScriptStage::AfterValidate, None),
        Said::BeforeMigration => stage(ScriptStage::BeforeMigration, None),
        Said::Preparing(file) => stage(ScriptStage::Preparing, Some(file)),
        Said::BeforeFile(file) => stage(ScriptStage::BeforeFile, Some(file)),
        Said::AfterFile(file) => stage(ScriptStage::AfterFile, Some(file)),
        Said::Completed(file) => stage(ScriptStage::Completed, Some(file)),
        Said::AfterMigration => stage(ScriptStage::AfterMigration, None),
        Said::Waiting { .. } | Said::CallbackFailed { .. } => None,
    }
}

/// How a migrator ends that ended with that error.
pub(super) fn exit_status(error: &Error) -> ExitStatus {
    match error.code {
        Code::InvalidFile
        | Code::FileUnreadable
        | Code::SecretUnavailable
        | Code::ParameterMissing
        | Code::ParameterForbidden
        | Code::CannotConnect
        | Code::LoginRefused
        | Code::PrivilegeMissing => ExitStatus::InvalidConfiguration,
        Code::MigrationFailed
        | Code::MigrationsInvalid
        | Code::PlanStale
        | Code::QueryFailed
        | Code::TargetBusy
        | Code::InDoubt => ExitStatus::MigrationFailed,
        Code::ModelsDiffer => ExitStatus::ValidationFailed,
        _ => ExitStatus::Unexpected,
    }
}
