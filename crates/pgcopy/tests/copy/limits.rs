//! What a copy asks of both servers: parts of a giant table, sessions, rate, memory for indexes.

use crate::place::{Pair, assert_same, dump, endpoint};
use restage_core::facts::DatabaseFacts;
use restage_core::provider::{Carried, Progress, RowsTaken};
use restage_core::scenario::copy_database::Verify;
use restage_core::schema::TableName;
use restage_core::size::ByteSize;
use restage_lab::{Cluster, Config, Installation, Major};
use restage_pgcopy::reporter::Reporter;
use restage_pgcopy::{connect, copy};
use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// One table is nearly all of it, with holes in its file, long values, and nothing at all in its last pages.
const GIANT: &str = "CREATE TABLE giant (id int PRIMARY KEY, filling text, long text);
    ALTER TABLE giant ALTER COLUMN filling SET STORAGE PLAIN, ALTER COLUMN long SET STORAGE EXTERNAL;
    INSERT INTO giant SELECT i, repeat(md5(i::text), 40), CASE WHEN i % 5000 = 0 THEN repeat('long', 10000) END FROM generate_series(1, 160000) i;
    DELETE FROM giant WHERE id BETWEEN 60000 AND 70000 OR id > 155000;
    UPDATE giant SET filling = 'moved' WHERE id % 1000 = 7;
    CREATE TABLE other (id int PRIMARY KEY, giant_id int REFERENCES giant); INSERT INTO other SELECT i, i FROM generate_series(1, 1000) i;
    ANALYZE";

fn with_workers(facts: &DatabaseFacts, workers: u16) -> Carried {
    Carried { workers: Some(workers), verify: Verify::Checksums, ..copy::everything(facts) }
}

/// Remembers what was being copied.
#[derive(Default)]
struct Items(Mutex<BTreeSet<String>>);

impl Reporter for Items {
    fn progress(&self, progress: Progress) {
        self.0.lock().unwrap().extend(progress.items.into_iter().map(|item| item.name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_giant_table_are_all_of_it_and_nothing_twice() {
    let (source, target) = (Cluster::start(Major::V14).unwrap(), Cluster::start(Major::V18).unwrap());
    source.create_database("app").unwrap();
    source.psql("app", GIANT).unwrap();
    let pair = Pair { source: &source, target: &target };
    let items = Items::default();
    let filled = pair.fill_telling(&with_workers(&pair.facts().await, 2), None, &items).await.unwrap();
    let giant = &filled.tables[&TableName::parse("giant").unwrap()];
    assert_eq!((giant.rows_read, giant.rows_written), (144_999, 144_999));
    assert!(items.0.lock().unwrap().iter().any(|item| item.starts_with("giant, part ")), "{items:?}", items = items.0);
    for (cluster, database) in [(&source, "app"), (&target, "copy")] {
        let client = connect::source(&endpoint(cluster, database)).await.unwrap();
        let columns = pair_columns(&client).await;
        let sum: String =
            client.query("sum", &copy::checksum::checksum_sql(&TableName::parse("giant").unwrap(), &columns), &[]).await.unwrap()
                [0]
            .get(0);
        assert_eq!(giant.checksum.as_ref(), Some(&sum), "{database}");
    }
    assert_same(
        &dump(&source, "app", Major::V18, &["--schema-only", "--no-privileges"]),
        &dump(&target, "copy", Major::V18, &["--schema-only", "--no-privileges"]),
    );
}

async fn pair_columns(client: &restage_pgcopy::connect::SourceClient) -> Vec<restage_core::schema::Column> {
    let schema = restage_pgcopy::catalog::read(client.reader()).await.unwrap();
    schema.tables[&TableName::parse("giant").unwrap()].written_columns().cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_keep_to_a_condition() {
    let cluster = Cluster::any().unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", GIANT).unwrap();
    let pair = Pair { source: &cluster, target: &cluster };
    let mut carried = with_workers(&pair.facts().await, 3);
    let giant = TableName::parse("giant").unwrap();
    let condition = "id % 2 = 0 OR id <= 1000 -- and no more".to_owned();
    carried.tables.get_mut(&giant).unwrap().rows = RowsTaken::Where(condition);
    let filled = pair.fill(&carried, None).await.unwrap();
    let expected = cluster.psql("app", "SELECT count(*), sum(id) FROM giant WHERE id % 2 = 0 OR id <= 1000").unwrap();
    assert_eq!(cluster.psql("copy", "SELECT count(*), sum(id) FROM giant").unwrap(), expected);
    assert_eq!(filled.tables[&giant].rows_written.to_string(), expected.split_once('|').unwrap().0);
}

/// Copies while somebody counts the source's sessions; the most that there were.
fn most_sessions(pair: &Pair<'_>, carried: &Carried) -> (usize, Vec<String>) {
    let (most, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'app' AND application_name = 'restage'";
    let notes = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                // A server that has no session left for whoever counts has them all at work.
                if let Ok(counted) = pair.source.psql("postgres", count) {
                    most.fetch_max(counted.parse().unwrap(), Ordering::Relaxed);
                }
            }
        });
        let filled = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(pair.fill(carried, None)));
        over.store(true, Ordering::Relaxed);
        filled.unwrap().notes
    });
    (most.load(Ordering::Relaxed), notes)
}

