//! Statistics: the source's where the rows are its own, and never those of a table with a mask.

use crate::place::{Pair, Plain, endpoint};
use restage_core::mask::Mask;
use restage_core::provider::RowsTaken;
use restage_core::schema::{ColumnName, TableName};
use restage_lab::{Cluster, Config, Installation, Major};
use restage_pgcopy::{connect, copy};

/// Tables that are large enough to have statistics of their own task, and one that is not.
const TABLES: &str = "
CREATE TABLE plain (id int PRIMARY KEY, kind text, amount numeric, tags text[], made timestamptz, note text, \"Odd 'one' \\ \" date);
INSERT INTO plain SELECT n, 'kind \\ ''' || n % 97 * n % 11, n * 79 % 5003 / 7.0, ARRAY['t' || n % 3, 't' || n % 70], now() - n * interval '1 min',
  CASE WHEN n % 3 = 0 THEN repeat('x', n % 90) END, '2020-01-01'::date + n % 900 FROM generate_series(1, 50000) n;
CREATE TABLE events (id int, what text, filling text DEFAULT repeat('y', 60)) PARTITION BY RANGE (id);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (25000);
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (25000) TO (100000) PARTITION BY RANGE (id);
CREATE TABLE events_2_1 PARTITION OF events_2 FOR VALUES FROM (25000) TO (90000);
CREATE TABLE events_later PARTITION OF events FOR VALUES FROM (100000) TO (200000);
INSERT INTO events SELECT n, 'what ' || n % 97 * n % 13 FROM generate_series(1, 60000) n;
CREATE TABLE few (id int, kind text); INSERT INTO few SELECT n, 'few' FROM generate_series(1, 100) n;
CREATE TABLE expressed (id int, kind text, filling text DEFAULT repeat('z', 60));
INSERT INTO expressed SELECT n, 'Kind ' || n % 5 FROM generate_series(1, 30000) n;
CREATE INDEX ON expressed (lower(kind));
CREATE TABLE correlated (LIKE expressed INCLUDING DEFAULTS); INSERT INTO correlated TABLE expressed;
CREATE STATISTICS of_correlated ON id, kind FROM correlated;
CREATE TABLE half (LIKE expressed INCLUDING DEFAULTS); INSERT INTO half TABLE expressed;
CREATE TABLE unknown (LIKE expressed INCLUDING DEFAULTS);
CREATE TABLE people (id int, email text, filling text DEFAULT repeat('z', 60));
INSERT INTO people SELECT n, CASE n % 3 WHEN 0 THEN 'often@production.example' ELSE n || '@production.example' END FROM generate_series(1, 30000) n;
CREATE TABLE customers (LIKE people INCLUDING DEFAULTS); INSERT INTO customers TABLE people;
CREATE INDEX ON customers (lower(email)); CREATE STATISTICS of_customers ON id, email FROM customers;
CREATE TABLE base (LIKE people INCLUDING DEFAULTS); INSERT INTO base SELECT n, 'none', repeat('z', 60) FROM generate_series(1, 30000) n;
CREATE TABLE heir () INHERITS (base); INSERT INTO heir TABLE people;
CREATE TABLE parted (LIKE people INCLUDING DEFAULTS) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (15000);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (15000) TO (50000);
INSERT INTO parted SELECT id, CASE WHEN id < 15000 THEN 'none' ELSE email END, filling FROM people;
VACUUM ANALYZE;
INSERT INTO unknown TABLE expressed";

const MASKED: [&str; 4] = ["people", "customers", "heir", "parted_2"];
const GIVEN: &str = "'plain', 'events', 'events_1', 'events_2_1'";

/// All that there is of a column but its table's number, which other versions do not tell.
const KNOWN: &str = "SELECT tablename, attname, inherited, null_frac, avg_width, n_distinct, most_common_vals, most_common_freqs,
    histogram_bounds, correlation, most_common_elems, most_common_elem_freqs, elem_count_histogram FROM pg_stats";

/// The tables that `ANALYZE` has looked at.
fn looked_at(cluster: &Cluster) -> String {
    let sql = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_stat_user_tables WHERE last_analyze IS NOT NULL";
    cluster.psql("copy", sql).unwrap()
}

async fn filled(source: Major, target: Config) -> (Cluster, Cluster) {
    let (from, to) = (Cluster::start(source).unwrap(), target.start().unwrap());
    from.create_database("app").unwrap();
    from.psql("app", TABLES).unwrap();
    let pair = Pair { source: &from, target: &to };
    let mut carried = copy::everything(&pair.facts().await);
    let mut taken = |name: &str| carried.tables.get_mut(&TableName::parse(name).unwrap()).unwrap().clone();
    let masked = MASKED.map(|name| {
        let mut taken = taken(name);
        taken.masks.insert(ColumnName("email".into()), Mask::Email);
        (TableName::parse(name).unwrap(), taken)
    });
    carried.tables.extend(masked);
    carried.tables.get_mut(&TableName::parse("half").unwrap()).unwrap().rows = RowsTaken::Where("id > 100".into());
    pair.fill(&carried, None).await.unwrap();
    (from, to)
}

async fn statistics_are_given_to_whoever_may_have_them(source: Major) {
    let (from, to) = filled(source, Config::of(Installation::find(Major::V18).unwrap())).await;
    nothing_of_a_mask_is_known(&from, &to);
    let known = format!("{KNOWN} WHERE tablename IN ({GIVEN}) ORDER BY 1, 2, 3");
    let theirs = from.psql("app", &known).unwrap();
    assert_eq!(theirs.lines().count(), 7 + 3 + 3 + 3, "{theirs}");
    assert_eq!(to.psql("copy", &known).unwrap(), theirs);
    let rows =
        format!("SELECT relname, reltuples FROM pg_class WHERE relname IN ({GIVEN}, 'events_later') AND reltuples > 0 ORDER BY 1");
    assert_eq!(to.psql("copy", &rows).unwrap(), from.psql("app", &rows).unwrap());
    let pages = "SELECT relpages = pg_relation_size(oid) / 8192 FROM pg_class WHERE relname = 'events_1'";
    assert_eq!(to.psql("copy", pages).unwrap(), "t");
    let gathered = "base correlated customers expressed few half heir parted parted_1 parted_2 people unknown";
    assert_eq!(looked_at(&to), gathered);
    let of_rows =
        "SELECT count(*) FROM pg_stats WHERE tablename = 'half' AND attname = 'id' AND histogram_bounds::text LIKE '{1,%'";
    assert_eq!(to.psql("copy", of_rows).unwrap(), "0");
}

/// In all statistics that there are, of the masked tables and of whatever else.
#[track_caller]
fn nothing_of_a_mask_is_known(from: &Cluster, to: &Cluster) {
    let known = |cluster: &Cluster, database: &str| {
        let sql = "SELECT count(*) FROM pg_statistic s WHERE s::text LIKE '%@production.example%'";
        let more = "SELECT count(*) FROM pg_statistic_ext_data d WHERE d::text LIKE '%@production.example%' OR stxdmcv::text <> ''
            AND EXISTS (SELECT FROM pg_mcv_list_items(stxdmcv) m WHERE m::text LIKE '%@production.example%')";
        [sql, more].map(|sql| cluster.psql(database, sql).unwrap().parse::<u32>().unwrap())
    };
    let [columns, lists] = known(from, "app");
    assert!(columns == 7 && lists == 1, "{columns} {lists}");
    assert_eq!(known(to, "copy"), [0, 0]);
    let fresh =
        "SELECT count(*) FROM pg_stats WHERE attname = 'email' AND tablename IN ('people', 'customers', 'heir', 'parted_2')";
    assert_eq!(to.psql("copy", fresh).unwrap(), "4");
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_are_given_to_whoever_may_have_them_from_14_to_18() {
    statistics_are_given_to_whoever_may_have_them(Major::V14).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_are_given_to_whoever_may_have_them_on_18() {
    statistics_are_given_to_whoever_may_have_them(Major::V18).await;
}

async fn the_target_gathers_its_own(target: Config) {
    let (from, to) = filled(Major::V14, target).await;
    let looked_at = looked_at(&to);
    assert!([" events ", " events_2_1 ", " plain "].iter().all(|table| looked_at.contains(table)), "{looked_at}");
    nothing_of_a_mask_is_known(&from, &to);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_target_gathers_its_own() {
    the_target_gathers_its_own(Config::of(Installation::find(Major::V17).unwrap())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_does_not_take_them_gathers_its_own() {
    // It sorts in another way, so that no histogram of the source is one of its own.
    let installation = Installation::find(Major::V18).unwrap();
    the_target_gathers_its_own(Config { locale: "C".into(), ..Config::of(installation) }).await;
}

/// Fills a database made with these options in one transaction; says whether it has the source's statistics, and any.
async fn in_one_transaction(cluster: &Cluster, options: &str) -> (bool, bool) {
    cluster.psql("postgres", &format!("CREATE DATABASE copy TEMPLATE template0 {options}")).unwrap();
    let (source, plain) = (endpoint(cluster, "app"), Plain::onto(cluster));
    let carried = copy::everything(&plain.facts(&source).await);
    let client = connect::target(&endpoint(cluster, "copy")).await.unwrap();
    client.run("begin", "BEGIN").await.unwrap();
    copy::fill_within(&source, &client, &plain.filling(&carried)).await.unwrap();
    client.run("commit", "COMMIT").await.unwrap();
    drop(client);
    // As they are stored.
    let known = format!("SET client_encoding = 'SQL_ASCII'; {KNOWN} WHERE tablename = 'plain' ORDER BY 1, 2, 3");
    let ours = cluster.psql("copy", &known).unwrap();
    cluster.psql("postgres", "DROP DATABASE copy WITH (FORCE)").unwrap();
    (ours == cluster.psql("app", &known).unwrap(), !ours.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_place_statistics_are_given_or_gathered_in_the_same_transaction() {
    let cluster = Cluster::start(Major::V18).unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", TABLES).unwrap();
    assert_eq!(in_one_transaction(&cluster, "").await, (true, true));
    assert_eq!(in_one_transaction(&cluster, "LC_COLLATE 'C'").await, (false, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_that_the_source_cannot_tell_are_gathered() {
    let cluster = Cluster::start(Major::V18).unwrap();
    let options = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'";
    cluster.psql("postgres", &format!("CREATE DATABASE app TEMPLATE template0 {options}")).unwrap();
    let gone = "CREATE TABLE plain (id int, word text, filling text DEFAULT repeat('x', 60)) WITH (autovacuum_enabled = off);
        INSERT INTO plain SELECT n, E'caf\\xe9' || n % 5 FROM generate_series(1, 30000) n; ANALYZE; UPDATE plain SET word = 'tea'";
    cluster.psql("app", gone).unwrap();
    assert_eq!(in_one_transaction(&cluster, options).await, (false, true));
}
