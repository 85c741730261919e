//! Journals: one writer wins, and no damage passes unseen.

use crate::ground::{Ground, event, events};
use restage_core::name::RunId;
use restage_core::run::{Journal, Seq};
use restage_core::{Code, Error};
use restage_store::Store;
use rusqlite::params;
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

async fn fill(store: &Store, run: &RunId, count: u64) {
    for number in 0..count {
        store.journal(run).append(Seq(number), &event(number)).await.unwrap();
    }
}

async fn read_error(ground: &Ground, run: &RunId) -> Error {
    ground.other().await.journal(run).read().await.unwrap_err()
}

#[tokio::test]
async fn what_was_appended_is_read_in_order_by_others() {
    let ground = Ground::new().await;
    let run = ground.with_run("aaaaaaaaaa").await;
    fill(&ground.store, &run, 5).await;
    let other = ground.other().await;
    assert_eq!(other.journal(&run).read().await.unwrap(), events(5));
    assert_eq!(other.journal(&run).read_from(Seq(3)).await.unwrap(), events(5)[3..]);
    assert_eq!(other.journal(&run).read_from(Seq(5)).await.unwrap(), []);
    assert_eq!(other.journal(&run).read_from(Seq(9)).await.unwrap(), []);
    assert_eq!(other.run(&run).await.unwrap().record.events, 5);
}

