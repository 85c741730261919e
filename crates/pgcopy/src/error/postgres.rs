//! From what a server or the connection to it says to an [`Error`]: the one place that knows SQLSTATEs.

use super::{Error, Kind};
use std::fmt;
use tokio_postgres::error::{DbError, ErrorPosition, SqlState};

/// What a server said, without the parts that may quote rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(super) struct Said {
    /// The SQLSTATE, if a server said it and not the connection.
    pub(super) sqlstate: Option<String>,
    /// The message, with the hint and the names of what is concerned.
    pub(super) text: String,
    /// The constraint that it names.
    pub(super) constraint: Option<String>,
    /// All that it said, for those whose own statement it was.
    pub(super) report: Option<Box<Report>>,
}

/// All that a server said of a statement. It may quote rows, so it is no part of an error's text, and has no `Debug` that shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Report {
    /// The SQLSTATE.
    pub sqlstate: String,
    /// The message.
    pub message: String,
    /// The detail behind the message.
    pub detail: Option<String>,
    /// What the server suggests.
    pub hint: Option<String>,
    /// Where it was within functions, a line for each call.
    pub context: Option<String>,
    /// Which character of the statement it is about, from 1.
    pub position: Option<usize>,
}

impl fmt::Debug for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Report").field("sqlstate", &self.sqlstate).finish_non_exhaustive()
    }
}

impl Error {
    /// An error from a query: `doing` says what was being done, with what and where, such as
    /// ``cannot create `public.users` in `app` at `db:5432` ``.
    pub fn postgres(doing: impl fmt::Display, error: &tokio_postgres::Error) -> Self {
        let error_kind = kind_of(error);
        let made = error_kind.error(doing).because(said(error));
        match usual_help(error_kind) {
            Some(help) => made.help(help),
            None => made,
        }
    }
}

/// What helps against what a server said, if that is the same wherever it was said.
pub(crate) fn usual_help(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::DiskFull => Some("make room on the server, then resume"),
        Kind::TooManyConnections => Some("lower `workers`, or raise `max_connections` on the server"),
        Kind::LoginRefused => Some("check the user, the password and the server's `pg_hba.conf`"),
        Kind::LockTimeout => Some("end the transaction that holds the lock, then resume"),
        Kind::LimitPassed => Some("raise `max_locks_per_transaction` on the server to a fortieth of the number of tables or more"),
        Kind::SnapshotLost => Some("raise `max_standby_streaming_delay` or turn `hot_standby_feedback` on, then resume"),
        _ => None,
    }
}

fn kind_of(error: &tokio_postgres::Error) -> Kind {
    let Some(said) = error.as_db_error() else {
        return if error.is_closed() || has_io_cause(error) { Kind::ConnectionLost } else { Kind::Query };
    };
    kind_of_state(said.code(), said.message())
}

fn has_io_cause(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}

fn kind_of_state(state: &SqlState, message: &str) -> Kind {
    match *state {
        SqlState::DISK_FULL => Kind::DiskFull,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION | SqlState::INVALID_PASSWORD => Kind::LoginRefused,
        SqlState::INVALID_CATALOG_NAME => Kind::DatabaseMissing,
        SqlState::TOO_MANY_CONNECTIONS => Kind::TooManyConnections,
        SqlState::INSUFFICIENT_PRIVILEGE => Kind::PermissionDenied,
        SqlState::LOCK_NOT_AVAILABLE => Kind::LockTimeout,
        SqlState::CANNOT_CONNECT_NOW => Kind::CannotConnect,
        SqlState::QUERY_CANCELED => Kind::Interrupted,
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::DATABASE_DROPPED => Kind::ConnectionLost,
        SqlState::OUT_OF_MEMORY if message.contains("shared memory") => Kind::LimitPassed,
        // A standby cancels queries whose rows its primary has removed; on a primary this is an ordinary conflict.
        SqlState::T_R_SERIALIZATION_FAILURE if message.contains("conflict with recovery") => Kind::SnapshotLost,
        SqlState::SNAPSHOT_TOO_OLD => Kind::SnapshotLost,
        SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_OBJECT | SqlState::UNDEFINED_FUNCTION | SqlState::UNDEFINED_FILE => {
            Kind::Missing
        }
        _ => match state.code().get(..2) {
            Some("08") => Kind::ConnectionLost,
            Some("23") => Kind::ConstraintViolated,
            _ => Kind::Query,
        },
    }
}

fn said(error: &tokio_postgres::Error) -> Said {
    if let Some(said) = error.as_db_error() {
        return Said {
            sqlstate: Some(said.code().code().to_owned()),
            text: text(said),
            constraint: said.constraint().map(str::to_owned),
            report: Some(Box::new(report(said))),
        };
    }
    let first: &dyn std::error::Error = error;
    let causes = std::iter::successors(Some(first), |cause| cause.source());
    Said { sqlstate: None, text: causes.map(ToString::to_string).collect::<Vec<_>>().join(": "), constraint: None, report: None }
}

fn report(said: &DbError) -> Report {
    let position = match said.position() {
        Some(ErrorPosition::Original(position)) => usize::try_from(*position).ok(),
        _ => None,
    };
    Report {
        sqlstate: said.code().code().to_owned(),
        message: said.message().to_owned(),
        detail: said.detail().map(str::to_owned),
        hint: said.hint().map(str::to_owned),
        context: said.where_().map(str::to_owned),
        position,
    }
}

/// DETAIL and CONTEXT quote rows (`Key (email)=(…)`, `COPY users, line 3: "…"`) and are left out; so is the quoted value of a
/// message of class 22, data exception.
fn text(said: &DbError) -> String {
    let message = if said.code().code().starts_with("22") { without_quoted(said.message()) } else { said.message().to_owned() };
    let names = [("schema", said.schema()), ("table", said.table()), ("column", said.column()), ("constraint", said.constraint())];
    let names = names.into_iter().filter_map(|(word, name)| name.map(|name| format!(", {word} `{name}`")));
    let hint = said.hint().map(|hint| format!("; {hint}"));
    let parts = [format!("{message} (SQLSTATE {})", said.code().code())].into_iter().chain(names).chain(hint);
    parts.collect()
}

/// `invalid input syntax for type date: "…"` keeps only what stands before the value.
fn without_quoted(message: &str) -> String {
    message.split_once(": \"").map_or(message, |(before, _)| before).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_become_kinds() {
        let kind = |code: &str| kind_of_state(&SqlState::from_code(code), "");
        assert_eq!(kind("53100"), Kind::DiskFull);
        assert_eq!(kind("28P01"), Kind::LoginRefused);
        assert_eq!(kind("42501"), Kind::PermissionDenied);
        assert_eq!(kind("23503"), Kind::ConstraintViolated);
        assert_eq!(kind("08006"), Kind::ConnectionLost);
        assert_eq!(kind("57P01"), Kind::ConnectionLost);
        assert_eq!(kind("42601"), Kind::Query);
        assert_eq!(kind("40001"), Kind::Query);
        assert_eq!(kind_of_state(&SqlState::OUT_OF_MEMORY, "out of shared memory"), Kind::LimitPassed);
        let conflict = "canceling statement due to conflict with recovery";
        assert_eq!(kind_of_state(&SqlState::T_R_SERIALIZATION_FAILURE, conflict), Kind::SnapshotLost);
    }

    #[test]
    fn values_of_rows_are_left_out_of_messages() {
        assert_eq!(without_quoted("invalid input syntax for type date: \"eve@x.org\""), "invalid input syntax for type date");
        assert_eq!(without_quoted("division by zero"), "division by zero");
    }
}
