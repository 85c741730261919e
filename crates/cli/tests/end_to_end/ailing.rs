//! Migrations that ail: a preprod with scripts, a queue with messages, sessions that hold the lock, and an AWS to ask.

use crate::play::{Played, Playing, await_that, exit};
use crate::world::{APP, World};
use restage_lab::Cluster;
use restage_lab::aws::{ACCESS_KEY, Aws, REGION, SECRET_KEY};
use restage_lab::dataset::PREPROD_OWNER;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// The database and its scripts, as `diagnose` is told of them.
pub(crate) const DATABASE: [&str; 4] = ["--database", "preprod/app", "--location", "scenarios/migrations"];
/// The queue.
pub(crate) const QUEUE: [&str; 2] = ["--queue", "local:test-migrator"];
/// Database and queue.
pub(crate) const BOTH: [&str; 6] =
    ["--database", "preprod/app", "--location", "scenarios/migrations", "--queue", "local:test-migrator"];
/// What says that the migrator's host has no such process.
pub(crate) const GONE: [&str; 2] = ["--host-command", "echo inactive; exit 3"];
/// Flyway's lock of `public.flyway_schema_history`.
const LOCK: &str = "begin; select pg_try_advisory_xact_lock(77433833903597);\n";
/// The least and longest part of an answer that is read, in bytes.
const ANSWER_BYTES: usize = 4096;

/// `restage diagnose` with these words.
#[track_caller]
pub(crate) fn diagnose(world: &World, words: &[&[&str]]) -> Played {
    world.restage(&[&["diagnose"][..], &words.concat()].concat())
}

/// `restage diagnose --fix --yes` with these words.
#[track_caller]
pub(crate) fn fix(world: &World, words: &[&[&str]]) -> Played {
    diagnose(world, &[&words.concat(), &["--fix", "--yes"]])
}

/// Expects that nothing is found any more, and that what is pending can be applied.
#[track_caller]
pub(crate) fn is_well(world: &World, words: &[&[&str]]) {
    diagnose(world, words).ends(exit::DONE).tells("Nothing was found");
    world.restage(&["run", "migrate", "--yes"]).ends(exit::DONE);
    diagnose(world, words).ends(exit::DONE).tells("none is pending");
}

/// Puts messages into the local queue, as if they had been sent so many minutes ago.
pub(crate) fn messages(world: &World, minutes_ago: i64, texts: &[&str]) {
    world.restage(&["runs"]).ends(exit::DONE); // makes the store
    let store = rusqlite::Connection::open(world.store().join("restage.db")).unwrap();
    let sent = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes_ago);
    for (at, text) in texts.iter().enumerate() {
        let insert = "INSERT INTO queue_messages (queue, send_id, text, sent_at) VALUES ('test-migrator', ?, ?, ?)";
        store.execute(insert, rusqlite::params![format!("{text} {at}"), text, sent.to_string()]).unwrap();
    }
}

/// How many messages the local queue has.
pub(crate) fn left_in_queue(world: &World) -> i64 {
    let store = rusqlite::Connection::open(world.store().join("restage.db")).unwrap();
    store.query_row("SELECT count(*) FROM queue_messages", [], |row| row.get(0)).unwrap()
}

/// The messages of a migrator, the last of which is this.
pub(crate) fn ending_with(last: &str) -> Vec<String> {
    let started = r#"{"appStage":"Started","messageId":1,"pid":5046}"#;
    let migrating = r#"{"appStage":"Migrating","messageId":2,"migrationStage":{"stage":"BeforeFile","migrationFile":"V4__rooms.sql"},"pid":5046}"#;
    [started, migrating, last].map(str::to_owned).into()
}

/// Puts the messages of a migrator into the queue that ended with this exit status.
pub(crate) fn ended_with(world: &World, status: u8) {
    let stage = if status == 0 { "Finished" } else { "Failed" };
    let texts = ending_with(&format!(r#"{{"appStage":"{stage}","messageId":3,"pid":5046,"exitCode":{status}}}"#));
    messages(world, 60, &texts.iter().map(String::as_str).collect::<Vec<_>>());
}

/// A migrator's session that holds the lock of preprod's history, until it is dropped.
pub(crate) struct LockHolder(Child);

impl LockHolder {
    pub(crate) fn start(world: &World) -> Self {
        let mut command = world.preprod.client("psql");
        command.args(["-X", "-q", "-d", APP]).env("PGAPPNAME", "Flyway by JDBC").env("PGHOST", "127.0.0.1");
        command.env("PGUSER", PREPROD_OWNER.user).env("PGPASSWORD", PREPROD_OWNER.password);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(LOCK.as_bytes()).unwrap();
        await_that("the lock is held", || is_locked(&world.preprod));
        Self(child)
    }
    pub(crate) fn end(self, cluster: &Cluster) {
        drop(self);
        await_that("the lock is free", || !is_locked(cluster));
    }
}

impl Drop for LockHolder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether somebody holds an advisory lock on preprod's database.
pub(crate) fn is_locked(cluster: &Cluster) -> bool {
    let held = "select count(*) from pg_locks where locktype = 'advisory' and granted \
                and database = (select oid from pg_database where datname = current_database())";
    cluster.psql(APP, held).unwrap() != "0"
}

/// Asks the stand-in for AWS to do something, without going through the product.
pub(crate) fn in_aws(aws: &Aws, service: &str, action: &str, body: &str) -> String {
    let address = aws.endpoint().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    let credential = format!("{ACCESS_KEY}/20261120/{REGION}/{}/aws4_request", service.trim_start_matches("Amazon").to_lowercase());
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.1\r\n\
         X-Amz-Target: {service}.{action}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::with_capacity(ANSWER_BYTES);
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200"), "{action}: {answer}");
    answer
}

/// `restage` with these words, as somebody whom AWS knows.
#[track_caller]
pub(crate) fn restage_in_aws(world: &World, words: &[&[&str]]) -> Played {
    let mut command: Command = world.command(&words.concat());
    command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY).env("AWS_EC2_METADATA_DISABLED", "true");
    Playing::start(command, &world.path("said")).finish()
}
