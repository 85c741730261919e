//! Queues of messages, in which migrators tell of themselves.
//!
//! What a look at a queue can promise differs. The local queue shows everything. Amazon SQS shows ten of the messages that
//! are waiting: it is asked again, with long polling, until as many messages were seen as it counts or a limit is reached, and
//! its counts are approximate themselves. Where more than ten are waiting, each is hidden from other readers while the look
//! lasts. What another reader has received and not deleted is counted and cannot be seen; of a FIFO queue only the first ten
//! messages of each group can. [`Peeked::sight`] says which of the two cases it is: nobody may conclude anything from a
//! message that was not seen in part of a queue. To SQS looking is receiving: where a queue moves messages to another one
//! after so many receptions, each look uses up one of them or more, though it stops before it would move one itself.

mod address;

pub(crate) use address::WrittenQueue;
pub use address::{LocalQueue, Queue, SqsName, SqsQueue};

use crate::error::{Code, Error, Result};
use crate::signal::{MigratorId, Signal};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::time::Duration;

/// Sends messages to queues, looks at them and takes them out. Delivery is at least once, in any order.
#[async_trait::async_trait]
pub trait Queues: Send + Sync {
    /// Puts a message in; sending the same one again within minutes may or may not put a second one in.
    async fn send(&self, queue: &Queue, message: &Outgoing) -> Result<()>;
    /// Looks at what is there and leaves it there.
    async fn peek(&self, queue: &Queue) -> Result<Peeked>;
    /// Takes some messages, waiting up to `wait` (20 s at most) for the first; what is not deleted comes back after a while.
    async fn receive(&self, queue: &Queue, wait: Duration) -> Result<Vec<Delivered>>;
    /// Deletes a message that was received; one that is gone already is no error.
    async fn delete(&self, queue: &Queue, receipt: &Receipt) -> Result<()>;
    /// Deletes every message.
    async fn purge(&self, queue: &Queue) -> Result<()>;
    /// How many messages there are, about.
    async fn count(&self, queue: &Queue) -> Result<Count>;
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// What it says.
    pub text: String,
    /// What makes it this message and no other; the same when it is sent again.
    pub id: SendId,
}

/// What makes a message that is sent the one it is: 64 hexadecimal digits.
///
/// On FIFO queues each message is also a group of its own. Within a group only the first ten could be looked at, and the
/// order, which a group is for, comes from the numbers of the messages anyway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SendId(String);

/// A message in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedMessage {
    /// What the queue calls it.
    pub id: QueuedId,
    /// What it says.
    pub text: String,
    /// When it was sent, by the queue's clock.
    pub sent: Timestamp,
}

/// A queue's name for a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueuedId(pub String);

/// A message that was received, and the right to delete it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The message.
    pub message: QueuedMessage,
    /// What deletes it.
    pub receipt: Receipt,
}

/// The right to delete a message that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt(pub String);

/// How many messages a queue says that it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Ready to be received.
    pub waiting: u64,
    /// Received by somebody and neither deleted nor back yet.
    pub in_flight: u64,
    /// Sent and not ready yet.
    pub delayed: u64,
}

/// What a look at a queue showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peeked {
    /// The messages that were seen, each once, the oldest first.
    pub messages: Vec<QueuedMessage>,
    /// How many the queue says that there are.
    pub count: Count,
}

/// How much of a queue was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// As many messages as the queue counts.
    Whole,
    /// Fewer.
    Part,
}

impl Outgoing {
    /// A signal that is sent at that moment by that migrator; what is sent later is another message, even if it says the same.
    pub fn of(signal: &Signal, migrator: &MigratorId, at: Timestamp) -> Self {
        let text = signal.encode();
        let origin = format!("{migrator}\n{}\n{text}", at.as_nanosecond());
        let id = Sha256::digest(origin).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { text, id: SendId(id) }
    }
}

impl SendId {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Count {
    /// All of them.
    pub fn total(self) -> u64 {
        self.waiting.saturating_add(self.in_flight).saturating_add(self.delayed)
    }
}

impl Peeked {
    /// How much of the queue was seen.
    pub fn sight(&self) -> Sight {
        if self.messages.len() as u64 >= self.count.total() { Sight::Whole } else { Sight::Part }
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.count.total() == 0
    }
}

impl Queue {
    /// What is said where a deployment needs an empty queue and finds messages.
    pub fn has_messages(&self) -> Error {
        let message =
            format!("Queue {self} has messages. Is there an old migrator instance running? Migrator deployment cannot proceed.");
        Code::QueueNotEmpty
            .error(message)
            .help("`restage diagnose SCENARIO` says whose messages they are, and whether it is still alive")
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} waiting, {} in flight, {} delayed", self.waiting, self.in_flight, self.delayed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Format, HostName, ProcessId, Progress, Writer};

    #[test]
    fn the_same_words_at_another_moment_are_another_message() {
        let migrator = MigratorId { host: HostName("h".into()), pid: ProcessId(1), started: Timestamp::UNIX_EPOCH };
        let signal = Writer::new(migrator.clone(), Format::Older, None).progress(Progress::Started, Timestamp::UNIX_EPOCH).unwrap();
        let at = |second| Outgoing::of(&signal, &migrator, Timestamp::from_second(second).unwrap());
        assert_eq!(at(1), at(1));
        assert_ne!(at(1).id, at(2).id);
        assert_eq!((at(1).text, at(1).id.as_str().len()), (signal.encode(), 64));
    }

    #[test]
    fn a_look_that_saw_less_than_is_counted_saw_a_part() {
        let message = QueuedMessage { id: QueuedId("1".into()), text: "x".into(), sent: Timestamp::UNIX_EPOCH };
        let look = |count| Peeked { messages: vec![message.clone()], count };
        assert_eq!(look(Count { waiting: 1, ..Count::default() }).sight(), Sight::Whole);
        assert_eq!(look(Count::default()).sight(), Sight::Whole, "counts lag behind");
        assert_eq!(look(Count { waiting: 1, in_flight: 1, delayed: 0 }).sight(), Sight::Part);
    }

    #[test]
    fn a_queue_with_messages_is_refused_in_the_words_people_know() {
        let queue = Queue::Local(LocalQueue::parse("test-migrator").unwrap());
        let error = queue.has_messages();
        assert!(error.code.is_refusal());
        let wanted =
            "Queue test-migrator has messages. Is there an old migrator instance running? Migrator deployment cannot proceed.";
        assert_eq!(error.message, wanted);
    }
}
