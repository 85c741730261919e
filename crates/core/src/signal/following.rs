//! What all messages together say about migrators, whatever order they come in and however often.

use super::Signal;
use super::exit::ExitStatus;
use super::message::{AppStage, HeartbeatSeconds, Message, MigrationStage, SchemaVersion};
use super::migrator::{MigratorId, Sender};
use super::older::{OLDER_HEARTBEAT, OlderMessage, OlderState};
use super::processes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// A migrator that has missed so many heartbeats is taken for dead.
pub const MISSED_HEARTBEATS: u32 = 3;

/// The messages heard so far.
///
/// It is a set, so that neither their order nor repetition can matter: a message is placed by its number, not by its arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Following {
    heard: BTreeSet<Heard>,
    /// The heartbeat of those whose messages promise none.
    expected: Option<Duration>,
}

/// A message, and when its queue took it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Heard {
    /// When it was sent, by the queue's clock; of a message that is delivered twice it is the same moment.
    pub at: Timestamp,
    /// The message.
    pub signal: Signal,
}

/// What is known of a migrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Nothing was heard yet.
    Nothing,
    /// It runs, as far as one can know.
    Running {
        /// How far it has come.
        reached: Reached,
        /// When it was heard last.
        heard: Timestamp,
    },
    /// It promised to be heard and was not: it is presumed dead.
    Silent {
        /// How far it had come.
        reached: Reached,
        /// When it was heard last.
        heard: Timestamp,
        /// Heartbeats that did not come.
        missed: u64,
    },
    /// It said how it ended.
    Ended {
        /// How.
        status: ExitStatus,
        /// When that was heard.
        heard: Timestamp,
    },
    /// It ended, and not well; its messages do not say how.
    EndedWithoutCode {
        /// When that was heard.
        heard: Timestamp,
    },
}

/// How far a migrator has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// Its stage; the older format knows none.
    pub stage: Option<AppStage>,
    /// What it did last with a migration.
    pub migration: Option<MigrationStage>,
}

/// One migrator and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// Who it is.
    pub sender: Sender,
    /// What is known of it.
    pub state: State,
    /// The version of the schema that it observed last.
    pub version: Option<SchemaVersion>,
    /// When it was heard first.
    pub first: Timestamp,
    /// When it was heard last.
    pub last: Timestamp,
    /// Messages that must exist, by the numbers of the others, and were not heard.
    pub missing: u64,
    /// The time until its next message that it promised; without a promise, silence says nothing.
    pub heartbeat: Option<HeartbeatSeconds>,
}

impl Following {
    /// Expects a message so often of those who do not say how often there will be one.
    #[must_use]
    pub fn expecting(period: Duration) -> Self {
        Self { expected: Some(period), ..Self::default() }
    }

    /// Takes a message in.
    pub fn hear(&mut self, heard: Heard) {
        self.heard.insert(heard);
    }

    /// Every migrator that was heard, the one that was heard last at the end.
    pub fn migrators(&self, now: Timestamp) -> Vec<Followed> {
        let mut current = Vec::new();
        let mut services: BTreeMap<Sender, Vec<(&OlderMessage, Timestamp)>> = BTreeMap::new();
        for Heard { at, signal } in &self.heard {
            match signal {
                Signal::Current(message) => current.push((message, *at)),
                Signal::Older(message) => services.entry(service(message)).or_default().push((message, *at)),
                Signal::Unknown(_) => {}
            }
        }
        let processes = processes::of(current).into_iter().map(|(sender, messages)| process(sender, &messages, self.expected, now));
        let services = services.into_iter().map(|(sender, messages)| monitored(sender, &messages, now));
        let mut all: Vec<Followed> = processes.chain(services).collect();
        all.sort_by(|one, other| (one.last, &one.sender).cmp(&(other.last, &other.sender)));
        all
    }

    /// What is known of the migrator that was heard last.
    pub fn state(&self, now: Timestamp) -> State {
        self.migrators(now).pop().map_or(State::Nothing, |migrator| migrator.state)
    }

    /// What is known of one migrator.
    pub fn state_of(&self, migrator: &MigratorId, now: Timestamp) -> State {
        let is_it = |followed: &Followed| matches!(&followed.sender, Sender::Migrator(id) if id == migrator);
        self.migrators(now).into_iter().find(is_it).map_or(State::Nothing, |migrator| migrator.state)
    }

    /// The version of the schema that the migrator which was heard last observed last.
    pub fn version(&self, now: Timestamp) -> Option<SchemaVersion> {
        self.migrators(now).pop().and_then(|migrator| migrator.version)
    }

