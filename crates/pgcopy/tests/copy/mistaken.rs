//! A snapshot that has the name of another, as a server that was restarted may give it.

use crate::compared::told;
use crate::place::{Pair, endpoint};
use restage_lab::Cluster;
use restage_pgcopy::Kind;
use restage_pgcopy::copy::{self, Keeping, Snapshot, SnapshotKeeper};
use restage_pgcopy::stop::Stop;

#[tokio::test(flavor = "multi_thread")]
async fn another_snapshot_of_the_same_name_is_not_gone_on_in() {
    let cluster = Cluster::any().unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", "CREATE TABLE t (n int); INSERT INTO t VALUES (1)").unwrap();
    let pair = Pair { source: &cluster, target: &cluster };
    let carried = copy::everything(&pair.facts().await);
    let (source, tables) = (endpoint(&cluster, "app"), carried.tables.keys().cloned().collect());
    let first = SnapshotKeeper::open(&source, &tables, &Stop::never()).await.unwrap();
    cluster.psql("app", "INSERT INTO t VALUES (2)").unwrap();
    let second = SnapshotKeeper::open(&source, &tables, &Stop::never()).await.unwrap();
    let mistaken = Snapshot { name: second.snapshot().name.clone(), ..first.snapshot().clone() };
    let error = pair.fill_keeping(&carried, Keeping::Another(&mistaken)).await.unwrap_err();
    assert_eq!(error.kind, Kind::SnapshotLost, "{}", told(&error));
    assert!(error.message.contains("is not the one that was taken at"), "{}", error.message);
    pair.fill_keeping(&carried, Keeping::Another(first.snapshot())).await.unwrap();
    assert_eq!(cluster.psql("copy", "SELECT string_agg(n::text, ',') FROM t").unwrap(), "1");
}
