//! A client that keeps connecting, and notes how long it could not.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use restage_lab::Cluster;

use crate::site::DATABASE;

pub(super) struct Client {
    stop: Arc<AtomicBool>,
    watcher: JoinHandle<Duration>,
}

impl Client {
    pub(super) fn start(cluster: &Cluster) -> Result<Self, String> {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut command, stopped) = (cluster.client("psql"), Arc::clone(&stop));
        command.args(["-XAtq", "-d", DATABASE, "-c", "select 1"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let watcher = std::thread::Builder::new().name("outage".to_owned()).spawn(move || watch(&mut command, &stopped));
        Ok(Self { stop, watcher: watcher.map_err(|error| format!("the client cannot be started: {error}"))? })
    }

    /// Ends the client and tells the longest time without an answer, in seconds.
    pub(super) fn longest_gap(self) -> Result<f64, String> {
        self.stop.store(true, Ordering::Release);
        self.watcher.join().map(|longest| longest.as_secs_f64()).map_err(|_| "the client broke off".to_owned())
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
