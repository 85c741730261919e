//! A pooler in front of a server is noticed, and nothing is set in the sessions that it lends to others.

use crate::place::endpoint;
use restage_lab::{Cluster, Pooler, Pooling, SUPERUSER};
use restage_pgcopy::connect::{self, Endpoint};
use restage_pgcopy::{Error, Kind};
use std::process::Command;
use tokio::net::{TcpListener, TcpStream};

/// The cluster's database `postgres` through whatever listens on that port.
fn through(cluster: &Cluster, port: u16) -> Endpoint {
    Endpoint { port, ..endpoint(cluster, "postgres") }
}

#[track_caller]
fn assert_pooled(error: Option<Error>, port: u16) {
    let error = error.expect("it is refused");
    assert_eq!(error.kind, Kind::Pooled, "{error}");
    let start = format!("`postgres` at `127.0.0.1:{port}` is reached through a connection pooler");
    assert!(error.message.starts_with(&start) && error.help.is_some(), "{error}");
}

/// What the next client of the pooler finds set in the server's session that it is lent.
fn settings_of_the_next(cluster: &Cluster, pooler: &Pooler) -> String {
    let mut psql = Command::new(cluster.installation().bin("psql"));
    psql.args(["-X", "-w", "-At", "-h", "127.0.0.1", "-p", &pooler.port().to_string(), "-U", SUPERUSER, "-d", "postgres"]);
    psql.args(["-c", "SELECT current_setting('default_transaction_read_only'), current_setting('search_path')"]);
    let output = psql.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn is_refused_on_both_sides(pooling: Pooling) {
    let cluster = Cluster::any().unwrap();
    let pooler = Pooler::start(&cluster, pooling).unwrap();
    let pooled = through(&cluster, pooler.port());
    assert_pooled(connect::source(&pooled).await.err(), pooler.port());
    assert_pooled(connect::target(&pooled).await.err(), pooler.port());
    assert_eq!(settings_of_the_next(&cluster, &pooler), "off|\"$user\", public\n");
    connect::source(&endpoint(&cluster, "postgres")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_by_transactions_is_refused_and_what_it_lends_stays_as_it_was() {
    is_refused_on_both_sides(Pooling::Transaction).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_by_sessions_is_refused_as_well() {
    is_refused_on_both_sides(Pooling::Session).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_passes_everything_on_is_no_pooler() {
    let cluster = Cluster::any().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (relay, server) = (listener.local_addr().unwrap().port(), cluster.port());
    let relaying = tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
            // Either may leave first.
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await.ok() });
        }
    });
    connect::source(&through(&cluster, relay)).await.unwrap();
    connect::target(&through(&cluster, relay)).await.unwrap();
    relaying.abort();
}
