//! What a statement failed of, and what is left of the script it stands in.

use std::fmt;
use std::path::Path;

use restage_pgcopy as pgcopy;
use serde::{Deserialize, Serialize};

use crate::statements::Statement;
use crate::{Error, Kind};

/// A failure of a script's statement, all of it known one by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What the script is called in its location.
    pub script: String,
    /// The number of the statement, from 1; one more than there are if it was what ends the script's transaction.
    pub statement: usize,
    /// How many statements the script has.
    pub statements: usize,
    /// The line that the failure is on, from 1.
    pub line: Option<usize>,
    /// The SQLSTATE, if a server gave one.
    pub sqlstate: Option<String>,
    /// What the server said.
    pub message: String,
    /// The detail behind it, which may quote rows.
    pub detail: Option<String>,
    /// What the server suggests.
    pub hint: Option<String>,
    /// Where it was within functions.
    pub context: Option<String>,
    /// What is left of the script.
    pub left: Left,
}

/// What is left of a script that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    /// Nothing: its transaction was rolled back.
    Nothing,
    /// Its first statements are done, those behind are not; the one that failed may have left something, such as an invalid index.
    Statements {
        /// How many are done.
        done: usize,
    },
    /// The connection broke while it was committed: all of it is there, or nothing.
    AllOrNothing,
    /// The connection broke at the statement behind those, which may be done or not.
    InDoubt {
        /// How many are done.
        done: usize,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("detail", &self.detail), ("hint", &self.hint), ("context", &self.context)];
        let said = parts.into_iter().filter_map(|(name, text)| text.as_ref().map(|text| format!("; {name}: {text}")));
        write!(formatter, "{}{}", self.message, said.collect::<String>())
    }
}

impl std::error::Error for Failure {}

impl Error {
    /// What a statement failed of, if it was a statement of a script that failed.
    pub fn failure(&self) -> Option<&Failure> {
        self.cause_of()
    }

    /// Adds that what is left of one script is left of all that share its transaction.
    pub(super) fn of_group(mut self, scripts: usize) -> Self {
        self.message = format!("{}, as of the whole group of {scripts} scripts", self.message);
        self
    }

    /// Adds what is left of a script that something else than its own statements stopped, if anything is.
    pub(super) fn leaving(mut self, script: &str, statements: usize, left: Left) -> Self {
        if let Left::Statements { .. } | Left::InDoubt { .. } = left {
            self.message = format!("{}; of `{script}`, {}", self.message, left.told(statements));
        }
        self
    }
}

/// A statement that failed, before it is known what is left.
pub(super) struct Broken {
    pub(super) number: usize,
    pub(super) line: Option<usize>,
    pub(super) error: pgcopy::Error,
}

impl Broken {
    pub(super) fn at(statement: &Statement<'_>, number: usize, error: pgcopy::Error) -> Self {
        let place = error.report().and_then(|report| report.position).unwrap_or(1);
        let before = statement.sql.chars().take(place.saturating_sub(1));
        let line = statement.line + before.filter(|character| *character == '\n').count();
        Self { number, line: Some(line), error }
    }

    pub(super) fn lost_connection(&self) -> bool {
        self.error.kind == pgcopy::Kind::ConnectionLost
    }

    /// The error of it, once it is known what is left.
    pub(super) fn into_error(self, script: &str, file: &Path, statements: usize, left: Left) -> Error {
        let Self { number, line, error } = self;
        let report = error.report().cloned();
        let said = match &report {
            Some(report) => format!("{} (SQLSTATE {})", report.message, report.sqlstate),
            None => std::error::Error::source(&error).map_or_else(|| error.message.clone(), ToString::to_string),
        };
        let place = match line {
            Some(line) if number <= statements => format!("statement {number} of {statements}, on line {line}"),
            _ => "the end of its transaction".to_owned(),
        };
        let (kind, verb) = match error.kind {
            pgcopy::Kind::Interrupted if report.is_none() => (Kind::Interrupted, "was stopped"),
            pgcopy::Kind::ConnectionLost => (Kind::Connection, "failed"),
            _ => (Kind::Failed, "failed"),
        };
        let failure = Failure {
            script: script.to_owned(),
            statement: number,
            statements,
            line,
            sqlstate: report.as_ref().map(|report| report.sqlstate.clone()),
            message: report.as_ref().map_or_else(|| said.clone(), |report| report.message.clone()),
            detail: report.as_ref().and_then(|report| report.detail.clone()),
            hint: report.as_ref().and_then(|report| report.hint.clone()),
            context: report.as_ref().and_then(|report| report.context.clone()),
            left,
        };
        let help = help(&failure, kind);
        let message = format!("`{script}` {verb} at {place}: {said}; {}", left.told(statements));
        kind.error(message).help(help).at(file, line).because(failure)
    }
}

fn help(failure: &Failure, kind: Kind) -> String {
    match (failure.left, kind) {
        (Left::Nothing, Kind::Interrupted) => "run again when it may go on".to_owned(),
        (Left::Nothing, _) => match &failure.hint {
            Some(hint) => format!("correct the script, then run again; the server says: {hint}"),
            None => "correct the script, then run again".to_owned(),
        },
        (Left::AllOrNothing, _) => "run `restage migrate info`: what the history has was committed".to_owned(),
        (Left::Statements { .. } | Left::InDoubt { .. }, _) => {
            "take back what is done, run `restage migrate repair` and run again; or finish it by hand and go on behind it"
                .to_owned()
        }
    }
}

impl Left {
    fn told(self, statements: usize) -> String {
        match self {
            Self::Nothing => "nothing of it is left".to_owned(),
            Self::AllOrNothing => "whether it was committed is not known".to_owned(),
            Self::Statements { done } => told_done(done, statements),
            Self::InDoubt { done } => format!("{}, and statement {} is in doubt", told_done(done, statements), done + 1),
        }
    }
}

pub(super) fn told_done(done: usize, statements: usize) -> String {
    match done {
        0 => format!("none of its {statements} statements is done"),
        1 => format!("statement 1 of {statements} is done"),
        _ if done == statements => format!("all its {statements} statements are done"),
        _ => format!("statements 1 to {done} of {statements} are done"),
    }
}

/// The error of something that is not a script's.
pub(crate) fn of_server(error: pgcopy::Error) -> Error {
    let kind = match error.kind {
        pgcopy::Kind::Interrupted if error.report().is_none() => Kind::Interrupted,
        pgcopy::Kind::CannotConnect
        | pgcopy::Kind::LoginRefused
        | pgcopy::Kind::Pooled
        | pgcopy::Kind::DatabaseMissing
        | pgcopy::Kind::TooManyConnections
        | pgcopy::Kind::ConnectionLost => Kind::Connection,
        _ => Kind::Database,
    };
    let made = kind.error(&error.message);
    let help = error.help.clone().unwrap_or_else(|| "look at what the server says, and run again".to_owned());
    made.help(help).because(error)
}
