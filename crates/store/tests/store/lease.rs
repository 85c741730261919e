//! Leases: one holder at a time, takeover from the dead and the hanging, and no writing without the lease.

use crate::ground::{Ground, HandClock, database, event, run_id};
use jiff::SignedDuration;
use restage_core::Code;
use restage_core::provider::Clock;
use restage_core::run::{Journal, Lease, Seq};
use restage_store::{Holder, Host, LeaseAsk, RunJournal, Standing, TargetKey};
use std::fs;
use std::time::Duration;

const TTL_S: i64 = 60;

fn here() -> Host {
    Host("admin-1".into())
}

fn target() -> TargetKey {
    TargetKey::of(&database("preprod-db", "app"))
}

fn ask(run: &str) -> LeaseAsk {
    let holder = Holder { host: here(), pid: 4711, user: "alice".into() };
    LeaseAsk { target: target(), run: run_id(run), holder, ttl: Duration::from_secs(TTL_S.unsigned_abs()) }
}

fn ask_from_elsewhere(run: &str) -> LeaseAsk {
    let ask = ask(run);
    LeaseAsk { holder: Holder { host: Host("admin-2".into()), pid: 99, user: "bob".into() }, ..ask }
}

#[tokio::test]
async fn a_held_target_is_busy_and_says_who_holds_it() {
    let (ground, clock) = (Ground::new().await, HandClock::at_noon());
    let _lease = ground.store.lease(ask("aaaaaaaaaa"), clock.clone()).await.unwrap();
    for run in ["aaaaaaaaaa", "bbbbbbbbbb"] {
        let error = ground.other().await.lease(ask(run), clock.clone()).await.unwrap_err();
        assert_eq!(error.code, Code::TargetBusy);
        assert_eq!(error.to_string(), "`preprod-db:5432/app` is held by run `aaaaaaaaaa` since 2026-11-20T12:00:00Z");
        let help = error.help.unwrap();
        assert!(help.contains("process 4711 of alice on admin-1 is alive"), "{help}");
        assert!(help.contains("restage cancel aaaaaaaaaa"), "{help}");
    }
}

#[tokio::test]
async fn a_holder_on_another_host_is_waited_for_until_its_lease_expires() {
    let (ground, clock) = (Ground::new().await, HandClock::at_noon());
    let lease = ground.store.lease(ask("aaaaaaaaaa"), clock.clone()).await.unwrap();
    drop(lease); // dead, which cannot be seen from elsewhere
    clock.advance(TTL_S - 1);
    let error = ground.store.lease(ask_from_elsewhere("bbbbbbbbbb"), clock.clone()).await.unwrap_err();
    assert!(error.help.unwrap().contains("try again after 2026-11-20T12:01:00Z"));
    clock.advance(1);
    ground.store.lease(ask_from_elsewhere("bbbbbbbbbb"), clock).await.unwrap();
}

#[tokio::test]
async fn a_dead_holder_of_this_host_is_replaced_at_once() {
    let (ground, clock) = (Ground::new().await, HandClock::at_noon());
    let lease = ground.other().await.lease(ask("aaaaaaaaaa"), clock.clone()).await.unwrap();
    let standing = async || ground.store.hold(&target(), &here()).await.unwrap().unwrap().standing;
    assert_eq!(standing().await, Standing::Alive);
    assert_eq!(ground.store.hold(&target(), &Host("admin-2".into())).await.unwrap().unwrap().standing, Standing::Unknown);
    let token = lease.token();
    drop(lease);
    assert_eq!(standing().await, Standing::Gone);
    let lease = ground.store.lease(ask("aaaaaaaaaa"), clock).await.unwrap();
    assert!(lease.token() > token);
    assert_eq!(standing().await, Standing::Alive);
}

#[tokio::test]
async fn a_holder_that_hangs_loses_its_lease_and_notices() {
    let (ground, clock) = (Ground::new().await, HandClock::at_noon());
    let hanging = ground.store.lease(ask("aaaaaaaaaa"), clock.clone()).await.unwrap();
    clock.advance(TTL_S);
    let taken = ground.other().await.lease(ask("bbbbbbbbbb"), clock.clone()).await.unwrap();
    let error = hanging.renew().await.unwrap_err();
    assert_eq!(error.code, Code::LeaseLost);
    assert!(error.to_string().contains("taken over for run `bbbbbbbbbb`"), "{error}");
    taken.renew().await.unwrap();
    hanging.release().await.unwrap(); // changes nothing for the new holder
    taken.renew().await.unwrap();
    assert_eq!(ground.store.hold(&target(), &here()).await.unwrap().unwrap().run, run_id("bbbbbbbbbb"));
}

#[tokio::test]
async fn the_same_run_taken_up_elsewhere_is_another_holder() {
    let (ground, clock) = (Ground::new().await, HandClock::at_noon());
    let hanging = ground.store.lease(ask("aaaaaaaaaa"), clock.clone()).await.unwrap();
    clock.advance(TTL_S);
    let _taken = ground.other().await.lease(ask("aaaaaaaaaa"), clock).await.unwrap();
    assert_eq!(hanging.renew().await.unwrap_err().code, Code::LeaseLost);
}

