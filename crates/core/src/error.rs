//! The one error users meet: a stable code, one sentence, what to do next, and what caused it.

mod code;

pub use code::Code;

use serde::{Deserialize, Serialize};
use std::fmt;

/// What fallible calls of restage return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Something that went wrong, ready to be shown.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind of thing it is; `restage explain` tells more.
    pub code: Code,
    /// One sentence in lower case, the thing named in backticks.
    pub message: String,
    /// An instruction.
    pub help: Option<String>,
    /// Whether the same call may well succeed a little later.
    pub retry: bool,
    #[source]
    cause: Option<Cause>,
}

impl Error {
    /// Adds what to do next.
    #[must_use]
    pub fn help(mut self, help: impl fmt::Display) -> Self {
        self.help = Some(help.to_string());
        self
    }
    /// Adds what caused it.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cause>) -> Self {
        self.cause = Some(cause.into());
        self
    }
    /// Marks it as passing: the engine tries the step again, up to its limit.
    #[must_use]
    pub fn passing(mut self) -> Self {
        self.retry = true;
        self
    }
}

impl Code {
    /// An error of this code.
    pub fn error(self, message: impl fmt::Display) -> Error {
        Error { code: self, message: message.to_string(), help: None, retry: false, cause: None }
    }
}

/// An error as the journal keeps it, its causes as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The code.
    pub code: Code,
    /// The sentence.
    pub message: String,
    /// The instruction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The causes, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let first = std::error::Error::source(error);
        let causes = std::iter::successors(first, |cause| cause.source()).map(ToString::to_string).collect();
        Self { code: error.code, message: error.message.clone(), help: error.help.clone(), causes }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let cause = failure
            .causes
            .into_iter()
            .rev()
            .fold(None, |inner: Option<Recorded>, text| Some(Recorded { text, cause: inner.map(Box::new) }));
        Self {
            code: failure.code,
            message: failure.message,
            help: failure.help,
            retry: false,
            cause: cause.map(|cause| Box::new(cause) as Cause),
        }
    }
}

/// A cause read back from a journal.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Recorded {
    text: String,
    #[source]
    cause: Option<Box<Recorded>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_journal_with_its_causes() {
        let error = Code::CannotConnect.error("cannot reach `db`").help("start it").because(std::io::Error::other("refused"));
        let failure = Failure::from(&error);
        assert_eq!(failure.causes, ["refused"]);
        assert_eq!(Failure::from(&Error::from(failure.clone())), failure);
    }
}
