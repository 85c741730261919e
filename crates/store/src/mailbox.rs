//! What people ask of a run, from other processes than the one that drives it.

use crate::runs;
use crate::store::Store;
use crate::trouble::{self, Trouble};
use jiff::Timestamp;
use restage_core::Result;
use restage_core::name::RunId;
use restage_core::run::{Asked, Person, Request, RequestId, Requests};
use rusqlite::params;

/// A run's open requests in the store.
#[derive(Clone, Debug)]
pub struct Mailbox {
    store: Store,
    run: RunId,
}

impl Store {
    /// The mailbox of that run.
    pub fn mailbox(&self, run: &RunId) -> Mailbox {
        Mailbox { store: self.clone(), run: run.clone() }
    }
}

impl Mailbox {
    /// Leaves a request for the run's driver, present or next; [`restage_core::Code::RunUnknown`] if there is no such run.
    pub async fn ask(&self, request: &Request, by: &Person, at: Timestamp) -> Result<RequestId> {
        let (run, by) = (self.run.clone(), by.clone());
        let json = written(request);
        self.store
            .write(move |transaction| {
                runs::expect(transaction, &run)?;
                transaction.execute(
                    "INSERT INTO requests (run, asked_by, asked_at, request) VALUES (?, ?, ?, ?)",
                    params![run.as_str(), by.0, at.to_string(), json],
                )?;
                Ok(RequestId(transaction.last_insert_rowid()))
            })
            .await
    }

    /// Whether a driver has settled that request.
    pub async fn is_settled(&self, id: RequestId) -> Result<bool> {
        let run = self.run.clone();
        self.store
            .read(move |transaction| {
                let mut statement =
                    transaction.prepare_cached("SELECT 1 FROM requests WHERE id = ? AND run = ? AND settled = 0")?;
                Ok(!statement.exists(params![id.0, run.as_str()])?)
            })
            .await
    }
}

#[async_trait::async_trait]
impl Requests for Mailbox {
    async fn open(&self) -> Result<Vec<Asked>> {
        let run = self.run.clone();
        self.store
            .read(move |transaction| {
                let query = "SELECT id, asked_by, request FROM requests WHERE run = ? AND settled = 0 ORDER BY id";
                let mut statement = transaction.prepare_cached(query)?;
                let rows = statement.query_map([run.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?)))?;
                rows.map(|row| {
                    let (id, by, json) = row?;
                    let request = serde_json::from_str(&json)
                        .map_err(|error| trouble::damaged(format!("request {id} of run `{run}` is unreadable")).because(error))?;
                    Ok::<_, Trouble>(Asked { id: RequestId(id), by: Person(by), request })
                })
                .collect()
            })
            .await
    }

    async fn settle(&self, id: RequestId) -> Result<()> {
        let run = self.run.clone();
        self.store
            .write(move |transaction| {
                let mut statement = transaction.prepare_cached("UPDATE requests SET settled = 1 WHERE id = ? AND run = ?")?;
                statement.execute(params![id.0, run.as_str()])?;
                Ok(())
            })
            .await
    }
}

fn written(request: &Request) -> String {
    serde_json::to_string(request).expect("a request is plain data")
}
