//! Empties the queue of a migrator that has done what it was to do.

use super::Cx;
use super::action::{About, Action, Summary};
use super::hearing::Hearing;
use crate::error::Result;
use crate::plan::How;
use crate::provider::queue::Queue;
use serde::{Deserialize, Serialize};

/// Deletes the messages of migrators that are over, so that the next deployment finds an empty queue. Where somebody in it is
/// still alive, it waits for the end of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeQueue {
    /// The queue.
    pub queue: Queue,
}

/// The receipt of emptying a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purged {
    /// Whose messages were there, and what had become of them.
    pub of: Vec<String>,
}

impl Action for PurgeQueue {
    type Receipt = Purged;
    fn about(&self) -> About {
        let what = format!("the messages in the queue `{}`", self.queue);
        About::new(format!("purge the queue `{}`", self.queue)).effect(How::Destroys, what)
    }
    async fn run(&self, cx: &Cx<'_>) -> Result<Purged> {
        let heard = Hearing::of(&self.queue, None).until_over(cx).await?;
        if !heard.is_empty() {
            cx.providers.queues.purge(&self.queue).await?;
        }
        Ok(Purged { of: heard.migrators.iter().map(ToString::to_string).collect() })
    }
    /// It was empty before the run, and is again.
    async fn undo(&self, _: &Cx<'_>, _: Option<Purged>) -> Result<()> {
        Ok(())
    }
    fn summary(&self, receipt: Purged) -> Summary {
        Summary { lines: receipt.of, ..Summary::default() }
    }
}
