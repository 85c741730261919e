//! What ails migrations: from what was observed to findings, each with its evidence and the next command.
//!
//! It is the runbook of a migrator that failed, as rules. [`Symptoms`] are what was observed, by whomever; [`diagnose`] says
//! what that means. A check that could not be made is a finding of its own, and what nobody knows is never taken for good.

mod symptoms;
mod life;
mod exits;

mod queue;
mod sessions;
mod history;
mod access;
mod log;

pub use life::{Life, Verdict};
pub use log::LogSeen;
pub use symptoms::{
    Access, BeginningSeen, DatabaseSeen, HistorySeen, HostSeen, LeaseSeen, LocalProcess, Observed, OddRow, Oddity,
    ParameterTrouble, Protection, QueueSeen, ScriptsSeen, SessionSeen, Standing, Symptoms, UnfinishedSeen,
};

use crate::error::Failure;
use crate::name::RunId;
use crate::words::plural;
use serde::{Deserialize, Serialize};
use std::fmt;

pub use crate::report::NextCommand;

/// What was looked at, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// Every check that was made, in the order of the runbook, with what it showed.
    pub checks: Vec<Check>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub what: &'static str,
    /// What was seen, in a few words.
    pub seen: String,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, one sentence.
    pub finding: String,
    /// What shows it.
    pub evidence: Vec<String>,
    /// What to do next; at least one.
    pub next: Vec<NextCommand>,
    /// What `--fix` would do about it, where that is safe.
    pub fix: Option<Fix>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// No migration can be run while it is so.
    Blocking,
    /// It could not be looked at, so that nobody knows.
    Unchecked,
    /// A migration can be run, and somebody should know.
    Warning,
}

/// Something that can be done about a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fix", rename_all = "kebab-case")]
pub enum Fix {
    /// Delete all messages of the queue.
    PurgeQueue {
        /// The queue.
        queue: String,
        /// How many messages it had when it was looked at.
        messages: u64,
    },
    /// End a session that a dead process has left.
    EndSession {
        /// The server's process.
        pid: i32,
        /// When the session began, as the server writes it; another one may get its number.
        began: String,
        /// Where it is.
        on: SessionOn,
    },
    /// Give back what a dead run holds in the store.
    ReleaseLease {
        /// The run.
        run: RunId,
    },
    /// Bring the history in order.
    RepairHistory {
        /// Which of its rows.
        extent: Extent,
        /// The changes, in words.
        changes: Vec<String>,
    },
}

/// Which database a session is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionOn {
    /// The one that is diagnosed.
    Database,
    /// The one from which others are made, where marks of runs are.
    Maintenance,
}

/// Which rows of a history are brought in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// Those of migrations that failed: they are deleted.
    Failed,
    /// Those that disagree with the scripts, too: they are marked as deleted, or given what the scripts have.
    All,
}

/// What may be done beyond what is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Whose messages may be deleted.
    pub purge: Purge,
    /// Which rows of the history may be changed.
    pub history: Extent,
}

/// Whose messages may be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purge {
    /// Those of migrators that have ended.
    OfTheDead,
    /// Anybody's.
    Anybodys,
}

impl Consent {
    /// To nothing but what is safe.
    pub const NONE: Self = Self { purge: Purge::OfTheDead, history: Extent::Failed };
}

/// Says what was looked at, and what the symptoms mean.
pub fn diagnose(symptoms: &Symptoms, consent: Consent) -> Diagnosis {
    let mut notes = Notes { symptoms, consent, checks: vec![], findings: vec![] };
    access::look(&mut notes);
    queue::look(&mut notes);
    sessions::look(&mut notes);
    history::look(&mut notes);
    log::look(&mut notes);
    notes.findings.sort_by_key(|finding| finding.severity);
    Diagnosis { checks: notes.checks, findings: notes.findings }
}

/// What is written down while symptoms are looked at.
struct Notes<'a> {
    symptoms: &'a Symptoms,
    consent: Consent,
    checks: Vec<Check>,
    findings: Vec<Finding>,
}

impl Notes<'_> {
    fn check(&mut self, what: &'static str, seen: impl Into<String>) {
        self.checks.push(Check { what, seen: seen.into() });
    }

    fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// A check that could not be made.
    fn unchecked(&mut self, what: &'static str, finding: String, failure: &Failure) {
        self.check(what, "could not be looked at");
        let mut evidence = vec![failure.message.clone()];
        evidence.extend(failure.causes.iter().cloned());
        let help = failure.help.clone().unwrap_or_else(|| "explains the error".into());
        let next = vec![NextCommand { command: format!("restage explain {}", failure.code.id()), does: help }];
        self.find(Finding { severity: Severity::Unchecked, finding, evidence, next, fix: None });
    }

    /// The command that would fix it, with what it would do.
    fn fixing(&self, option: &str, does: impl Into<String>) -> NextCommand {
        next(format!("{} --fix{option}", self.symptoms.command), does)
    }

    /// The same diagnosis with one more option.
    fn again_with(&self, option: &str, does: impl Into<String>) -> NextCommand {
        next(format!("{} {option}", self.symptoms.command), does)
    }
}

fn next(command: impl Into<String>, does: impl Into<String>) -> NextCommand {
    NextCommand { command: command.into(), does: does.into() }
}

impl fmt::Display for Fix {
    /// What it does, as a person is asked whether to do it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PurgeQueue { queue, messages } => {
                write!(f, "delete all messages of the queue `{queue}` ({})", plural(*messages, "message"))
            }
            Self::EndSession { pid, began, on } => {
                let on = match on {
                    SessionOn::Database => "the database",
                    SessionOn::Maintenance => "the server's maintenance database",
                };
                write!(f, "end the session of process {pid} on {on}, which began at {began}")
            }
            Self::ReleaseLease { run } => write!(f, "give back what run `{run}` holds in the store"),
            Self::RepairHistory { changes, .. } => write!(f, "repair the history: {}", changes.join("; ")),
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blocking => "blocking",
            Self::Unchecked => "unchecked",
            Self::Warning => "warning",
        })
    }
}
