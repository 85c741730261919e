//! Copies that break off and are gone on with in the snapshot that somebody else keeps.

use crate::compared::told;
use crate::place::{Pair, assert_same, dump, endpoint};
use crate::whole::EVERYTHING;
use restage_core::provider::{Carried, Filled};
use restage_core::scenario::copy_database::Verify;
use restage_core::schema::TableName;
use restage_lab::{Cluster, Major};
use restage_pgcopy::connect::{self, TargetClient};
use restage_pgcopy::copy::{self, Keeping, Snapshot, SnapshotKeeper};
use restage_pgcopy::stop::Stop;
use restage_pgcopy::{Kind, verify};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_mins(1);
/// What a person is told.
pub(crate) const GONE_ON: &str = "it was gone on with in the snapshot of";

/// Everything that a copy makes, with tables that are large enough to have tasks of their own.
fn source(major: Major) -> Cluster {
    let cluster = Cluster::start(major).unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", EVERYTHING).unwrap();
    cluster
        .psql(
            "app",
            "CREATE TABLE large (id int PRIMARY KEY, filling text DEFAULT repeat('x', 100)); CREATE INDEX ON large (filling);
             INSERT INTO large SELECT generate_series(1, 20000);
             CREATE TABLE larger (id int PRIMARY KEY, of int REFERENCES large, filling text DEFAULT repeat('x', 200));
             INSERT INTO larger SELECT n, n FROM generate_series(1, 20000) n; ANALYZE",
        )
        .unwrap();
    cluster
}

pub(crate) async fn keeper(pair: &Pair<'_>, carried: &Carried) -> SnapshotKeeper {
    let tables = carried.tables.keys().cloned().collect();
    SnapshotKeeper::open(&endpoint(pair.source, "app"), &tables, &Stop::never()).await.unwrap()
}

/// Whatever was going on when a copy broke off.
pub(crate) enum Came {
    /// Its end.
    Whole(Filled),
    /// It hung when so many lines were written down, and was cut off.
    ToHang,
}

/// Copies until so many lines are written down, and is cut off while it writes the next.
pub(crate) async fn broken_off(pair: &Pair<'_>, carried: &Carried, snapshot: &Snapshot, lines: usize) -> Came {
    let client = connect::target(&endpoint(pair.target, "copy")).await.unwrap();
    let came = tokio::select! {
        filled = pair.fill_keeping(carried, Keeping::Another(snapshot)) => Came::Whole(filled.unwrap_or_else(|error| panic!("{}", told(&error)))),
        () = hangs(&client, lines) => Came::ToHang,
    };
    drop(client);
    if let Came::ToHang = came {
        clear_out(pair.target);
    }
    came
}

/// Returns once a copy hangs: whoever writes another line than so many sleeps.
async fn hangs(client: &TargetClient, lines: usize) {
    let there = "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('restage_ledger') AND relname = 'finished'";
    await_one(client, there).await;
    let trap = format!(
        "CREATE FUNCTION restage_ledger.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF (SELECT count(*) FROM restage_ledger.finished) >= {lines} THEN PERFORM pg_sleep(600); END IF; RETURN NEW; END $$;
         CREATE TRIGGER trap BEFORE INSERT ON restage_ledger.finished FOR EACH ROW EXECUTE FUNCTION restage_ledger.trap()"
    );
    if client.run("set a trap", &trap).await.is_err() {
        // It is over already, and the ledger gone.
        return std::future::pending().await;
    }
    await_one(client, "SELECT least(count(*), 1) FROM pg_stat_activity WHERE datname = 'copy' AND wait_event = 'PgSleep'").await;
}

async fn await_one(client: &TargetClient, count: &str) {
    let started = Instant::now();
    while client.reader().query("look", count, &[]).await.unwrap()[0].get::<_, i64>(0) != 1 {
        assert!(started.elapsed() < PATIENCE, "in vain: {count}");
        tokio::task::yield_now().await;
    }
}

