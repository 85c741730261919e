//! What rows wait for: a server, or the wire to it.

use crate::place::{Pair, Plain, as_role};
use crate::proxy::{Fault, Proxy};
use restage_core::provider::{Carried, RowsTaken, Waits};
use restage_core::schema::TableName;
use restage_lab::Cluster;
use restage_pgcopy::copy::{self, Route};

/// More than what fits into all buffers on the way.
const ROWS: &str = "CREATE TABLE t AS SELECT n AS id, repeat('x', 1000) AS filling FROM generate_series(1, 20000) n";
/// Rows that the source takes a while to look at, with the condition that makes it, and such that the target does.
const LOOKED_FOR: &str = "CREATE TABLE looked_for (id int); INSERT INTO looked_for SELECT generate_series(1, 1500)";
const A_WHILE: &str = "pg_sleep(0.001) IS NOT NULL";
const CHECKED: &str = "CREATE FUNCTION is_fine() RETURNS boolean LANGUAGE sql AS 'SELECT true';
    CREATE TABLE checked (id int CHECK (is_fine())); INSERT INTO checked SELECT generate_series(1, 1500);
    CREATE OR REPLACE FUNCTION is_fine() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.001); RETURN true; END'";

/// Two servers with such tables, and a plan to copy them all.
async fn arranged(tables: &[&str]) -> (Cluster, Cluster, Carried) {
    let (source, target) = (Cluster::any().unwrap(), Cluster::any().unwrap());
    source.create_database("app").unwrap();
    source.psql("app", &format!("{}; ANALYZE", tables.join(";"))).unwrap();
    let mut carried = copy::everything(&Pair { source: &source, target: &target }.facts().await);
    carried.tables.get_mut(&TableName::parse("looked_for").unwrap()).unwrap().rows = RowsTaken::Where(A_WHILE.into());
    (source, target, carried)
}

async fn waits(pair: &Pair<'_>, carried: &Carried, route: &Route) -> Waits {
    copy::fill(route, &Plain::onto(pair.target).filling(carried)).await.unwrap().waits
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_network_is_told_apart_on_either_side() {
    let (source, target, carried) = arranged(&[ROWS, LOOKED_FOR]).await;
    // One after the other on the same session, which waits for another thing each time.
    let carried = Carried { workers: Some(1), ..carried };
    let pair = Pair { source: &source, target: &target };
    for server in [&source, &target] {
        let proxy = Proxy::start(server.port(), Fault::Narrow, 0).await;
        let mut route = pair.route();
        let end = if server.port() == source.port() { &mut route.source } else { &mut route.target };
        end.port = proxy.port();
        let waits = waits(&pair, &carried, &route).await;
        assert!(waits.wire.is_some_and(|wire| wire > 1.5) && waits.source > 1.0 && waits.target < 1.0, "{waits:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_servers_are_not_taken_for_a_slow_network() {
    let (source, target, carried) = arranged(&[LOOKED_FOR, CHECKED]).await;
    let pair = Pair { source: &source, target: &target };
    let waits = waits(&pair, &carried, &pair.route()).await;
    assert!(waits.source > 1.0 && waits.target > 1.0, "{waits:?}");
    assert!(waits.wire.is_some_and(|wire| wire < waits.source.min(waits.target) / 2.0), "{waits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_look_at_sessions_copies_and_tells_nothing_apart() {
    let (source, target, carried) = arranged(&[LOOKED_FOR]).await;
    let role = "CREATE ROLE reader LOGIN PASSWORD 'reader'; GRANT SELECT ON looked_for TO reader;
        REVOKE EXECUTE ON FUNCTION pg_stat_clear_snapshot() FROM PUBLIC";
    source.psql("app", role).unwrap();
    let pair = Pair { source: &source, target: &target };
    let route = Route { source: as_role(&source, "app", "reader", "reader"), ..pair.route() };
    let waits = waits(&pair, &carried, &route).await;
    assert!(waits.source > 1.0 && waits.wire.is_none(), "{waits:?}");
}
