//! Tables that are split by a key, because their rows are kept in another way than PostgreSQL's own: here in the same way, under
//! another name.

use crate::place::{Pair, Plain, as_role, endpoint, mask_key};
use restage_core::mask::Mask;
use restage_core::provider::{Carried, TableFilled};
use restage_core::scenario::copy_database::Verify;
use restage_core::schema::{Column, ColumnName, TableName};
use restage_lab::{Cluster, Config, Installation, Major};
use restage_pgcopy::copy::checksum::checksum_sql;
use restage_pgcopy::copy::{self, Filling, Route};
use restage_pgcopy::{catalog, connect};
use std::fs::File;

const WORKERS: u16 = 4;

/// The table's size, most of it a hole in the file of its long values, of which it has none.
const SIZE_BYTES: u64 = 140 << 20;

/// One that is not plain bytes to the server, and has no name of its own there.
const COLLATION: &str = "CREATE COLLATION \"its own\" (provider = libc, locale = 'C.UTF-8')";

const DOMAIN: &str = "CREATE DOMAIN code AS bigint CHECK (VALUE > 0)";

/// Copies of a table `giant` with another access method, one after the other between two databases of one server.
struct Giants {
    cluster: Cluster,
    logged: usize,
}

/// What became of a table.
struct Copied {
    /// The condition of each part.
    conditions: Vec<String>,
    /// How many rows of the source a part has, the most first.
    rows: Vec<u64>,
    /// What the source's server was asked.
    log: String,
}

impl Giants {
    fn start(installation: Installation) -> Self {
        let settings = vec![("log_statement".to_owned(), "all".to_owned())];
        let cluster = Config { settings, ..Config::of(installation) }.start().unwrap();
        Self { cluster, logged: 0 }
    }

    /// Makes the table with these columns and what else is said, and copies it.
    async fn copy(&mut self, columns: &str, rows: &str) -> Copied {
        self.copy_as(columns, rows, &endpoint(&self.cluster, "app"), &[]).await
    }

    async fn copy_as(&mut self, columns: &str, rows: &str, source: &connect::Endpoint, masks: &[(&str, Mask)]) -> Copied {
        self.cluster.psql("postgres", "DROP DATABASE IF EXISTS app WITH (FORCE)").unwrap();
        self.cluster.psql("postgres", "DROP DATABASE IF EXISTS copy WITH (FORCE)").unwrap();
        self.cluster.create_database("app").unwrap();
        let make = format!(
            "CREATE ACCESS METHOD fake TYPE TABLE HANDLER heap_tableam_handler; {COLLATION}; {DOMAIN}; \
             CREATE TABLE giant ({columns}, filling text) USING fake WITH (autovacuum_enabled = off); \
             {rows}; GRANT SELECT ON giant TO PUBLIC"
        );
        self.cluster.psql("app", &make).unwrap();
        let file = "SELECT pg_relation_filepath(reltoastrelid) FROM pg_class WHERE relname = 'giant'";
        let file = self.cluster.data_dir().join(self.cluster.psql("app", file).unwrap());
        File::options().write(true).open(file).unwrap().set_len(SIZE_BYTES).unwrap();
        let pair = Pair { source: &self.cluster, target: &self.cluster };
        let everything = copy::everything(&pair.facts().await);
        let mut carried = Carried { workers: Some(WORKERS), verify: Verify::Checksums, ..everything };
        let masks = masks.iter().map(|(column, mask)| (ColumnName((*column).into()), mask.clone())).collect();
        carried.tables.get_mut(&giant()).unwrap().masks = masks;
        self.logged = self.cluster.log().len();
        let filled = self.fill(source, &carried).await;
        let log = self.cluster.log().split_off(self.logged);
        let masked = filled.masked.clone();
        assert_eq!(filled.checksum, Some(self.checksum("app", &masked).await), "{columns}");
        assert_eq!(filled.checksum, Some(self.checksum("copy", &masked).await), "{columns}");
        let conditions = conditions(&log);
        let count = |condition: &String| format!("SELECT count(*) FROM giant WHERE {condition}");
        let mut rows: Vec<u64> =
            conditions.iter().map(|condition| self.cluster.psql("app", &count(condition)).unwrap().parse().unwrap()).collect();
        assert!(rows.is_empty() || rows.iter().sum::<u64>() == filled.rows_written, "{rows:?} {conditions:?}");
        rows.sort_unstable_by(|one, other| other.cmp(one));
        Copied { conditions, rows, log }
    }

