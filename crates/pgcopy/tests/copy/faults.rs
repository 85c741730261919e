//! What goes wrong: said with the thing's name, and nothing goes on working anywhere.

use crate::place::{Pair, Plain, as_role, assert_same, dump, endpoint};
use crate::whole::EVERYTHING;
use restage_core::provider::{Carried, Progress};
use restage_lab::{Cluster, Config, Installation};
use restage_pgcopy::copy::{self, Filling, Route};
use restage_pgcopy::reporter::Reporter;
use restage_pgcopy::stop::stop;
use restage_pgcopy::{Error, Kind, connect};
use std::error::Error as _;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Rows that take a while, and an index on them.
const LARGE: &str = "CREATE TABLE large (id bigint PRIMARY KEY, filler text);
    INSERT INTO large SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 150000) i; CREATE INDEX ON large (filler);
    CREATE TABLE small (id int); INSERT INTO small VALUES (1)";

async fn large() -> (Cluster, Carried) {
    let cluster = Cluster::any().unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", LARGE).unwrap();
    let carried = copy::everything(&Pair { source: &cluster, target: &cluster }.facts().await);
    (cluster, carried)
}

/// Says when so many bytes have gone through.
struct After {
    bytes: u64,
    reached: Notify,
}

impl Reporter for After {
    fn progress(&self, progress: Progress) {
        if progress.bytes >= self.bytes {
            self.reached.notify_one();
        }
    }
}

fn sessions(cluster: &Cluster) -> String {
    cluster.psql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE application_name IN ('restage', 'pg_dump')").unwrap()
}

async fn await_that(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
        tokio::task::yield_now().await;
    }
}

