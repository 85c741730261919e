//! Running `pg_dump`.

use super::{Archive, read};
use crate::connect::{Endpoint, SOURCE_LOCK_LIMIT};
use crate::error::usual_help;
use crate::stop::Stop;
use crate::tools::Tools;
use crate::{Error, Kind, Result};
use restage_core::schema::TableName;
use std::collections::BTreeSet;
use std::process::Stdio;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// The largest archive that is read; the structure of 10,000 tables takes some 30 MB.
const MAX_ARCHIVE_BYTES: u64 = 256 << 20;
/// What is kept of `pg_dump`'s messages.
const MAX_MESSAGE_BYTES: u64 = 16 << 10;

/// Dumps the structure of a database, as of a snapshot if one is given. `pg_dump` only reads, in a session that cannot write.
pub async fn dump(tools: &Tools, endpoint: &Endpoint, snapshot: Option<&str>, stop: &Stop) -> Result<Archive> {
    dump_without(&BTreeSet::new(), tools, endpoint, snapshot, stop).await
}

/// As [`dump`], without some tables, such as those that the role may not read: `pg_dump` locks every table it dumps, and
/// without the privilege to do so it gives up on all of them.
pub async fn dump_without(
    tables: &BTreeSet<TableName>,
    tools: &Tools,
    endpoint: &Endpoint,
    snapshot: Option<&str>,
    stop: &Stop,
) -> Result<Archive> {
    let mut command = command(tools, endpoint);
    command.args(snapshot.map(|name| format!("--snapshot={name}")));
    // Within double quotes, nothing in a pattern of `pg_dump` has a meaning but the quote itself.
    command.args(tables.iter().map(|table| format!("--exclude-table={}", table.sql())));
    let unusable = |cause: std::io::Error| {
        let error = Kind::ToolMissing.error(format!("`{}` cannot be run", tools.pg_dump.display()));
        error.help("install PostgreSQL's client programs").because(cause)
    };
    let mut child = command.spawn().map_err(unusable)?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else { unreachable!("both were piped") };
    let work = async {
        let (archive, messages) =
            tokio::try_join!(up_to(stdout, MAX_ARCHIVE_BYTES + 1), up_to(stderr, MAX_MESSAGE_BYTES)).map_err(unusable)?;
        if archive.len() as u64 > MAX_ARCHIVE_BYTES {
            return Err(
                Kind::LimitPassed.error(format!("the structure of {endpoint} takes more than {} MB", MAX_ARCHIVE_BYTES >> 20))
            );
        }
        let status = child.wait().await.map_err(unusable)?;
        if status.success() { Ok(archive) } else { Err(failed(endpoint, &String::from_utf8_lossy(&messages))) }
    };
    // Dropped before its end, the child is killed.
    let archive = stop.race(work).await?;
    read(&archive)
}

fn command(tools: &Tools, endpoint: &Endpoint) -> Command {
    let mut command = Command::new(&tools.pg_dump);
    // What the user has set for his own use of PostgreSQL's programs must not change what is dumped.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
        command.env_remove(name);
    }
    command.envs(endpoint.environment()).env("LC_ALL", "C").env("PGOPTIONS", "-c default_transaction_read_only=on");
    command.args([
        "--format=custom",
        "--compress=0",
        "--schema-only",
        "--encoding=UTF8",
        "--no-password",
        "--quote-all-identifiers",
    ]);
    command.arg(format!("--lock-wait-timeout={}", SOURCE_LOCK_LIMIT.as_millis()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn up_to(pipe: impl AsyncRead + Unpin, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut pipe = pipe.take(limit);
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes).await?;
    // What is too much is read all the same, so that the other side does not wait for ever.
    tokio::io::copy(pipe.get_mut(), &mut tokio::io::sink()).await?;
    Ok(bytes)
}

/// What `pg_dump` says of servers, in the order of importance; it has no codes.
const SAYINGS: [(&str, Kind); 16] = [
    ("password authentication failed", Kind::LoginRefused),
    ("no pg_hba.conf entry", Kind::LoginRefused),
    ("conflict with recovery", Kind::SnapshotLost),
    ("invalid snapshot identifier", Kind::SnapshotLost),
    ("could not import the requested snapshot", Kind::SnapshotLost),
    ("max_locks_per_transaction", Kind::LimitPassed),
    ("lock timeout", Kind::LockTimeout),
    ("permission denied", Kind::PermissionDenied),
    ("must be owner", Kind::PermissionDenied),
    ("too many clients", Kind::TooManyConnections),
    ("too many connections", Kind::TooManyConnections),
    ("remaining connection slots", Kind::TooManyConnections),
    ("server closed the connection", Kind::ConnectionLost),
    ("terminating connection", Kind::ConnectionLost),
    ("connection to server", Kind::CannotConnect),
    ("could not connect", Kind::CannotConnect),
];

fn failed(endpoint: &Endpoint, said: &str) -> Error {
    let kind = SAYINGS.iter().find(|(words, _)| said.contains(words)).map_or(Kind::ToolFailed, |(_, kind)| *kind);
    let error = kind.error(format!("`pg_dump` cannot read the structure of {endpoint}")).because(said.trim().to_owned());
    match usual_help(kind) {
        Some(help) => error.help(help),
        None => error,
    }
}
