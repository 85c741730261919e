//! Whatever PostgreSQL can hold arrives as it was.

use crate::compared::{Journey, told};
use restage_lab::{Cluster, Major};

const TYPES: &str = include_str!("types.sql");
const KINDS: &str = include_str!("kinds.sql");
const NEWEST: &str = include_str!("newest.sql");
const EXTENSIONS: &str = include_str!("extensions.sql");

async fn values_of_every_type_arrive(source: Major, target: Major) {
    let (from, to) = (Cluster::start(source).unwrap(), Cluster::start(target).unwrap());
    let journey = Journey::arranged(&from, &to, TYPES);
    let filled = journey.faithful().await;
    assert!(filled.tables.len() > 70, "{}", filled.tables.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_every_type_arrive_on_18() {
    values_of_every_type_arrive(Major::V18, Major::V18).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_every_type_arrive_from_14_to_18() {
    values_of_every_type_arrive(Major::V14, Major::V18).await;
}

async fn what_users_make_of_types_and_tables_arrives(source: Major, target: Major) {
    let (from, to) = (Cluster::start(source).unwrap(), Cluster::start(target).unwrap());
    let journey = Journey::arranged(&from, &to, KINDS);
    journey.faithful().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_users_make_of_types_and_tables_arrives_on_15() {
    what_users_make_of_types_and_tables_arrives(Major::V15, Major::V15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_users_make_of_types_and_tables_arrives_from_14_to_18() {
    what_users_make_of_types_and_tables_arrives(Major::V14, Major::V18).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_newest_version_has_added_arrives() {
    let cluster = Cluster::start(Major::V18).unwrap();
    let journey = Journey::arranged(&cluster, &cluster, NEWEST);
    let filled = journey.faithful().await;
    assert_eq!(journey.to.psql("SELECT string_agg(doubled::text, ' ' ORDER BY name) FROM rooms"), "10 6");
    // A copy over itself goes by the same names.
    let again = journey.fill(&journey.carried().await).await.unwrap_or_else(|error| panic!("{}", told(&error)));
    assert_eq!(again.tables.len(), filled.tables.len());
    journey.assert_equal(&again, &[]).await;
}

async fn values_of_extensions_types_arrive(source: Major, target: Major) {
    let (from, to) = (Cluster::start(source).unwrap(), Cluster::start(target).unwrap());
    let journey = Journey::arranged(&from, &to, EXTENSIONS);
    journey.faithful().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_extensions_types_arrive_on_15() {
    values_of_extensions_types_arrive(Major::V15, Major::V15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_extensions_types_arrive_from_14_to_18() {
    values_of_extensions_types_arrive(Major::V14, Major::V18).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_a_parent_got_later_stands_elsewhere_and_holds_the_same() {
    let cluster = Cluster::any().unwrap();
    let late = "CREATE TABLE above (id int); CREATE TABLE below (own text) INHERITS (above);
        INSERT INTO below SELECT i, 'own ' || i FROM generate_series(1, 9) i; ALTER TABLE above ADD COLUMN late text DEFAULT 'late'";
    let journey = Journey::arranged(&cluster, &cluster, late);
    let filled = journey.fill(&journey.carried().await).await.unwrap();
    journey.verify(&filled).await.unwrap();
    let columns =
        "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'below'::regclass AND attnum > 0";
    assert_eq!((journey.from.psql(columns).as_str(), journey.to.psql(columns).as_str()), ("id own late", "id late own"));
    let rows = "SELECT id, own, late FROM below";
    assert_eq!(journey.from.psql(rows), journey.to.psql(rows));
}
