//! A process that keeps the snapshot of a copy, so that the copy can be gone on with after its own process has died.
//!
//! The keeper holds the lock on a file of the job's folder for as long as it lives, and so does the copier on another: each can
//! tell whether the other is alive without trusting a process id. The copier ends the keeper when it is needed no more; a
//! keeper whose copier has died ends by itself after a while.

mod order;
mod process;

pub use process::keep_snapshot;

use super::command::Session;
use super::folder::{JobFolder, remove, unusable};
use crate::postgres::told;
use order::{Answer, Order};
use restage_core::provider::FillSpec;
use restage_core::{Code, Error, Result};
use restage_pgcopy::connect::Endpoint;
use restage_pgcopy::copy::Snapshot;
use restage_pgcopy::stop::Stop;
use secrecy::SecretString;
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// How long a keeper outlives its copier.
pub const KEPT_LIMIT: Duration = Duration::from_mins(10);

/// Held by the keeper for as long as it lives.
const KEEPER: &str = "keeper";
/// Held by the copier for as long as it copies.
const COPIER: &str = "copier";
/// The keeper's line of `/proc/<pid>/stat`.
const PROCESS: &str = "keeper-process";
/// What the keeper keeps, or why it cannot.
const ANSWER: &str = "keeper-answer.json";
/// Tells the keeper to end.
const DISMISSED: &str = "keeper-dismissed";

/// How often a keeper is started that ends without a word.
const START_ATTEMPTS: u32 = 2;
/// How long a keeper may take to say what it keeps: longer than reaching the server and waiting for locks may.
const ANSWER_LIMIT: Duration = Duration::from_mins(2);
/// How long a keeper that was told to end may take, before it is asked by a signal, and before it is killed; and after that.
const DISMISS_LIMIT: Duration = Duration::from_secs(5);
const END_GRACE: Duration = Duration::from_secs(5);
const KILL_GRACE: Duration = Duration::from_secs(10);
/// How long another copier of the same job may still be seen.
const COPIER_LIMIT: Duration = Duration::from_secs(5);
/// How often is looked at each other's files.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Variables that a keeper gets: where certificates are. Others may hold secrets.
const ENVIRONMENT: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Who keeps the snapshots of copies.
#[derive(Clone, Debug, Default)]
pub enum Keepers {
    /// Each copy keeps its own, and begins anew after a crash.
    #[default]
    None,
    /// Processes of their own.
    Processes {
        /// A program that calls [`keep_snapshot`].
        program: PathBuf,
        /// What it is called with, before the folder.
        words: Vec<OsString>,
        /// How long it outlives its copier.
        outlives: Duration,
    },
}

/// A snapshot that a keeper keeps for as long as this exists, and for a while after that.
pub(crate) struct Kept {
    pub(crate) snapshot: Snapshot,
    /// Tells the keeper that its copier is alive.
    _copier: File,
}

