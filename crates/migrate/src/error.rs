//! The crate's one error: what kind of thing went wrong, with which file and line, and what to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// An error; its message names the thing and holds no secrets.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind of thing went wrong; callers decide by it.
    pub kind: Kind,
    /// One sentence in lower case, the thing named in backticks.
    pub message: String,
    /// An instruction.
    pub help: Option<String>,
    /// The file and, from 1, the line in it.
    pub place: Option<Place>,
    #[source]
    cause: Option<Cause>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as found.
    pub file: PathBuf,
    /// From 1, if it is known.
    pub line: Option<usize>,
}

/// The kinds of error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A file or folder cannot be read.
    Unreadable,
    /// A script's name says not what it is.
    BrokenName,
    /// Two scripts have the same version, or the same description of a repeatable migration.
    Duplicate,
    /// A setting cannot be used.
    Setting,
    /// A script is not written in the encoding that it should have.
    Encoding,
    /// A script cannot be split into statements.
    Unterminated,
    /// A placeholder has no value.
    Placeholder,
    /// A script has statements that want a transaction and such that refuse one.
    Mixed,
    /// History and scripts disagree.
    Invalid,
    /// The database is not what the models say.
    Differs,
    /// A limit with a name was passed.
    LimitPassed,
    /// The database cannot be reached, or the connection to it broke.
    Connection,
    /// The server refused something that is not a script's.
    Database,
    /// A statement of a script failed.
    Failed,
    /// Somebody else holds the lock of the history.
    Locked,
    /// A migration without a transaction did not come to its end.
    Unfinished,
    /// The work was stopped before its end.
    Interrupted,
}

impl Kind {
    /// An error of this kind.
    pub fn error(self, message: impl fmt::Display) -> Error {
        Error { kind: self, message: message.to_string(), help: None, place: None, cause: None }
    }
}

impl Error {
    /// Adds what to do next.
    #[must_use]
    pub fn help(mut self, help: impl fmt::Display) -> Self {
        self.help = Some(help.to_string());
        self
    }
    /// Adds the file it is about.
    #[must_use]
    pub fn at(mut self, file: &Path, line: Option<usize>) -> Self {
        self.place = Some(Place { file: file.to_owned(), line });
        self
    }
    /// Adds what caused it.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cause>) -> Self {
        self.cause = Some(cause.into());
        self
    }
    /// What caused it.
    pub fn into_cause(self) -> Option<Box<dyn std::error::Error + Send + Sync>> {
        self.cause
    }
    /// What caused it.
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.cause.as_deref()
    }
    /// The cause, if it is one of this type.
    pub(crate) fn cause_of<T: std::error::Error + 'static>(&self) -> Option<&T> {
        self.cause.as_deref()?.downcast_ref()
    }
    /// Takes the cause away, if it is one of this type.
    pub(crate) fn take_cause_of<T: std::error::Error + 'static>(&mut self) -> Option<T> {
        match self.cause.take()?.downcast() {
            Ok(cause) => Some(*cause),
            Err(other) => {
                self.cause = Some(other);
                None
            }
        }
    }
}
