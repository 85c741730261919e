//! What a step hears of migrators in a queue, look by look.

use super::Cx;
use crate::duration::Duration;
use crate::error::{Code, Result};
use crate::facts::QueueFacts;
use crate::provider::Progress;
use crate::provider::queue::{Peeked, Queue, Sight};
use crate::signal::{Followed, Following, Heard, Signal};
use jiff::{SignedDuration, Timestamp};

/// How late a queue may show a message: where only a part of it is seen, silence is believed after so long and no sooner.
pub(super) const LATE_MESSAGES: SignedDuration = SignedDuration::from_secs(30);
/// How often a step looks at a queue.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(2);

/// All that was heard in one queue; a message that was seen once is known from then on.
pub(super) struct Hearing<'q> {
    queue: &'q Queue,
    following: Following,
    /// When it was looked first.
    since: Option<Timestamp>,
}

/// What is known after a look.
pub(super) struct Overheard {
    /// Everybody who was heard so far, the one that was heard last at the end.
    pub(super) migrators: Vec<Followed>,
    /// How much of the queue was seen.
    pub(super) sight: Sight,
    facts: QueueFacts,
}

impl<'q> Hearing<'q> {
    /// Nothing was heard yet; `expected` is the heartbeat of those who promise none.
    pub(super) fn of(queue: &'q Queue, expected: Option<Duration>) -> Self {
        let following = expected.map_or_else(Following::default, |period| Following::expecting(period.as_std()));
        Self { queue, following, since: None }
    }

    /// Looks once, and takes nothing out.
    pub(super) async fn look(&mut self, cx: &Cx<'_>) -> Result<Overheard> {
        let peeked: Peeked = cx.providers.queues.peek(self.queue).await?;
        for message in &peeked.messages {
            self.following.hear(Heard { at: message.sent, signal: Signal::decode(&message.text) });
        }
        let (now, sight) = (cx.clock.now(), peeked.sight());
        let listened = now.duration_since(*self.since.get_or_insert(now));
        let as_of = match sight {
            Sight::Whole => now,
            Sight::Part if listened >= LATE_MESSAGES => now.saturating_sub(LATE_MESSAGES).unwrap_or(now),
            // What was sent long ago may be just what this look did not show.
            Sight::Part => Timestamp::MIN,
        };
        Ok(Overheard { migrators: self.following.migrators(as_of), sight, facts: QueueFacts::of(&peeked, now) })
    }

    /// Looks until nothing is there, or everybody who was heard is over. An error says who is not.
    pub(super) async fn until_over(&mut self, cx: &Cx<'_>) -> Result<Overheard> {
        loop {
            let heard = self.look(cx).await?;
            if heard.is_empty() || heard.are_over() {
                return Ok(heard);
            }
            cx.progress(&Progress { doing: format!("waiting for {}", heard.last()), ..Progress::default() });
            if let Err(stop) = cx.pause(LOOK_EVERY).await {
                return Err(if stop.code == Code::DeadlinePassed { heard.facts.refusal(self.queue) } else { stop });
            }
        }
    }

    /// Takes away the messages of those who are over; those of one who may be alive must go on warning others.
    pub(super) async fn purge_if_over(&mut self, cx: &Cx<'_>) -> Result<()> {
        let heard = self.look(cx).await?;
        if !heard.is_empty() && heard.are_over() {
            cx.providers.queues.purge(self.queue).await?;
        }
        Ok(())
    }
}

impl Overheard {
    /// Whether nothing is in the queue.
    pub(super) fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// Whether everybody who was heard, which must be somebody, is over.
    pub(super) fn are_over(&self) -> bool {
        !self.migrators.is_empty() && self.facts.unknown == 0 && self.migrators.iter().all(|migrator| migrator.state.is_over())
    }

    /// Who was heard last, in words.
    pub(super) fn last(&self) -> String {
        self.migrators.last().map_or_else(|| "a migrator that was not heard yet".to_owned(), ToString::to_string)
    }
}