    async fn fill(&self, source: &connect::Endpoint, carried: &Carried) -> TableFilled {
        let (plain, key) = (Plain::onto(&self.cluster), mask_key());
        let filling = Filling { mask_key: Some(&key), ..plain.filling(carried) };
        let route = Route { source: source.clone(), target: endpoint(&self.cluster, "copy") };
        copy::fill(&route, &filling).await.unwrap().tables.remove(&giant()).unwrap()
    }

    async fn checksum(&self, database: &str, masked: &[ColumnName]) -> String {
        let client = connect::source(&endpoint(&self.cluster, database)).await.unwrap();
        let schema = catalog::read(client.reader()).await.unwrap();
        let columns = schema.tables[&giant()].written_columns();
        let columns: Vec<Column> = columns.filter(|column| !masked.contains(&column.name)).cloned().collect();
        client.query("sum", &checksum_sql(&giant(), &columns), &[]).await.unwrap()[0].get(0)
    }

    /// Whether the table's index finds the rows of every part.
    #[track_caller]
    fn found_by_index(&self, copied: &Copied, index: &str) {
        for condition in &copied.conditions {
            let sql = format!("SET enable_seqscan = off; EXPLAIN SELECT * FROM ONLY giant WHERE {condition}");
            let plan = self.cluster.psql("app", &sql).unwrap();
            assert!(plan.contains(index) && plan.contains("Index Cond") && !plan.contains("Filter"), "{plan}");
        }
    }
}

fn giant() -> TableName {
    TableName::parse("giant").unwrap()
}

/// What follows `WHERE` when the rows of parts are read.
fn conditions(log: &str) -> Vec<String> {
    let condition = |line: &str| {
        let (_, after) = line.split_once("statement: COPY (SELECT ")?;
        let (_, after) = after.split_once(" FROM ONLY \"public\".\"giant\" WHERE ")?;
        Some(after.split_once(") TO STDOUT")?.0.to_owned())
    };
    log.lines().filter_map(condition).collect()
}

impl Copied {
    /// Whether there are as many parts as workers, each of about as many rows.
    #[track_caller]
    fn is_even(&self) {
        let total: u64 = self.rows.iter().sum();
        assert_eq!(self.rows.len(), usize::from(WORKERS), "{:?}", self.conditions);
        assert!(self.rows.iter().all(|rows| (total / 6..=total / 3).contains(rows)), "{:?} {:?}", self.rows, self.conditions);
    }

