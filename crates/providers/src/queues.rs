//! Queues of messages, wherever they are.

mod sqs;

pub use sqs::SqsQueues;

use restage_core::Result;
use restage_core::provider::Queues;
use restage_core::provider::queue::{Count, Delivered, Outgoing, Peeked, Queue, Receipt};
use std::sync::Arc;
use std::time::Duration;

/// Every kind of queue behind one door.
#[derive(Clone)]
pub struct AllQueues {
    sqs: Arc<dyn Queues>,
    local: Arc<dyn Queues>,
}

impl AllQueues {
    /// Reaches queues in AWS through the first and those in restage's store through the second.
    pub fn new(sqs: Arc<dyn Queues>, local: Arc<dyn Queues>) -> Self {
        Self { sqs, local }
    }

    fn of(&self, queue: &Queue) -> &dyn Queues {
        match queue {
            Queue::Sqs(_) => self.sqs.as_ref(),
            Queue::Local(_) => self.local.as_ref(),
        }
    }
}

#[async_trait::async_trait]
impl Queues for AllQueues {
    async fn send(&self, queue: &Queue, message: &Outgoing) -> Result<()> {
        self.of(queue).send(queue, message).await
    }
    async fn peek(&self, queue: &Queue) -> Result<Peeked> {
        self.of(queue).peek(queue).await
    }
    async fn receive(&self, queue: &Queue, wait: Duration) -> Result<Vec<Delivered>> {
        self.of(queue).receive(queue, wait).await
    }
    async fn delete(&self, queue: &Queue, receipt: &Receipt) -> Result<()> {
        self.of(queue).delete(queue, receipt).await
    }
    async fn purge(&self, queue: &Queue) -> Result<()> {
        self.of(queue).purge(queue).await
    }
    async fn count(&self, queue: &Queue) -> Result<Count> {
        self.of(queue).count(queue).await
    }
}
