//! A client that keeps connecting to a database, and notes how long it could not.

use crate::{Cluster, Error, Result};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A client at work in a thread of its own.
pub struct OutageWatch {
    stop: Arc<AtomicBool>,
    watcher: JoinHandle<Duration>,
}

impl OutageWatch {
    /// Begins to connect to a database, again and again.
    pub fn start(cluster: &Cluster, database: &str) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut command, stopped) = (cluster.client("psql"), Arc::clone(&stop));
        command.args(["-XAtq", "-d", database, "-c", "select 1"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let watcher = std::thread::Builder::new().name("outage".into()).spawn(move || watch(&mut command, &stopped));
        Ok(Self { stop, watcher: watcher.map_err(|source| Error::Spawn { program: "psql".into(), source })? })
    }

    /// Ends the client and tells the longest time without an answer.
    pub fn longest_gap(self) -> Duration {
        self.stop.store(true, Ordering::Release);
        self.watcher.join().expect("the watcher does nothing that can panic")
    }
}

/// A gap lasts from the start of the first attempt that fails to the next answer.
fn watch(command: &mut Command, stop: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    let mut refused_since: Option<Instant> = None;
    while !stop.load(Ordering::Acquire) {
        let tried = Instant::now();
        if command.status().is_ok_and(|status| status.success()) {
            longest = longest.max(refused_since.take().map_or(Duration::ZERO, |since| since.elapsed()));
        } else {
            refused_since.get_or_insert(tried);
        }
    }
    longest.max(refused_since.map_or(Duration::ZERO, |since| since.elapsed()))
}