#[tokio::test]
async fn events_fit_only_the_next_place_of_a_known_run() {
    let ground = Ground::new().await;
    let run = ground.with_run("aaaaaaaaaa").await;
    fill(&ground.store, &run, 2).await;
    for place in [0, 1, 3] {
        let error = ground.store.journal(&run).append(Seq(place), &event(place)).await.unwrap_err();
        assert_eq!(error.code, Code::LeaseLost);
        assert!(error.to_string().contains("2 is"), "{error}");
    }
    let stranger = crate::ground::run_id("bbbbbbbbbb");
    assert_eq!(ground.store.journal(&stranger).append(Seq(0), &event(0)).await.unwrap_err().code, Code::RunUnknown);
    assert_eq!(ground.store.journal(&stranger).read().await.unwrap_err().code, Code::RunUnknown);
    assert_eq!(ground.store.journal(&run).read().await.unwrap(), events(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_handles_that_append_at_the_same_place_one_wins() {
    let ground = Ground::new().await;
    let run = ground.with_run("aaaaaaaaaa").await;
    let (one, other) = (ground.store.journal(&run), ground.other().await.journal(&run));
    for number in 0..100 {
        let event = event(number);
        let (first, second) = tokio::join!(one.append(Seq(number), &event), other.append(Seq(number), &event));
        let lost = match (first, second) {
            (Ok(()), Err(lost)) | (Err(lost), Ok(())) => lost,
            both => panic!("at {number}: {both:?}"),
        };
        assert_eq!(lost.code, Code::LeaseLost);
    }
    assert_eq!(one.read().await.unwrap(), events(100));
}

#[tokio::test]
async fn one_changed_byte_is_detected_and_named() {
    let ground = Ground::new().await;
    let run = ground.with_run("aaaaaaaaaa").await;
    fill(&ground.store, &run, 10).await;
    let edit = "UPDATE events SET event = replace(event, 'public.people', 'public.peopl3') WHERE seq = ?";
    assert_eq!(ground.sql().execute(edit, [7]).unwrap(), 1);
    let error = read_error(&ground, &run).await;
    assert_eq!(error.code, Code::JournalCorrupt);
    assert!(error.to_string().contains("run `aaaaaaaaaa` is damaged at event 7"), "{error}");
    assert!(error.help.unwrap().contains("backup"));
}

#[tokio::test]
async fn a_missing_event_is_detected_wherever_it_was() {
    for gone in [0, 4, 9] {
        let ground = Ground::new().await;
        let run = ground.with_run("aaaaaaaaaa").await;
        fill(&ground.store, &run, 10).await;
        ground.sql().execute("DELETE FROM events WHERE seq = ?", [gone]).unwrap();
        let error = read_error(&ground, &run).await;
        assert_eq!(error.code, Code::JournalCorrupt);
        assert!(error.to_string().contains(&format!("event {gone}: it is missing")), "{error}");
    }
}

#[tokio::test]
async fn events_that_restage_did_not_write_are_detected() {
    let ground = Ground::new().await;
    let (run, other) = (ground.with_run("aaaaaaaaaa").await, ground.with_run("bbbbbbbbbb").await);
    fill(&ground.store, &run, 3).await;
    // Another run's journal, chain and all, put in place of this one.
    let swap = "UPDATE events SET run = ? WHERE run = ?";
    ground.sql().execute(swap, params![other.as_str(), run.as_str()]).unwrap();
    let head = "UPDATE runs SET (events, head) = (SELECT events, head FROM runs WHERE id = ?) WHERE id = ?";
    ground.sql().execute(head, params![run.as_str(), other.as_str()]).unwrap();
    assert!(read_error(&ground, &other).await.to_string().contains("event 0: it is not as it was written"));
    // An event appended past the store.
    let ground = Ground::new().await;
    let run = ground.with_run("aaaaaaaaaa").await;
    fill(&ground.store, &run, 3).await;
    let add = "INSERT INTO events SELECT run, 3, event, digest FROM events WHERE seq = 2";
    ground.sql().execute(add, []).unwrap();
    assert_eq!(read_error(&ground, &run).await.code, Code::JournalCorrupt);
}

#[tokio::test]
async fn a_damaged_journal_can_still_be_followed_only_from_its_sound_part() {
    let ground = Ground::new().await;
    let run = ground.with_run("aaaaaaaaaa").await;
    fill(&ground.store, &run, 10).await;
    ground.sql().execute("UPDATE events SET digest = zeroblob(32) WHERE seq = 4", []).unwrap();
    let journal = ground.store.journal(&run);
    assert_eq!(journal.read_from(Seq(6)).await.unwrap(), events(10)[6..]);
    for from in [3, 4, 5] {
        assert_eq!(journal.read_from(Seq(from)).await.unwrap_err().code, Code::JournalCorrupt);
    }
}

#[tokio::test]
async fn a_long_journal_is_read_in_seconds() {
    const EVENTS: u64 = 100_000;
    let ground = Ground::new().await;
    let run = ground.with_run("aaaaaaaaaa").await;
    write_past_the_store(&ground, &run, EVENTS);
    let begun = Instant::now();
    let read = ground.store.journal(&run).read().await.unwrap();
    let took = begun.elapsed();
    assert_eq!(read.len() as u64, EVENTS);
    assert_eq!(read.last(), Some(&event(EVENTS - 1)));
    println!("{EVENTS} events read in {took:?}");
    assert!(took < Duration::from_secs(30), "{took:?}"); // a second or two without optimisation
}

/// The chain as it is documented, written down a second time: a store of this version must stay readable for ever.
fn write_past_the_store(ground: &Ground, run: &RunId, count: u64) {
    let mut sql = ground.sql();
    let transaction = sql.transaction().unwrap();
    let mut digest: [u8; 32] = Sha256::digest(format!("restage journal {run}")).into();
    for number in 0..count {
        let json = serde_json::to_string(&event(number)).unwrap();
        digest = Sha256::digest([&digest[..], &number.to_be_bytes(), json.as_bytes()].concat()).into();
        let mut insert = transaction.prepare_cached("INSERT INTO events VALUES (?, ?, ?, ?)").unwrap();
        insert.execute(params![run.as_str(), number, json, digest]).unwrap();
    }
    transaction.execute("UPDATE runs SET events = ?, head = ? WHERE id = ?", params![count, digest, run.as_str()]).unwrap();
    transaction.commit().unwrap();
}
