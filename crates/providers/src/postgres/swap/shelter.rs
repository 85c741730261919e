//! Where a swap goes on when its caller is gone: it stops, and still opens the door.

use restage_core::{Code, Result};
use restage_pgcopy::stop::{Stop, Stopper, stop};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long swaps that were left alone are waited for: as long as opening a door is tried.
const LEAVING_LIMIT: Duration = Duration::from_secs(30);

/// Counts the swaps at work; clones count together.
#[derive(Clone, Debug)]
pub(in crate::postgres) struct Shelter(Arc<watch::Sender<usize>>);

impl Default for Shelter {
    fn default() -> Self {
        Self(Arc::new(watch::channel(0).0))
    }
}

impl Shelter {
    /// Runs the work in a task of its own, after any that was left alone. A caller that goes away makes it stop, not vanish.
    pub(super) async fn run<T: Send + 'static, F>(&self, work: impl FnOnce(Stop) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        self.left().await;
        let (stopper, stop) = stop();
        let (inside, work) = (Inside::enter(self), work(stop));
        let task = tokio::spawn(async move {
            let done = work.await;
            drop(inside);
            done
        });
        let stopping = StopOnDrop(stopper);
        let done = task.await;
        drop(stopping);
        done.unwrap_or_else(|cause| {
            let error = Code::InDoubt.error("the swap ended in a way that should not be possible");
            Err(error.help("report this as a bug of restage; `restage resume` finds out how far it came").because(cause))
        })
    }

    /// Returns when nothing is at work any more, or after a while.
    pub(in crate::postgres) async fn left(&self) {
        let mut at_work = self.0.subscribe();
        // The sender is here, so it cannot fail; past the limit there is nothing more to be done from here.
        drop(tokio::time::timeout(LEAVING_LIMIT, at_work.wait_for(|count| *count == 0)).await);
    }
}

struct Inside(Shelter);

impl Inside {
    fn enter(shelter: &Shelter) -> Self {
        shelter.0.send_modify(|count| *count += 1);
        Self(shelter.clone())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

struct StopOnDrop(Stopper);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[tokio::test]
    async fn work_whose_caller_is_gone_is_asked_to_stop_and_waited_for() {
        let (shelter, opened) = (Shelter::default(), Arc::new(AtomicBool::new(false)));
        let door = opened.clone();
        let work = shelter.run(|stop| async move {
            stop.asked().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            door.store(true, Ordering::SeqCst);
            Ok(())
        });
        assert!(tokio::time::timeout(Duration::from_millis(20), work).await.is_err());
        shelter.left().await;
        assert!(opened.load(Ordering::SeqCst));
    }
}
