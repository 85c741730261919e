//! Who sends messages.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of a machine, as it calls itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostName(pub String);

/// The number of a process on its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProcessId(pub u64);

/// One process that migrates, told from every other one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MigratorId {
    /// Where it runs.
    pub host: HostName,
    /// Its process.
    pub pid: ProcessId,
    /// When it started: processes get the numbers of those that have ended.
    pub started: Timestamp,
}

/// Who sent a message, as exactly as the message says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "sender", rename_all = "kebab-case")]
pub enum Sender {
    /// A migrator that says who it is.
    Migrator(MigratorId),
    /// A process that says only its number; containers give all of them the same one.
    Process {
        /// The number.
        pid: ProcessId,
        /// Which one of those that had this number, from 1: each began to count its messages anew.
        nth: u32,
    },
    /// A service, of which a monitor tells.
    Service {
        /// The process, as the monitor writes it.
        pid: String,
        /// When it was started, as the monitor writes it.
        start_time: String,
    },
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for MigratorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on `{}`, started at {}", self.pid, self.host, self.started)
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Migrator(migrator) => migrator.fmt(f),
            Self::Process { pid, nth: 1 } => write!(f, "process {pid} on a host that is not named"),
            Self::Process { pid, nth } => write!(f, "process {pid} on a host that is not named, number {nth} of that id"),
            Self::Service { pid, start_time } => {
                write!(f, "the service's process {pid} on a host that is not named, started at {start_time}")
            }
        }
    }
}
