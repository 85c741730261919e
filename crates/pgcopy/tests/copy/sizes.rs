//! As large as PostgreSQL can make it: values, rows and numbers of tables.

use crate::compared::{Journey, told};
use restage_lab::{Cluster, Config, Installation};
use restage_pgcopy::Kind;

/// How many tables, and how long a value, the soak asks for.
const TABLES_VARIABLE: &str = "RESTAGE_COPY_TABLES";
const BYTES_VARIABLE: &str = "RESTAGE_COPY_VALUE_BYTES";
/// What the server's `max_locks_per_transaction` is unless somebody sets it.
const USUAL_LOCKS: u32 = 64;
/// The source holds about three locks of each table and two of its key at once, and every lock of the setting is good for about
/// a hundred sessions.
const TABLES_PER_LOCK: u32 = 40;
/// Tables of each transaction that makes them, which locks every one.
const TABLES_PER_BATCH: u32 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_1600_columns_arrives() {
    let cluster = Cluster::any().unwrap();
    let columns: Vec<String> = (1..=1600).map(|n| format!("c{n} {}", ["smallint", "boolean", "\"char\""][n % 3])).collect();
    let wide = format!("CREATE TABLE wide ({})", columns.join(", "));
    let journey = Journey::arranged(&cluster, &cluster, &wide);
    journey.from.psql("INSERT INTO wide DEFAULT VALUES; INSERT INTO wide (c1, c2, c1600) SELECT n % 2 = 0, 'x', false FROM generate_series(1, 500) n");
    let values: Vec<&str> = (1..=1600).map(|n| ["-7", "true", "'y'"][n % 3]).collect();
    journey.from.psql(&format!("INSERT INTO wide VALUES ({})", values.join(", ")));
    journey.faithful().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_larger_than_all_buffers_together_arrives() {
    // 2^30 - 64 is the largest that a server can store and copy.
    let bytes = asked(BYTES_VARIABLE, 200_000_000);
    let cluster = Cluster::any().unwrap();
    let make = "CREATE TABLE large (value bytea); ALTER TABLE large ALTER value SET STORAGE EXTERNAL";
    let journey = Journey::arranged(&cluster, &cluster, make);
    journey.from.psql(&format!("INSERT INTO large SELECT convert_to(repeat('x', {bytes}), 'UTF8')"));
    let filled = journey.fill(&journey.carried().await).await.unwrap();
    journey.assert_equal(&filled, &["--exclude-table-data=large"]).await;
    assert_eq!(journey.to.psql("SELECT octet_length(value) FROM large"), bytes.to_string());
}

/// A number from the environment.
fn asked(variable: &str, usual: u32) -> u32 {
    std::env::var(variable).map_or(usual, |number| number.parse().unwrap())
}

fn make_tables(journey: &Journey<'_>, tables: u32) {
    for first in (0..tables).step_by(TABLES_PER_BATCH as usize) {
        let last = (first + TABLES_PER_BATCH).min(tables) - 1;
        journey.from.psql(&format!(
            "DO $$ BEGIN FOR n IN {first}..{last} LOOP \
               EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, what text)', n); \
               EXECUTE format('INSERT INTO t%s VALUES (%1$s, %1$L)', n); END LOOP; END $$"
        ));
    }
}

/// A server whose sessions may hold so many locks each, on average.
fn locking(locks: u32) -> Cluster {
    let settings = vec![("max_locks_per_transaction".to_owned(), locks.to_string())];
    Config { settings, ..Config::of(Installation::any().unwrap()) }.start().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_thousands_of_tables_arrives() {
    let tables = asked(TABLES_VARIABLE, 2000);
    let cluster = locking((tables / TABLES_PER_LOCK).max(USUAL_LOCKS));
    let journey = Journey::arranged(&cluster, &cluster, "");
    make_tables(&journey, tables);
    let filled = journey.fill(&journey.carried().await).await.unwrap_or_else(|error| panic!("{}", told(&error)));
    journey.assert_equal(&filled, &["--schema-only"]).await;
    assert_eq!(filled.tables.len(), tables as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_tables_than_a_server_can_lock_are_refused_with_the_setting_to_raise() {
    let cluster = locking(10);
    let journey = Journey::arranged(&cluster, &cluster, "");
    // One session can lock them all, two cannot.
    make_tables(&journey, 1800);
    let error = journey.fill(&journey.carried().await).await.unwrap_err();
    assert_eq!(error.kind, Kind::LimitPassed, "{}", told(&error));
    assert!(error.help.is_some_and(|help| help.contains("max_locks_per_transaction")));
}
