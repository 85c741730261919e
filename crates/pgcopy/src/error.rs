//! The engine's one error: what kind of thing went wrong, with what, and what to do about it.

mod postgres;

pub use postgres::Report;
use postgres::Said;
pub(crate) use postgres::usual_help;

use std::fmt;

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// An error; its message names the thing and its place, and holds neither secrets nor rows.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind of thing went wrong; callers decide by it.
    pub kind: Kind,
    /// One sentence in lower case, the thing named in backticks.
    pub message: String,
    /// An instruction.
    pub help: Option<String>,
    #[source]
    cause: Option<Cause>,
}

/// The kinds of error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A server cannot be reached.
    CannotConnect,
    /// A server refuses the login.
    LoginRefused,
    /// A pooler stands before a server.
    Pooled,
    /// The server has no such database.
    DatabaseMissing,
    /// The server has no free connection.
    TooManyConnections,
    /// A connection broke.
    ConnectionLost,
    /// The server has run out of disk.
    DiskFull,
    /// A privilege is missing.
    PermissionDenied,
    /// Rows break a constraint.
    ConstraintViolated,
    /// A lock was not to be had in time.
    LockTimeout,
    /// A server refused a statement for another reason.
    Query,
    /// A program that is needed is not there.
    ToolMissing,
    /// A program failed.
    ToolFailed,
    /// What `pg_dump` wrote cannot be read.
    ArchiveUnreadable,
    /// Source and target are one database.
    SameDatabase,
    /// The source's structure or identity is not that of the plan.
    SchemaChanged,
    /// The snapshot was lost, so that what is copied would not be of one moment.
    SnapshotLost,
    /// The copy is not what it should be.
    Mismatch,
    /// A mask does not fit, or met a value that it cannot mask.
    MaskUnfit,
    /// Something does not fit the structure it is put on.
    Unfit,
    /// Kept rows and production's rows disagree.
    Conflict,
    /// References lead to rows that do not exist.
    Dangling,
    /// An object that is needed is not there, such as a role, an extension or a table.
    Missing,
    /// The work was stopped before its end.
    Interrupted,
    /// A limit with a name was passed.
    LimitPassed,
}

impl Kind {
    /// An error of this kind.
    pub fn error(self, message: impl fmt::Display) -> Error {
        Error { kind: self, message: message.to_string(), help: None, cause: None }
    }
    /// Whether the same call may well succeed a little later.
    pub fn may_pass(self) -> bool {
        matches!(
            self,
            Self::CannotConnect | Self::TooManyConnections | Self::ConnectionLost | Self::LockTimeout | Self::SnapshotLost
        )
    }
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
    /// Turns it into another kind where more is known than the server could say.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }
    /// What caused it, if that is kept.
    pub fn into_cause(self) -> Option<Box<dyn std::error::Error + Send + Sync>> {
        self.cause
    }
    /// The SQLSTATE that a server gave, if one did.
    pub fn sqlstate(&self) -> Option<&str> {
        self.said()?.sqlstate.as_deref()
    }
    /// The constraint that a server named, if one did.
    pub fn constraint(&self) -> Option<&str> {
        self.said()?.constraint.as_deref()
    }
    /// All that a server said, if one did; it may quote rows.
    pub fn report(&self) -> Option<&Report> {
        self.said()?.report.as_deref()
    }
    fn said(&self) -> Option<&Said> {
        self.cause.as_deref()?.downcast_ref()
    }
}
