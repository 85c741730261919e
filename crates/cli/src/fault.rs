//! Why a command ends early, and with which exit code.

use crate::screen::{Screen, Style};
use restage_core::document::Problems;
use restage_core::error::Failure;
use restage_core::plan::Refusals;
use restage_core::{Code, Error};
use serde::Serialize;
use std::process::ExitCode;

/// The exit codes, as `docs/cli.md` lists them.
pub(crate) mod exit {
    /// Refreshed, or the command did what it says.
    pub(crate) const DONE: u8 = 0;
    /// The run failed and was undone.
    pub(crate) const UNDONE: u8 = 1;
    /// `diagnose` found something.
    pub(crate) const FOUND: u8 = 1;
    /// Wrong usage or files.
    pub(crate) const USAGE: u8 = 2;
    /// The run is held.
    pub(crate) const HELD: u8 = 3;
    /// The run is stuck.
    pub(crate) const STUCK: u8 = 4;
    /// Refused by a check: nothing was touched.
    pub(crate) const REFUSED: u8 = 5;
    /// The run waits for an approval.
    pub(crate) const WAITING: u8 = 6;
    /// The run was cancelled and undone, or the command was interrupted and the run stays as it is.
    pub(crate) const CANCELLED: u8 = 130;
}

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The files are wrong.
    Problems(Problems),
    /// There can be no plan.
    Refused(Refusals),
    /// Anything else.
    Error(Box<Error>),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Error(Box::new(error))
    }
}

impl From<Problems> for Fault {
    fn from(problems: Problems) -> Self {
        Self::Problems(problems)
    }
}

impl From<Refusals> for Fault {
    fn from(refusals: Refusals) -> Self {
        Self::Refused(refusals)
    }
}

/// How faults are written for programs.
#[derive(Serialize)]
struct Written<'a> {
    exit: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<&'a Problems>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Failure>,
}

impl Fault {
    /// The exit code.
    pub(crate) fn exit(&self) -> u8 {
        match self {
            Self::Problems(_) => exit::USAGE,
            Self::Refused(_) => exit::REFUSED,
            Self::Error(error) => exit_of(error.code),
        }
    }
    /// Shows it and ends the command.
    pub(crate) fn report(&self, screen: Screen) -> ExitCode {
        if screen.format() == crate::args::Format::Json {
            screen.json(&self.written());
        }
        match self {
            Self::Problems(problems) => crate::render::problems(problems, screen),
            Self::Refused(refusals) => {
                for error in &refusals.0 {
                    show(error, screen);
                }
                let count = refusals.0.len();
                let reasons = if count == 1 { "one reason".to_owned() } else { format!("{count} reasons") };
                screen.talk(&screen.paint(Style::Bold, &format!("refused for {reasons}; nothing was touched")));
            }
            Self::Error(error) => show(error, screen),
        }
        ExitCode::from(self.exit())
    }

    fn written(&self) -> Written<'_> {
        let errors = match self {
            Self::Problems(_) => vec![],
            Self::Refused(refusals) => refusals.0.iter().map(Failure::from).collect(),
            Self::Error(error) => vec![Failure::from(&**error)],
        };
        let problems = match self {
            Self::Problems(problems) => Some(problems),
            Self::Refused(_) | Self::Error(_) => None,
        };
        Written { exit: self.exit(), problems, errors }
    }
}

fn exit_of(code: Code) -> u8 {
    match code {
        _ if code.is_refusal() => exit::REFUSED,
        // Before a run begins, whatever cannot be reached or had means that nothing was touched.
        Code::CannotConnect
        | Code::LoginRefused
        | Code::ConnectionPooled
        | Code::QueryFailed
        | Code::ConnectionLost
        | Code::ToolMissing
        | Code::SecretUnavailable
        | Code::CannotUndo => exit::REFUSED,
        Code::Interrupted => exit::CANCELLED,
        _ => exit::USAGE,
    }
}

/// Writes an error with its code, causes and help.
pub(crate) fn show(error: &Error, screen: Screen) {
    let failure = Failure::from(error);
    screen.talk_labelled(Style::Red, &format!("error[{}]:", failure.code.id()), &failure.message, 0, 2);
    for cause in &failure.causes {
        screen.talk_folded(&format!("because: {cause}"), 2, 2);
    }
    if let Some(help) = &failure.help {
        screen.talk_labelled(Style::Bold, "help:", help, 2, 2);
    }
}
