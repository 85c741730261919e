//! The mark on the target's server that a run is at work: an advisory lock, so that two installations cannot collide either.
//!
//! It is a session's lock on the server's maintenance database, keyed by the target's name, which stays the same through a
//! swap; and it is gone the moment its holder is.

use super::listing::unexpected;
use super::servers::{Caller, Servers};
use super::sessions::BEGAN;
use super::trouble::told;
use restage_core::diagnosis::SessionSeen;
use restage_core::environment::DatabaseAddress;
use restage_core::name::RunId;
use restage_core::run::Lease;
use restage_core::{Code, Error, Result};
use restage_pgcopy::connect::{APPLICATION_NAME, Reader, TargetClient};
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio_postgres::types::{ToSql, Type};

/// How long the server may take to say that the lock is still held, or given back.
const RENEW_LIMIT: Duration = Duration::from_secs(20);

/// The lock on a target, held by a run.
pub struct TargetMark {
    servers: Servers,
    target: DatabaseAddress,
    run: RunId,
    session: Mutex<TargetClient>,
}

impl TargetMark {
    /// Takes the lock; [`Code::TargetBusy`] tells who holds it.
    pub async fn take(servers: &Servers, target: &DatabaseAddress, run: &RunId) -> Result<Self> {
        let session = lock(servers, target, run).await?;
        Ok(Self { servers: servers.clone(), target: target.clone(), run: run.clone(), session: Mutex::new(session) })
    }

    /// Gives the lock back at once: a session that is only dropped may hold it a moment longer.
    pub async fn release(self) -> Result<()> {
        let session = self.session.into_inner();
        let sql = "SELECT pg_advisory_unlock($1)";
        let (reader, key) = (session.reader(), key(&self.target));
        let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&key, Type::INT8)];
        match tokio::time::timeout(RENEW_LIMIT, reader.query("release the target", sql, &parameters)).await {
            Ok(released) => released.map(drop).map_err(told),
            Err(_) => Err(Code::DeadlinePassed
                .error(format!("the server did not give the lock on {} back within {} s", self.target, RENEW_LIMIT.as_secs()))
                .help("it goes as soon as the server notices that this process is gone")),
        }
    }
}

#[async_trait::async_trait]
impl Lease for TargetMark {
    async fn renew(&self) -> Result<()> {
        let mut session = self.session.lock().await;
        let held = tokio::time::timeout(RENEW_LIMIT, is_held(&session, &self.target)).await;
        if matches!(held, Ok(Ok(true))) {
            return Ok(());
        }
        // The session has broken. Whoever takes a lock keeps it for longer than this takes: if it is free, it was free all along.
        let again = lock(&self.servers, &self.target, &self.run).await;
        *session = again.map_err(|cause| lost(&self.target, cause))?;
        Ok(())
    }
}

impl std::fmt::Debug for TargetMark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TargetMark").field("target", &self.target).field("run", &self.run).finish_non_exhaustive()
    }
}

async fn lock(servers: &Servers, target: &DatabaseAddress, run: &RunId) -> Result<TargetClient> {
    let session = servers.maintain(target, &Caller::run(run)).await?;
    let sql = "SELECT pg_try_advisory_lock($1)";
    let rows = session.reader().query("lock the target", sql, &[(&key(target), Type::INT8)]).await.map_err(told)?;
    let taken: bool = rows.first().map_or(Ok(false), |row| row.try_get(0)).map_err(unexpected)?;
    if taken { Ok(session) } else { Err(busy(&session, target).await?) }
}

async fn is_held(session: &TargetClient, target: &DatabaseAddress) -> Result<bool> {
    let sql = format!("SELECT EXISTS (SELECT FROM pg_locks l WHERE {LOCK} AND l.pid = pg_backend_pid())");
    let rows = session.reader().query("look at the lock", &sql, &[(&key(target), Type::INT8)]).await.map_err(told)?;
    rows.first().map_or(Ok(false), |row| row.try_get(0)).map_err(unexpected)
}

