//! The door of a database: whether anybody may connect.

use super::rename::Renaming;
use crate::postgres::listing::Listed;
use crate::postgres::mark::{Mark, Role};
use crate::postgres::shadow::comment_on;
use crate::postgres::trouble::told;
use jiff::Timestamp;
use restage_core::name::RunId;
use restage_core::schema::quote_identifier;
use restage_core::{Code, Result};
use restage_pgcopy::connect::TargetClient;
use std::time::Duration;
use tokio_postgres::types::Type;

/// Refuses a target that somebody else has closed.
pub(super) fn expect_ours(target: &Listed, run: &RunId) -> Result<()> {
    if target.allows_connections || is_closed_by(target, run) {
        return Ok(());
    }
    Err(Code::TargetInUse
        .error(format!("`{}` accepts no connections, and not because of this run", target.name))
        .help(format!("find out why; to open it, run `alter database {} allow_connections true`", quote_identifier(&target.name))))
}

/// Refuses a target with prepared transactions, which keep a database from being renamed and belong to nobody's session.
pub(super) async fn expect_no_prepared(client: &TargetClient, target: &Listed) -> Result<()> {
    let sql = "SELECT count(*) FROM pg_prepared_xacts WHERE database = $1";
    let rows = client.reader().query("look for prepared transactions", sql, &[(&target.name, Type::TEXT)]).await.map_err(told)?;
    let count: i64 = rows.first().map_or(0, |row| row.get(0));
    if count == 0 {
        return Ok(());
    }
    Err(Code::TargetInUse
        .error(format!("`{}` has {count} prepared transactions", target.name))
        .help("commit them or roll them back, then `restage resume`"))
}

/// Closes both databases; the mark tells who did it.
pub(super) async fn close_for(client: &TargetClient, renaming: &Renaming) -> Result<()> {
    let Renaming { run, target, shadow, .. } = renaming;
    let mark = Mark { run: run.clone(), of: target.name.clone(), at: Timestamp::now(), role: Role::Closed };
    let comment = comment_on(&target.name, &target.comment().with(mark));
    let sql = format!("{comment}; {}; {}", allow(&target.name, "false"), allow(&shadow.name, "false"));
    client.run(format!("close `{}`", target.name), &sql).await.map_err(told)
}

/// Closes one database, whose marks say already whose it is.
pub(super) async fn close(client: &TargetClient, name: &str) -> Result<()> {
    client.run(format!("close `{name}`"), &allow(name, "false")).await.map_err(told)
}

/// Opens a database that the run has closed; what the run has not closed stays as it is.
pub(super) async fn open(client: &TargetClient, listed: &Listed, run: &RunId) -> Result<()> {
    let closed = is_closed_by(listed, run);
    let ours = listed.comment().mark_of(run).is_some() && !listed.allows_connections;
    if !closed && !ours {
        return Ok(());
    }
    let mut sql = allow(&listed.name, "true");
    if closed {
        sql = format!("{sql}; {}", comment_on(&listed.name, &listed.comment().without(run)));
    }
    client.run(format!("open `{}` again", listed.name), &sql).await.map_err(told)
}

/// How long the run has kept the target's door closed already, before a crash.
pub(super) fn closed_for(target: &Listed, run: &RunId) -> Duration {
    let comment = target.comment();
    let mark = comment.mark_of(run).filter(|mark| mark.role == Role::Closed);
    mark.and_then(|mark| Timestamp::now().duration_since(mark.at).try_into().ok()).unwrap_or_default()
}

/// Opens the database that has taken the target's place.
pub(super) async fn open_new(client: &TargetClient, target: &Listed) -> Result<()> {
    if target.allows_connections {
        return Ok(());
    }
    client.run(format!("open `{}` again", target.name), &allow(&target.name, "true")).await.map_err(told)
}

fn is_closed_by(listed: &Listed, run: &RunId) -> bool {
    listed.comment().mark_of(run).is_some_and(|mark| mark.role == Role::Closed)
}

pub(super) fn allow(name: &str, word: &str) -> String {
    format!("ALTER DATABASE {} ALLOW_CONNECTIONS {word}", quote_identifier(name))
}
