//! A job's migrations told in a queue: begun, every stage, signs of life, and an end on every path.

use crate::clock::SystemClock;
use crate::migrator::{Audience, Signals, Telling, of_told};
use futures::FutureExt as _;
use jiff::Timestamp;
use restage_core::provider::{Migrated, Queues};
use restage_core::scenario::migrate;
use restage_core::signal::{ExitStatus, HeartbeatSeconds, HostName, MigratorId, ProcessId};
use restage_core::{Error, Result};
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// Does the work between the first message and the last. A queue that does not take the first is found out before anything is done.
pub(super) async fn aloud<W: Future<Output = Result<Migrated>>>(
    queues: Arc<dyn Queues>,
    wanted: &migrate::Signals,
    work: impl FnOnce(Arc<Signals>) -> W,
) -> Result<Migrated> {
    let warnings = Arc::new(Warnings::default());
    let seconds = wanted.heartbeat.map(|period| u32::try_from(period.as_std().as_secs()).unwrap_or(u32::MAX));
    let telling = Telling { queues, queue: wanted.queue.clone(), format: wanted.format, heartbeat: seconds.map(HeartbeatSeconds) };
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let id = MigratorId { host: HostName(host), pid: ProcessId(std::process::id().into()), started: Timestamp::now() };
    let signals = Arc::new(Signals::new(&telling, &id, Arc::new(SystemClock), warnings.clone()));
    signals.begin().await?;
    let done = AssertUnwindSafe(Box::pin(work(signals.clone()))).catch_unwind().await;
    let status = match &done {
        Ok(Ok(_)) => ExitStatus::Success,
        Ok(Err(error)) => of_told(error),
        Err(_) => ExitStatus::Unexpected,
    };
    signals.end(status).await;
    let mut migrated = done.unwrap_or_else(|panic| resume_unwind(panic))?;
    migrated.notes = warnings.take();
    Ok(migrated)
}

/// What went wrong with messages, which fails no migration.
#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Warnings {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Audience for Warnings {
    fn warn(&self, error: &Error) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(error.message.clone());
    }
}