#[tokio::test]
async fn renewing_keeps_a_lease_for_ever_and_late_renewal_saves_one_nobody_took() {
    let (ground, clock) = (Ground::new().await, HandClock::at_noon());
    let lease = ground.store.lease(ask("aaaaaaaaaa"), clock.clone()).await.unwrap();
    let hold = async || ground.store.hold(&target(), &here()).await.unwrap().unwrap();
    let since = hold().await.since;
    for _ in 0..10 {
        clock.advance(TTL_S - 1);
        lease.renew().await.unwrap();
        assert!(ground.store.lease(ask("bbbbbbbbbb"), clock.clone()).await.is_err());
    }
    clock.advance(10 * TTL_S);
    lease.renew().await.unwrap();
    assert!(ground.store.lease(ask("bbbbbbbbbb"), clock.clone()).await.is_err());
    let hold = hold().await;
    assert_eq!(hold.since, since);
    assert_eq!(hold.expires.duration_since(hold.renewed), SignedDuration::from_secs(TTL_S));
}

#[tokio::test]
async fn a_renewal_right_after_another_does_not_write() {
    let (ground, clock) = (Ground::new().await, HandClock::at_noon());
    let lease = ground.store.lease(ask("aaaaaaaaaa"), clock.clone()).await.unwrap();
    let renewed = async || ground.store.hold(&target(), &here()).await.unwrap().unwrap().renewed;
    let first = renewed().await;
    clock.advance(TTL_S / 3 - 1);
    lease.renew().await.unwrap();
    assert_eq!(renewed().await, first);
    clock.advance(1);
    lease.renew().await.unwrap();
    assert!(renewed().await > first);
}

#[tokio::test]
async fn a_lease_given_back_is_free_and_leaves_no_file() {
    let (ground, clock) = (Ground::new().await, HandClock::at_noon());
    let lease = ground.store.lease(ask("aaaaaaaaaa"), clock.clone()).await.unwrap();
    assert_eq!(ground.store.holds_of(&run_id("aaaaaaaaaa"), &here()).await.unwrap().len(), 1);
    let token = lease.token();
    lease.release().await.unwrap();
    assert_eq!(ground.store.hold(&target(), &here()).await.unwrap(), None);
    assert_eq!(ground.store.holds_of(&run_id("aaaaaaaaaa"), &here()).await.unwrap(), []);
    assert_eq!(fs::read_dir(ground.folder.join("leases")).unwrap().count(), 0);
    let next = ground.store.lease(ask_from_elsewhere("bbbbbbbbbb"), clock).await.unwrap();
    assert!(next.token() > token, "tokens grow even while nobody holds the target");
}

#[tokio::test]
async fn targets_do_not_disturb_each_other() {
    let (ground, clock) = (Ground::new().await, HandClock::at_noon());
    let other = LeaseAsk { target: TargetKey::of(&database("preprod-db", "crm")), ..ask("bbbbbbbbbb") };
    let _one = ground.store.lease(ask("aaaaaaaaaa"), clock.clone()).await.unwrap();
    let _other = ground.store.lease(other, clock).await.unwrap();
    assert_eq!(target(), TargetKey::of(&database("PREPROD-DB", "app")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_want_a_target_one_gets_it() {
    let (ground, clock) = (Ground::new().await, HandClock::at_noon());
    let (one, other) = (ground.store.clone(), ground.other().await);
    for _ in 0..50 {
        let (first, second) =
            tokio::join!(one.lease(ask("aaaaaaaaaa"), clock.clone()), other.lease(ask("bbbbbbbbbb"), clock.clone()));
        match (first, second) {
            (Ok(lease), Err(busy)) | (Err(busy), Ok(lease)) => {
                assert_eq!(busy.code, Code::TargetBusy);
                lease.release().await.unwrap();
            }
            both => panic!("{both:?}"),
        }
    }
}

#[tokio::test]
async fn a_journal_behind_its_lease_takes_nothing_once_the_lease_is_lost() {
    let (ground, clock) = (Ground::new().await, HandClock::at_noon());
    let run = ground.with_run("aaaaaaaaaa").await;
    let lease = ground.store.lease(ask("aaaaaaaaaa"), clock.clone()).await.unwrap();
    let journal: RunJournal = ground.store.journal(&run).fenced([&lease]);
    journal.append(Seq(0), &event(0)).await.unwrap();
    clock.advance(TTL_S);
    let _other = ground.other().await.lease(ask("bbbbbbbbbb"), clock).await.unwrap();
    assert_eq!(journal.append(Seq(1), &event(1)).await.unwrap_err().code, Code::LeaseLost);
    assert_eq!(ground.store.journal(&run).read().await.unwrap().len(), 1);
}

#[tokio::test]
async fn only_what_a_dead_run_holds_is_given_back_by_others() {
    let (ground, clock) = (Ground::new().await, HandClock::at_noon());
    let lease = ground.store.lease(ask("aaaaaaaaaa"), clock.clone()).await.unwrap();
    let give_back = |run: &'static str, host: Host| {
        let (store, now) = (ground.store.clone(), clock.now());
        async move { store.release_dead(&target(), &run_id(run), &host, now).await }
    };
    assert_eq!(give_back("aaaaaaaaaa", here()).await.unwrap_err().code, Code::WrongMoment);
    drop(lease);
    assert_eq!(give_back("bbbbbbbbbb", here()).await.unwrap_err().code, Code::WrongMoment);
    assert_eq!(give_back("aaaaaaaaaa", Host("admin-2".into())).await.unwrap_err().code, Code::WrongMoment);
    assert!(ground.store.hold(&target(), &here()).await.unwrap().is_some());
    give_back("aaaaaaaaaa", here()).await.unwrap();
    assert_eq!(ground.store.hold(&target(), &here()).await.unwrap(), None);
    give_back("aaaaaaaaaa", here()).await.unwrap();
    assert_eq!(ground.store.lease(ask("bbbbbbbbbb"), clock.clone()).await.unwrap().token(), 2);
}
