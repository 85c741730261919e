//! Queues: what every queue must keep to, and what this one adds.

use crate::ground::{Ground, HandClock, noon};
use jiff::Timestamp;
use restage_core::Code;
use restage_core::environment::AwsPlace;
use restage_core::provider::Queues;
use restage_core::provider::queue::{LocalQueue, Outgoing, Queue, SqsName, SqsQueue};
use restage_core::signal::{HostName, MigratorId, ProcessId, Signal};
use restage_sim::queues::keeps_its_promises;
use restage_store::{HIDDEN_FOR, MAX_MESSAGES};
use std::time::Duration;

fn queue(name: &str) -> Queue {
    Queue::Local(LocalQueue::parse(name).unwrap())
}

fn message(number: i64) -> Outgoing {
    let migrator = MigratorId { host: HostName("h".into()), pid: ProcessId(1), started: noon() };
    Outgoing::of(&Signal::Unknown(format!("message {number}")), &migrator, Timestamp::from_second(number).unwrap())
}

#[tokio::test]
async fn a_local_queue_keeps_its_promises() {
    let ground = Ground::new().await;
    keeps_its_promises(&ground.store.queues(HandClock::at_noon()), &queue("test-migrator")).await;
}

#[tokio::test]
async fn a_message_that_is_not_deleted_comes_back_and_is_seen_meanwhile() {
    let (ground, clock) = (Ground::new().await, HandClock::at_noon());
    let (here, other) = (ground.store.queues(clock.clone()), ground.other().await.queues(clock.clone()));
    here.send(&queue("q"), &message(1)).await.unwrap();
    let first = other.receive(&queue("q"), Duration::ZERO).await.unwrap();
    assert_eq!(first[0].message.sent, noon());
    assert_eq!(here.receive(&queue("q"), Duration::ZERO).await.unwrap(), []);
    assert_eq!(here.peek(&queue("q")).await.unwrap().messages.len(), 1);
    clock.advance(i64::try_from(HIDDEN_FOR.as_secs()).unwrap());
    assert_eq!(here.receive(&queue("q"), Duration::ZERO).await.unwrap(), first);
}

#[tokio::test]
async fn queues_of_other_names_are_other_queues() {
    let ground = Ground::new().await;
    let queues = ground.store.queues(HandClock::at_noon());
    for name in ["a", "b"] {
        queues.send(&queue(name), &message(1)).await.unwrap();
    }
    let received = queues.receive(&queue("a"), Duration::ZERO).await.unwrap();
    queues.delete(&queue("b"), &received[0].receipt).await.unwrap();
    queues.purge(&queue("a")).await.unwrap();
    assert_eq!(queues.count(&queue("a")).await.unwrap().total(), 0);
    assert_eq!(queues.count(&queue("b")).await.unwrap().total(), 1);
}

#[tokio::test]
async fn a_full_queue_loses_its_oldest_messages() {
    let ground = Ground::new().await;
    let queues = ground.store.queues(HandClock::at_noon());
    let fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
                INSERT INTO queue_messages (queue, send_id, text, sent_at) SELECT 'q', i, 'old ' || i, '2026-11-20T12:00:00Z' FROM n";
    ground.sql().execute(fill, [MAX_MESSAGES]).unwrap();
    queues.send(&queue("q"), &message(1)).await.unwrap();
    let messages = queues.peek(&queue("q")).await.unwrap().messages;
    assert_eq!(messages.len(), MAX_MESSAGES as usize);
    assert_eq!((messages[0].text.as_str(), messages.last().unwrap().text.as_str()), ("old 2", "message 1"));
}

#[tokio::test]
async fn a_queue_of_another_kind_is_refused() {
    let ground = Ground::new().await;
    let elsewhere = Queue::Sqs(SqsQueue::new(SqsName::parse("q").unwrap(), AwsPlace::default()));
    let error = ground.store.queues(HandClock::at_noon()).count(&elsewhere).await.unwrap_err();
    assert_eq!(error.code, Code::QueueMissing);
}
