//! Stopping long work from outside: a flag that work looks at between messages, and that ends waits at once.

use crate::{Kind, Result};
use std::future::Future;
use std::time::Duration;
use tokio::sync::watch;

/// Asks work to stop; the work goes on if this is only dropped.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// What work looks at.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// A pair: one end asks, the other is asked.
pub fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Asks the work to stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
    /// Another end that is asked.
    pub fn subscribe(&self) -> Stop {
        Stop(self.0.subscribe())
    }
}

impl Stop {
    /// One that never asks.
    pub fn never() -> Self {
        stop().1
    }
    /// Whether to stop.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }
    /// `Err(Interrupted)` when asked to stop.
    pub fn check(&self) -> Result<()> {
        if self.is_asked() { Err(interrupted()) } else { Ok(()) }
    }
    /// Returns when asked to stop, else never.
    pub async fn asked(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|asked| *asked).await.is_err() {
            // Nobody is left who could ask.
            std::future::pending::<()>().await;
        }
    }
    /// Runs `work` until it ends or is to stop; what it was doing on a server goes on unless the caller cancels that.
    pub async fn race<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.asked() => Err(interrupted()),
            done = work => done,
        }
    }
    /// Runs `work`, which looks at this by itself; work that has not ended so long after being asked is dropped.
    pub async fn limit<T>(&self, limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
        let overdue = async {
            self.asked().await;
            tokio::time::sleep(limit).await;
        };
        tokio::select! {
            biased;
            done = work => done,
            () = overdue => Err(interrupted()),
        }
    }
}

pub(crate) fn interrupted() -> crate::Error {
    Kind::Interrupted.error("the work was stopped before its end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_ends_when_asked_and_goes_on_when_the_asker_is_gone() {
        let (stopper, stop) = stop();
        assert!(stop.check().is_ok());
        stopper.stop();
        let ended = stop.race(std::future::pending::<Result<()>>()).await.unwrap_err();
        assert_eq!(ended.kind, Kind::Interrupted);
        assert_eq!(Stop::never().race(async { Ok(7) }).await.unwrap(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_does_not_stop_by_itself_is_dropped_after_its_time_and_not_before() {
        let (stopper, stop) = stop();
        let limit = Duration::from_secs(30);
        let slow = async |seconds| {
            stop.asked().await;
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok(7)
        };
        stopper.stop();
        assert_eq!(stop.limit(limit, slow(29)).await.unwrap(), 7);
        assert_eq!(stop.limit(limit, slow(31)).await.unwrap_err().kind, Kind::Interrupted);
    }
}
