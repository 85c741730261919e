//! From the errors of migrations to those that users meet.

use restage_core::{Code, Error};
use restage_migrate::Kind;

/// The error with its code, its place in a file first.
pub(super) fn told_of_migrations(error: restage_migrate::Error) -> Error {
    let place = error.place.as_ref().map(|place| {
        let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}{line}: ", place.file.display())
    });
    let mut told = code(error.kind).error(format!("{}{}", place.unwrap_or_default(), error.message));
    if let Some(help) = &error.help {
        told = told.help(help);
    }
    if matches!(error.kind, Kind::Connection | Kind::Locked) {
        told = told.passing();
    }
    told.because(error)
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
