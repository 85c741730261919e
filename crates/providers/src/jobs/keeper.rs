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
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// How long a keeper outlives its copier.
pub const KEPT_LIMIT: Duration = Duration::from_mins(10);
/// How long a keeper may take to say what it keeps: longer than reaching the server and waiting for locks may.
pub const ANSWER_LIMIT: Duration = Duration::from_mins(2);

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
        /// How long it may take to say what it keeps.
        answers_within: Duration,
    },
}

/// Who keeps the snapshot of one copy.
pub(crate) enum Keep {
    /// A keeper.
    Another(Kept),
    /// The copy, and why, where a keeper was to do it.
    Itself(Option<String>),
}

/// A snapshot that a keeper keeps for as long as this exists, and for a while after that.
pub(crate) struct Kept {
    pub(crate) snapshot: Snapshot,
    /// Tells the keeper that its copier is alive.
    _copier: File,
}

impl Keepers {
    /// Finds the job's keeper at work or starts one, if there is any to be had.
    pub(crate) async fn keep(&self, folder: &JobFolder, source: &Endpoint, spec: &FillSpec, stop: &Stop) -> Result<Keep> {
        let Self::Processes { program, words, outlives, answers_within } = self else { return Ok(Keep::Itself(None)) };
        let copier = become_copier(folder).await?;
        let (mut child, mut attempts, began): (Option<Child>, u32, Instant) = (None, 0, Instant::now());
        let mut why = "it ended without a word".to_owned();
        loop {
            stop.check().map_err(told)?;
            if began.elapsed() > *answers_within {
                end_silent(child, folder).await?;
                return Ok(Keep::Itself(Some(format!("it did not answer within {} s", answers_within.as_secs()))));
            }
            let has_ended = |child: &mut Child| !matches!(child.try_wait(), Ok(None));
            match open(&folder.file(KEEPER), Missing::Made)?.map(unlocked).transpose()?.flatten() {
                None => match folder.read(ANSWER)? {
                    Some(Answer::Kept(snapshot)) => {
                        reap(child);
                        return Ok(Keep::Another(Kept { snapshot, _copier: copier }));
                    }
                    Some(Answer::Failed { failure, retry }) if child.is_some() => return Err(failed(failure, retry)),
                    _ => {}
                },
                Some(lock) if child.as_mut().is_none_or(has_ended) => {
                    if let (Some(Answer::Failed { failure, retry }), Some(_)) = (folder.read(ANSWER)?, &child) {
                        return Err(failed(failure, retry));
                    }
                    if attempts == START_ATTEMPTS {
                        return Ok(Keep::Itself(Some(why)));
                    }
                    attempts += 1;
                    match start(program, words, folder, lock)? {
                        Ok(mut started) => {
                            let order = Order::new(source, spec, *outlives);
                            let telling = order.tell(source.password.as_ref(), &mut started);
                            // One that does not listen is seen by its lock, or by its silence.
                            let _ = timeout(*answers_within, telling).await;
                            child = Some(started);
                        }
                        Err(error) => why = format!("`{}` cannot be started: {error}", program.display()),
                    }
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
fn start(program: &Path, words: &[OsString], folder: &JobFolder, lock: File) -> Result<io::Result<Child>> {
    for name in [ANSWER, PROCESS, DISMISSED] {
        remove(&folder.file(name))?;
    }
    let path = folder.path();
    let whole = std::path::absolute(path).map_err(|error| unusable(path, "find", error))?;
    let mut command = Command::new(program);
    command.arg0("restage").args(words).arg(whole).env_clear().current_dir("/").kill_on_drop(false);
    command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.stdin(Stdio::piped()).stdout(Stdio::from(lock)).stderr(Stdio::null());
    Ok(command.spawn())
}

/// Ends a keeper that says nothing: one of this process by force, for it may not hear anything either.
async fn end_silent(child: Option<Child>, folder: &JobFolder) -> Result<()> {
    let Some(mut child) = child else { return end_keeper(folder).await };
    // It keeps nothing that anybody knows of: where it cannot be ended, it is in nobody's way.
    let _ = timeout(KILL_GRACE, child.kill()).await;
    Ok(())
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
