//! Emptying a queue.

use super::door::Door;
use super::{Hiding, delivered, receive};
use aws_sdk_sqs::operation::purge_queue::PurgeQueueError;
use restage_core::provider::queue::Count;
use restage_core::{Code, Error, Result};
use std::time::Duration;
use tokio::time::Instant;

/// How long SQS may take to forget the messages of a queue; it says that it takes up to a minute.
const PURGED_WITHIN: Duration = Duration::from_secs(90);
/// The pause between two looks whether it has.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long each round of deleting one by one waits for messages.
const ROUND_WAIT: Duration = Duration::from_secs(1);

/// Deletes every message and returns once none is counted.
pub(super) async fn purge(door: &Door) -> Result<()> {
    let until = Instant::now() + PURGED_WITHIN;
    let answer = door.client().purge_queue().queue_url(door.url()).send().await;
    match answer {
        Ok(_) => {}
        // A queue can be purged once in a minute, and what was sent since the last time is still there.
        Err(error) if error.as_service_error().is_some_and(PurgeQueueError::is_purge_queue_in_progress) => {
            one_by_one(door, until).await?;
        }
        Err(error) => return Err(door.refused(&error, "purged")),
    }
    loop {
        let count = door.look_around().await?.count;
        if count.total() == 0 {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(remaining(door, count));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn one_by_one(door: &Door, until: Instant) -> Result<()> {
    while Instant::now() < until {
        let received = receive(door, Hiding::AsTheQueueSays, ROUND_WAIT).await?;
        if received.is_empty() && door.look_around().await?.count.waiting == 0 {
            return Ok(());
        }
        for message in received.into_iter().filter_map(delivered) {
            door.delete(&message.receipt).await?;
        }
    }
    Ok(())
}

fn remaining(door: &Door, count: Count) -> Error {
    let (name, seconds) = (door.name().name(), PURGED_WITHIN.as_secs());
    Code::DeadlinePassed
        .error(format!("the queue `{name}` still has messages {seconds} s after it was purged: {count}"))
        .help("somebody receives or sends messages there at this moment: find out who, then purge it again")
        .passing()
}
