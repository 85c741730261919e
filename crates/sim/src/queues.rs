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
    faults: QueueFaults,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
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
        Self { faults, state: Arc::new(Mutex::new(State { random: Random::new(seed), now, made: 0, copies: BTreeMap::new() })) }
    }

    /// The state of the world one second later.
    fn later(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.pass(1);
        state
    }
}

impl State {
    fn pass(&mut self, seconds: i64) {
        self.now = self.after(seconds);
    }

    fn after(&self, seconds: i64) -> Timestamp {
        self.now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
    }

    fn is_met_by_fault(&mut self, faults: QueueFaults) -> bool {
        faults == QueueFaults::All && self.random.one_in(FAULT_IN)
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

    fn count(&mut self, queue: &Queue) -> Count {
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

#[async_trait::async_trait]
impl Queues for SimQueues {
    async fn send(&self, queue: &Queue, message: &Outgoing) -> Result<()> {
        let mut state = self.later();
        let late = if state.is_met_by_fault(self.faults) { state.random.below(MAX_DELAY) } else { 0 };
        let copies = if state.is_met_by_fault(self.faults) { 2 } else { 1 };
        state.made += 1;
        let id = QueuedId(format!("message-{}", state.made));
        for _ in 0..copies {
            state.made += 1;
            let held = Held {
                message: QueuedMessage { id: id.clone(), text: message.text.clone(), sent: state.now },
                receipt: Receipt(format!("receipt-{}", state.made)),
                ready: state.after(i64::try_from(late).unwrap_or_default()),
                hidden_until: state.now,
            };
            state.of(queue).push(held);
        }
        Ok(())
    }

    async fn peek(&self, queue: &Queue) -> Result<Peeked> {
        let mut state = self.later();
        let mut seen = BTreeMap::new();
        for place in state.ready(queue, self.faults) {
            if !state.is_met_by_fault(self.faults) {
                let message = state.of(queue)[place].message.clone();
                seen.insert((message.sent, message.id.clone()), message);
            }
        }
        Ok(Peeked { messages: seen.into_values().collect(), count: state.count(queue) })
    }

    async fn receive(&self, queue: &Queue, wait: Duration) -> Result<Vec<Delivered>> {
        let mut state = self.later();
        for _ in 0..wait.as_secs() {
            if !state.ready(queue, QueueFaults::None).is_empty() {
                break;
            }
            state.pass(1);
        }
        let hidden_until = state.after(HIDDEN);
        let places = state.ready(queue, self.faults).into_iter().take(MAX_MESSAGES);
        let take = |place: usize| {
            let held = &mut state.of(queue)[place];
            held.hidden_until = hidden_until;
            Delivered { message: held.message.clone(), receipt: held.receipt.clone() }
        };
        Ok(places.map(take).collect())
    }

    async fn delete(&self, queue: &Queue, receipt: &Receipt) -> Result<()> {
        self.later().of(queue).retain(|held| held.receipt != *receipt);
        Ok(())
    }

    async fn purge(&self, queue: &Queue) -> Result<()> {
        self.later().of(queue).clear();
        Ok(())
    }

    async fn count(&self, queue: &Queue) -> Result<Count> {
        Ok(self.later().count(queue))
    }
}
