//! Makes sure that no migrator has left messages, right before one is started.

use super::Cx;
use super::action::{About, Action, Summary};
use crate::error::Result;
use crate::facts::QueueFacts;
use crate::plan::How;
use crate::provider::queue::Queue;
use serde::{Deserialize, Serialize};

/// Looks whether the queue is empty: whoever finds messages in it cannot tell whose they are once another migrator sends some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckQueue {
    /// The queue.
    pub queue: Queue,
}

/// The receipt of looking: nothing was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoMessages {}

impl Action for CheckQueue {
    type Receipt = NoMessages;
    fn about(&self) -> About {
        About::new(format!("find the queue `{}` empty", self.queue)).effect(How::Reads, format!("the queue `{}`", self.queue))
    }
    async fn run(&self, cx: &Cx<'_>) -> Result<NoMessages> {
        let peeked = cx.providers.queues.peek(&self.queue).await?;
        let found = QueueFacts::of(&peeked, cx.clock.now());
        if found.is_empty() { Ok(NoMessages {}) } else { Err(found.refusal(&self.queue)) }
    }
    async fn undo(&self, _: &Cx<'_>, _: Option<NoMessages>) -> Result<()> {
        Ok(())
    }
    fn summary(&self, _: NoMessages) -> Summary {
        Summary::default()
    }
}
