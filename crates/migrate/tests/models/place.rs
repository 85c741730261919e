//! The database that these tests look at.

use restage_lab::{Cluster, SUPERUSER, SUPERUSER_PASSWORD};
use restage_pgcopy::connect::{self, Endpoint, SourceClient, Tls, TlsMode};

/// A server whose database `app` is made by that SQL.
pub(crate) fn cluster(sql: &str) -> Cluster {
    let cluster = Cluster::any().unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", sql).unwrap();
    cluster
}

/// A session that reads `app`.
pub(crate) async fn client(cluster: &Cluster) -> SourceClient {
    let endpoint = Endpoint {
        host: "127.0.0.1".into(),
        port: cluster.port(),
        user: SUPERUSER.into(),
        password: Some(SUPERUSER_PASSWORD.into()),
        database: "app".into(),
        tls: Tls { mode: TlsMode::Prefer, root_certificate: None },
    };
    connect::source(&endpoint).await.unwrap()
}