    /// Messages in no known format, with the moments when they were sent.
    pub fn unknown(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.heard.iter().filter_map(|Heard { at, signal }| match signal {
            Signal::Unknown(text) => Some((text.as_str(), *at)),
            _ => None,
        })
    }
}

fn service(message: &OlderMessage) -> Sender {
    Sender::Service { pid: message.pid.clone(), start_time: message.start_time.clone() }
}

/// What the messages of one process say; they come in the order of their numbers, and there is at least one.
fn process(sender: Sender, messages: &[(&Message, Timestamp)], expected: Option<Duration>, now: Timestamp) -> Followed {
    let (last, _) = messages.last().expect("a sender has sent something");
    let heard = latest(messages);
    let newest = |pick: fn(&Message) -> Option<&MigrationStage>| messages.iter().rev().find_map(|(message, _)| pick(message));
    let reached = Reached { stage: Some(last.app_stage), migration: newest(|message| message.migration_stage.as_ref()).cloned() };
    let heartbeat = messages.iter().rev().find_map(|(message, _)| message.heartbeat);
    let state = match (last.app_stage, last.exit_code) {
        // What says that it failed has not ended well, whatever its code.
        (AppStage::Failed, None | Some(ExitStatus::Success)) => State::EndedWithoutCode { heard },
        // Before codes were sent, only success had a message of its own.
        (AppStage::Finished, None) => State::Ended { status: ExitStatus::Success, heard },
        (_, Some(status)) => State::Ended { status, heard },
        (_, None) => alive(reached, heard, heartbeat.map(HeartbeatSeconds::period).or(expected), now),
    };
    let observed = |message: &&Message| message.migration_stage.as_ref()?.observed_version().cloned();
    let mut numbers: Vec<u64> = messages.iter().map(|(message, _)| message.number.0).collect();
    numbers.dedup();
    Followed {
        sender,
        state,
        version: messages.iter().rev().find_map(|(message, _)| observed(message)),
        first: earliest(messages),
        last: heard,
        missing: last.number.0.saturating_sub(numbers.len() as u64),
        heartbeat,
    }
}

/// What a monitor's messages about one service say; there is at least one.
fn monitored(sender: Sender, messages: &[(&OlderMessage, Timestamp)], now: Timestamp) -> Followed {
    let heard = latest(messages);
    let end = messages.iter().find_map(|(message, _)| match message.state() {
        OlderState::Running => None,
        OlderState::Ended(status) => Some(State::Ended { status, heard }),
        OlderState::Killed => Some(State::EndedWithoutCode { heard }),
    });
    let running = Reached { stage: None, migration: None };
    Followed {
        sender,
        state: end.unwrap_or_else(|| alive(running, heard, Some(OLDER_HEARTBEAT.as_std()), now)),
        version: messages.iter().find_map(|(message, _)| message.observed_version()),
        first: earliest(messages),
        last: heard,
        missing: 0,
        heartbeat: Some(HeartbeatSeconds(u32::try_from(OLDER_HEARTBEAT.as_std().as_secs()).unwrap_or(u32::MAX))),
    }
}

/// Whether one that has not ended is still to be believed alive. Without a promise to be heard, silence says nothing.
fn alive(reached: Reached, heard: Timestamp, period: Option<Duration>, now: Timestamp) -> State {
    // A clock that goes ahead of this one is no reason to worry.
    let silence = Duration::try_from(now.duration_since(heard)).unwrap_or_default();
    match period {
        Some(period) if !period.is_zero() && silence > period * MISSED_HEARTBEATS => {
            let missed = u64::try_from(silence.as_millis() / period.as_millis()).unwrap_or(u64::MAX);
            State::Silent { reached, heard, missed }
        }
        _ => State::Running { reached, heard },
    }
}

fn latest<T>(messages: &[(T, Timestamp)]) -> Timestamp {
    messages.iter().map(|(_, at)| *at).max().expect("a sender has sent something")
}

fn earliest<T>(messages: &[(T, Timestamp)]) -> Timestamp {
    messages.iter().map(|(_, at)| *at).min().expect("a sender has sent something")
}

impl HeartbeatSeconds {
    /// The time between two heartbeats.
    pub fn period(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

impl fmt::Display for Reached {
    /// Such as `Migrating (AfterFile V2__add.sql)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stage {
            Some(stage) => stage.fmt(f)?,
            None => f.write_str("running")?,
        }
        self.migration.iter().try_for_each(|migration| write!(f, " ({migration})"))
    }
}
