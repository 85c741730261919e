//! Queues in memory that reorder, repeat, delay and show only a part, as the real ones may; and what all queues must keep to.

mod promises;

pub use promises::keeps_its_promises;

use crate::random::Random;
use jiff::{SignedDuration, Timestamp};
use restage_core::Result;
use restage_core::provider::Queues;
use restage_core::provider::queue::{Count, Delivered, Outgoing, Peeked, Queue, QueuedId, QueuedMessage, Receipt};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most messages that are given at once.
const MAX_MESSAGES: usize = 10;
/// How long a message that was received is hidden, in seconds.
const HIDDEN: i64 = 30;
/// The longest delay of a message, in seconds.
const MAX_DELAY: u64 = 20;
/// One in so many messages meets a fault.
const FAULT_IN: u64 = 3;

/// What queues do to messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueFaults {
    /// Nothing: each is there once, in order, at once.
    None,
    /// Everything that a queue may do: any order, twice, late, and only some of them shown.
    All,
}

/// Queues in memory, in which each call takes a second.
#[derive(Clone, Debug)]
pub struct SimQueues {
    state: Arc<Mutex<Content>>,
}

/// What queues hold, at a moment.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    faults: QueueFaults,
    random: Random,
    now: Timestamp,
    made: u64,
    copies: BTreeMap<String, Vec<Held>>,
}

/// One copy of a message.
#[derive(Clone, Debug)]
struct Held {
    message: QueuedMessage,
    receipt: Receipt,
    ready: Timestamp,
    hidden_until: Timestamp,
}

impl SimQueues {
    /// Empty queues, whatever their names; the same seed brings the same faults.
    pub fn new(seed: u64, faults: QueueFaults) -> Self {
        let now = Timestamp::from_second(1_790_000_000).expect("a second of the year 2026");
        Self { state: Arc::new(Mutex::new(Content::new(seed, faults, now))) }
    }

    /// The state of the world one second later.
    fn later(&self) -> MutexGuard<'_, Content> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.pass(1);
        state
    }
}

impl Content {
    pub(crate) fn new(seed: u64, faults: QueueFaults, now: Timestamp) -> Self {
        Self { faults, random: Random::new(seed), now, made: 0, copies: BTreeMap::new() }
    }

    /// The same at another moment.
    pub(crate) fn at(&mut self, now: Timestamp) -> &mut Self {
        self.now = now;
        self
    }

    fn pass(&mut self, seconds: i64) {
        self.now = self.after(seconds);
    }

    fn after(&self, seconds: i64) -> Timestamp {
        self.now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
    }

    fn is_met_by_fault(&mut self) -> bool {
        self.faults == QueueFaults::All && self.random.one_in(FAULT_IN)
    }

    fn of(&mut self, queue: &Queue) -> &mut Vec<Held> {
        self.copies.entry(queue.to_string()).or_default()
    }

    /// The places of what can be received now, in the order in which it would be.
    fn ready(&mut self, queue: &Queue, faults: QueueFaults) -> Vec<usize> {
        let now = self.now;
        let held = self.of(queue).iter().enumerate();
        let mut ready: Vec<usize> =
            held.filter(|(_, held)| held.ready <= now && held.hidden_until <= now).map(|(place, _)| place).collect();
        if faults == QueueFaults::All {
            let mut shuffled: Vec<(u64, usize)> = ready.iter().map(|place| (self.random.next(), *place)).collect();
            shuffled.sort_unstable();
            ready = shuffled.into_iter().map(|(_, place)| place).collect();
        }
        ready
    }

    pub(crate) fn count(&mut self, queue: &Queue) -> Count {
        let now = self.now;
        let mut count = Count::default();
        for held in self.of(queue) {
            if held.ready > now {
                count.delayed += 1;
            } else if held.hidden_until > now {
                count.in_flight += 1;
            } else {
                count.waiting += 1;
            }
        }
        count
    }
}

impl Content {
    pub(crate) fn send(&mut self, queue: &Queue, text: &str) {
        let late = if self.is_met_by_fault() { self.random.below(MAX_DELAY) } else { 0 };
        let copies = if self.is_met_by_fault() { 2 } else { 1 };
        self.made += 1;
        let id = QueuedId(format!("message-{}", self.made));
        for _ in 0..copies {
            self.made += 1;
            let held = Held {
                message: QueuedMessage { id: id.clone(), text: text.to_owned(), sent: self.now },
                receipt: Receipt(format!("receipt-{}", self.made)),
                ready: self.after(i64::try_from(late).unwrap_or_default()),
                hidden_until: self.now,
            };
            self.of(queue).push(held);
        }
    }

    pub(crate) fn peek(&mut self, queue: &Queue) -> Peeked {
        let mut seen = BTreeMap::new();
        for place in self.ready(queue, self.faults) {
            if !self.is_met_by_fault() {
                let message = self.of(queue)[place].message.clone();
                seen.insert((message.sent, message.id.clone()), message);
            }
        }
        Peeked { messages: seen.into_values().collect(), count: self.count(queue) }
    }

    pub(crate) fn receive(&mut self, queue: &Queue, wait: Duration) -> Vec<Delivered> {
        for _ in 0..wait.as_secs() {
            if !self.ready(queue, QueueFaults::None).is_empty() {
                break;
            }
            self.pass(1);
        }
        let hidden_until = self.after(HIDDEN);
        let places = self.ready(queue, self.faults).into_iter().take(MAX_MESSAGES);
        let take = |place: usize| {
            let held = &mut self.of(queue)[place];
            held.hidden_until = hidden_until;
            Delivered { message: held.message.clone(), receipt: held.receipt.clone() }
        };
        places.map(take).collect()
    }

    pub(crate) fn delete(&mut self, queue: &Queue, receipt: &Receipt) {
        self.of(queue).retain(|held| held.receipt != *receipt);
    }

    pub(crate) fn purge(&mut self, queue: &Queue) {
        self.of(queue).clear();
    }
}

#[async_trait::async_trait]
impl Queues for SimQueues {
    async fn send(&self, queue: &Queue, message: &Outgoing) -> Result<()> {
        self.later().send(queue, &message.text);
        Ok(())
    }

    async fn peek(&self, queue: &Queue) -> Result<Peeked> {
        Ok(self.later().peek(queue))
    }

    async fn receive(&self, queue: &Queue, wait: Duration) -> Result<Vec<Delivered>> {
        Ok(self.later().receive(queue, wait))
    }

    async fn delete(&self, queue: &Queue, receipt: &Receipt) -> Result<()> {
        self.later().delete(queue, receipt);
        Ok(())
    }

    async fn purge(&self, queue: &Queue) -> Result<()> {
        self.later().purge(queue);
        Ok(())
    }

    async fn count(&self, queue: &Queue) -> Result<Count> {
        Ok(self.later().count(queue))
    }
}
