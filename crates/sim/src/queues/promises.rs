//! What every queue must keep to, wherever it is. It holds for queues that deliver late, twice, in any order and in parts.

use jiff::Timestamp;
use restage_core::provider::Queues;
use restage_core::provider::queue::{Count, Delivered, Outgoing, Peeked, Queue, Sight};
use restage_core::signal::{Format, HostName, MigratorId, ProcessId, Progress, Writer};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// More messages than a queue gives at once.
const MESSAGES: i64 = 12;
/// How often a queue is asked for what it has not shown yet.
const ATTEMPTS: u32 = 200;
/// How long each of them waits.
const WAIT: Duration = Duration::from_secs(1);

/// Panics with what is wrong. The queue must exist, be empty, and be nobody else's.
pub async fn keeps_its_promises(queues: &dyn Queues, queue: &Queue) {
    nothing_is_there(queues, queue).await;
    let sent = send_all(queues, queue).await;
    looking_takes_nothing_out(queues, queue, &sent).await;
    what_is_received_and_not_deleted_is_not_lost(queues, queue).await;
    purging_leaves_nothing(queues, queue).await;
    let sent = send_all(queues, queue).await;
    purging_leaves_nothing(queues, queue).await;
    let again = send_all(queues, queue).await;
    assert_eq!(sent, again, "what was purged may be sent again");
    everything_is_delivered_until_deleted(queues, queue, &again).await;
    nothing_is_there(queues, queue).await;
}

async fn nothing_is_there(queues: &dyn Queues, queue: &Queue) {
    assert_eq!(count(queues, queue).await, Count::default());
    assert!(look(queues, queue).await.is_empty());
    assert_eq!(receive(queues, queue, Duration::ZERO).await, []);
}

/// Sends messages, one of them twice.
async fn send_all(queues: &dyn Queues, queue: &Queue) -> BTreeSet<String> {
    let migrator = MigratorId { host: HostName("hôst-1".into()), pid: ProcessId(7), started: Timestamp::UNIX_EPOCH };
    let mut writer = Writer::new(migrator.clone(), Format::Current, None);
    let mut texts = BTreeSet::new();
    for second in 0..MESSAGES {
        let signal = writer.progress(Progress::Started, Timestamp::from_second(second).expect("a small number"));
        let message = Outgoing::of(&signal.expect("it has not ended"), &migrator, unused_moment());
        queues.send(queue, &message).await.expect("sending");
        if second == 0 {
            queues.send(queue, &message).await.expect("sending the same again");
        }
        texts.insert(message.text);
    }
    texts
}

/// A moment that no message was sent at: the same words are to be another message each time.
fn unused_moment() -> Timestamp {
    static USED: AtomicI64 = AtomicI64::new(0);
    Timestamp::from_second(USED.fetch_add(1, Ordering::Relaxed)).expect("a small number")
}

async fn looking_takes_nothing_out(queues: &dyn Queues, queue: &Queue, sent: &BTreeSet<String>) {
    for _ in 0..2 {
        let mut seen = BTreeSet::new();
        for _ in 0..ATTEMPTS {
            let peeked = look(queues, queue).await;
            assert!(peeked.messages.is_sorted_by_key(|message| message.sent), "the oldest first");
            let whole = peeked.sight() == Sight::Whole;
            let texts: BTreeSet<String> = peeked.messages.into_iter().map(|message| message.text).collect();
            assert!(texts.is_subset(sent), "nothing else was sent: {texts:?}");
            assert!(!whole || texts == *sent, "a part was called the whole: {texts:?}");
            seen.extend(texts);
            if seen == *sent {
                break;
            }
        }
        assert_eq!(seen, *sent, "what was sent can be seen");
    }
    assert!(count(queues, queue).await.total() >= sent.len() as u64);
}

async fn what_is_received_and_not_deleted_is_not_lost(queues: &dyn Queues, queue: &Queue) {
    let before = count(queues, queue).await.total();
    let received = receive(queues, queue, WAIT).await;
    assert!(!received.is_empty(), "something is there");
    assert_eq!(count(queues, queue).await.total(), before);
    let hidden: BTreeSet<_> = received.into_iter().map(|delivered| delivered.message.id).collect();
    let count = count(queues, queue).await;
    assert!(count.in_flight > 0, "{hidden:?} are hidden for a while: {count}");
}

async fn purging_leaves_nothing(queues: &dyn Queues, queue: &Queue) {
    queues.purge(queue).await.expect("purging");
    nothing_is_there(queues, queue).await;
}

async fn everything_is_delivered_until_deleted(queues: &dyn Queues, queue: &Queue, sent: &BTreeSet<String>) {
    let mut delivered = BTreeSet::new();
    for _ in 0..ATTEMPTS {
        for Delivered { message, receipt } in receive(queues, queue, WAIT).await {
            queues.delete(queue, &receipt).await.expect("deleting");
            queues.delete(queue, &receipt).await.expect("deleting what is gone");
            delivered.insert(message.text);
        }
        if count(queues, queue).await.total() == 0 {
            break;
        }
    }
    assert_eq!(delivered, *sent);
}

async fn look(queues: &dyn Queues, queue: &Queue) -> Peeked {
    queues.peek(queue).await.expect("looking")
}

async fn count(queues: &dyn Queues, queue: &Queue) -> Count {
    queues.count(queue).await.expect("counting")
}

async fn receive(queues: &dyn Queues, queue: &Queue, wait: Duration) -> Vec<Delivered> {
    queues.receive(queue, wait).await.expect("receiving")
}
