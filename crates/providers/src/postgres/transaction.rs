//! A job that is one transaction: what is written down before it is committed tells afterwards whether it was.

use super::listing::unexpected;
use super::servers::{Caller, Servers};
use super::trouble::told;
use crate::jobs::JobFolder;
use restage_core::environment::DatabaseAddress;
use restage_core::provider::Fate;
use restage_core::{Code, Error, Result};
use restage_pgcopy::Kind;
use restage_pgcopy::connect::TargetClient;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_postgres::types::Type;

/// How long a transaction whose session was ended may take to be rolled back.
const ROLLBACK_LIMIT: Duration = Duration::from_mins(2);
/// How often is looked at it.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often a server that was lost is asked whether it committed, and the pause between.
const ANSWER_ATTEMPTS: u32 = 10;
const ANSWER_PAUSE: Duration = Duration::from_secs(1);

/// A transaction as the job's folder has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transaction {
    /// The cluster's system identifier.
    system: String,
    /// The transaction's id, as `pg_xact_status` takes it.
    id: String,
    /// The process of its session.
    pid: i32,
    /// The receipt, written down right before the commit.
    receipt: Option<Value>,
}

impl Transaction {
    /// Begins one on the session and writes it down.
    pub(crate) async fn begin(client: &TargetClient, folder: &JobFolder) -> Result<Self> {
        client.run("begin a transaction", "BEGIN").await.map_err(told)?;
        let sql = "SELECT s.system_identifier::text, pg_current_xact_id()::text, pg_backend_pid() FROM pg_control_system() s";
        let rows = client.reader().query("begin a transaction", sql, &[]).await.map_err(told)?;
        let row = rows.first().ok_or_else(|| Code::QueryFailed.error("the server does not tell its transaction"))?;
        let transaction = Self {
            system: row.try_get(0).map_err(unexpected)?,
            id: row.try_get(1).map_err(unexpected)?,
            pid: row.try_get(2).map_err(unexpected)?,
            receipt: None,
        };
        folder.set_transaction(&transaction)?;
        Ok(transaction)
    }

    /// Writes the receipt down, then commits. When the answer is lost the server is asked again, on another session.
    pub(crate) async fn commit(
        mut self,
        client: &TargetClient,
        folder: &JobFolder,
        servers: &Servers,
        address: &DatabaseAddress,
        receipt: Value,
    ) -> Result<Value> {
        let sql = "SELECT pg_current_xact_id_if_assigned()::text";
        let rows = client.reader().query("look at the transaction", sql, &[]).await.map_err(told)?;
        let id: Option<String> = rows.first().map_or(Ok(None), |row| row.try_get(0)).map_err(unexpected)?;
        if id.as_ref() != Some(&self.id) {
            let error = Code::InDoubt.error("the work has ended its own transaction, so nobody knows what of it was committed");
            return Err(error.help("remove what begins or ends transactions from the statements; look at the database"));
        }
        self.receipt = Some(receipt.clone());
        folder.set_transaction(&self)?;
        match client.run("commit", "COMMIT").await {
            Ok(()) => Ok(receipt),
            Err(error) if error.kind == Kind::ConnectionLost => {
                let error = told(error);
                match self.fate_for_certain(servers, address).await {
                    Ok(Fate::Happened) => Ok(receipt),
                    Ok(Fate::Never) => Err(error),
                    Ok(Fate::Unknown) | Err(_) => Err(in_doubt().because(error)),
                }
            }
            Err(error) => Err(told(error)),
        }
    }

    async fn fate_for_certain(&self, servers: &Servers, address: &DatabaseAddress) -> Result<Fate> {
        let mut last = Ok(Fate::Unknown);
        for attempt in 0..ANSWER_ATTEMPTS {
            if attempt > 0 {
                sleep(ANSWER_PAUSE).await;
            }
            last = self.end(servers, address).await;
            if last.is_ok() {
                break;
            }
        }
        last
    }

    /// What became of it. A transaction that is still open has lost its owner: it is ended, and has then never happened.
    pub(crate) async fn end(&self, servers: &Servers, address: &DatabaseAddress) -> Result<Fate> {
        let client = servers.maintain(address, &Caller::looking()).await?;
        let began = Instant::now();
        loop {
            let sql = "SELECT s.system_identifier::text, pg_xact_status($1::text::xid8) FROM pg_control_system() s";
            let rows = client.reader().query("look at a transaction", sql, &[(&self.id, Type::TEXT)]).await;
            let rows = match rows {
                // The server is another one, or was put back to an earlier state: it has not come to that id yet.
                Err(error) if error.sqlstate() == Some("22023") => return Ok(Fate::Unknown),
                rows => rows.map_err(told)?,
            };
            let Some(row) = rows.first() else { return Ok(Fate::Unknown) };
            let (system, status): (String, Option<String>) =
                (row.try_get(0).map_err(unexpected)?, row.try_get(1).map_err(unexpected)?);
            if system != self.system {
                return Ok(Fate::Unknown);
            }
            match status.as_deref() {
                Some("committed") => return Ok(Fate::Happened),
                Some("aborted") => return Ok(Fate::Never),
                Some(_) if began.elapsed() < ROLLBACK_LIMIT => self.terminate(&client).await?,
                // Too old to be remembered.
                _ => return Ok(Fate::Unknown),
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Ends the session that holds it, and no other: its process may have the transaction no longer.
    async fn terminate(&self, client: &TargetClient) -> Result<()> {
        let sql = "SELECT pg_terminate_backend(s.pid) FROM pg_stat_activity s JOIN pg_locks l ON l.pid = s.pid \
                   WHERE s.pid = $1 AND l.locktype = 'transactionid' AND l.transactionid = $2::text::xid8::xid AND l.granted";
        let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] = [(&self.pid, Type::INT4), (&self.id, Type::TEXT)];
        client.reader().query("end a transaction that has lost its owner", sql, &parameters).await.map(drop).map_err(told)
    }
}

/// Rolls back what has failed, so that nothing of it is left when this returns; a session that cannot is closed, which does it too.
pub(crate) async fn roll_back(client: &TargetClient) {
    let _ = tokio::time::timeout(ANSWER_PAUSE, client.run("roll back", "ROLLBACK")).await;
}

/// What became of the transaction of an earlier attempt, which is ended if it is still open.
pub(crate) async fn earlier(folder: &JobFolder, servers: &Servers, address: &DatabaseAddress) -> Result<(Fate, Option<Value>)> {
    let Some(transaction) = folder.transaction::<Transaction>()? else { return Ok((Fate::Never, None)) };
    let fate = transaction.end(servers, address).await?;
    Ok((fate, transaction.receipt))
}

/// The receipt of an earlier attempt that was committed; errs where nobody can tell.
pub(crate) async fn committed(folder: &JobFolder, servers: &Servers, address: &DatabaseAddress) -> Result<Option<Value>> {
    match earlier(folder, servers, address).await? {
        (Fate::Never, _) => Ok(None),
        (Fate::Happened, Some(receipt)) => Ok(Some(receipt)),
        (Fate::Happened, None) | (Fate::Unknown, _) => Err(in_doubt()),
    }
}

fn in_doubt() -> Error {
    Code::InDoubt
        .error("nobody knows whether an earlier attempt was committed")
        .help("look at the database; take what is there of it back by hand, then `restage resume` or `restage undo`")
}