    fn is_whole(&self) -> bool {
        self.conditions.is_empty() && self.log.contains("COPY \"public\".\"giant\" (")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_many_types_split_a_table_evenly() {
    let mut giants = Giants::start(Installation::any().unwrap());
    let rows = |key: &str| format!("INSERT INTO giant SELECT {key} FROM generate_series(1, 20000) n; ANALYZE giant");
    let text = "id text COLLATE \"its own\" CONSTRAINT \"its key\" PRIMARY KEY";
    let quoted = "CASE n % 2 WHEN 0 THEN 'a''\"' ELSE 'B\\\\{,' END || chr(200 + n % 50) || n";
    let moment = "at timestamptz CONSTRAINT \"its key\" PRIMARY KEY";
    let cases = [
        ("id int CONSTRAINT \"its key\" PRIMARY KEY", "n * n - 100"),
        (text, quoted),
        ("id uuid CONSTRAINT \"its key\" PRIMARY KEY", "md5(n::text)::uuid"),
        (moment, "'2020-03-29 00:30+01'::timestamptz + n * interval '7 min'"),
        ("\"The key\" varchar(40), CONSTRAINT \"its key\" PRIMARY KEY (\"The key\")", "'v' || n"),
        ("id code CONSTRAINT \"its key\" PRIMARY KEY", "n"),
        ("id char(10) CONSTRAINT \"its key\" PRIMARY KEY", "n::text"),
    ];
    for (columns, key) in cases {
        let copied = giants.copy(columns, &rows(key)).await;
        copied.is_even();
        giants.found_by_index(&copied, "its key");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_primary_key_another_index_splits_a_table_if_all_rows_are_in_it() {
    let mut giants = Giants::start(Installation::any().unwrap());
    let rows = "INSERT INTO giant SELECT n, CASE WHEN n % 9 > 0 THEN n END FROM generate_series(1, 20000) n";
    let partial = format!(
        "{rows}; CREATE UNIQUE INDEX ON giant (id) WHERE id < 50000; CREATE UNIQUE INDEX ON giant ((id + 1)); \
         CREATE UNIQUE INDEX ON giant (other, id); CREATE INDEX ON giant (id); ANALYZE giant"
    );
    let columns = "id int NOT NULL, other int UNIQUE, EXCLUDE USING btree (id WITH =)";
    assert!(giants.copy(columns, &partial).await.is_whole());
    let indexed = format!("{partial}; CREATE UNIQUE INDEX its ON giant (id)");
    let copied = giants.copy(columns, &indexed).await;
    copied.is_even();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_may_not_find_every_row_splits_nothing() {
    let mut giants = Giants::start(Installation::find(Major::V18).unwrap());
    let rows = "INSERT INTO giant SELECT CASE WHEN n % 9 > 0 THEN n END FROM generate_series(1, 20000) n";
    let unlooked = format!("{rows}; ALTER TABLE giant ADD NOT NULL id NOT VALID; CREATE UNIQUE INDEX ON giant (id); ANALYZE giant");
    assert!(giants.copy("id int", &unlooked).await.is_whole());
    // As after another version of the system's libraries, which may sort in another way.
    let moved = "UPDATE pg_database SET datcollversion = '0' WHERE datname = 'app'";
    let rows = format!("INSERT INTO giant SELECT n FROM generate_series(1, 20000) n; ANALYZE giant; {moved}");
    assert!(giants.copy("id text PRIMARY KEY", &rows).await.is_whole());
    giants.copy("id text COLLATE \"C\" PRIMARY KEY", &rows).await.is_even();
}

/// Numbers the other way round.
const BACKWARDS: &str = "CREATE FUNCTION backwards(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT btint4cmp($2, $1)'; \
    CREATE OPERATOR CLASS backwards FOR TYPE int USING btree AS OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, \
    FUNCTION 1 backwards(int, int)";

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_in_the_order_of_the_index_whatever_that_of_the_column() {
    let mut giants = Giants::start(Installation::any().unwrap());
    let indexes = [
        ("text COLLATE \"its own\"", "COLLATE \"C\" text_pattern_ops DESC"),
        ("text COLLATE \"C\"", "COLLATE \"its own\""),
        ("int", "backwards"),
    ];
    for (kind, order) in indexes {
        let rows = format!(
            "{BACKWARDS}; INSERT INTO giant SELECT n FROM generate_series(1, 20000) n; \
             CREATE UNIQUE INDEX its ON giant (id {order}); ANALYZE giant"
        );
        let copied = giants.copy(&format!("id {kind} NOT NULL"), &rows).await;
        copied.is_even();
        giants.found_by_index(&copied, "its");
    }
    // Numbers of which only the ends are known may be in another order than the numbers that lie between.
    let rows = format!(
        "{BACKWARDS}; INSERT INTO giant SELECT n FROM generate_series(1, 20000) n; CREATE UNIQUE INDEX its ON giant (id backwards)"
    );
    assert!(giants.copy("id int NOT NULL", &rows).await.is_whole());
    // Tables are ordered as numbers and written as names.
    let rows = "INSERT INTO giant SELECT n::regclass FROM generate_series(1200, 4000) n; ANALYZE giant";
    assert!(giants.copy("id regclass PRIMARY KEY", rows).await.is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_planner_knows_need_not_be_true() {
    let mut giants = Giants::start(Installation::any().unwrap());
    let stale = "INSERT INTO giant SELECT n FROM generate_series(1, 1000) n; ANALYZE giant; DELETE FROM giant WHERE id < 300; \
                 INSERT INTO giant SELECT n FROM generate_series(100000, 110000) n; \
                 INSERT INTO giant SELECT -n FROM generate_series(100000, 120000) n";
    let copied = giants.copy("id int PRIMARY KEY", stale).await;
    assert_eq!(copied.rows.len(), usize::from(WORKERS));
    assert!(copied.rows[0] > 20_000 && copied.rows[1] > 10_000, "{:?}", copied.rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_statistics_only_numbers_split_a_table() {
    let mut giants = Giants::start(Installation::any().unwrap());
    let rows = "INSERT INTO giant SELECT n FROM generate_series(1, 20000) n";
    giants.copy("id bigint PRIMARY KEY", rows).await.is_even();
    assert!(giants.copy("id text PRIMARY KEY", rows).await.is_whole());
    // The planner knows each of a few values, and none between them.
    let rows = "INSERT INTO giant SELECT n % 8, n FROM generate_series(1, 20000) n; ANALYZE giant";
    giants.copy("shop smallint, id int, PRIMARY KEY (shop, id)", rows).await.is_even();
    let rows = "INSERT INTO giant SELECT 's' || n % 8, n FROM generate_series(1, 20000) n; ANALYZE giant";
    giants.copy("shop text, id int NOT NULL UNIQUE, PRIMARY KEY (shop, id)", rows).await.is_even();
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_that_the_role_may_not_read_are_done_without() {
    let mut giants = Giants::start(Installation::any().unwrap());
    let role = "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD 'reader'";
    giants.cluster.psql("postgres", role).unwrap();
    let reader = as_role(&giants.cluster, "app", "reader", "reader");
    let rows =
        "INSERT INTO giant SELECT n * n FROM generate_series(1, 20000) n; ANALYZE giant; REVOKE SELECT ON pg_stats FROM PUBLIC";
    let copied = giants.copy_as("id int PRIMARY KEY", rows, &reader, &[]).await;
    assert_eq!(copied.rows.len(), usize::from(WORKERS));
    // As if the squares were equally far apart.
    assert_eq!(copied.rows[0], 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_of_a_masked_table_is_known_but_the_ends_of_an_unmasked_number() {
    let mut giants = Giants::start(Installation::any().unwrap());
    let rows = "INSERT INTO giant SELECT n, n || '@production.example', n * 10000 FROM generate_series(1, 20000) n; ANALYZE giant";
    let source = endpoint(&giants.cluster, "app");
    let masks = [("email", Mask::Email), ("score", Mask::NumberNoise { percent: 0.001 })];
    for (key, is_split) in [("id", true), ("email", false), ("score", false)] {
        let columns = format!("id int, email text, score int, PRIMARY KEY ({key})");
        let copied = giants.copy_as(&columns, rows, &source, &masks).await;
        if is_split {
            copied.is_even();
        } else {
            assert!(copied.is_whole(), "{:?}", copied.conditions);
        }
        assert!(!copied.log.contains("FROM pg_stats") && copied.log.contains("execute"), "{}", copied.log);
    }
}
