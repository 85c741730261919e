//! What a session is worth after a COPY that nobody saw to its end, and after commands that nobody waited for.

use crate::place::endpoint;
use futures::FutureExt;
use restage_lab::Cluster;
use restage_pgcopy::connect::{self, Block, Boundaries, SourceClient, TargetClient};
use restage_pgcopy::{Kind, Result};
use std::time::Duration;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// More than may wait for whoever takes it.
const MANY: &str = "COPY (SELECT repeat('x', 1023) FROM generate_series(1, 5000)) TO STDOUT";
const MANY_BYTES: usize = 5000 << 10;
/// Fails once it is let go on.
const FAILS_LATER: &str = "SELECT pg_advisory_lock(1); SELECT 1 / 0";

struct Place {
    cluster: Cluster,
    source: SourceClient,
    target: TargetClient,
    /// Keeps the others from going on.
    other: TargetClient,
}

impl Place {
    async fn new() -> Self {
        let cluster = Cluster::any().unwrap();
        cluster.psql("postgres", "CREATE TABLE t (text text)").unwrap();
        let place = endpoint(&cluster, "postgres");
        let (source, target) = (connect::source(&place).await.unwrap(), connect::target(&place).await.unwrap());
        let other = connect::target(&place).await.unwrap();
        Self { cluster, source, target, other }
    }

    async fn lock_table(&self) {
        self.other.run("lock", "BEGIN; LOCK TABLE public.t").await.unwrap();
    }

    async fn block(&self) -> Block {
        let mut from = self.source.copy_out("rows", "COPY (SELECT 'row') TO STDOUT", Boundaries::Any).unwrap();
        let block = in_time(from.next()).await.unwrap().unwrap();
        assert_eq!(from.rows().await.unwrap(), 1);
        block
    }

    async fn all(&self) -> (usize, u64) {
        let mut from = self.source.copy_out("rows", MANY, Boundaries::Any).unwrap();
        let mut bytes = 0;
        while let Some(block) = in_time(from.next()).await.unwrap() {
            bytes += block.len();
        }
        (bytes, in_time(from.rows()).await.unwrap())
    }
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it ends")
}

fn is_lost<T>(used: Result<T>) -> bool {
    used.is_err_and(|error| error.kind == Kind::ConnectionLost)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_gave_rows_before_the_server_asked_for_them_is_closed() {
    let place = Place::new().await;
    let block = place.block().await;
    let next = block.next();
    place.lock_table().await;
    let mut into = place.target.copy_in("rows", "COPY public.t FROM STDIN").unwrap();
    into.send(block).await.unwrap();
    drop(into);
    assert!(is_lost(in_time(place.target.run("look", "SELECT 1")).await));
    let mut again = place.target.copy_in("rows", "COPY public.t FROM STDIN").unwrap();
    assert!(is_lost(in_time(again.send(next)).await));
    drop(again);
    place.other.run("let go", "ROLLBACK").await.unwrap();
    assert_eq!(place.cluster.psql("postgres", "SELECT count(*) FROM t").unwrap(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_rows_nobody_awaited_is_closed() {
    let place = Place::new().await;
    place.lock_table().await;
    let mut from = place.source.copy_out("rows", "COPY public.t TO STDOUT", Boundaries::Any).unwrap();
    assert!(from.next().now_or_never().is_none());
    drop(from);
    assert!(is_lost(in_time(place.source.reader().rows("look", "SELECT 1")).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_the_server_never_heard_of_leaves_its_session_as_it_was() {
    let place = Place::new().await;
    drop(place.source.copy_out("rows", MANY, Boundaries::Any).unwrap());
    drop(place.target.copy_in("rows", "COPY public.t FROM STDIN").unwrap());
    assert_eq!(place.all().await, (MANY_BYTES, 5000));
    let mut into = place.target.copy_in("rows", "COPY public.t FROM STDIN").unwrap();
    into.send(place.block().await).await.unwrap();
    assert_eq!(in_time(into.finish()).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_left_when_all_its_rows_have_come_leaves_its_session_usable() {
    let place = Place::new().await;
    for _ in 0..20 {
        let mut from = place.source.copy_out("rows", "COPY (SELECT 'row') TO STDOUT", Boundaries::Any).unwrap();
        assert!(in_time(from.next()).await.unwrap().is_some());
        drop(from);
    }
    assert_eq!(place.all().await, (MANY_BYTES, 5000));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_was_meant_for_an_earlier_command_ends_no_rows() {
    let place = Place::new().await;
    place.other.run("hold up", "SELECT pg_advisory_lock(1)").await.unwrap();
    let reader = place.source.reader();
    assert!(reader.rows("fail", FAILS_LATER).now_or_never().is_none());
    let mut from = place.source.copy_out("rows", MANY, Boundaries::Any).unwrap();
    assert!(from.next().now_or_never().is_none());
    place.other.run("let go", "SELECT pg_advisory_unlock(1)").await.unwrap();
    let mut bytes = 0;
    while let Some(block) = in_time(from.next()).await.unwrap() {
        bytes += block.len();
    }
    assert_eq!((bytes, in_time(from.rows()).await.unwrap()), (MANY_BYTES, 5000));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_given_after_an_error_that_was_meant_for_an_earlier_command() {
    let place = Place::new().await;
    place.other.run("hold up", "SELECT pg_advisory_lock(1)").await.unwrap();
    assert!(place.target.run("fail", FAILS_LATER).now_or_never().is_none());
    let mut into = place.target.copy_in("rows", "COPY public.t FROM STDIN").unwrap();
    into.send(place.block().await).await.unwrap();
    place.other.run("let go", "SELECT pg_advisory_unlock(1)").await.unwrap();
    in_time(into.send(place.block().await)).await.unwrap();
    assert_eq!(in_time(into.finish()).await.unwrap(), 2);
    assert_eq!(place.cluster.psql("postgres", "SELECT count(*) FROM t").unwrap(), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn counting_rows_does_not_wait_behind_blocks_that_nobody_took() {
    let place = Place::new().await;
    let mut from = place.source.copy_out("rows", MANY, Boundaries::Any).unwrap();
    assert!(in_time(from.next()).await.unwrap().is_some());
    assert_eq!(in_time(from.rows()).await.unwrap(), 5000);
}