/// On a quick machine the rows may have been committed before anybody heard of the first of them.
fn assert_all_or_nothing(cluster: &Cluster) {
    let rows = cluster.psql("copy", "SELECT count(*) FROM large").unwrap();
    assert!(["0", "150000"].contains(&rows.as_str()), "{rows} of 150000 rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_in_the_middle_of_rows_nothing_goes_on_working_and_a_second_attempt_succeeds() {
    let (cluster, carried) = large().await;
    let pair = Pair { source: &cluster, target: &cluster };
    let (stopper, stop) = stop();
    let reporter = After { bytes: 1 << 20, reached: Notify::new() };
    let (plain, route) = (Plain::onto(&cluster), pair.route());
    let filling = Filling { stop: &stop, reporter: &reporter, ..plain.filling(&carried) };
    let asking = async {
        reporter.reached.notified().await;
        stopper.stop();
    };
    let (ended, ()) = tokio::join!(copy::fill(&route, &filling), asking);
    assert_eq!(ended.unwrap_err().kind, Kind::Interrupted);
    await_that("the sessions are gone", || sessions(&cluster) == "0").await;
    assert_all_or_nothing(&cluster);

    let filled = pair.fill(&carried, None).await.unwrap();
    assert_eq!(filled.tables.values().map(|table| table.rows_written).sum::<u64>(), 150_001);
    assert_same(&cluster.dump("app").unwrap(), &cluster.dump("copy").unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_dropped_leaves_no_session_behind() {
    let (cluster, carried) = large().await;
    let reporter = After { bytes: 1 << 20, reached: Notify::new() };
    let (plain, route) = (Plain::onto(&cluster), Pair { source: &cluster, target: &cluster }.route());
    let filling = Filling { reporter: &reporter, ..plain.filling(&carried) };
    tokio::select! {
        _ = copy::fill(&route, &filling) => panic!("it was to be dropped"),
        () = reporter.reached.notified() => {}
    }
    await_that("the sessions are gone", || sessions(&cluster) == "0").await;
    assert_all_or_nothing(&cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_named_with_the_table_and_soon() {
    let source = Cluster::any().unwrap();
    source.create_database("app").unwrap();
    source.psql("app", LARGE).unwrap();
    let target = Config { free_bytes: Some(48 << 20), ..Config::of(Installation::any().unwrap()) }.start().unwrap();
    let pair = Pair { source: &source, target: &target };
    let carried = copy::everything(&pair.facts().await);
    let error = pair.fill(&carried, None).await.unwrap_err();
    assert_eq!((error.kind, error.sqlstate()), (Kind::DiskFull, Some("53100")), "{error:?}");
    assert!(error.message.contains("`large` of `copy` at"), "{error}");
    assert!(error.help.is_some());
    await_that("the sessions are gone", || sessions(&source) == "0" && sessions(&target) == "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_server_is_a_lost_connection() {
    let (cluster, carried) = large().await;
    let mut target = Cluster::any().unwrap();
    target.psql("postgres", "CREATE DATABASE copy TEMPLATE template0").unwrap();
    let reporter = After { bytes: 1 << 20, reached: Notify::new() };
    let (plain, route) = (Plain::onto(&target), Pair { source: &cluster, target: &target }.route());
    let filling = Filling { reporter: &reporter, ..plain.filling(&carried) };
    let crash = async {
        reporter.reached.notified().await;
        target.crash().unwrap();
    };
    let (ended, ()) = tokio::join!(copy::fill(&route, &filling), crash);
    assert_eq!(ended.unwrap_err().kind, Kind::ConnectionLost);
    await_that("the sessions are gone", || sessions(&cluster) == "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_structure_or_another_database_than_planned_is_refused_before_anything_is_made() {
    let (cluster, carried) = large().await;
    let pair = Pair { source: &cluster, target: &cluster };
    let mut other = carried.clone();
    other.source_identity.oid += 1;
    let error = pair.fill(&other, None).await.unwrap_err();
    assert!(error.kind == Kind::SchemaChanged && error.message.contains("the plan was made for"), "{error}");

    cluster.psql("app", "ALTER TABLE small ADD COLUMN more int").unwrap();
    let error = pair.fill(&carried, None).await.unwrap_err();
    assert!(error.kind == Kind::SchemaChanged && error.message.contains("`app` at"), "{error}");
    assert_eq!(cluster.psql("copy", "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace").unwrap(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_itself_is_refused_as_the_target() {
    let (cluster, carried) = large().await;
    let route = Route { source: endpoint(&cluster, "app"), target: endpoint(&cluster, "app") };
    let error = copy::fill(&route, &Plain::onto(&cluster).filling(&carried)).await.unwrap_err();
    assert_eq!(error.kind, Kind::SameDatabase);
    assert_eq!(cluster.psql("app", "SELECT count(*) FROM large").unwrap(), "150000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_privilege_that_is_missing_is_named_with_its_object() {
    let (from, to) = (Cluster::any().unwrap(), Cluster::any().unwrap());
    from.create_database("app").unwrap();
    from.psql("app", "CREATE EXTENSION pageinspect; CREATE TABLE t (id int)").unwrap();
    to.psql("postgres", "CREATE ROLE login LOGIN PASSWORD 'pw'").unwrap();
    to.psql("postgres", "CREATE DATABASE copy TEMPLATE template0 OWNER login").unwrap();
    let (source, plain) = (endpoint(&from, "app"), Plain::onto(&to));
    let carried = copy::everything(&plain.facts(&source).await);
    let route = Route { source, target: as_role(&to, "copy", "login", "pw") };
    let error = copy::fill(&route, &plain.filling(&carried)).await.unwrap_err();
    assert!(error.kind == Kind::PermissionDenied && error.message.contains("`EXTENSION pageinspect`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_that_the_target_lacks_is_named() {
    // Version 15 has an extension that version 17 has no more.
    let (from, to) = (Cluster::start(restage_lab::Major::V15).unwrap(), Cluster::start(restage_lab::Major::V17).unwrap());
    from.create_database("app").unwrap();
    from.psql("app", "CREATE EXTENSION old_snapshot").unwrap();
    let pair = Pair { source: &from, target: &to };
    let carried = copy::everything(&pair.facts().await);
    let error = pair.fill(&carried, None).await.unwrap_err();
    assert!(error.message.contains("`EXTENSION old_snapshot` in `copy` at"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_filled_target_with_every_kind_of_object_is_emptied_first() {
    let cluster = Cluster::any().unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", EVERYTHING).unwrap();
    let pair = Pair { source: &cluster, target: &cluster };
    pair.fill_all().await;
    cluster
        .psql(
            "copy",
            "CREATE TABLE stranger (id int REFERENCES \"Odd schema\".\"Table \"\"with\"\" every.thing\"); SELECT lo_create(0)",
        )
        .unwrap();
    let facts = Plain::onto(&cluster).facts(&endpoint(&cluster, "app")).await;
    pair.fill(&copy::everything(&facts), None).await.unwrap();
    let options = ["--no-privileges", "--no-publications"];
    let dumps = ["app", "copy"].map(|database| dump(&cluster, database, cluster.major(), &options));
    assert_same(&dumps[0], &dumps[1]);
}

#[tokio::test]
async fn a_wrong_password_a_wrong_port_and_a_missing_database_are_told_apart() {
    let cluster = Cluster::any().unwrap();
    let failed = |endpoint| async move { connect::source(&endpoint).await.err().unwrap() };
    let wrong = failed(as_role(&cluster, "postgres", "postgres", "wr0ng-word")).await;
    assert_eq!(wrong.kind, Kind::LoginRefused);
    assert!(!told(&wrong).contains("wr0ng-word"));
    assert_eq!(failed(endpoint(&cluster, "nowhere")).await.kind, Kind::DatabaseMissing);
    let mut closed = endpoint(&cluster, "postgres");
    closed.port = 1;
    assert_eq!(failed(closed).await.kind, Kind::CannotConnect);
    let mut passwordless = endpoint(&cluster, "postgres");
    passwordless.password = None;
    assert_eq!(failed(passwordless).await.kind, Kind::LoginRefused);
}

/// Everything that an error says.
fn told(error: &Error) -> String {
    let mut told = format!("{error}; {:?}", error.help);
    let mut cause = error.source();
    while let Some(known) = cause {
        told = format!("{told}; {known}");
        cause = known.source();
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_empties_or_changes_a_table_of_the_source_meanwhile() {
    let (cluster, carried) = large().await;
    let pair = Pair { source: &cluster, target: &cluster };
    let reporter = After { bytes: 1 << 20, reached: Notify::new() };
    let (plain, route) = (Plain::onto(&cluster), pair.route());
    let filling = Filling { reporter: &reporter, ..plain.filling(&carried) };
    let others = async {
        reporter.reached.notified().await;
        // Writing goes on as ever, and is not in the snapshot.
        cluster.psql("app", "INSERT INTO small VALUES (2); DELETE FROM large WHERE id > 100").unwrap();
        cluster.psql("app", "SET lock_timeout = '100ms'; TRUNCATE small").unwrap_err().to_string()
    };
    let (filled, refused) = tokio::join!(copy::fill(&route, &filling), others);
    assert!(refused.contains("lock timeout"), "{refused}");
    assert_eq!(filled.unwrap().tables.values().map(|table| table.rows_written).sum::<u64>(), 150_001);
}
