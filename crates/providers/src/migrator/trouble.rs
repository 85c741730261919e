//! From the errors of migrations to those that users meet.

use crate::postgres::told;
use restage_core::{Code, Error};
use restage_migrate::Kind;
use restage_pgcopy as pgcopy;

/// The error with its code, its place in a file first.
pub fn told_of_migrations(error: restage_migrate::Error) -> Error {
    let place = error.place.as_ref().map(|place| {
        let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}{line}: ", place.file.display())
    });
    let mut told_of = code(error.kind).error(format!("{}{}", place.unwrap_or_default(), error.message));
    if let Some(help) = &error.help {
        told_of = told_of.help(help);
    }
    if matches!(error.kind, Kind::Connection | Kind::Locked) {
        told_of = told_of.passing();
    }
    match error.into_cause() {
        None => told_of,
        Some(cause) => match cause.downcast::<pgcopy::Error>() {
            // The server's refusal of a login has a code of its own, and the cause behind it says more than it says itself.
            Ok(cause) if told_of.code == Code::CannotConnect => told(*cause),
            Ok(cause) => match cause.into_cause() {
                Some(cause) => told_of.because(cause),
                None => told_of,
            },
            Err(cause) => told_of.because(cause),
        },
    }
}

/// The first of several errors, which says how many there are.
pub(crate) fn first_of(errors: Vec<Error>) -> Error {
    let count = errors.len();
    let mut errors = errors.into_iter();
    let Some(mut first) = errors.next() else { return Code::MigrationsInvalid.error("no script can be used") };
    if count > 1 {
        let more = if count == 2 { "one more problem".to_owned() } else { format!("{} more problems", count - 1) };
        first.message = format!("{}, and {more}", first.message);
    }
    first
}

fn code(kind: Kind) -> Code {
    match kind {
        Kind::Unreadable => Code::FileUnreadable,
        Kind::Setting => Code::InvalidFile,
        Kind::BrokenName
        | Kind::Duplicate
        | Kind::Encoding
        | Kind::Unterminated
        | Kind::Placeholder
        | Kind::Mixed
        | Kind::Invalid => Code::MigrationsInvalid,
        Kind::Differs => Code::ModelsDiffer,
        Kind::LimitPassed => Code::DeadlinePassed,
        Kind::Connection => Code::CannotConnect,
        Kind::Database => Code::QueryFailed,
        Kind::Failed => Code::MigrationFailed,
        Kind::Locked => Code::TargetBusy,
        Kind::Unfinished => Code::InDoubt,
        Kind::Interrupted => Code::Interrupted,
    }
}
