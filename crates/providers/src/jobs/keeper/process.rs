//! The keeper itself.

use super::order::{Answer, Order};
use super::{ANSWER, COPIER, DISMISSED, LOOK_EVERY, PROCESS};
use crate::jobs::folder::{JobFolder, unusable};
use crate::postgres::told;
use jiff::Timestamp;
use restage_core::{Code, Result};
use restage_pgcopy::connect::Endpoint;
use restage_pgcopy::copy::SnapshotKeeper;
use restage_pgcopy::stop::Stop;
use std::fs::{self, File};
use std::path::Path;
use tokio::time::{Instant, sleep};

/// Keeps a snapshot as standard input says, until it is needed no more: the copier dismisses it or has died a while ago, the
/// folder is gone, the session is lost, or the copy's deadline has passed.
///
/// Standard output must be the file whose lock says that the keeper lives.
pub async fn keep_snapshot(folder: &Path) -> Result<()> {
    let Some((order, source)) = Order::hear(std::io::stdin().lock()) else {
        let error = Code::WrongMoment.error("the order of a copy is missing on standard input");
        return Err(error.help("leave this to restage, which keeps snapshots by itself"));
    };
    // Not a member of the copier's session any more: what ends that is not meant for this. Whoever leads one has its own.
    let _ = rustix::process::setsid();
    let folder = JobFolder::of(folder);
    let stat = fs::read_to_string("/proc/self/stat").map_err(|error| unusable(Path::new("/proc/self/stat"), "read", error))?;
    let process = folder.file(PROCESS);
    fs::write(&process, stat).map_err(|error| unusable(&process, "write", error))?;
    tokio::select! {
        kept = keep(&folder, &order, &source) => kept,
        () = needed(&folder, &order) => Ok(()),
    }
}

/// Opens the session, and returns when it is lost.
async fn keep(folder: &JobFolder, order: &Order, source: &Endpoint) -> Result<()> {
    let keeper = match SnapshotKeeper::open(source, &order.tables, &Stop::never()).await {
        Ok(keeper) => keeper,
        Err(error) => {
            let error = told(error);
            let answer = Answer::Failed { failure: (&error).into(), retry: error.retry };
            folder.write(ANSWER, &answer)?;
            return Err(error);
        }
    };
    folder.write(ANSWER, &Answer::Kept(keeper.snapshot().clone()))?;
    while !keeper.is_lost() {
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Returns when nobody needs the snapshot any more.
async fn needed(folder: &JobFolder, order: &Order) {
    let mut alive = Instant::now();
    loop {
        if is_copied(folder) {
            alive = Instant::now();
        }
        let is_dismissed = folder.file(DISMISSED).exists() || !folder.path().is_dir();
        if is_dismissed || alive.elapsed() > order.outlives || Timestamp::now() > order.deadline {
            return;
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Whether a copier has the lock.
fn is_copied(folder: &JobFolder) -> bool {
    File::open(folder.file(COPIER)).is_ok_and(|file| file.try_lock_shared().is_err())
}
