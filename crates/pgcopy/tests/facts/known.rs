//! Structures that were read before, which are read again as soon as anything of them has changed.

use crate::place::{as_role, endpoint, tools};
use restage_lab::Cluster;
use restage_pgcopy::archive::{self, Archives};
use restage_pgcopy::connect::{self, Endpoint};
use restage_pgcopy::stop::Stop;
use std::sync::Arc;

const MADE: &str = "CREATE ROLE reader LOGIN PASSWORD 'pw'; CREATE ROLE other;
    CREATE FOREIGN DATA WRAPPER dummy; CREATE SERVER elsewhere FOREIGN DATA WRAPPER dummy; GRANT USAGE ON FOREIGN SERVER elsewhere TO reader";
/// What is kept in a catalog that all databases share.
const OF_SUBSCRIPTIONS: [&str; 3] = [
    "CREATE SUBSCRIPTION feed CONNECTION 'host=127.0.0.1 port=1 dbname=nowhere' PUBLICATION far WITH (connect = false, slot_name = NONE)",
    "ALTER SUBSCRIPTION feed SET (synchronous_commit = on)",
    "DROP SUBSCRIPTION feed",
];
/// What is kept in a catalog that only superusers may read.
const OF_MAPPINGS: [&str; 4] = [
    "CREATE USER MAPPING FOR other SERVER elsewhere",
    "CREATE USER MAPPING FOR reader SERVER elsewhere OPTIONS (name 'one')",
    "ALTER USER MAPPING FOR reader SERVER elsewhere OPTIONS (SET name 'two')",
    "DROP USER MAPPING FOR other SERVER elsewhere",
];

fn arrange() -> Cluster {
    let cluster = Cluster::any().unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", MADE).unwrap();
    cluster
}

async fn each_is_noticed(cluster: &Cluster, reading: &Endpoint, changes: &[&str]) {
    let (archives, tools, stop) = (Archives::default(), tools(cluster), Stop::never());
    let client = connect::source(reading).await.unwrap();
    let read = async || archives.now(&client, &tools, &stop).await.unwrap();
    for change in changes {
        let before = read().await;
        assert!(Arc::ptr_eq(&before, &read().await), "nothing has happened before {change}");
        cluster.psql("app", change).unwrap();
        let now = read().await;
        assert_eq!(now.entries, archive::dump(&tools, reading, None, &stop).await.unwrap().entries, "{change}");
        assert_ne!(now.entries, before.entries, "{change}");
    }
}

#[tokio::test]
async fn a_changed_subscription_is_noticed() {
    let cluster = arrange();
    each_is_noticed(&cluster, &endpoint(&cluster, "app"), &OF_SUBSCRIPTIONS).await;
}

#[tokio::test]
async fn a_changed_user_mapping_is_noticed_whoever_looks() {
    for reading in [|cluster: &Cluster| endpoint(cluster, "app"), |cluster: &Cluster| as_role(cluster, "app", "reader", "pw")] {
        let cluster = arrange();
        each_is_noticed(&cluster, &reading(&cluster), &OF_MAPPINGS).await;
    }
}
