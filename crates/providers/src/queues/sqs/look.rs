//! Looking at a queue without taking anything out.

use super::door::Door;
use super::{Hiding, MAX_MESSAGES, attribute, delivered, receive};
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, MessageSystemAttributeName};
use restage_core::Result;
use restage_core::provider::queue::{Delivered, Peeked, QueuedId, QueuedMessage, Receipt};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often a queue is asked for messages in one look.
const MAX_ROUNDS: u32 = 60;
/// How often it is asked at least: what one of its servers does not have yet, another one may.
const MIN_ROUNDS: u32 = 2;
/// A look ends after so many rounds that showed nothing new.
const QUIET_ROUNDS: u32 = 5;
/// How long each round waits for a message: waiting at all makes SQS ask all of its servers.
const ROUND_WAIT: Duration = Duration::from_secs(1);

/// How long messages are hidden from others in a look at more of them than SQS gives at once: unless they are, it gives the
/// same ones again and again. They are shown again as soon as the look ends, or after this time if restage dies meanwhile.
const HIDDEN_FOR: Duration = Duration::from_secs(30);

/// Everything that can be seen.
pub(super) async fn look(door: &Door) -> Result<Peeked> {
    let mut around = door.look_around().await?;
    let many = around.count.waiting > u64::from(MAX_MESSAGES.unsigned_abs());
    let hiding = if many { Hiding::For(HIDDEN_FOR) } else { Hiding::Never };
    let mut seen: BTreeMap<QueuedId, QueuedMessage> = BTreeMap::new();
    let mut hidden = Vec::new();
    let (mut rounds, mut quiet, mut receptions) = (0, 0, 0);
    // A message that is received once more than its queue allows is moved away from it.
    while rounds < MAX_ROUNDS && quiet < QUIET_ROUNDS && around.receptions.is_none_or(|most| receptions + 1 < most) {
        rounds += 1;
        quiet += 1;
        for message in receive(door, hiding, ROUND_WAIT).await? {
            let times = attribute(&message, &MessageSystemAttributeName::ApproximateReceiveCount).unwrap_or(0);
            receptions = receptions.max(times);
            if let Some(Delivered { message, receipt }) = delivered(message) {
                hidden.push(receipt);
                if seen.insert(message.id.clone(), message).is_none() {
                    quiet = 0;
                }
            }
        }
        around = door.look_around().await?;
        if rounds >= MIN_ROUNDS && seen.len() as u64 >= around.count.total() {
            break;
        }
    }
    if many {
        show_again(door, &hidden).await?;
        around = door.look_around().await?;
    }
    let mut messages: Vec<QueuedMessage> = seen.into_values().collect();
    messages.sort_by(|one, other| (one.sent, &one.id).cmp(&(other.sent, &other.id)));
    Ok(Peeked { messages, count: around.count })
}

/// Shows messages to others again; one that has gone meanwhile is no concern of a look.
async fn show_again(door: &Door, hidden: &[Receipt]) -> Result<()> {
    for some in hidden.chunks(MAX_MESSAGES.unsigned_abs() as usize) {
        let entry = |(index, receipt): (usize, &Receipt)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(index.to_string());
            entry.receipt_handle(&receipt.0).visibility_timeout(0).build().expect("it has both, an id and a receipt")
        };
        let entries = some.iter().enumerate().map(entry).collect();
        let request = door.client().change_message_visibility_batch().queue_url(door.url()).set_entries(Some(entries));
        request.send().await.map_err(|error| door.refused(&error, "looked at"))?;
    }
    Ok(())
}
