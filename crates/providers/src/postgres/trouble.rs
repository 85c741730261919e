//! From the copy engine's errors to those that users meet.

use restage_core::{Code, Error};
use restage_pgcopy::Kind;

/// What a server gives up for others' sake, and what works when it is tried again: serialization failures and deadlocks.
const GIVEN_UP: [&str; 2] = ["40001", "40P01"];

/// The error with its code, told to people who run restage.
pub fn told(error: restage_pgcopy::Error) -> Error {
    let (kind, message, help) = (error.kind, error.message.clone(), error.help.clone());
    let mut told = code(kind).error(message);
    if let Some(help) = help.as_deref().or_else(|| usual_help(kind)) {
        told = told.help(help);
    }
    let deadlock = error.sqlstate().is_some_and(|state| GIVEN_UP.contains(&state));
    if kind.may_pass() || deadlock {
        told = told.passing();
    }
    match error.into_cause() {
        Some(cause) => told.because(cause),
        None => told,
    }
}

fn code(kind: Kind) -> Code {
    match kind {
        Kind::CannotConnect | Kind::DatabaseMissing | Kind::TooManyConnections => Code::CannotConnect,
        Kind::LoginRefused => Code::LoginRefused,
        Kind::Pooled => Code::ConnectionPooled,
        Kind::ConnectionLost => Code::ConnectionLost,
        Kind::DiskFull => Code::DiskFull,
        Kind::PermissionDenied => Code::PrivilegeMissing,
        Kind::LockTimeout | Kind::Query | Kind::Missing | Kind::ConstraintViolated => Code::QueryFailed,
        Kind::ToolMissing => Code::ToolMissing,
        Kind::ToolFailed | Kind::ArchiveUnreadable | Kind::SnapshotLost => Code::CopyFailed,
        Kind::SchemaChanged => Code::PlanStale,
        Kind::SameDatabase => Code::SameDatabase,
        Kind::Mismatch => Code::VerifyMismatch,
        Kind::MaskUnfit => Code::MaskUnfit,
        Kind::Unfit => Code::DeltaUnfit,
        Kind::Conflict => Code::KeptRowsConflict,
        Kind::Dangling => Code::KeptRowsDangle,
        Kind::Interrupted => Code::Interrupted,
        Kind::LimitPassed => Code::DeadlinePassed,
    }
}

/// What to do where the engine did not say.
fn usual_help(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::CannotConnect => "check that the server runs, and the address in the environments file",
        Kind::LoginRefused => "check the user and its password in the environments file, and the server's `pg_hba.conf`",
        Kind::DatabaseMissing => "correct the database's name in the environments file",
        Kind::TooManyConnections => "wait for other sessions to end, or lower `workers:` in the scenario",
        Kind::ConnectionLost => "`restage resume` goes on where the run stopped",
        Kind::DiskFull => "free or add disk on the server, then `restage resume`",
        Kind::PermissionDenied => "grant the missing privilege to the role, then `restage resume`",
        Kind::SchemaChanged => "plan again, read what changed, and start a new run",
        Kind::Mismatch => "nothing was swapped: look at the differences, then `restage resume` or `restage undo`",
        Kind::SnapshotLost | Kind::Interrupted => "`restage resume` starts the step again, `restage undo` takes the run back",
        Kind::LockTimeout => "end the transaction that holds the lock, then `restage resume`",
        Kind::LimitPassed => "`restage resume` tries again",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_and_what_may_not_is_not() {
        assert!(told(Kind::ConnectionLost.error("x")).retry);
        assert!(!told(Kind::LoginRefused.error("x")).retry);
    }

    #[test]
    fn the_engines_own_help_and_cause_are_kept() {
        let error = told(Kind::DiskFull.error("cannot copy `users`").help("add a disk").because("53100"));
        assert_eq!((error.code, error.help.as_deref()), (Code::DiskFull, Some("add a disk")));
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "53100");
        assert!(told(Kind::CannotConnect.error("x")).help.is_some());
    }
}
