//! As large as PostgreSQL can make it: values, rows and numbers of tables.

use crate::compared::{Journey, told};
use restage_lab::{Cluster, Config, Installation};

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
async fn a_value_of_200_megabytes_arrives() {
    a_value_arrives(200_000_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes 5 GB of memory"]
async fn the_largest_value_that_a_server_can_copy_arrives() {
    // A row takes less than 1 GB, its header included.
    a_value_arrives((1 << 30) - 64).await;
}

async fn a_value_arrives(bytes: u32) {
    let cluster = Cluster::any().unwrap();
    let journey = Journey::arranged(
        &cluster,
        &cluster,
        "CREATE TABLE large (value bytea); ALTER TABLE large ALTER value SET STORAGE EXTERNAL",
    );
    journey.from.psql(&format!("INSERT INTO large SELECT convert_to(repeat('x', {bytes}), 'UTF8')"));
    let filled = journey.fill(&journey.carried().await).await.unwrap();
    journey.assert_equal(&filled, &["--exclude-table-data=large"]).await;
    assert_eq!(journey.to.psql("SELECT octet_length(value) FROM large"), bytes.to_string());
}

async fn a_database_of_many_tables_arrives(cluster: &Cluster, tables: u32) {
    let journey = Journey::arranged(cluster, cluster, "");
    for first in (0..tables).step_by(TABLES_PER_BATCH as usize) {
        let last = first + TABLES_PER_BATCH - 1;
        journey.from.psql(&format!(
            "DO $$ BEGIN FOR n IN {first}..{last} LOOP \
               EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, what text)', n); \
               EXECUTE format('INSERT INTO t%s VALUES (%1$s, %1$L)', n); END LOOP; END $$"
        ));
    }
    let filled = journey.fill(&journey.carried().await).await.unwrap_or_else(|error| panic!("{}", told(&error)));
    journey.assert_equal(&filled, &["--schema-only"]).await;
    assert_eq!(filled.tables.len(), tables as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_2000_tables_arrives() {
    a_database_of_many_tables_arrives(&Cluster::any().unwrap(), 2000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes a minute"]
async fn a_database_of_10000_tables_arrives_from_a_server_that_locks_so_many() {
    let settings = vec![("max_locks_per_transaction".to_owned(), "256".to_owned())];
    let cluster = Config { settings, ..Config::of(Installation::any().unwrap()) }.start().unwrap();
    a_database_of_many_tables_arrives(&cluster, 10_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the source's keeper, `pg_dump` and the workers all hold locks of every table, for which the usual settings are too small"]
async fn a_database_of_10000_tables_arrives_with_the_usual_settings() {
    a_database_of_many_tables_arrives(&Cluster::any().unwrap(), 10_000).await;
}