/// Ends what a dead copier has left at work, as whoever goes on must.
fn clear_out(target: &Cluster) {
    let others = "FROM pg_stat_activity WHERE datname = 'copy'";
    let started = Instant::now();
    while target.psql("postgres", &format!("SELECT count(*) {others}")).unwrap() != "0" {
        assert!(started.elapsed() < PATIENCE);
        target.psql("postgres", &format!("SELECT pg_terminate_backend(pid) {others}")).unwrap();
    }
    target.psql("copy", "DROP FUNCTION restage_ledger.trap CASCADE").unwrap();
}

/// The tables whose rows the ledger counts as there, each with what tells whether anybody has touched its rows since.
pub(crate) fn finished(target: &Cluster) -> BTreeMap<String, String> {
    let names = "SELECT DISTINCT key FROM restage_ledger.finished, jsonb_object_keys(done::jsonb -> 'tables') key ORDER BY 1";
    let names = target.psql("copy", names).unwrap();
    names.lines().map(|name| (name.to_owned(), touched(target, name))).collect()
}

fn touched(target: &Cluster, table: &str) -> String {
    let name = TableName::parse(table).unwrap().sql();
    let sql = format!(
        "SELECT '{name}'::regclass::oid, count(*), md5(string_agg(xmin::text || ctid::text, ' ' ORDER BY ctid)) FROM ONLY {name}"
    );
    target.psql("copy", &sql).unwrap()
}

/// What another session of production does meanwhile.
const CHANGES: &str =
    "DELETE FROM large WHERE id % 7 = 0 AND id NOT IN (SELECT of FROM larger); DELETE FROM larger WHERE id % 3 = 0;
    UPDATE large SET filling = 'changed' WHERE id % 11 = 0;
    INSERT INTO large SELECT generate_series(max(id) + 1, max(id) + 500) FROM large";