impl Keepers {
    /// Finds the job's keeper at work or starts one; `None` where there is none to be had.
    pub(crate) async fn keep(&self, folder: &JobFolder, source: &Endpoint, spec: &FillSpec, stop: &Stop) -> Result<Option<Kept>> {
        let Self::Processes { program, words, outlives } = self else { return Ok(None) };
        let copier = become_copier(folder).await?;
        let (mut child, mut attempts, began): (Option<Child>, u32, Instant) = (None, 0, Instant::now());
        loop {
            stop.check().map_err(told)?;
            if began.elapsed() > ANSWER_LIMIT {
                end_keeper(folder).await?;
                return Ok(None);
            }
            let has_ended = |child: &mut Child| !matches!(child.try_wait(), Ok(None));
            match open(&folder.file(KEEPER), Missing::Made)?.map(unlocked).transpose()?.flatten() {
                None => match folder.read(ANSWER)? {
                    Some(Answer::Kept(snapshot)) => {
                        reap(child);
                        return Ok(Some(Kept { snapshot, _copier: copier }));
                    }
                    Some(Answer::Failed { failure, retry }) if child.is_some() => return Err(failed(failure, retry)),
                    _ => {}
                },
                Some(lock) if child.as_mut().is_none_or(has_ended) => {
                    if let (Some(Answer::Failed { failure, retry }), Some(_)) = (folder.read(ANSWER)?, &child) {
                        return Err(failed(failure, retry));
                    }
                    if attempts == START_ATTEMPTS {
                        return Ok(None);
                    }
                    attempts += 1;
                    let order = Order::new(source, spec, *outlives);
                    child = start(program, words, folder, lock, &order, source.password.as_ref()).await?;
                }
                Some(_) => {}
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

fn failed(failure: restage_core::error::Failure, retry: bool) -> Error {
    let error = Error::from(failure);
    if retry { error.passing() } else { error }
}

/// Its end is seen by its lock; this lets the system forget it.
fn reap(child: Option<Child>) {
    if let Some(mut child) = child {
        tokio::spawn(async move { child.wait().await });
    }
}

/// Starts a keeper, which takes the lock over: it is released when the keeper ends, however it ends.
async fn start(
    program: &Path,
    words: &[OsString],
    folder: &JobFolder,
    lock: File,
    order: &Order,
    password: Option<&SecretString>,
) -> Result<Option<Child>> {
    for name in [ANSWER, PROCESS, DISMISSED] {
        remove(&folder.file(name))?;
    }
    let path = folder.path();
    let whole = std::path::absolute(path).map_err(|error| unusable(path, "find", error))?;
    let mut command = Command::new(program);
    command.arg0("restage").args(words).arg(whole).env_clear().current_dir("/").kill_on_drop(false);
    command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.stdin(Stdio::piped()).stdout(Stdio::from(lock)).stderr(Stdio::null());
    // Without another process, the copy keeps its snapshot itself.
    let Ok(mut child) = command.spawn() else { return Ok(None) };
    if let Some(mut input) = child.stdin.take() {
        // A keeper that has ended already is seen by its lock.
        let _ = order.tell(password, &mut input).await;
    }
    Ok(Some(child))
}

/// Whether a job has a keeper at work.
fn is_kept(folder: &JobFolder) -> Result<bool> {
    let Some(file) = open(&folder.file(KEEPER), Missing::Left)? else { return Ok(false) };
    Ok(unlocked(file)?.is_none())
}

/// Ends the job's keeper, if it has one; returns once it has ended.
pub(crate) async fn end_keeper(folder: &JobFolder) -> Result<()> {
    if !is_kept(folder)? {
        return Ok(());
    }
    let dismissed = folder.file(DISMISSED);
    std::fs::write(&dismissed, "").map_err(|error| unusable(&dismissed, "write", error))?;
    let began = Instant::now();
    while began.elapsed() < DISMISS_LIMIT {
        if !is_kept(folder)? {
            return remove(&folder.file(ANSWER));
        }
        sleep(LOOK_EVERY).await;
    }
    let Some(session) = Session::read(&folder.file(PROCESS))? else {
        return Err(Code::InDoubt.error("the process that keeps the snapshot does not end").help("end it by hand; then try again"));
    };
    session.end(END_GRACE, KILL_GRACE).await
}

async fn become_copier(folder: &JobFolder) -> Result<File> {
    let (path, began) = (folder.file(COPIER), Instant::now());
    loop {
        // A keeper that looks has it for a moment, too.
        if let Some(lock) = open(&path, Missing::Made)?.map(unlocked).transpose()?.flatten() {
            return Ok(lock);
        }
        if began.elapsed() > COPIER_LIMIT {
            let error = Code::InDoubt.error("another process still fills the shadow").passing();
            return Err(error.help("wait until it has ended, then `restage resume`"));
        }
        sleep(LOOK_EVERY).await;
    }
}

/// What becomes of a file that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Made,
    Left,
}

fn open(path: &Path, missing: Missing) -> Result<Option<File>> {
    let is_made = missing == Missing::Made;
    match OpenOptions::new().read(true).write(true).create(is_made).truncate(false).mode(0o600).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_made => Ok(None),
        Err(error) => Err(unusable(path, "open", error)),
    }
}

/// The file with its lock, unless somebody else has that.
fn unlocked(file: File) -> Result<Option<File>> {
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(unusable(Path::new(KEEPER), "lock", error)),
    }
}
