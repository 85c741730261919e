//! The folder of a job: what it is, how far it came, and what came of it, durably.

use restage_core::name::{JobName, RunId};
use restage_core::provider::Work;
use restage_core::{Code, Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const WORK: &str = "work.json";
const RECEIPT: &str = "receipt.json";
const TRANSACTION: &str = "transaction.json";

/// A job's folder, which may not exist.
#[derive(Clone, Debug)]
pub(crate) struct JobFolder(PathBuf);

/// The names of a run's jobs that have folders.
pub(super) fn jobs_of(jobs: &Path, run: &RunId) -> Result<Vec<JobName>> {
    let entries = match fs::read_dir(jobs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(unusable(jobs, "read", error)),
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    // Names come from folders here, so they are read the way receipts are.
    let jobs = names.filter_map(|name| serde_json::from_value::<JobName>(Value::String(name)).ok());
    Ok(jobs.filter(|job| super::name::JobParts::of(job).is_ok_and(|parts| parts.run == *run)).collect())
}

impl JobFolder {
    pub(super) fn at(jobs: &Path, name: &JobName) -> Self {
        Self(jobs.join(name.as_str()))
    }

    /// The folder of a job that another process has.
    pub(super) fn of(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// The folder itself.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Begins the job, for the first time or once more; what is known of its transaction or process stays.
    pub(super) fn begin(&self, work: &Work) -> Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&self.0).map_err(|error| unusable(&self.0, "create", error))?;
        remove(&self.file(RECEIPT))?;
        self.write(WORK, work)
    }

    /// What the job is, if it was ever begun.
    pub(super) fn work(&self) -> Result<Option<Work>> {
        self.read(WORK)
    }

    /// Keeps the receipt of a job that ended well.
    pub(super) fn set_receipt(&self, receipt: &Value) -> Result<()> {
        self.write(RECEIPT, receipt)
    }

    /// The receipt, if the job ended well.
    pub(super) fn receipt(&self) -> Result<Option<Value>> {
        self.read(RECEIPT)
    }

    /// Keeps what is known of the job's transaction; returns once that would survive power loss.
    pub(crate) fn set_transaction<T: Serialize>(&self, transaction: &T) -> Result<()> {
        self.write(TRANSACTION, transaction)
    }

    /// What is known of the job's transaction, if it ever began one.
    pub(crate) fn transaction<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        self.read(TRANSACTION)
    }

    /// Removes it with all that is in it.
    pub(super) fn remove(&self) -> Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unusable(&self.0, "remove", error)),
            _ => Ok(()),
        }
    }

    /// What a file holds, if it is there.
    pub(super) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = self.file(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(&path, "read", error)),
        };
        let read = serde_json::from_slice(&bytes).map_err(|cause| {
            let error = Code::StoreUnusable.error(format!("`{}` is damaged", path.display()));
            error.help("move the job's folder away; then `restage resume`").because(cause)
        })?;
        Ok(Some(read))
    }

    /// Written beside, made durable, then put in place: the file is there whole or not at all.
    pub(super) fn write(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let (path, beside) = (self.file(name), self.file(&format!("{name}.new")));
        let bytes = serde_json::to_vec(value).expect("what is kept of jobs is plain data");
        let written = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&beside, &path)?;
            File::open(&self.0)?.sync_all()
        };
        written().map_err(|error| unusable(&path, "write", error))
    }
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unusable(path, "remove", error)),
        _ => Ok(()),
    }
}

/// What cannot be done with a file of a job.
pub(super) fn unusable(path: &Path, action: &str, cause: io::Error) -> Error {
    Code::StoreUnusable
        .error(format!("cannot {action} `{}`", path.display()))
        .help("check the folder's permissions and the free space of its disk")
        .because(cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use restage_core::name::StepId;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;

    fn work() -> Work {
        let command = restage_core::scenario::run::Command::Shell("true".into());
        Work::Command(restage_core::provider::CommandSpec { command, env: [].into(), directory: ".".into(), database: None })
    }

    #[test]
    fn what_is_written_is_read_again_and_only_by_its_owner() {
        let jobs = tempfile::tempdir().unwrap();
        let run = RunId::parse("0123456789").unwrap();
        let name = JobName::of(&run, StepId(3));
        let folder = JobFolder::at(jobs.path(), &name);
        assert!(folder.work().unwrap().is_none() && folder.receipt().unwrap().is_none());
        folder.begin(&work()).unwrap();
        folder.set_receipt(&json!({"rows": 1})).unwrap();
        assert_eq!(folder.receipt().unwrap(), Some(json!({"rows": 1})));
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(folder.path()), mode(&folder.file(RECEIPT))), (0o700, 0o600));
        assert_eq!(jobs_of(jobs.path(), &run).unwrap(), [name]);
        assert!(jobs_of(jobs.path(), &RunId::parse("other").unwrap()).unwrap().is_empty());
        folder.begin(&work()).unwrap();
        assert!(folder.receipt().unwrap().is_none(), "beginning anew forgets the receipt");
        folder.remove().unwrap();
        folder.remove().unwrap();
    }

    #[test]
    fn a_damaged_file_is_told_and_not_taken_for_none() {
        let jobs = tempfile::tempdir().unwrap();
        let folder = JobFolder::at(jobs.path(), &JobName::of(&RunId::parse("a").unwrap(), StepId(0)));
        folder.begin(&work()).unwrap();
        fs::write(folder.file(RECEIPT), "{").unwrap();
        assert_eq!(folder.receipt().unwrap_err().code, Code::StoreUnusable);
    }
}
