//! Within one transaction, and after crashes.

use crate::world::{World, keep};
use restage_core::provider::KeptTable;
use restage_pgcopy::Kind;
use restage_pgcopy::keep as engine;
use restage_pgcopy::stop::{Stop, stop};
use std::time::{Duration, Instant};

const SCHEMA: &str = "
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN code AS varchar(8) CHECK (VALUE <> '');
CREATE TYPE amount AS (value numeric(12, 2), currency char(3));
CREATE TABLE users (id int PRIMARY KEY, feeling mood, code code, worth amount, moods mood[], at timestamptz, raw bytea, address inet,
    ratio double precision, span interval, price money, doc jsonb, fixed char(6), email text UNIQUE);
CREATE TABLE roles (user_id int REFERENCES users, role text, PRIMARY KEY (user_id, role))";
const OURS: &str = r#"
INSERT INTO users VALUES (1, 'sad', 'x', ROW(1.5, 'GBP'), '{ok,NULL}', '2024-02-03 04:05:06.789Z', '\x00ff', '10.0.0.1', 0.1, '1 day 02:03', 12.5, '{"a": null}', 'ab', 'own'),
    (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'both');
INSERT INTO roles VALUES (1, 'a'), (2, 'b')"#;
const THEIRS: &str = "INSERT INTO users (id, email) VALUES (1, 'theirs'), (7, 'both')";

#[tokio::test]
async fn rows_set_aside_come_back_in_the_transaction_that_dropped_their_tables_and_types() {
    let world = World::new(SCHEMA, THEIRS, OURS);
    let tables = world.tables(&[keep("users").matched(&["email"]).renumber(), keep("roles")]).await;
    let client = world.writer("preprod").await;
    client.run("begin", "BEGIN").await.unwrap();
    engine::set_aside(&client, &tables).await.unwrap();
    client.run("drop", "DROP SCHEMA public CASCADE; CREATE SCHEMA public; SET LOCAL search_path = public").await.unwrap();
    client.run("fill", &format!("{SCHEMA}; {THEIRS}; SET LOCAL search_path = ''")).await.unwrap();
    let kept = engine::carry_aside(&client, &tables, &[], &Stop::never()).await.unwrap();
    client.run("commit", "COMMIT").await.unwrap();
    let users = &kept.tables[&crate::world::name("users")];
    assert_eq!(*users, KeptTable { found: 2, added: 1, same: 1, renumbered: 1, ..KeptTable::default() });
    let row = "SELECT users::text FROM users WHERE email = 'own'";
    let before = World::new(SCHEMA, "", OURS).sql("preprod", row);
    assert_eq!(world.sql("preprod", row), before.replacen("(1,", "(8,", 1));
    let roles = "SELECT string_agg(email || ' ' || role, ', ' ORDER BY email) FROM users JOIN roles ON user_id = id";
    assert_eq!(world.sql("preprod", roles), "both b, own a");
}

#[tokio::test]
async fn a_session_lost_between_staging_and_merging_leaves_nothing_and_the_next_try_succeeds() {
    let world = World::new(SCHEMA, THEIRS, OURS);
    let keeps = [keep("users").matched(&["email"]).renumber(), keep("roles")];
    let before = world.cluster.dump("shadow").unwrap();
    let tables = world.tables(&keeps).await;
    let (target, shadow, other) = (world.reader("preprod").await, world.writer("shadow").await, world.writer("shadow").await);
    // Others may read, so that staging goes on, and nobody may write.
    other.run("lock", "BEGIN; LOCK TABLE public.users IN SHARE MODE").await.unwrap();
    let killing = async {
        let waiting =
            "SELECT pid FROM pg_stat_activity WHERE datname = 'shadow' AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO%'";
        let started = Instant::now();
        loop {
            let pid = world.sql("postgres", waiting);
            if !pid.is_empty() {
                return world.sql("postgres", &format!("SELECT pg_terminate_backend({pid})"));
            }
            assert!(started.elapsed() < Duration::from_secs(30), "the merge never waited");
            tokio::task::yield_now().await;
        }
    };
    let never = Stop::never();
    let (carried, _) = tokio::join!(engine::carry(&target, &shadow, &tables, &[], &never), killing);
    assert_eq!(carried.unwrap_err().kind, Kind::ConnectionLost);
    other.run("unlock", "COMMIT").await.unwrap();
    assert_eq!(world.cluster.dump("shadow").unwrap(), before);
    let done = world.keep(&keeps).await;
    assert_eq!((done["users"].added, done["users"].renumbered, done["roles"].added), (1, 1, 2));
}

#[tokio::test]
async fn asked_to_stop_nothing_is_kept_and_the_session_can_be_used_again() {
    let world = World::new(SCHEMA, THEIRS, OURS);
    let tables = world.tables(&[keep("users").matched(&["email"]).renumber()]).await;
    let (target, shadow, other) = (world.reader("preprod").await, world.writer("shadow").await, world.writer("shadow").await);
    other.run("lock", "BEGIN; LOCK TABLE public.users IN SHARE MODE").await.unwrap();
    let (stopper, asked) = stop();
    let stopping = async {
        let started = Instant::now();
        while world.sql("postgres", "SELECT count(*) FROM pg_locks WHERE NOT granted") == "0" {
            assert!(started.elapsed() < Duration::from_secs(30), "the merge never waited");
            tokio::task::yield_now().await;
        }
        stopper.stop();
    };
    let (carried, ()) = tokio::join!(engine::carry(&target, &shadow, &tables, &[], &asked), stopping);
    assert_eq!(carried.unwrap_err().kind, Kind::Interrupted);
    other.run("unlock", "COMMIT").await.unwrap();
    assert_eq!(world.shadow("SELECT count(*) FROM users"), "2");
    target.end().await.unwrap();
    engine::carry(&target, &shadow, &tables, &[], &Stop::never()).await.unwrap();
    assert_eq!(world.shadow("SELECT count(*) FROM users"), "3");
}
