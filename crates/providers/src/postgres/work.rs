//! The kinds of long work on databases: each performed, settled after a crash, and judged.

use super::comparing;
use super::fill;
use super::in_place;
use super::listing::list;
use super::mark::Role;
use super::servers::Caller;
use super::{Postgres, migrating, sessions, sql, surviving, transaction};
use crate::jobs::{JobFolder, Keepers, Teller};
use futures::TryFutureExt;
use futures::future::BoxFuture;
use restage_core::Result;
use restage_core::environment::DatabaseAddress;
use restage_core::name::JobName;
use restage_core::provider::{Fate, FillSpec, Filled, Queues, Work};
use restage_pgcopy::connect::APPLICATION_NAME;
use restage_pgcopy::stop::Stop;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How long sessions of work that was stopped may take to end.
const LEAVE_LIMIT: Duration = Duration::from_secs(30);

/// What work is done in.
pub(crate) struct Setting {
    /// Its name.
    pub(crate) job: JobName,
    /// Where it writes down what must survive a crash.
    pub(crate) folder: JobFolder,
    /// Who keeps its snapshot.
    pub(crate) keepers: Keepers,
    /// Where it may tell of itself.
    pub(crate) queues: Option<Arc<dyn Queues>>,
    /// Ends it early.
    pub(crate) stop: Stop,
    /// Hears of progress.
    pub(crate) reporter: Teller,
}

impl Postgres {
    /// Does the work and returns its receipt.
    pub(crate) async fn perform(&self, work: &Work, setting: Setting) -> Result<Value> {
        let (servers, setting) = (self.servers(), &setting);
        let done: BoxFuture<'_, Result<Value>> = match work {
            Work::Fill(spec) => Box::pin(fill::fill(servers, spec, setting).map_ok(receipt)),
            Work::Deltas(spec) => Box::pin(surviving::deltas(servers, spec, setting).map_ok(receipt)),
            Work::Keep(spec) => Box::pin(surviving::keep(servers, spec, setting).map_ok(receipt)),
            Work::Verify(spec) => Box::pin(comparing::compare(servers, spec, setting).map_ok(receipt)),
            Work::InPlace(spec) => Box::pin(in_place::refresh(servers, spec, setting)),
            Work::Migrate(spec) => Box::pin(migrating::migrate(self.access(), spec, setting).map_ok(receipt)),
            Work::Sql(spec) => Box::pin(sql::run(servers, spec, setting)),
            Work::Command(_) => unreachable!("commands are followed, not performed"),
        };
        // A statement that failed may hold what a placeholder stands for, and servers quote statements.
        done.await.map_err(|error| self.access().without_secrets(&error))
    }

    /// Whether what a receipt tells of is still there, so that the work need not be done again.
    pub(crate) async fn still_holds(&self, work: &Work, receipt: &Value) -> Result<bool> {
        match work {
            Work::Fill(spec) => self.is_filled(spec, receipt).await,
            Work::Deltas(_) | Work::Keep(_) | Work::InPlace(_) | Work::Migrate(_) | Work::Sql(_) | Work::Command(_) => Ok(true),
            // What was seen may have changed.
            Work::Verify(_) => Ok(false),
        }
    }

    async fn is_filled(&self, spec: &FillSpec, receipt: &Value) -> Result<bool> {
        let Ok(filled) = serde_json::from_value::<Filled>(receipt.clone()) else { return Ok(false) };
        let shadow = spec.shadow.get();
        let client = self.servers().maintain(shadow, &Caller::run(&spec.run)).await?;
        let listing = list(&client).await?;
        let comment = listing.find(shadow.database.as_str()).map(super::listing::Listed::comment).unwrap_or_default();
        let role = comment.mark_of(&spec.run).map(|mark| &mark.role);
        Ok(matches!(role, Some(Role::Filled(origin)) if origin.data_at == filled.snapshot_at && origin.source == filled.source))
    }

    /// Makes sure that nothing of work which an earlier process began goes on.
    pub(crate) async fn settle(&self, work: &Work, job: &JobName, folder: &JobFolder) -> Result<()> {
        match work {
            Work::Fill(spec) => self.clear_out(spec.shadow.get(), job).await,
            Work::Deltas(spec) => self.clear_out(spec.shadow.get(), job).await,
            Work::Keep(spec) => self.clear_out(spec.shadow.get(), job).await,
            Work::Verify(spec) => self.clear_out(spec.shadow.get(), job).await,
            Work::InPlace(spec) => transaction::earlier(folder, self.servers(), &spec.target).await.map(drop),
            Work::Migrate(spec) => self.end_sessions(&spec.address, vec![Caller::job(job).as_str().to_owned()]).await,
            Work::Sql(spec) => transaction::earlier(folder, self.servers(), &spec.address).await.map(drop),
            Work::Command(_) => Ok(()),
        }
    }

    /// Ends the copy engine's sessions on a shadow, and the job's own.
    async fn clear_out(&self, shadow: &DatabaseAddress, job: &JobName) -> Result<()> {
        self.end_sessions(shadow, [APPLICATION_NAME, Caller::job(job).as_str()].map(str::to_owned).to_vec()).await
    }

    /// Ends the sessions of these names on a database, if it is there.
    async fn end_sessions(&self, address: &DatabaseAddress, names: Vec<String>) -> Result<()> {
        let client = self.servers().maintain(address, &Caller::looking()).await?;
        let listing = list(&client).await?;
        let Some(found) = listing.find(address.database.as_str()) else { return Ok(()) };
        sessions::end_named(&client, found.oid, &names, LEAVE_LIMIT).await
    }

    /// What became of work that left no receipt.
    pub(crate) async fn fate(&self, work: &Work, folder: &JobFolder) -> Result<Fate> {
        let address = match work {
            Work::InPlace(spec) => &spec.target,
            Work::Sql(spec) => &spec.address,
            // A shadow may hold part of it, and some scripts of many may have been applied.
            Work::Fill(_) | Work::Deltas(_) | Work::Keep(_) | Work::Verify(_) | Work::Migrate(_) | Work::Command(_) => {
                return Ok(Fate::Unknown);
            }
        };
        Ok(transaction::earlier(folder, self.servers(), address).await?.0)
    }
}

fn receipt(done: impl serde::Serialize) -> Value {
    serde_json::to_value(done).expect("receipts are plain data")
}
