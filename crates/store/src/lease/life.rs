//! A sign of life: a file that its process keeps locked, which the system unlocks when the process ends, however it ends.

use super::Standing;
use crate::folder::{self, Folder};
use crate::target::TargetKey;
use crate::trouble;
use restage_core::Error;
use sha2::{Digest, Sha256};
use std::fs::{self, File, TryLockError};
use std::io;

/// The file's name, of target and token.
pub(super) struct LifeName(String);

impl LifeName {
    pub(super) fn of(target: &TargetKey, token: u64) -> Self {
        let sum = Sha256::digest(target.as_str());
        let short = u64::from_be_bytes(sum[..8].try_into().expect("a sum has 32 bytes"));
        Self(format!("{short:016x}-{token}"))
    }
}

/// The locked file.
pub(super) struct LifeFile {
    _locked: File,
}

impl LifeFile {
    /// Makes the file and locks it.
    pub(super) fn begin(folder: &Folder, name: &LifeName) -> Result<Self, Error> {
        let begun = || {
            let file = folder::create_file(&folder.lease(&name.0))?;
            match file.try_lock() {
                Ok(()) => Ok(Self { _locked: file }),
                Err(TryLockError::WouldBlock) => Err(io::Error::other(format!("`{}` is locked by another process", name.0))),
                Err(TryLockError::Error(error)) => Err(error),
            }
        };
        begun().map_err(|error| trouble::folder(folder.root(), error))
    }

    /// Removes the file; its owner, if alive, notices by the token that it has lost the lease. A file that stays does no harm.
    pub(super) fn remove(folder: &Folder, name: &LifeName) {
        let _ = fs::remove_file(folder.lease(&name.0));
    }

    /// Whether the file's process still is there.
    pub(super) fn standing(folder: &Folder, name: &LifeName) -> Standing {
        let Ok(file) = File::open(folder.lease(&name.0)) else { return Standing::Unknown };
        match file.try_lock_shared() {
            Ok(()) => Standing::Gone,
            Err(TryLockError::WouldBlock) => Standing::Alive,
            Err(TryLockError::Error(_)) => Standing::Unknown,
        }
    }
}
