//! Sessions on databases: who they are, what they are at, and ending them.

use super::listing::unexpected;
use super::trouble::told;
use restage_core::schema::quote_identifier;
use restage_core::{Code, Error, Result};
use restage_pgcopy::Kind;
use restage_pgcopy::connect::TargetClient;
use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};
use tokio_postgres::types::{ToSql, Type};

/// How often is looked whether sessions have ended.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How many sessions an error names.
const NAMED: usize = 5;

/// When a session of `pg_stat_activity s` began what it is at, as text that says whether it is still the same one.
pub(super) const BEGAN: &str = "date_trunc('second', coalesce(s.xact_start, s.backend_start))::text";

/// Ends that one session and waits until it is gone; none where another one has its number, or nobody, by now.
pub(super) async fn end_one(client: &TargetClient, pid: i32, began: &str, limit: Duration) -> Result<()> {
    let is_it = format!("SELECT {{}} FROM pg_stat_activity s WHERE s.pid = $1 AND {BEGAN} = $2");
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&pid, Type::INT4), (&began, Type::TEXT)];
    let end = is_it.replace("{}", "pg_terminate_backend(s.pid)");
    let ended = client.reader().query(format!("end the session {pid}"), &end, &parameters).await.map_err(told)?;
    if ended.is_empty() {
        let error = Code::WrongMoment.error(format!("the session {pid} is not the one that was looked at any more"));
        return Err(error.help("look once more"));
    }
    let (since, look) = (Instant::now(), is_it.replace("{}", "1"));
    while !client.reader().query("look at the session", &look, &parameters).await.map_err(told)?.is_empty() {
        if since.elapsed() > limit {
            let error = Code::SessionsRemain.error(format!("the session {pid} did not end within {} s", limit.as_secs_f64()));
            return Err(error.help("look at it in `pg_stat_activity`"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// A session on one of the databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) pid: i32,
    user: String,
    application: String,
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} of `{}`", self.pid, self.user)?;
        if !self.application.is_empty() {
            write!(f, " (`{}`)", self.application)?;
        }
        Ok(())
    }
}

/// Everybody on these databases but this session. Autovacuum's workers are left out: they yield to whoever needs the database.
pub(super) async fn on(client: &TargetClient, databases: &[u32]) -> Result<Vec<Session>> {
    let sql = "SELECT pid, coalesce(usename::text, ''), coalesce(application_name, '') FROM pg_stat_activity \
               WHERE datid = ANY($1) AND pid <> pg_backend_pid() AND usesysid IS NOT NULL ORDER BY pid";
    let rows = client.reader().query("list the sessions", sql, &[(&databases, Type::OID_ARRAY)]).await.map_err(told)?;
    let read = |row: &tokio_postgres::Row| {
        let (user, application) = (row.try_get(1).map_err(unexpected)?, row.try_get(2).map_err(unexpected)?);
        Ok(Session { pid: row.try_get(0).map_err(unexpected)?, user, application })
    };
    rows.iter().map(read).collect()
}

/// Whether somebody is in a transaction there. Every role sees locks, and whoever is in a transaction holds one on it.
pub(super) async fn any_transaction(client: &TargetClient, database: u32) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT FROM pg_stat_activity s JOIN pg_locks l ON l.pid = s.pid \
               WHERE s.datid = $1 AND s.pid <> pg_backend_pid() AND s.usesysid IS NOT NULL \
                 AND l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.granted)";
    let rows = client.reader().query("look for transactions", sql, &[(&database, Type::OID)]).await.map_err(told)?;
    rows.first().map_or(Ok(false), |row| row.try_get(0)).map_err(unexpected)
}

/// Sessions that were asked to end.
#[derive(Debug, Default)]
pub(super) struct Ended(BTreeSet<i32>);

impl Ended {
    pub(super) fn count(&self) -> u64 {
        self.0.len() as u64
    }
}

/// Asks every one of these sessions to end; those of roles that this one has no power over are left alone.
pub(super) async fn end(client: &TargetClient, sessions: &[Session], ended: &mut Ended) -> Result<()> {
    for session in sessions {
        let sql = "SELECT pg_terminate_backend($1)";
        match client.reader().query(format!("end {session}"), sql, &[(&session.pid, Type::INT4)]).await {
            Ok(_) => {
                ended.0.insert(session.pid);
            }
            Err(error) if error.kind == Kind::PermissionDenied => {}
            Err(error) => return Err(told(error)),
        }
    }
    Ok(())
}

/// Ends every session on these databases; their doors must be closed.
pub(super) async fn end_all(client: &TargetClient, databases: &[u32], limit: Duration) -> Result<Ended> {
    let (began, mut ended) = (Instant::now(), Ended::default());
    loop {
        let sessions = on(client, databases).await?;
        if sessions.is_empty() {
            return Ok(ended);
        }
        if began.elapsed() > limit {
            return Err(remaining(&sessions, limit));
        }
        end(client, &sessions, &mut ended).await?;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Ends what a process that was killed has left at work on the server: creating or dropping that database goes on without it.
pub(super) async fn end_leftover_work(client: &TargetClient, caller: &str, database: &str, limit: Duration) -> Result<()> {
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = $1 \
                 AND state = 'active' AND query ~* '^\\s*(create|drop)\\s+database' AND position($2 IN query) > 0";
    let (began, name) = (Instant::now(), quote_identifier(database));
    loop {
        let rows = client.reader().query("end earlier work", sql, &[(&caller, Type::TEXT), (&name, Type::TEXT)]).await;
        let left: i64 = rows.map_err(told)?.first().map_or(Ok(0), |row| row.try_get(0)).map_err(unexpected)?;
        if left == 0 {
            return Ok(());
        }
        if began.elapsed() > limit {
            return Err(Code::SessionsRemain
                .error(format!("an earlier session still creates or drops `{database}`"))
                .help("wait until it has ended, then try again"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Sessions that would not leave.
pub(super) fn remaining(sessions: &[Session], limit: Duration) -> Error {
    let mut names: Vec<String> = sessions.iter().take(NAMED).map(ToString::to_string).collect();
    if sessions.len() > NAMED {
        names.push(format!("{} more", sessions.len() - NAMED));
    }
    Code::SessionsRemain
        .error(format!("sessions did not end within {} s: {}", limit.as_secs_f64(), names.join(", ")))
        .help("end them by hand, or grant `pg_signal_backend` to restage's role (a superuser's sessions take a superuser); then `restage resume`")
}

/// Ends the sessions of these names on a database and waits until they are gone; others stay.
pub(super) async fn end_named(client: &TargetClient, database: u32, names: &[String], limit: Duration) -> Result<()> {
    let (began, mut ended) = (Instant::now(), Ended::default());
    loop {
        let mut sessions = on(client, &[database]).await?;
        sessions.retain(|session| names.contains(&session.application));
        if sessions.is_empty() {
            return Ok(());
        }
        if began.elapsed() > limit {
            return Err(remaining(&sessions, limit));
        }
        end(client, &sessions, &mut ended).await?;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