fn dumps(source: &Cluster) -> String {
    dump(source, "app", source.major(), &["--no-privileges", "--no-publications"])
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_copy_breaks_off_it_is_gone_on_with_and_finished_tables_are_not_copied_again() {
    let (from, to) = (source(Major::V15), Cluster::start(Major::V15).unwrap());
    let pair = Pair { source: &from, target: &to };
    let (mut lines, mut resumed) = (1, 0);
    loop {
        let carried = Carried { workers: Some(2), verify: Verify::Checksums, ..copy::everything(&pair.facts().await) };
        let keeper = keeper(&pair, &carried).await;
        let then = dumps(&from);
        if let Came::Whole(_) = broken_off(&pair, &carried, keeper.snapshot(), lines).await {
            break;
        }
        from.psql("app", CHANGES).unwrap();
        assert!(copy::can_go_on(&endpoint(&to, "copy"), keeper.snapshot()).await.unwrap());
        let before = finished(&to);
        let filled = pair.fill_keeping(&carried, Keeping::Another(keeper.snapshot())).await;
        let filled = filled.unwrap_or_else(|error| panic!("after {lines} lines: {}", told(&error)));
        assert_same(&then, &dump(&to, "copy", to.major(), &["--no-privileges", "--no-publications"]));
        for (table, was) in &before {
            assert_eq!(*was, touched(&to, table), "`{table}` after {lines} lines");
        }
        assert_eq!(filled.snapshot_at, keeper.snapshot().taken_at);
        assert!(filled.notes.iter().any(|note| note.starts_with(GONE_ON)), "{:?}", filled.notes);
        verify::rows(&endpoint(&to, "copy"), &filled, NonZeroUsize::MIN, &Stop::never()).await.unwrap();
        assert_eq!((filled.tables.len(), filled.large_objects), (20, 3));
        (lines, resumed) = (lines + if lines < 48 { 12 } else { 3 }, resumed + usize::from(!before.is_empty()));
        to.psql("postgres", "DROP DATABASE copy").unwrap();
    }
    // Structure, tables, keys, views, what follows the rows: each was a place to break off.
    assert!(lines > 55 && resumed > 5, "{lines} {resumed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_breaks_off_again_and_again() {
    let (from, to) = (source(Major::V17), Cluster::start(Major::V17).unwrap());
    let pair = Pair { source: &from, target: &to };
    let carried = copy::everything(&pair.facts().await);
    let keeper = keeper(&pair, &carried).await;
    let then = dumps(&from);
    let mut lines = 3;
    let filled = loop {
        match broken_off(&pair, &carried, keeper.snapshot(), lines).await {
            Came::Whole(filled) => break filled,
            Came::ToHang => lines += 9,
        }
        from.psql("app", CHANGES).unwrap();
    };
    assert_same(&then, &dump(&to, "copy", to.major(), &["--no-privileges", "--no-publications"]));
    assert_eq!(filled.notes.iter().filter(|note| note.starts_with(GONE_ON)).count(), 1, "{:?}", filled.notes);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_snapshot_or_with_other_steps_a_copy_begins_anew() {
    let (from, to) = (source(Major::V15), Cluster::start(Major::V15).unwrap());
    let pair = Pair { source: &from, target: &to };
    let carried = copy::everything(&pair.facts().await);
    let first = keeper(&pair, &carried).await;
    assert!(matches!(broken_off(&pair, &carried, first.snapshot(), 8).await, Came::ToHang));
    let before = finished(&to);
    assert!(!before.is_empty());

    // Other steps, in the same snapshot.
    let others = Carried { verify: Verify::Checksums, ..carried.clone() };
    let filled = pair.fill_keeping(&others, Keeping::Another(first.snapshot())).await.unwrap();
    assert!(!filled.notes.iter().any(|note| note.starts_with(GONE_ON)), "{:?}", filled.notes);
    assert!(before.iter().all(|(table, was)| touched(&to, table) != *was), "{before:?}");

    // The snapshot is gone: nothing can be read in it any more.
    let gone = first.snapshot().clone();
    drop(first);
    let error = pair.fill_keeping(&carried, Keeping::Another(&gone)).await.unwrap_err();
    assert_eq!(error.kind, Kind::SnapshotLost, "{}", told(&error));

    // In another snapshot, whatever is there is of no use.
    from.psql("app", CHANGES).unwrap();
    let second = keeper(&pair, &carried).await;
    assert!(!copy::can_go_on(&endpoint(&to, "copy"), second.snapshot()).await.unwrap());
    let filled = pair.fill_keeping(&carried, Keeping::Another(second.snapshot())).await.unwrap();
    assert!(!filled.notes.iter().any(|note| note.starts_with(GONE_ON)), "{:?}", filled.notes);
    assert_same(&dumps(&from), &dump(&to, "copy", to.major(), &["--no-privileges", "--no-publications"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_has_begun_needs_its_keeper_no_more() {
    let (from, to) = (source(Major::V15), Cluster::start(Major::V15).unwrap());
    let pair = Pair { source: &from, target: &to };
    let carried = copy::everything(&pair.facts().await);
    let keeper = keeper(&pair, &carried).await;
    let (then, snapshot) = (dumps(&from), keeper.snapshot().clone());
    let client = connect::target(&endpoint(&to, "copy")).await.unwrap();
    let leaving = async {
        await_one(
            &client,
            "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('restage_ledger') AND relname = 'header'",
        )
        .await;
        drop(keeper);
        // What a reader's lock keeps others from does not happen, either.
        let emptied = from.psql("app", "SET lock_timeout = '50ms'; TRUNCATE large CASCADE");
        assert!(emptied.is_err_and(|error| error.to_string().contains("lock timeout")));
    };
    let (filled, ()) = tokio::join!(pair.fill_keeping(&carried, Keeping::Another(&snapshot)), leaving);
    assert_eq!(filled.unwrap().snapshot_at, snapshot.taken_at);
    assert_same(&then, &dump(&to, "copy", to.major(), &["--no-privileges", "--no-publications"]));
}

/// Two workers have parts of it, and others have none.
const GIANT: &str = "CREATE TABLE giant (id int, filling text);
    ALTER TABLE giant ALTER COLUMN filling SET STORAGE PLAIN;
    INSERT INTO giant SELECT i, repeat(md5(i::text), 40) FROM generate_series(1, 200000) i; ALTER TABLE giant ADD PRIMARY KEY (id);
    CREATE TABLE other (id int PRIMARY KEY); INSERT INTO other SELECT generate_series(1, 1000); ANALYZE";

#[tokio::test(flavor = "multi_thread")]
async fn no_part_of_a_split_table_is_copied_twice_or_lost() {
    let (from, to) = (Cluster::any().unwrap(), Cluster::any().unwrap());
    from.create_database("app").unwrap();
    from.psql("app", GIANT).unwrap();
    let pair = Pair { source: &from, target: &to };
    let carried = Carried { workers: Some(2), verify: Verify::Checksums, ..copy::everything(&pair.facts().await) };
    let keeper = keeper(&pair, &carried).await;
    assert!(matches!(broken_off(&pair, &carried, keeper.snapshot(), 3).await, Came::ToHang));
    let parts = "SELECT count(*) FROM restage_ledger.finished, jsonb_object_keys(done::jsonb -> 'tables') key WHERE key = 'giant'";
    let parts: u32 = to.psql("copy", parts).unwrap().parse().unwrap();
    assert!((1..=2).contains(&parts), "{parts}");
    let kept = to.psql("copy", "SELECT count(*), string_agg(DISTINCT xmin::text, ',') FROM giant").unwrap();
    let (rows, transactions) = kept.split_once('|').unwrap();
    // It grows at its end and loses rows in the middle: the last part must still end where it did.
    from.psql(
        "app",
        "DELETE FROM giant WHERE id % 2 = 0; INSERT INTO giant SELECT i, 'new' FROM generate_series(200001, 300000) i",
    )
    .unwrap();
    let filled = pair.fill_keeping(&carried, Keeping::Another(keeper.snapshot())).await.unwrap();
    let giant = &filled.tables[&TableName::parse("giant").unwrap()];
    assert_eq!((giant.rows_read, giant.rows_written), (200_000, 200_000));
    verify::rows(&endpoint(&to, "copy"), &filled, NonZeroUsize::MIN, &Stop::never()).await.unwrap();
    assert_eq!(to.psql("copy", "SELECT count(*), count(DISTINCT id), max(id) FROM giant").unwrap(), "200000|200000|200000");
    assert!(filled.notes.iter().any(|note| note.contains("parts of split ones among them")), "{:?}", filled.notes);
    let still = format!("SELECT count(*) FROM giant WHERE xmin::text = ANY (string_to_array('{transactions}', ','))");
    assert_eq!(to.psql("copy", &still).unwrap(), rows, "parts that were there were not copied again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_says_nothing_of_a_tables_rows_is_no_proof_of_them() {
    let (from, to) = (source(Major::V15), Cluster::start(Major::V15).unwrap());
    let pair = Pair { source: &from, target: &to };
    let carried = Carried { workers: Some(1), ..copy::everything(&pair.facts().await) };
    let keeper = keeper(&pair, &carried).await;
    assert!(matches!(broken_off(&pair, &carried, keeper.snapshot(), 8).await, Came::ToHang));
    assert!(finished(&to).contains_key("large"), "{:?}", finished(&to));
    let forget = "UPDATE restage_ledger.finished SET done = (done::jsonb #- '{tables,large}')::text";
    to.psql("copy", forget).unwrap();
    let error = pair.fill_keeping(&carried, Keeping::Another(keeper.snapshot())).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (Kind::Mismatch, "nobody has copied the rows of `large`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_with_a_schema_of_that_name_is_copied_with_it() {
    let cluster = Cluster::any().unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", "CREATE SCHEMA restage_ledger; CREATE TABLE restage_ledger.header (n int); INSERT INTO restage_ledger.header VALUES (1)").unwrap();
    let pair = Pair { source: &cluster, target: &cluster };
    let carried = copy::everything(&pair.facts().await);
    let keeper = keeper(&pair, &carried).await;
    pair.fill_keeping(&carried, Keeping::Another(keeper.snapshot())).await.unwrap();
    assert_same(&cluster.dump("app").unwrap(), &cluster.dump("copy").unwrap());
}
