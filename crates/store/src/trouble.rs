//! What can go wrong with a store, in words for people.

use crate::folder::DATABASE_FILE;
use crate::store::BUSY_WITHIN;
use restage_core::{Code, Error};
use rusqlite::ErrorCode;
use std::fmt;
use std::io;
use std::path::Path;

/// What work on the database may return: SQLite's errors get the store's name only where it is known.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Ready to be shown.
    Coded(Error),
    /// As SQLite says it.
    Sqlite(rusqlite::Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Coded(error)
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Trouble {
    /// Whether another connection was in the way, which passes.
    pub(crate) fn is_busy(&self) -> bool {
        let Self::Sqlite(error) = self else { return false };
        matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed)
        )
    }

    /// The error to show, for the store in that folder.
    pub(crate) fn of(self, store: &Path) -> Error {
        match self {
            Self::Coded(error) => error,
            Self::Sqlite(error) => sqlite(store, error),
        }
    }
}

/// The store's folder cannot be made or used.
pub(crate) fn folder(store: &Path, error: io::Error) -> Error {
    let store = store.display();
    let help = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => MAKE_ROOM,
        _ => "name an empty or new folder of yours on a local disk with `--store` or RESTAGE_STORE",
    };
    Code::StoreUnusable.error(format!("the folder `{store}` cannot hold the store")).help(help).because(error)
}

/// The database was changed by a restage that knows more.
pub(crate) fn newer(store: &Path, found: i64, known: i64) -> Error {
    Code::StoreNewer
        .error(format!("the store `{}` has version {found}, this restage knows versions up to {known}", store.display()))
        .help("use the newer restage that wrote it, or another store with `--store`; nothing was changed")
}

/// The file is a database of something else.
pub(crate) fn not_ours(store: &Path) -> Error {
    Code::StoreUnusable
        .error(format!("`{}` is a database of another program", store.join(DATABASE_FILE).display()))
        .help("name another folder with `--store` or RESTAGE_STORE; nothing was changed")
}

/// The file system cannot share memory between processes.
pub(crate) fn no_shared_memory(store: &Path) -> Error {
    Code::StoreUnusable
        .error(format!("the file system of the store `{}` cannot share memory between processes", store.display()))
        .help("keep the store on a local disk, not on a network share; name it with `--store` or RESTAGE_STORE")
}

/// Something in the database cannot have been written by restage.
pub(crate) fn damaged(what: impl fmt::Display) -> Error {
    Code::StoreUnusable.error(format!("the store is damaged: {what}")).help(RESTORE)
}

const MAKE_ROOM: &str = "make room on that disk, then try again; nothing that was recorded is lost";
const RESTORE: &str = "stop restage, move the store's folder away and restore it from a backup; \
                       without one, look at every target before the next run, as unfinished runs are forgotten";

fn sqlite(store: &Path, error: rusqlite::Error) -> Error {
    let path = store.display();
    let unusable = |message: String, help: &str| Code::StoreUnusable.error(message).help(help);
    let shown = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => unusable(
            format!("the store `{path}` has been locked by another process for {} s", BUSY_WITHIN.as_secs()),
            "find that process, for example with `fuser`, and wait for it or end it; then try again",
        )
        .passing(),
        Some(ErrorCode::DiskFull) => unusable(format!("the disk of the store `{path}` is full"), MAKE_ROOM),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => unusable(
            format!("the store `{path}` cannot be opened for writing"),
            "give this user the folder and its files, or name another folder with `--store` or RESTAGE_STORE",
        ),
        Some(ErrorCode::SystemIoFailure | ErrorCode::NoLargeFileSupport | ErrorCode::OutOfMemory) => unusable(
            format!("the store `{path}` cannot be read or written"),
            "look for a full or failing disk, or missing memory, in the system's log, then try again; nothing that was recorded is lost",
        ),
        Some(ErrorCode::TooBig) => unusable(
            format!("the store `{path}` cannot hold something of that size"),
            "make the scenario smaller, for example by splitting it",
        ),
        _ => unusable(format!("the store `{path}` is damaged"), RESTORE),
    };
    shown.because(error)
}
