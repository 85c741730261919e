//! What was in the queue of a migrator before one is started.

use crate::error::Error;
use crate::provider::queue::{Count, Peeked, Queue};
use crate::signal::{Followed, Following, Heard, Signal, State};
use crate::words::plural;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a look at a queue showed. It decides only whether there is a plan: one is made for an empty queue and no other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueFacts {
    /// How many messages the queue counts.
    pub count: Count,
    /// Who sent those that were seen, the one that was heard last at the end.
    pub migrators: Vec<Followed>,
    /// How many of them are in no known format.
    pub unknown: u64,
}

impl QueueFacts {
    /// What messages say at that moment.
    pub fn of(peeked: &Peeked, now: Timestamp) -> Self {
        let mut following = Following::default();
        for message in &peeked.messages {
            following.hear(Heard { at: message.sent, signal: Signal::decode(&message.text) });
        }
        // Counts lag behind what was seen.
        let waiting = peeked.count.waiting.max(peeked.messages.len() as u64);
        Self {
            count: Count { waiting, ..peeked.count },
            migrators: following.migrators(now),
            unknown: following.unknown().count() as u64,
        }
    }

    /// Whether nothing was there.
    pub fn is_empty(&self) -> bool {
        self.count.total() == 0
    }

    /// Why no migrator may be started: whose messages there are, and what has become of them.
    pub fn refusal(&self, queue: &Queue) -> Error {
        let mut error = queue.has_messages();
        error.message = format!("{} {}", error.message, self.whose());
        error.help(self.next(queue))
    }

    fn whose(&self) -> String {
        let mut whose: Vec<String> = self.migrators.iter().map(ToString::to_string).collect();
        if self.unknown > 0 {
            whose.push(format!("{} in no known format", plural(self.unknown, "message")));
        }
        if whose.is_empty() { format!("None of them can be seen: {}", self.count) } else { format!("Found: {}", whose.join("; ")) }
    }

    fn next(&self, queue: &Queue) -> String {
        let purge = format!("purge `{queue}`, for example with `restage diagnose SCENARIO --fix`, and deploy again");
        let is_alive = |migrator: &&Followed| !migrator.state.is_over();
        match (self.migrators.iter().find(is_alive), self.migrators.last().map(|last| &last.state)) {
            (Some(_), _) => "wait for it, or stop it where it runs; never start a second one beside it".to_owned(),
            (None, Some(state)) if state.is_success() => purge,
            (None, Some(State::Silent { .. })) => format!("make sure that it does not run any more; then {purge}"),
            (None, Some(State::Ended { status, .. })) => {
                format!("find out why it failed, with `restage explain {}`; then {purge}", status.id())
            }
            (None, Some(_)) => format!("find out why it failed; then {purge}"),
            (None, None) => format!("find out whose they are, with `restage diagnose SCENARIO`; then {purge}"),
        }
    }
}
