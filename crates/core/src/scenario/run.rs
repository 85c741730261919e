//! The stage `run`: a command on this machine.

use super::reading::Reading;
use crate::document::{At, Findings, Text};
use crate::duration::Duration;
use crate::environment::is_variable;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The deadline where none is given.
pub const DEFAULT_WITHIN: Duration = Duration::from_minutes(10);
/// The longest deadline.
pub const MAX_WITHIN: Duration = Duration::from_days(7);

/// Runs a command on the machine that restage runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The command.
    pub command: Command,
    /// What takes it back; nothing where nothing can.
    pub undo: Option<Command>,
    /// Variables added to its environment.
    pub environment: BTreeMap<String, String>,
    /// The working directory, relative to the scenario's folder; that folder where none is given.
    pub directory: Option<PathBuf>,
    /// The deadline.
    pub within: Duration,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Text for `sh -c`.
    Shell(String),
    /// A program, started without a shell.
    Program {
        /// Its name or path.
        program: String,
        /// Its arguments.
        arguments: Vec<String>,
    },
}

impl fmt::Display for Command {
    /// The command as one line, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shell(text) => f.write_str(text),
            Self::Program { program, arguments } => {
                f.write_str(program)?;
                arguments.iter().try_for_each(|argument| write!(f, " {argument}"))
            }
        }
    }
}

/// Runs a command on the machine that restage runs on. It succeeds when the command ends with 0 within the deadline;
/// its output is kept with the run.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "run")]
pub(super) struct WrittenRun {
    /// Text for `sh -c`, or a list of a program and its arguments, started without a shell. In text, prompts belong
    /// through the filter `shell`: `{{ name | shell }}`.
    command: WrittenCommand,
    /// The command that takes this back when the run is undone, as text or list; default none, and the stage is then
    /// not taken back.
    undo: Option<WrittenCommand>,
    /// Variables added to the command's environment; default none. They are not for secrets.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// The working directory, relative to the scenario's folder; default that folder.
    #[schemars(length(min = 1))]
    directory: Option<String>,
    /// The deadline, 1s to 7d; default 10m.
    within: Option<Text<Duration>>,
}

/// A command as text for `sh -c`, or as a list of a program and its arguments.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum WrittenCommand {
    /// Text for `sh -c`.
    Shell(#[schemars(length(min = 1))] String),
    /// A program and its arguments.
    Words(#[schemars(length(min = 1))] Vec<String>),
}

impl WrittenCommand {
    pub(super) fn read(&self, at: At<'_>, findings: &mut Findings) -> Option<Command> {
        match self {
            Self::Shell(text) => Some(Command::Shell(text.clone())),
            Self::Words(words) => {
                let (program, arguments) = words.split_first()?;
                if program.trim().is_empty() && !at.index(0).is_doubtful() {
                    findings.at(at, "the command has no program").help("put the program first in the list");
                    return None;
                }
                Some(Command::Program { program: program.clone(), arguments: arguments.to_vec() })
            }
        }
    }
}

/// Reports every name that no variable can have.
pub(super) fn refuse_no_variables(variables: &BTreeMap<String, String>, at: At<'_>, findings: &mut Findings) {
    for name in variables.keys().filter(|name| !is_variable(name)) {
        let finding = findings.add(at.key(name).heading(), format!("`{name}` cannot be the name of an environment variable"));
        finding.help("use letters, digits and `_`, starting with a letter");
    }
}

impl WrittenRun {
    pub(super) fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Run> {
        let command = self.command.read(at.key("command"), &mut reading.findings);
        let undo = self.undo.as_ref().map(|undo| undo.read(at.key("undo"), &mut reading.findings));
        refuse_no_variables(&self.env, at.key("env"), &mut reading.findings);
        let limits = Duration::from_secs(1)..=MAX_WITHIN;
        let within = reading.duration(at.key("within"), self.within.as_ref(), DEFAULT_WITHIN, limits);
        Some(Run {
            command: command?,
            undo: match undo {
                Some(undo) => Some(undo?),
                None => None,
            },
            environment: self.env.clone(),
            directory: self.directory.as_ref().map(PathBuf::from),
            within: within?,
        })
    }
}
