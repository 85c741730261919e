//! Queues in Amazon SQS, standard and FIFO.

mod door;
mod look;
mod purge;

use crate::aws::{ATTEMPT_LIMIT, Aws, REQUEST_LIMIT};
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use door::Door;
use jiff::Timestamp;
use restage_core::provider::Queues;
use restage_core::provider::queue::{Count, Delivered, Outgoing, Peeked, Queue, QueuedId, QueuedMessage, Receipt, SqsQueue};
use restage_core::{Code, Result};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// The most that SQS gives at once.
const MAX_MESSAGES: i32 = 10;
/// The longest that SQS waits for a first message.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// Reaches queues in Amazon SQS.
#[derive(Clone, Debug)]
pub struct SqsQueues {
    aws: Aws,
    /// The URLs of queues that are known by name.
    urls: Arc<Mutex<BTreeMap<String, String>>>,
}

impl SqsQueues {
    /// Asks AWS.
    pub fn new(aws: Aws) -> Self {
        Self { aws, urls: Arc::default() }
    }

    async fn door(&self, queue: &Queue) -> Result<Door> {
        let Queue::Sqs(queue) = queue else {
            return Err(Code::QueueMissing.error(format!("`{queue}` is a queue of restage's store, not of Amazon SQS")));
        };
        let client = aws_sdk_sqs::Client::new(&self.aws.config(&queue.place).await?);
        let key = serde_json::to_string::<SqsQueue>(queue).expect("an address is plain data");
        let mut urls = self.urls.lock().await;
        if let Some(url) = urls.get(&key) {
            return Ok(Door::new(client, queue.name.clone(), url.clone()));
        }
        let door = Door::find(client, queue.name.clone()).await?;
        urls.insert(key, door.url().to_owned());
        Ok(door)
    }
}

#[async_trait::async_trait]
impl Queues for SqsQueues {
    async fn send(&self, queue: &Queue, message: &Outgoing) -> Result<()> {
        let door = self.door(queue).await?;
        let mut request = door.client().send_message().queue_url(door.url()).message_body(&message.text);
        if door.name().is_fifo() {
            // Each message is a group of its own: see `SendId`.
            request = request.message_group_id(message.id.as_str()).message_deduplication_id(message.id.as_str());
        }
        request.send().await.map(drop).map_err(|error| door.refused(&error, "written to"))
    }

    async fn peek(&self, queue: &Queue) -> Result<Peeked> {
        look::look(&self.door(queue).await?).await
    }

    async fn receive(&self, queue: &Queue, wait: Duration) -> Result<Vec<Delivered>> {
        let door = self.door(queue).await?;
        let received = receive(&door, Hiding::AsTheQueueSays, wait).await?;
        Ok(received.into_iter().filter_map(delivered).collect())
    }

    async fn delete(&self, queue: &Queue, receipt: &Receipt) -> Result<()> {
        self.door(queue).await?.delete(receipt).await
    }

    async fn purge(&self, queue: &Queue) -> Result<()> {
        purge::purge(&self.door(queue).await?).await
    }

    async fn count(&self, queue: &Queue) -> Result<Count> {
        Ok(self.door(queue).await?.look_around().await?.count)
    }
}

/// How long a message that was received is hidden from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hiding {
    /// As the queue is set up.
    AsTheQueueSays,
    /// For so long.
    For(Duration),
    /// Not at all.
    Never,
}

impl Hiding {
    fn seconds(self) -> Option<i32> {
        match self {
            Self::AsTheQueueSays => None,
            Self::For(time) => Some(i32::try_from(time.as_secs()).unwrap_or(i32::MAX)),
            Self::Never => Some(0),
        }
    }
}

/// Takes up to ten messages.
async fn receive(door: &Door, hiding: Hiding, wait: Duration) -> Result<Vec<Message>> {
    let wait = wait.min(MAX_WAIT);
    // The wait is the server's, so it comes on top of what an answer may take.
    let limits = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_LIMIT + wait).operation_timeout(REQUEST_LIMIT + wait);
    let attributes = [MessageSystemAttributeName::SentTimestamp, MessageSystemAttributeName::ApproximateReceiveCount];
    let request = door
        .client()
        .receive_message()
        .queue_url(door.url())
        .max_number_of_messages(MAX_MESSAGES)
        .wait_time_seconds(i32::try_from(wait.as_secs()).unwrap_or(i32::MAX))
        .set_visibility_timeout(hiding.seconds())
        .set_message_system_attribute_names(Some(attributes.into()));
    let request = request.customize().config_override(aws_sdk_sqs::config::Config::builder().timeout_config(limits.build()));
    let answer = request.send().await.map_err(|error| door.refused(&error, "read"))?;
    Ok(answer.messages.unwrap_or_default())
}

fn delivered(message: Message) -> Option<Delivered> {
    let receipt = Receipt(message.receipt_handle.clone()?);
    Some(Delivered { message: queued(message)?, receipt })
}

/// A message as SQS gives it; one without an id is none.
fn queued(message: Message) -> Option<QueuedMessage> {
    let sent = attribute(&message, &MessageSystemAttributeName::SentTimestamp);
    let sent = sent.and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::UNIX_EPOCH);
    Some(QueuedMessage { id: QueuedId(message.message_id?), text: message.body.unwrap_or_default(), sent })
}

fn attribute(message: &Message, name: &MessageSystemAttributeName) -> Option<i64> {
    message.attributes.as_ref()?.get(name)?.parse().ok()
}
