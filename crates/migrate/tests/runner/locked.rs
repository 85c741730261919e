//! Two migrators at once, and somebody who holds Flyway's lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use restage_lab::Cluster;
use restage_migrate::Kind;
use restage_pgcopy::connect;
use restage_pgcopy::stop::stop;

use crate::applied::{PATIENCE, until};
use crate::world::{Quick, World};

/// What a real Flyway does with the history of `public`.
const FLYWAY: &str = "BEGIN; SET application_name = 'Flyway by JDBC'; SELECT pg_try_advisory_xact_lock(77433833903597)";

#[tokio::test]
async fn a_real_flyway_that_holds_the_lock_is_waited_for_and_named() {
    let cluster = Cluster::any().unwrap();
    for (database, transactional) in [("app", true), ("other", false)] {
        let mut world = World::new(&cluster, database);
        world.settings.transactional_lock = transactional;
        world.settings.lock_retry_count = 3;
        world.write("V1__a.sql", "CREATE TABLE a ();");
        let flyway = connect::target(&world.endpoint()).await.unwrap();
        flyway.run("lock", FLYWAY).await.unwrap();

        let waits = Arc::new(AtomicU32::new(0));
        let counted = waits.clone();
        world.clock = Quick {
            meanwhile: Box::new(move |time| {
                assert_eq!(time, Duration::from_secs(1));
                counted.fetch_add(1, Ordering::SeqCst);
            }),
        };
        let error = world.refused().await;
        assert_eq!((error.kind, waits.load(Ordering::SeqCst)), (Kind::Locked, 3));
        let pid = flyway.process().unwrap();
        let who = format!("is held by process {pid} (`Flyway by JDBC` of `postgres` from `127.0.0.1`) since 2");
        assert!(error.message.contains(&who), "{}", error.message);
        assert!(error.message.ends_with("and was asked for 4 times"), "{}", error.message);
        assert!(error.help.unwrap().contains(&format!("pg_terminate_backend({pid})")));
        assert_eq!(world.ear.heard()[1..], ["Waiting 1 Flyway by JDBC", "Waiting 2 Flyway by JDBC", "Waiting 3 Flyway by JDBC"]);
        assert!(!world.has("a"));
        let holder = world.runner().await.unwrap().holder().await.unwrap().unwrap();
        assert_eq!((holder.pid, holder.application.as_str()), (pid, "Flyway by JDBC"));

        flyway.run("end", "COMMIT").await.unwrap();
        assert_eq!(world.applied().await, ["V1__a.sql"]);
        assert!(world.runner().await.unwrap().holder().await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_migrators_one_works_and_the_other_waits() {
    let cluster = Cluster::any().unwrap();
    for (database, transactional) in [("app", true), ("other", false)] {
        let mut one = World::new(&cluster, database);
        one.settings.transactional_lock = transactional;
        one.write("V1__a.sql", "CREATE TABLE a ();\nSELECT pg_advisory_lock_shared(1);");
        let mut two = World::of(&cluster, database);
        two.settings = one.settings.clone();
        two.settings.lock_retry_count = -1;
        // The first one's migration waits for this session.
        let gate = connect::target(&one.endpoint()).await.unwrap();
        gate.run("lock", "SELECT pg_advisory_lock(1)").await.unwrap();
        let first = one.run();
        let second = async {
            until(&one, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'", "1").await;
            let refused = World { settings: one.settings.clone(), ..World::of(&cluster, database) };
            let error = refused.refused().await;
            assert_eq!(error.kind, Kind::Locked);
            assert!(error.message.contains("(`restage` of `postgres`"), "{}", error.message);
            let waiting = two.run();
            let opening = async {
                let started = Instant::now();
                while !two.ear.heard().iter().any(|word| word == "Waiting 3 restage") {
                    assert!(started.elapsed() < PATIENCE, "the second one does not wait");
                    tokio::task::yield_now().await;
                }
                gate.run("unlock", "SELECT pg_advisory_unlock(1)").await.unwrap();
            };
            tokio::join!(waiting, opening).0
        };
        let both = async { tokio::join!(first, second) };
        let (first, second) = tokio::time::timeout(PATIENCE, both).await.expect("one of them waits for ever");
        assert_eq!(first.unwrap().applied.len(), 1);
        assert_eq!(second.unwrap().applied.len(), 0);
        assert_eq!(one.history(), ["1 SQL 1 V1__a.sql"]);
    }
}

#[tokio::test]
async fn whoever_waits_for_the_lock_can_be_stopped() {
    let cluster = Cluster::any().unwrap();
    let mut world = World::new(&cluster, "app");
    world.settings.lock_retry_count = -1;
    let flyway = connect::target(&world.endpoint()).await.unwrap();
    flyway.run("lock", FLYWAY).await.unwrap();
    let (stopper, stopped) = stop();
    world.stop = stopped;
    world.clock = Quick { meanwhile: Box::new(move |_| stopper.stop()) };
    assert_eq!(world.refused().await.kind, Kind::Interrupted);
}

#[tokio::test]
async fn nothing_is_applied_once_the_lock_is_lost() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory';\nSELECT pg_sleep(0.2);");
    world.write("V2__b.sql", "CREATE TABLE b ();");
    let error = world.refused().await;
    assert_eq!(error.kind, Kind::Connection);
    assert!(error.message.contains("held the lock"), "{}", error.message);
    assert!(!world.has("b"));
}

#[tokio::test]
async fn connecting_is_tried_again_as_often_as_is_said() {
    let mut cluster = Cluster::any().unwrap();
    cluster.create_database("app").unwrap();
    let port = cluster.port();
    cluster.stop().unwrap();
    let mut world = World::of(&cluster, "app");
    world.settings.connect_retries = 9;
    let waits = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = waits.clone();
    world.clock = Quick { meanwhile: Box::new(move |time| noted.lock().unwrap().push(time.as_secs())) };
    let error = world.runner().await.err().unwrap();
    assert_eq!((error.kind, port), (Kind::Connection, world.endpoint().port));
    assert_eq!(*waits.lock().unwrap(), [1, 2, 4, 8, 16, 32, 64, 120, 120]);
}