/// The lock `$1` in `pg_locks l`; a 64-bit key is split in two there.
const LOCK: &str = "l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
     AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
     AND ((l.classid::int8 << 32) | l.objid::int8) = $1";

/// The run that holds that target right now, if one does.
pub(super) async fn holder(session: &TargetClient, database: &str) -> Result<Option<RunId>> {
    let sql = format!("SELECT s.application_name FROM pg_locks l JOIN pg_stat_activity s ON s.pid = l.pid WHERE {LOCK}");
    let rows = session.reader().query("look who holds a target", &sql, &[(&key_of(database), Type::INT8)]).await.map_err(told)?;
    let name: Option<String> = rows.first().map(|row| row.try_get(0)).transpose().map_err(unexpected)?;
    Ok(name.and_then(|name| RunId::parse(name.strip_prefix(APPLICATION_NAME)?.trim_start()).ok()))
}

/// The session that holds the mark of that target, on a session of its server's maintenance database.
pub(super) async fn session(reader: Reader<'_>, database: &str) -> Result<Option<SessionSeen>> {
    let sql = format!(
        "SELECT s.pid, coalesce(s.application_name, ''), s.usename::text, host(s.client_addr), {BEGAN} \
         FROM pg_locks l JOIN pg_stat_activity s ON s.pid = l.pid WHERE {LOCK}"
    );
    let rows = reader.query("look who marks a target", &sql, &[(&key_of(database), Type::INT8)]).await.map_err(told)?;
    let Some(row) = rows.first() else { return Ok(None) };
    let text = |at: usize| row.try_get::<_, Option<String>>(at).map_err(unexpected);
    let application = text(1)?.unwrap_or_default();
    let run = application.strip_prefix(APPLICATION_NAME).and_then(|name| RunId::parse(name.trim_start()).ok());
    let pid = row.try_get(0).map_err(unexpected)?;
    Ok(Some(SessionSeen { pid, application, user: text(2)?, address: text(3)?, began: text(4)?, run }))
}

async fn busy(session: &TargetClient, target: &DatabaseAddress) -> Result<Error> {
    let sql = format!(
        "SELECT s.application_name, coalesce(s.usename::text, ''), coalesce(host(s.client_addr), ''), \
         coalesce(to_char(s.backend_start AT TIME ZONE 'UTC', ' \"since\" YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), '') \
         FROM pg_locks l JOIN pg_stat_activity s ON s.pid = l.pid WHERE {LOCK}"
    );
    let rows = session.reader().query("look who holds the target", &sql, &[(&key(target), Type::INT8)]).await.map_err(told)?;
    let Some(row) = rows.first() else {
        return Ok(Code::TargetBusy.error(format!("{target} was held by another run a moment ago")).help("try again").passing());
    };
    let text = |at: usize| row.try_get::<_, String>(at).map_err(unexpected);
    let (name, user, address, since) = (text(0)?, text(1)?, text(2)?, text(3)?);
    let who = match name.strip_prefix(APPLICATION_NAME).map(str::trim).filter(|run| !run.is_empty()) {
        Some(run) => format!("run {run}"),
        None => format!("`{name}`"),
    };
    let from = if address.is_empty() { String::new() } else { format!(" from {address}") };
    let error = Code::TargetBusy.error(format!("{target} is held by {who}, connected as `{user}`{from}{since}"));
    Ok(error.help("wait for that run to end, or cancel it where it was started; only one run works on a target at a time"))
}

fn lost(target: &DatabaseAddress, cause: Error) -> Error {
    let error = Code::LeaseLost.error(format!("the lock on {target} is lost: {}", cause.message));
    error.help("this process has stopped; look at the server, then `restage resume`").because(cause)
}

fn key(target: &DatabaseAddress) -> i64 {
    key_of(target.database.as_str())
}

fn key_of(database: &str) -> i64 {
    let hash = Sha256::new().chain_update("restage target ").chain_update(database).finalize();
    i64::from_be_bytes(hash[..8].try_into().expect("a hash has 32 bytes"))
}
