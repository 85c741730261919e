//! How a migrator is followed.

use crate::document::{At, Text};
use crate::duration::Duration;
use crate::provider::queue::{Queue, WrittenQueue};
use crate::scenario::reading::Reading;
use crate::signal::Format;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The time between two heartbeats where none is given.
pub const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(30);
/// The longest time between two heartbeats.
pub const MAX_HEARTBEAT: Duration = Duration::from_hours(1);

/// Where a migrator tells of itself, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signals {
    /// The queue.
    pub queue: Queue,
    /// How messages are written by restage; every reader knows both formats.
    pub format: Format,
    /// The time between two messages at most; nothing where only the migrator itself may say.
    pub heartbeat: Option<Duration>,
}

/// Where a migrator tells how far it is, and by which others know that it lives. Nothing is begun unless the queue is empty.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "signals")]
pub(super) struct WrittenSignals {
    /// The queue.
    queue: WrittenQueue,
    /// How restage writes messages, `current` or `older`; default `current`. Both are understood.
    format: Option<Format>,
    /// The time between two messages at most, 1s to 1h; default 30s. After three that did not come a migrator is taken for
    /// dead. With `command`, what is expected of one whose messages do not say; default nothing.
    heartbeat: Option<Text<Duration>>,
}

impl WrittenSignals {
    /// Of a migrator that is restage itself.
    pub(super) fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Signals> {
        let heartbeat = self.heartbeat(at, reading);
        let queue = self.queue.read(at.key("queue"), &mut reading.findings);
        Some(Signals { queue: queue?, format: self.format.unwrap_or_default(), heartbeat: Some(heartbeat?) })
    }

    /// Of a migrator that is a command, which writes as it likes.
    pub(super) fn read_of_command(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Signals> {
        if at.has("format") {
            let finding = reading.findings.add(at.key("format").heading(), "`format` does not go with `command`");
            finding.help("remove it: the command writes its own messages, and both formats are understood");
        }
        let read = self.read(at, reading)?;
        Some(Signals { heartbeat: read.heartbeat.filter(|_| self.heartbeat.is_some()), ..read })
    }

    fn heartbeat(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Duration> {
        let limits = Duration::from_secs(1)..=MAX_HEARTBEAT;
        let heartbeat = reading.duration(at.key("heartbeat"), self.heartbeat.as_ref(), DEFAULT_HEARTBEAT, limits)?;
        if heartbeat.as_std().subsec_nanos() == 0 {
            return Some(heartbeat);
        }
        let message = format!("`{heartbeat}` is not a number of whole seconds");
        reading.findings.at(at.key("heartbeat"), message).help("messages hold whole seconds: write `30s`");
        None
    }
}
