//! A job as a task of this process.

use futures::FutureExt;
use restage_core::provider::{Progress, Watch};
use restage_core::{Code, Error, Result};
use restage_pgcopy::reporter::Reporter;
use restage_pgcopy::stop::{Stop, Stopper, stop};
use serde_json::Value;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A job at work, or what came of it.
pub(super) struct Task {
    stopper: Stopper,
    news: watch::Receiver<News>,
    running: Option<JoinHandle<()>>,
}

/// What is known of a job.
#[derive(Clone)]
pub(super) enum News {
    Running(Option<Progress>),
    Ended(Arc<Ended>),
}

/// How a job ended.
pub(super) enum Ended {
    Done(Value),
    Failed(Error),
}

/// Hears of progress and passes it on to whoever watches.
#[derive(Clone)]
pub(crate) struct Teller(watch::Sender<News>);

impl Reporter for Teller {
    fn progress(&self, progress: Progress) {
        self.0.send_replace(News::Running(Some(progress)));
    }
}

impl Task {
    /// Starts work; a panic in it is its failure.
    pub(super) fn spawn<F>(work: impl FnOnce(Stop, Teller) -> F) -> Self
    where
        F: Future<Output = Result<Value>> + Send + 'static,
    {
        let (stopper, stop) = stop();
        let (sender, news) = watch::channel(News::Running(None));
        let work = work(stop, Teller(sender.clone()));
        let running = tokio::spawn(async move {
            let ended = AssertUnwindSafe(work).catch_unwind().await;
            let ended = ended.unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
            let ended = ended.map_or_else(Ended::Failed, Ended::Done);
            sender.send_replace(News::Ended(Arc::new(ended)));
        });
        Self { stopper, news, running: Some(running) }
    }

    /// One that has ended already.
    pub(super) fn ended(ended: Ended) -> Self {
        let (sender, news) = watch::channel(News::Ended(Arc::new(ended)));
        drop(sender); // the receiver keeps the last news
        Self { stopper: stop().0, news, running: None }
    }

    /// Whether it ended well.
    pub(super) fn is_done(&self) -> bool {
        matches!(&*self.news.borrow(), News::Ended(ended) if matches!(**ended, Ended::Done(_)))
    }

    /// Whether it ended badly.
    pub(super) fn has_failed(&self) -> bool {
        matches!(&*self.news.borrow(), News::Ended(ended) if matches!(**ended, Ended::Failed(_)))
    }

    /// Whether it ended badly by something that may pass.
    pub(super) fn may_pass(&self) -> bool {
        matches!(&*self.news.borrow(), News::Ended(ended) if matches!(&**ended, Ended::Failed(error) if error.retry))
    }

    /// What is known of it, from now on.
    pub(super) fn news(&self) -> Listener {
        Listener(self.news.clone())
    }

    /// Asks it to stop and waits until it has; what takes longer than `limit` is cut off.
    pub(super) async fn stop(self, limit: Duration) {
        self.stopper.stop();
        let Some(mut running) = self.running else { return };
        if tokio::time::timeout(limit, &mut running).await.is_err() {
            running.abort();
            // Aborted or not, it is over; a panic was caught inside.
            let _ = running.await;
        }
    }
}

/// Waits for news of a job.
pub(super) struct Listener(watch::Receiver<News>);

impl Listener {
    /// Waits until the job has ended, but no longer than `slice`.
    pub(super) async fn watch(mut self, slice: Duration) -> Watch {
        let ended = self.0.wait_for(|news| matches!(news, News::Ended(_)));
        let silent = matches!(tokio::time::timeout(slice, ended).await, Ok(Err(_)));
        let news = self.0.borrow().clone();
        match news {
            News::Ended(ended) => match &*ended {
                Ended::Done(receipt) => Watch::Done(receipt.clone()),
                Ended::Failed(error) => Watch::Failed(again(error)),
            },
            News::Running(_) if silent => {
                Watch::Failed(Code::Interrupted.error("the work was cut off").help("`restage resume` starts it again"))
            }
            News::Running(progress) => Watch::Running(progress),
        }
    }
}

/// The same error once more, for each who asks.
fn again(error: &Error) -> Error {
    let mut copy = Error::from(restage_core::error::Failure::from(error));
    copy.retry = error.retry;
    copy
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Code::Interrupted
        .error(format!("a bug of restage ended the work: {}", said.unwrap_or("it said nothing")))
        .help("report this with the run's log; `restage undo` takes the run back")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::atomic::{AtomicBool, Ordering};

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn the_end_is_told_as_often_as_asked() {
        let task = Task::spawn(|_, _| async { Ok(json!(7)) });
        for _ in 0..2 {
            assert!(matches!(task.news().watch(LONG).await, Watch::Done(value) if value == json!(7)));
        }
        assert!(task.is_done());
    }

    #[tokio::test]
    async fn an_error_keeps_its_cause_and_whether_it_passes() {
        let task = Task::spawn(|_, _| async { Err(Code::ConnectionLost.error("x").because("reset").passing()) });
        let Watch::Failed(error) = task.news().watch(LONG).await else { panic!("it failed") };
        assert!(error.retry);
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "reset");
        assert!(task.has_failed());
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let task = Task::spawn(|_, _| async { panic!("no table") });
        let Watch::Failed(error) = task.news().watch(LONG).await else { panic!("it failed") };
        assert!(error.message.contains("no table"), "{}", error.message);
    }

    #[tokio::test]
    async fn a_slice_ends_with_the_latest_progress() {
        let task = Task::spawn(|stop, teller| async move {
            teller.progress(Progress { rows: 3, ..Progress::default() });
            stop.asked().await;
            Ok(Value::Null)
        });
        let mut news = task.news().0;
        news.wait_for(|news| matches!(news, News::Running(Some(_)))).await.unwrap();
        assert!(matches!(task.news().watch(Duration::from_millis(1)).await, Watch::Running(Some(progress)) if progress.rows == 3));
        task.stop(LONG).await;
    }

    #[tokio::test]
    async fn stopping_waits_for_the_end_and_cuts_off_what_does_not_end() {
        let (ended, saw) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let set = ended.clone();
        let task = Task::spawn(|stop, _| async move {
            stop.asked().await;
            tokio::task::yield_now().await;
            set.store(true, Ordering::SeqCst);
            Ok(Value::Null)
        });
        task.stop(LONG).await;
        assert!(ended.load(Ordering::SeqCst));
        let deaf = Task::spawn(|_, _| {
            let guard = SetOnDrop(saw.clone());
            async move {
                let _guard = guard;
                std::future::pending().await
            }
        });
        deaf.stop(Duration::from_millis(10)).await;
        assert!(saw.load(Ordering::SeqCst));
    }

    struct SetOnDrop(Arc<AtomicBool>);

    impl Drop for SetOnDrop {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
}
