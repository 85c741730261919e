//! The way into a queue that may be gone for a while.

use super::Audience;
use restage_core::provider::queue::{Outgoing, Queue};
use restage_core::provider::{Clock, Queues};
use restage_core::{Code, Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a queue may take to accept one message.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(20);
/// The pause before a message is tried again; doubled each time, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

pub(super) struct Door {
    queues: Arc<dyn Queues>,
    queue: Queue,
    clock: Arc<dyn Clock>,
    audience: Arc<dyn Audience>,
    /// Whether messages are refused at present, which is told once.
    is_shut: AtomicBool,
}

impl Door {
    pub(super) fn new(queues: Arc<dyn Queues>, queue: Queue, clock: Arc<dyn Clock>, audience: Arc<dyn Audience>) -> Self {
        Self { queues, queue, clock, audience, is_shut: AtomicBool::new(false) }
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }

    pub(super) fn tell(&self, error: &Error) {
        self.audience.warn(error);
    }

    /// Sends a message once.
    pub(super) async fn attempt(&self, message: &Outgoing) -> Result<()> {
        let sent = tokio::time::timeout(ATTEMPT_LIMIT, self.queues.send(&self.queue, message)).await;
        sent.unwrap_or_else(|_| {
            let error =
                Code::QueueUnreachable.error(format!("the queue `{}` did not take a message in {ATTEMPT_LIMIT:?}", self.queue));
            Err(error.help("check the network from this machine to the queue").passing())
        })
    }

    /// Sends a message again and again until the queue has it; whoever waits for that decides for how long.
    pub(super) async fn deliver(&self, message: &Outgoing) {
        let mut pause = FIRST_PAUSE;
        while let Err(mut error) = self.attempt(message).await {
            if !self.is_shut.swap(true, Ordering::Relaxed) {
                error.message = format!("messages do not get through, and are tried again: {}", error.message);
                self.tell(&error);
            }
            self.clock.sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.is_shut.store(false, Ordering::Relaxed);
    }

    /// Sends the last message: tries for so long if that may help, and once if it cannot.
    pub(super) async fn deliver_last(&self, message: &Outgoing, limit: Duration) -> Result<()> {
        let mut said = match self.attempt(message).await {
            Err(error) if error.retry => error,
            sent => return sent,
        };
        let again = async {
            loop {
                self.clock.sleep(FIRST_PAUSE).await;
                match self.attempt(message).await {
                    Ok(()) => return,
                    Err(error) => said = error,
                }
            }
        };
        let sent = tokio::time::timeout(limit, again).await.is_ok();
        if sent { Ok(()) } else { Err(said) }
    }
}
