//! The current format: one message for each stage that a migrator reaches.

use super::exit::ExitStatus;
use super::migrator::{MigratorId, ProcessId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A message of a migrator. What is not there is left out of its text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// How far the program has come.
    pub app_stage: AppStage,
    /// Its place among the messages of its process: queues deliver in any order.
    #[serde(rename = "messageId")]
    pub number: MessageNumber,
    /// What happens with a migration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migration_stage: Option<MigrationStage>,
    /// The process.
    pub pid: ProcessId,
    /// How it ends; in the last message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<ExitStatus>,
    /// The time until the next message at the latest. The first message announces it; a heartbeat repeats it, and the last stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<HeartbeatSeconds>,
    /// Who sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrator: Option<MigratorId>,
    /// When, by the sender's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
}

/// The place of a message among those of its process, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageNumber(pub u64);

/// A heartbeat's period in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HeartbeatSeconds(pub u32);

/// How far a migrator has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AppStage {
    /// It runs and has done nothing.
    Started,
    /// It has reached its database.
    Connected,
    /// It works on migrations.
    Migrating,
    /// It has ended well.
    Finished,
    /// It has ended otherwise.
    Failed,
}

/// What happens with a migration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationStage {
    /// What.
    pub stage: ScriptStage,
    /// The script's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migration_file: Option<String>,
    /// The script's version, or the schema's once it is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<SchemaVersion>,
}

/// What is done with scripts, in the order of doing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ScriptStage {
    /// Nothing is done yet.
    BeforeMigration,
    /// The history is looked at.
    Preparing,
    /// A script is about to run.
    BeforeFile,
    /// A script has run.
    AfterFile,
    /// The scripts are about to be compared with the history.
    BeforeValidate,
    /// They were compared.
    AfterValidate,
    /// All scripts have run.
    Completed,
    /// Nothing is left to do.
    AfterMigration,
    /// What a later migrator may say.
    #[serde(untagged)]
    Other(String),
}

/// A version of the schema, as the migrator writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SchemaVersion(pub String);

impl SchemaVersion {
    /// Whether it is newer: its numbers are compared one by one, and zeros at the end do not count.
    pub fn is_above(&self, other: &Self) -> bool {
        self.parts() > other.parts()
    }

    /// Whether both are the same version, however they are written.
    pub fn is_same(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }

    /// Its numbers without leading zeros, each with its length first, so that they compare whatever their size.
    fn parts(&self) -> Vec<(usize, &str)> {
        let number = |part: &'_ str| -> usize { part.len() - part.trim_start_matches('0').len() };
        let mut parts: Vec<_> = self.0.split(['.', '_']).map(|part| &part[number(part)..]).map(|part| (part.len(), part)).collect();
        while parts.last().is_some_and(|(length, _)| *length == 0) {
            parts.pop();
        }
        parts
    }
}

impl MigrationStage {
    /// The version that the schema has by what this says; a script that has yet to run has changed nothing.
    pub fn observed_version(&self) -> Option<&SchemaVersion> {
        match self.stage {
            ScriptStage::AfterFile | ScriptStage::Completed | ScriptStage::AfterMigration => self.version.as_ref(),
            _ => None,
        }
    }
}

impl AppStage {
    /// Whether nothing follows.
    pub fn is_last(self) -> bool {
        matches!(self, Self::Finished | Self::Failed)
    }
}

impl fmt::Display for MessageNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for AppStage {
    /// The stage as it stands in messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for MigrationStage {
    /// Such as `AfterFile V2__add.sql`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stage {
            ScriptStage::Other(stage) => f.write_str(stage)?,
            stage => write!(f, "{stage:?}")?,
        }
        self.migration_file.iter().try_for_each(|file| write!(f, " {file}"))
    }
}

#[cfg(test)]
mod tests {
    use super::SchemaVersion;

    #[test]
    fn versions_compare_by_their_numbers() {
        let version = |text: &str| SchemaVersion(text.into());
        for (newer, older) in [("10", "9"), ("1.10", "1.9"), ("2", "1.99"), ("1.0.1", "1"), ("20231014120000", "3")] {
            assert!(version(newer).is_above(&version(older)) && !version(older).is_above(&version(newer)), "{newer} {older}");
        }
        for (one, other) in [("1", "1.0"), ("01.2", "1_2"), ("5", "5")] {
            assert!(version(one).is_same(&version(other)) && !version(one).is_above(&version(other)), "{one} {other}");
        }
    }
}
