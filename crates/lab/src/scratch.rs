//! The folders that clusters live in, and clearing away those whose owners died.

use std::fs::{self, File, OpenOptions, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, thread};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Error, Result};

/// How long a server without an owner may take to end before its folder is left for the next sweep.
const ORPHAN_LIMIT: Duration = Duration::from_secs(10);
const ORPHAN_POLL: Duration = Duration::from_millis(10);

/// One folder per user under the system's temporary folder: templates, copied programs, clusters.
pub(crate) fn lab_dir() -> Result<PathBuf> {
    let user = rustix::process::geteuid();
    let path = env::temp_dir().join(format!("restage-lab-{}", user.as_raw()));
    ensure_dir(&path)?;
    Ok(path)
}

/// Makes a folder that every user may enter, whatever the umask: the server may run as another user than the tests.
pub(crate) fn ensure_dir(path: &Path) -> Result<()> {
    if !path.is_dir() {
        fs::create_dir_all(path).map_err(Error::file("create", path))?;
        fs::set_permissions(path, Permissions::from_mode(0o755)).map_err(Error::file("open to others", path))?;
    }
    Ok(())
}

/// A lock between processes, held until the value is dropped.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn wait(path: &Path) -> Result<Self> {
        let file = open(path)?;
        file.lock().map_err(Error::file("lock", path))?;
        Ok(Self { _file: file })
    }
}

/// The folder of one cluster.
///
/// `owner` inside it stays locked as long as the cluster's process or its keeper lives: a folder whose `owner` can be locked
/// belongs to nobody, and the next cluster to start removes it.
pub(crate) struct Scratch {
    path: PathBuf,
    owner: File,
}

impl Scratch {
    pub(crate) fn create() -> Result<Self> {
        let clusters = lab_dir()?.join("clusters");
        ensure_dir(&clusters)?;
        // Between its creation and its locking a folder looks abandoned: both happen, as sweeping does, under one lock.
        let _lock = Lock::wait(&clusters.join("lock"))?;
        sweep(&clusters)?;
        let path = clusters.join(format!("{:012x}", RandomState::new().hash_one(std::process::id()) & 0xffff_ffff_ffff));
        ensure_dir(&path)?;
        let owner = open(&path.join("owner"))?;
        owner.lock().map_err(Error::file("lock", &path))?;
        Ok(Self { path, owner })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A handle that keeps the folder locked for as long as any process holds it.
    pub(crate) fn owner(&self) -> Result<File> {
        self.owner.try_clone().map_err(Error::file("open", &self.path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The keeper has removed it already, unless there never was one; what cannot be removed is left for the sweep.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new().create(true).append(true).open(path).map_err(Error::file("open", path))
}

/// The folders of clusters that nobody owns any more; starting any cluster removes them.
pub fn leftovers() -> Result<Vec<PathBuf>> {
    let clusters = lab_dir()?.join("clusters");
    ensure_dir(&clusters)?;
    let _lock = Lock::wait(&clusters.join("lock"))?;
    abandoned(&clusters)
}

fn sweep(clusters: &Path) -> Result<()> {
    for path in abandoned(clusters)? {
        if stop_orphan(&path.join("data")) {
            let _ = fs::remove_dir_all(&path);
        }
    }
    Ok(())
}

fn abandoned(clusters: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(clusters).map_err(Error::file("list", clusters))?;
    let folders = entries.filter_map(io::Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir());
    Ok(folders.filter(|path| is_abandoned(path)).collect())
}

fn is_abandoned(path: &Path) -> bool {
    match File::open(path.join("owner")) {
        Ok(owner) => owner.try_lock().is_ok(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Stops a server that outlived both its process and its keeper; says whether none runs any more.
fn stop_orphan(data: &Path) -> bool {
    let Some(pid) = postmaster(data) else { return true };
    // It may have ended in between, which is what is wanted.
    let _ = kill_process(pid, Signal::QUIT);
    let started = std::time::Instant::now();
    while started.elapsed() < ORPHAN_LIMIT {
        if postmaster(data).is_none() {
            return true;
        }
        thread::sleep(ORPHAN_POLL);
    }
    false
}

/// The server process of a data directory: the one its lock file names, provided it really works in that directory.
fn postmaster(data: &Path) -> Option<Pid> {
    let lines = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let number: i32 = lines.lines().next()?.trim().parse().ok()?;
    let works_in = fs::read_link(format!("/proc/{number}/cwd")).ok()?;
    if works_in == data { Pid::from_raw(number) } else { None }
}
