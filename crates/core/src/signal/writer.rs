//! Makes the messages of one process.

use super::exit::ExitStatus;
use super::message::{AppStage, HeartbeatSeconds, Message, MessageNumber, MigrationStage, SchemaVersion};
use super::migrator::MigratorId;
use super::older::OlderMessage;
use super::{Format, Signal};
use jiff::Timestamp;

/// How moments stand in the older format.
const OLDER_TIME: &str = "%a %Y-%m-%d %H:%M:%S UTC";

/// Numbers the messages of one process from 1 and writes them in one format.
///
/// Nothing comes after the last message: whoever is late gets nothing to send.
#[derive(Clone, Debug)]
pub struct Writer {
    migrator: MigratorId,
    format: Format,
    heartbeat: Option<HeartbeatSeconds>,
    made: u64,
    reached: AppStage,
    version: Option<SchemaVersion>,
}

/// How far a migrator has come without having ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It runs and has done nothing.
    Started,
    /// It has reached its database.
    Connected,
    /// It works on migrations.
    Migrating(MigrationStage),
}

impl Writer {
    /// Makes the messages of that process; without a heartbeat its silence says nothing.
    pub fn new(migrator: MigratorId, format: Format, heartbeat: Option<HeartbeatSeconds>) -> Self {
        Self { migrator, format, heartbeat, made: 0, reached: AppStage::Started, version: None }
    }

    /// The message about progress; none in the older format, which knows nothing between start and end, and none after the end.
    pub fn progress(&mut self, progress: Progress, now: Timestamp) -> Option<Signal> {
        if self.has_ended() {
            return None;
        }
        let first = progress == Progress::Started;
        let (stage, migration) = match progress {
            Progress::Started => (AppStage::Started, None),
            Progress::Connected => (AppStage::Connected, None),
            Progress::Migrating(migration) => (AppStage::Migrating, Some(migration)),
        };
        self.reached = stage;
        if let Some(version) = migration.as_ref().and_then(MigrationStage::observed_version) {
            self.version = Some(version.clone());
        }
        match self.format {
            // The heartbeat is announced at once: a migrator may die before its first one.
            Format::Current => {
                let heartbeat = self.heartbeat.filter(|_| first);
                Some(self.message(now, |message| Message { migration_stage: migration, heartbeat, ..message }))
            }
            Format::Older if first => Some(self.still_running()),
            Format::Older => None,
        }
    }

    /// A sign of life; none after the end, and none where no heartbeat was promised.
    pub fn heartbeat(&mut self, now: Timestamp) -> Option<Signal> {
        let heartbeat = self.heartbeat.filter(|_| !self.has_ended())?;
        Some(match self.format {
            Format::Current => self.message(now, |message| Message { heartbeat: Some(heartbeat), ..message }),
            Format::Older => self.still_running(),
        })
    }

    /// The last message; none if it was made already.
    pub fn end(&mut self, status: ExitStatus, now: Timestamp) -> Option<Signal> {
        if self.has_ended() {
            return None;
        }
        self.reached = if status == ExitStatus::Success { AppStage::Finished } else { AppStage::Failed };
        Some(match self.format {
            Format::Current => self.message(now, |message| Message { exit_code: Some(status), ..message }),
            Format::Older => {
                let (pid, start_time) = self.service();
                Signal::Older(OlderMessage::ended(pid, start_time, older_time(now), status, self.version.clone()))
            }
        })
    }

    fn has_ended(&self) -> bool {
        self.reached.is_last()
    }

    fn message(&mut self, now: Timestamp, complete: impl FnOnce(Message) -> Message) -> Signal {
        self.made += 1;
        Signal::Current(complete(Message {
            app_stage: self.reached,
            number: MessageNumber(self.made),
            migration_stage: None,
            pid: self.migrator.pid,
            exit_code: None,
            heartbeat: None,
            migrator: Some(self.migrator.clone()),
            sent_at: Some(now),
        }))
    }

    fn still_running(&self) -> Signal {
        let (pid, start_time) = self.service();
        Signal::Older(OlderMessage::running(pid, start_time))
    }

    fn service(&self) -> (String, String) {
        (self.migrator.pid.to_string(), older_time(self.migrator.started))
    }
}

fn older_time(moment: Timestamp) -> String {
    moment.strftime(OLDER_TIME).to_string()
}
