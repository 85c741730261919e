//! Connections: encryption, and rows past `tokio-postgres`.

use crate::place::endpoint;
use restage_lab::Cluster;
use restage_pgcopy::connect::{self, Boundaries, Endpoint, SourceClient, TargetClient, Tls, TlsMode};
use restage_pgcopy::stop::stop;
use restage_pgcopy::{Kind, Result};
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;

async fn both(cluster: &Cluster) -> (SourceClient, TargetClient) {
    let endpoint = endpoint(cluster, "postgres");
    (connect::source(&endpoint).await.unwrap(), connect::target(&endpoint).await.unwrap())
}

async fn pour(source: &SourceClient, target: &TargetClient, out: &str, into: &str) -> Result<(u64, u64, usize)> {
    let mut from = source.copy_out("rows", out, Boundaries::Any)?;
    let mut sink = target.copy_in("rows", into)?;
    let mut largest = 0;
    while let Some(chunk) = from.next().await? {
        largest = largest.max(chunk.len());
        sink.send(chunk).await?;
    }
    Ok((from.rows().await?, sink.finish().await?, largest))
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_larger_than_all_buffers_pass_in_small_chunks() {
    let cluster = Cluster::any().unwrap();
    cluster.psql("postgres", "CREATE TABLE one (n int, v bytea); CREATE TABLE two (LIKE one);
        INSERT INTO one SELECT n, decode(repeat(md5(n::text), n * 500000), 'hex') FROM generate_series(0, 3) n; INSERT INTO one VALUES (9, NULL)").unwrap();
    let (source, target) = both(&cluster).await;
    source.begin(None).await.unwrap();
    for format in ["binary", "text"] {
        let (out, into) =
            (format!("COPY public.one TO STDOUT (FORMAT {format})"), format!("COPY public.two FROM STDIN (FORMAT {format})"));
        let (read, written, largest) = pour(&source, &target, &out, &into).await.unwrap();
        assert_eq!((read, written), (5, 5));
        assert!(largest <= 256 << 10, "{largest}");
        assert_eq!(cluster.psql("postgres", "SELECT count(*) FROM one NATURAL JOIN two").unwrap(), "4");
        cluster.psql("postgres", "TRUNCATE two").unwrap();
    }
    // The session is as usable as before.
    assert_eq!(source.reader().rows("count", "SELECT count(*) FROM public.one").await.unwrap()[0].get(0), Some("5"));
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_hold_whole_rows_if_that_is_asked_for() {
    let cluster = Cluster::any().unwrap();
    let (source, _) = both(&cluster).await;
    source.begin(None).await.unwrap();
    let sql = "COPY (SELECT repeat('x', n) FROM generate_series(1, 3000) n UNION ALL SELECT repeat('y', 1000000)) TO STDOUT";
    let mut from = source.copy_out("rows", sql, Boundaries::Rows).unwrap();
    let mut rows = 0;
    while let Some(chunk) = from.next().await.unwrap() {
        assert_eq!(chunk.last(), Some(&b'\n'));
        rows += chunk.split(|byte| *byte == b'\n').count() - 1;
    }
    assert_eq!((rows, from.rows().await.unwrap()), (3001, 3001));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rows_and_rows_without_columns_pass() {
    let cluster = Cluster::any().unwrap();
    cluster.psql("postgres", "CREATE TABLE one (); CREATE TABLE two (); CREATE TABLE none (n int); INSERT INTO one SELECT FROM generate_series(1, 9)").unwrap();
    let (source, target) = both(&cluster).await;
    source.begin(None).await.unwrap();
    for format in ["binary", "text"] {
        let copy = |from: &str, to: &str| {
            (format!("COPY {from} TO STDOUT (FORMAT {format})"), format!("COPY {to} FROM STDIN (FORMAT {format})"))
        };
        let (out, into) = copy("public.one", "public.two");
        assert_eq!(pour(&source, &target, &out, &into).await.map(|(read, written, _)| (read, written)).unwrap(), (9, 9));
        let (out, into) = copy("public.none", "public.none");
        assert_eq!(pour(&source, &target, &out, &into).await.map(|(read, written, _)| (read, written)).unwrap(), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_refuses_rows_is_heard_before_all_are_sent() {
    let cluster = Cluster::any().unwrap();
    cluster.psql("postgres", "CREATE TABLE strict (n int CHECK (n < 5), filler text)").unwrap();
    let (source, target) = both(&cluster).await;
    source.begin(None).await.unwrap();
    // Endless, were it not refused: no test could wait for a billion rows.
    let out = "COPY (SELECT generate_series(1, 1000000000), repeat('x', 1000)) TO STDOUT";
    let (stopper, stop) = stop();
    let error = pour(&source, &target, out, "COPY public.strict FROM STDIN").await.unwrap_err();
    assert_eq!((error.kind, error.constraint()), (Kind::ConstraintViolated, Some("strict_n_check")));
    assert!(!format!("{error:?}").contains("xxx"), "the row is told: {error:?}");
    // The source goes on sending what nobody takes until it is stopped.
    stopper.stop();
    let stopped = source.guard(&stop, async { source.reader().rows("wait", "SELECT 1").await.map(drop) });
    assert_eq!(stopped.await.unwrap_err().kind, Kind::Interrupted);
    assert_eq!(source.reader().rows("look", "SELECT 1").await.unwrap_err().sqlstate(), Some("25P02"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_in_the_middle_of_rows_says_why() {
    let cluster = Cluster::any().unwrap();
    cluster.psql("postgres", "CREATE TABLE two (n int)").unwrap();
    let (source, target) = both(&cluster).await;
    let out = "COPY (SELECT 1 / (300000 - n) FROM generate_series(1, 1000000) n) TO STDOUT";
    let error = pour(&source, &target, out, "COPY public.two FROM STDIN").await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("22012"), "{error:?}");
    assert_eq!(cluster.psql("postgres", "SELECT count(*) FROM two").unwrap(), "0");
}

/// A certificate authority and a certificate of it for `localhost`.
struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    fn make() -> Self {
        let made = Self { folder: tempfile::tempdir().unwrap() };
        let (key, ca) = (made.path("ca.key"), made.path("ca.crt"));
        made.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=lab",
            "-keyout",
            &key,
            "-out",
            &ca,
        ]);
        let (key, request) = (made.path("server.key"), made.path("server.csr"));
        made.openssl(&[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            "/CN=localhost",
            "-keyout",
            &key,
            "-out",
            &request,
        ]);
        std::fs::write(made.path("extensions"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n").unwrap();
        let (authority, authority_key, server) = (made.path("ca.crt"), made.path("ca.key"), made.path("server.crt"));
        made.openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &authority,
            "-CAkey",
            &authority_key,
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            &made.path("extensions"),
            "-out",
            &server,
        ]);
        made
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn openssl(&self, arguments: &[&str]) {
        let output = Command::new("openssl").args(arguments).current_dir(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn encrypted(cluster: &Cluster, host: &str, mode: TlsMode, root: Option<PathBuf>) -> Endpoint {
    Endpoint { host: host.into(), tls: Tls { mode, root_certificate: root }, ..endpoint(cluster, "postgres") }
}

/// Starts a server that offers encryption.
fn encrypting(certificates: &Certificates) -> Cluster {
    let cluster = Cluster::any().unwrap();
    let owner = std::fs::metadata(cluster.data_dir()).unwrap();
    for file in ["server.crt", "server.key"] {
        let to = cluster.data_dir().join(file);
        std::fs::copy(certificates.path(file), &to).unwrap();
        std::os::unix::fs::chown(&to, Some(owner.uid()), Some(owner.gid())).unwrap();
        std::fs::set_permissions(&to, Permissions::from_mode(0o600)).unwrap();
    }
    cluster.psql("postgres", "ALTER SYSTEM SET ssl = on").unwrap();
    cluster.psql("postgres", "SELECT pg_reload_conf()").unwrap();
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mode_of_encryption_demands_what_it_says() {
    let certificates = Certificates::make();
    let cluster = encrypting(&certificates);
    let ca = || Some(PathBuf::from(certificates.path("ca.crt")));
    let is_encrypted = |host: &'static str, mode: TlsMode, root: Option<PathBuf>| {
        let endpoint = encrypted(&cluster, host, mode, root);
        async move {
            let client = connect::source(&endpoint).await?;
            let rows = client.reader().rows("look", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").await?;
            Result::Ok(rows[0].get(0) == Some("t"))
        }
    };
    let started = std::time::Instant::now();
    // The server takes a moment to read its settings again.
    while !is_encrypted("localhost", TlsMode::Prefer, None).await.unwrap() {
        assert!(started.elapsed().as_secs() < 20);
    }
    assert!(!is_encrypted("localhost", TlsMode::Disable, None).await.unwrap());
    assert!(is_encrypted("127.0.0.1", TlsMode::Require, None).await.unwrap());
    assert!(is_encrypted("127.0.0.1", TlsMode::VerifyCa, ca()).await.unwrap());
    assert!(is_encrypted("localhost", TlsMode::VerifyFull, ca()).await.unwrap());
    let refused: [Result<bool>; 3] = [
        is_encrypted("127.0.0.1", TlsMode::VerifyFull, ca()).await,
        is_encrypted("localhost", TlsMode::VerifyFull, Some(certificates.path("server.crt").into())).await,
        is_encrypted("localhost", TlsMode::VerifyCa, Some(certificates.path("missing").into())).await,
    ];
    for refused in refused {
        assert_eq!(refused.unwrap_err().kind, Kind::CannotConnect);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_encryption_is_refused_where_it_is_demanded() {
    let cluster = Cluster::any().unwrap();
    let error = connect::source(&encrypted(&cluster, "localhost", TlsMode::Require, None)).await.err().unwrap();
    assert!(error.kind == Kind::CannotConnect && error.message.ends_with("does not offer encryption"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_in_a_folder_is_a_host() {
    let cluster = Cluster::any().unwrap();
    let host = cluster.socket_dir().display().to_string();
    let client = connect::source(&Endpoint { host, password: None, ..endpoint(&cluster, "postgres") }).await.unwrap();
    assert_eq!(client.major(), cluster.major().number());
}

#[tokio::test(flavor = "multi_thread")]
async fn something_else_on_the_port_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    };
    let mut elsewhere = endpoint(&Cluster::any().unwrap(), "postgres");
    elsewhere.port = port;
    let (connected, ()) = tokio::join!(connect::source(&elsewhere), answer);
    let error = connected.err().unwrap();
    assert!(error.kind == Kind::CannotConnect && error.message.ends_with("is not a PostgreSQL server"), "{error}");
}
