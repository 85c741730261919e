//! A client that keeps connecting to preprod and notes how long it could not.

use super::stage::Stage;
use restage_core::{Code, Error};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub(super) struct Client {
    stop: Arc<AtomicBool>,
    watcher: JoinHandle<Duration>,
}

impl Client {
    pub(super) fn start(stage: &Stage) -> Result<Self, Error> {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut command, stopped) = (stage.preprod().client("psql"), Arc::clone(&stop));
        command.args(["-XAtq", "-d", "app", "-c", "select 1"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let watcher = std::thread::Builder::new().name("outage".into()).spawn(move || watch(&mut command, &stopped));
        let watcher = watcher.map_err(|cause| Code::CommandFailed.error("the client cannot be started").because(cause))?;
        Ok(Self { stop, watcher })
    }

    /// Ends the client and tells the longest time without a connection, in seconds.
    pub(super) fn longest_gap(self) -> Result<f64, Error> {
        self.stop.store(true, Ordering::Release);
        let longest = self.watcher.join().map_err(|_| Code::CommandFailed.error("the client broke off"))?;
        Ok(longest.as_secs_f64())
    }
}

/// Connects again and again; a gap lasts from the first refusal to the next success.
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
