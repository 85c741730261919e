//! What a migrator tells of itself through a queue, and what can be known from that.
//!
//! The formats are those of the migrator that restage takes over from, so that its readers understand restage and restage
//! understands it. What restage adds is optional for both: the exit status in the last message, a heartbeat so that silence
//! means death, and who sent a message.
//!
//! [`Writer`] makes the messages of one process, [`Signal`] is one message, [`Following`] says what all of them mean.

mod exit;
mod migrator;
mod message;
mod older;
mod writer;
mod following;
mod processes;
mod telling;

pub use exit::ExitStatus;
pub use following::{Followed, Following, Heard, MISSED_HEARTBEATS, Reached, State};
pub use message::{AppStage, HeartbeatSeconds, Message, MessageNumber, MigrationStage, SchemaVersion, ScriptStage};
pub use migrator::{HostName, MigratorId, ProcessId, Sender};
pub use older::{OLDER_HEARTBEAT, OlderMessage, OlderState};
pub use writer::{Progress, Writer};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How messages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "signal-format")]
pub enum Format {
    /// `appStage`, `messageId`, `migrationStage` and `pid`, a message for each stage.
    #[default]
    Current,
    /// `start_time`, `stop_time`, `pid`, `code`, `status` and `schema_version`, a message now and then.
    Older,
}

/// One message of a queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// A message of a migrator.
    Current(Message),
    /// A message about a migrator, as a service's monitor wrote it.
    Older(OlderMessage),
    /// Anything else, as it stands in the queue.
    Unknown(String),
}

impl Signal {
    /// Reads the text of a message; what is in no known format is kept as it is, for people to look at.
    pub fn decode(text: &str) -> Self {
        if let Ok(message) = serde_json::from_str(text) {
            return Self::Current(message);
        }
        serde_json::from_str(text).map_or_else(|_| Self::Unknown(text.to_owned()), Self::Older)
    }

    /// The text of a message; decoding it yields the same signal.
    pub fn encode(&self) -> String {
        match self {
            Self::Current(message) => serde_json::to_string(message).expect("a message is plain data"),
            Self::Older(message) => serde_json::to_string(message).expect("a message is plain data"),
            Self::Unknown(text) => text.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