const SOME_TABLES: &str =
    "SELECT format('CREATE TABLE t%s AS SELECT i AS id, repeat(md5(i::text), 20) AS filling FROM generate_series(1, 20000) i', n)
    FROM generate_series(1, 8) n \\gexec
    ANALYZE";

#[tokio::test(flavor = "multi_thread")]
async fn no_more_sessions_than_the_scenario_the_server_and_the_role_allow() {
    let settings = vec![("max_connections".to_owned(), "20".to_owned())];
    let cluster = Config { settings, ..Config::of(Installation::any().unwrap()) }.start().unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", SOME_TABLES).unwrap();
    let pair = Pair { source: &cluster, target: &cluster };
    let mut carried = Carried { workers: Some(6), ..copy::everything(&pair.facts().await) };
    let (most, notes) = most_sessions(&pair, &carried);
    assert!((3..=7).contains(&most), "{most}");
    assert!(notes.is_empty(), "{notes:?}");

    carried.limits.source_connections = NonZeroU16::new(3);
    let (most, notes) = most_sessions(&pair, &carried);
    assert!((2..=3).contains(&most), "{most}");
    assert_eq!(notes, ["workers: 2 instead of 6, `source-connections` allows no more"]);

    // Both ends take theirs from the same server.
    (carried.limits.source_connections, carried.workers) = (None, Some(16));
    let (most, notes) = most_sessions(&pair, &carried);
    assert!(most <= 9, "{most}");
    assert!(notes[0].contains("instead of 16, the "), "{notes:?}");

    cluster.psql("postgres", "ALTER DATABASE app CONNECTION LIMIT 4").unwrap();
    carried.workers = Some(64);
    let (_, notes) = most_sessions(&pair, &carried);
    assert!(notes[0].contains("instead of 64, the "), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_read_no_faster_than_allowed() {
    let cluster = Cluster::any().unwrap();
    cluster.create_database("app").unwrap();
    cluster
        .psql("app", "CREATE TABLE t AS SELECT repeat(md5(i::text), 32) AS filling FROM generate_series(1, 4000) i; ANALYZE")
        .unwrap();
    let pair = Pair { source: &cluster, target: &cluster };
    let mut carried = copy::everything(&pair.facts().await);
    carried.limits.source_rate = Some(ByteSize::parse("2MB").unwrap());
    let started = Instant::now();
    let filled = pair.fill(&carried, None).await.unwrap();
    let bytes: u64 = filled.tables.values().map(|table| table.bytes).sum();
    assert!(started.elapsed() >= Duration::from_millis(bytes * 1000 / (2 << 20)), "{bytes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_share_the_memory_that_is_given_to_them() {
    let source = Cluster::any().unwrap();
    source.create_database("app").unwrap();
    source.psql("app", SOME_TABLES).unwrap();
    source.psql("app", "CREATE INDEX one ON t1 (id); CREATE INDEX two ON t2 (id)").unwrap();
    let settings = vec![("log_statement".to_owned(), "all".to_owned())];
    let target = Config { settings, ..Config::of(Installation::any().unwrap()) }.start().unwrap();
    let pair = Pair { source: &source, target: &target };
    let mut carried = Carried { workers: Some(2), ..copy::everything(&pair.facts().await) };
    carried.limits.index_memory = Some(ByteSize::parse("300MB").unwrap());
    pair.fill(&carried, None).await.unwrap();
    let log = target.log();
    let given: Vec<u64> = log
        .lines()
        .filter_map(|line| line.split_once("SET maintenance_work_mem = '")?.1.split_once("kB'")?.0.parse().ok())
        .collect();
    assert_eq!(given.len(), 2, "{log}");
    assert!(
        given.iter().all(|memory| (64 << 10..=300 << 10).contains(memory)) && given.iter().any(|memory| *memory >= 150 << 10),
        "{given:?}"
    );
}
