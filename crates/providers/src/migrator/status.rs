//! Which exit status an error ends a migrator with.

use restage_core::Code;
use restage_core::signal::ExitStatus;
use restage_migrate::{Error, Kind};
use restage_pgcopy as pgcopy;

/// The status of an error before the database was reached: what a correction of the configuration helps against is one of it.
pub fn of_connecting(error: &Error) -> ExitStatus {
    let cause = error.cause().and_then(|cause| cause.downcast_ref::<pgcopy::Error>()).map(|cause| cause.kind);
    match (error.kind, cause) {
        (Kind::Setting, _) => ExitStatus::InvalidConfiguration,
        (Kind::Connection, Some(kind)) => of_reaching(kind),
        (Kind::Connection | Kind::Interrupted, _) => ExitStatus::Unexpected,
        _ => ExitStatus::MigrationFailed,
    }
}

/// The status of what kept a database from being reached or read.
pub(super) fn of_reaching(kind: pgcopy::Kind) -> ExitStatus {
    match kind {
        pgcopy::Kind::LoginRefused | pgcopy::Kind::DatabaseMissing | pgcopy::Kind::Pooled => ExitStatus::InvalidConfiguration,
        _ => ExitStatus::Unexpected,
    }
}

/// The status of an error once the database was reached.
pub fn of_working(error: &Error) -> ExitStatus {
    match error.kind {
        Kind::Setting => ExitStatus::InvalidConfiguration,
        Kind::Connection | Kind::Interrupted => ExitStatus::Unexpected,
        Kind::Differs => ExitStatus::ValidationFailed,
        Kind::Unreadable
        | Kind::BrokenName
        | Kind::Duplicate
        | Kind::Encoding
        | Kind::Unterminated
        | Kind::Placeholder
        | Kind::Mixed
        | Kind::Invalid
        | Kind::LimitPassed
        | Kind::Database
        | Kind::Failed
        | Kind::Locked
        | Kind::Unfinished => ExitStatus::MigrationFailed,
    }
}

/// The status of an error as users meet it, where its kind is known no more.
pub(crate) fn of_told(error: &restage_core::Error) -> ExitStatus {
    match error.code {
        Code::InvalidFile
        | Code::FileUnreadable
        | Code::SecretUnavailable
        | Code::ParameterMissing
        | Code::ParameterForbidden
        | Code::LoginRefused
        | Code::ConnectionPooled => ExitStatus::InvalidConfiguration,
        Code::MigrationFailed
        | Code::MigrationsInvalid
        | Code::PlanStale
        | Code::QueryFailed
        | Code::PrivilegeMissing
        | Code::DeadlinePassed
        | Code::TargetBusy
        | Code::InDoubt => ExitStatus::MigrationFailed,
        Code::ModelsDiffer => ExitStatus::ValidationFailed,
        _ => ExitStatus::Unexpected,
    }
}

#[cfg(test)]
mod tests {
    use super::super::told_of_migrations;
    use super::*;

    #[test]
    fn the_stage_ends_by_the_same_error_as_the_command() {
        // An unreadable file may be a script or a configuration, which its code does not tell apart.
        let kinds = [
            Kind::Setting,
            Kind::Connection,
            Kind::Interrupted,
            Kind::Differs,
            Kind::BrokenName,
            Kind::Duplicate,
            Kind::Encoding,
            Kind::Unterminated,
            Kind::Placeholder,
            Kind::Mixed,
            Kind::Invalid,
            Kind::LimitPassed,
            Kind::Database,
            Kind::Failed,
            Kind::Locked,
            Kind::Unfinished,
        ];
        for kind in kinds {
            assert_eq!(of_told(&told_of_migrations(kind.error("x"))), of_working(&kind.error("x")), "{kind:?}");
        }
    }
}
