//! The lock of a history, which a real Flyway takes too. A session of its own holds it, so that no script can give it back.

use std::fmt;
use std::time::Duration;

use restage_pgcopy::connect::{Endpoint, PlainClient, Reader, plain};
use serde::{Deserialize, Serialize};

use super::Cx;
use super::failure::of_server;
use super::reporter::Progress;
use crate::history::Table;
use crate::{Error, Kind, Result};

/// How long to wait before the lock is asked for again.
const RETRY_WAIT: Duration = Duration::from_secs(1);

/// The first major version that limits whole transactions.
const TRANSACTION_TIMEOUT_SINCE: u32 = 17;

/// Who holds the lock of a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process of the server.
    pub pid: i32,
    /// What it calls itself.
    pub application: String,
    /// The role it has logged in as, if it may be known.
    pub user: Option<String>,
    /// The address it comes from; none for a socket.
    pub address: Option<String>,
    /// When its transaction began, or its session if it has none, if that may be known.
    pub since: Option<String>,
    /// What it is doing, such as `idle in transaction`.
    pub state: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "process {} (`{}`", self.pid, self.application)?;
        for (word, part) in [("of", &self.user), ("from", &self.address)] {
            if let Some(part) = part {
                write!(formatter, " {word} `{part}`")?;
            }
        }
        formatter.write_str(")")?;
        if let Some(since) = &self.since {
            write!(formatter, " since {since}")?;
        }
        Ok(())
    }
}

/// The lock, held until it is released or gone with its session.
pub(super) struct Lock {
    client: PlainClient,
    /// Gives the lock back.
    release: String,
}

impl Lock {
    /// Takes the lock, asking for it each second as often as settings say.
    pub(super) async fn take(endpoint: &Endpoint, table: &Table, cx: Cx<'_>) -> Result<Self> {
        let client = cx.stop.race(plain(endpoint)).await.map_err(of_server)?;
        client.run("prepare for the lock", &prepare(cx, client.major())).await.map_err(of_server)?;
        let retries = u32::try_from(cx.settings.lock_retry_count).ok();
        let mut attempts: u32 = 0;
        loop {
            let asked = client.guard(cx.stop, client.reader().rows("take the lock", &table.try_lock(cx.settings))).await;
            if asked.map_err(of_server)?.first().and_then(|row| row.get(0)) == Some("t") {
                let release = if cx.settings.transactional_lock { "COMMIT".to_owned() } else { table.unlock() };
                return Ok(Self { client, release });
            }
            let holder = holder(client.reader(), table).await?;
            if retries.is_some_and(|retries| attempts >= retries) {
                return Err(locked(table, holder.as_ref(), attempts));
            }
            attempts += 1;
            cx.reporter.report(&Progress::Waiting { attempts, holder });
            let waited = async {
                cx.clock.wait(RETRY_WAIT).await;
                Ok(())
            };
            cx.stop.race(waited).await.map_err(of_server)?;
        }
    }

    /// Fails if the lock has gone with its session: somebody else may have it by now.
    pub(super) fn check(&self) -> Result<()> {
        if !self.client.is_closed() {
            return Ok(());
        }
        Err(Kind::Connection
            .error("the session that held the lock of the history was ended")
            .help("look at who ended it in the server's log, then run again"))
    }

    /// Gives the lock back; if that fails, the session's end does.
    pub(super) async fn release(self) {
        let _ = self.client.run("give the lock back", &self.release).await;
    }
}

/// No limit on idle sessions or on waiting is to take the lock away; nothing is set for longer than the lock is held.
fn prepare(cx: Cx<'_>, major: u32) -> String {
    if !cx.settings.transactional_lock {
        return "SET idle_session_timeout = 0".to_owned();
    }
    let newer = if major >= TRANSACTION_TIMEOUT_SINCE { "; SET LOCAL transaction_timeout = 0" } else { "" };
    // Without a snapshot the transaction is in nobody's way.
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0{newer}"
    )
}

/// Who holds the lock, if anybody does.
pub(crate) async fn holder(reader: Reader<'_>, table: &Table) -> Result<Option<Holder>> {
    let key = table.lock_key();
    let sql = format!(
        "SELECT l.pid, a.application_name, a.usename, host(a.client_addr), \
         pg_catalog.date_trunc('second', coalesce(a.xact_start, a.backend_start))::text, a.state \
         FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid) \
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
         AND l.classid::bigint = {} AND l.objid::bigint = {} \
         AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) LIMIT 1",
        (key >> 32) & 0xffff_ffff,
        key & 0xffff_ffff
    );
    let rows = reader.rows("look who holds the lock", &sql).await.map_err(of_server)?;
    let Some(row) = rows.first() else { return Ok(None) };
    let text = |column| row.get(column).map(str::to_owned);
    Ok(Some(Holder {
        pid: text(0).and_then(|pid| pid.parse().ok()).unwrap_or_default(),
        application: text(1).unwrap_or_default(),
        user: text(2),
        address: text(3),
        since: text(4),
        state: text(5),
    }))
}

fn locked(table: &Table, holder: Option<&Holder>, retries: u32) -> Error {
    let who = holder.map_or("somebody else".to_owned(), ToString::to_string);
    let help = match holder {
        Some(holder) => format!(
            "wait until it has ended and run again; if its migrator is dead, end it with `SELECT pg_terminate_backend({})`",
            holder.pid
        ),
        None => "run again".to_owned(),
    };
    Kind::Locked.error(format_args!("the lock of {table} is held by {who}, and was asked for {} times", retries + 1)).help(help)
}
