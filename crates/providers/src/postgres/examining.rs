//! What somebody who only looks sees of a database that is migrated, and what can be done about it.

use super::migrating::{examining as migrating, settings};
use super::servers::{Caller, Servers};
use super::{lease, sessions};
use crate::migrator::{Access, first_of};
use restage_core::Result;
use restage_core::diagnosis::{DatabaseSeen, Extent, Observed, Protection, SessionOn};
use restage_core::environment::DatabaseAddress;
use restage_core::error::Failure;
use restage_core::scenario::migrations::Scripts;
use std::path::PathBuf;
use std::time::Duration;

/// How long a session that was told to end may take.
const END_LIMIT: Duration = Duration::from_secs(10);

/// A database with its scripts.
#[derive(Clone, Debug)]
pub struct Patient {
    /// The name by which people know it.
    pub name: String,
    /// Where it is.
    pub address: DatabaseAddress,
    /// Whether it may be changed.
    pub protection: Protection,
    /// The scripts; without locations and configuration the history is not compared.
    pub scripts: Scripts,
    /// The folder that their places are relative to.
    pub folder: PathBuf,
}

/// Looks at the database on sessions that can only read.
pub(crate) async fn look(access: &Access, patient: &Patient) -> Result<DatabaseSeen> {
    let Patient { address, scripts, folder, .. } = patient;
    let client = access.servers.read(address).await?;
    let reader = client.reader();
    let models = match migrating::differences(reader, scripts, folder).await {
        Ok(None) => Observed::NotAsked,
        Ok(Some(differences)) => Observed::Seen(differences),
        Err(error) => Observed::from(Err(error)),
    };
    let (lock, history) = match settings(access, scripts, folder).await {
        Ok(settings) => (
            Observed::from(migrating::lock(reader, &settings).await),
            Observed::from(migrating::history(reader, address, &settings).await),
        ),
        Err(errors) => {
            let failure = Failure::from(&first_of(errors));
            (Observed::Failed(failure.clone()), Observed::Failed(failure))
        }
    };
    let mark = Observed::from(mark(&access.servers, address).await);
    Ok(DatabaseSeen { name: patient.name.clone(), protection: patient.protection, lock, mark, history, models })
}

async fn mark(servers: &Servers, address: &DatabaseAddress) -> Result<Option<restage_core::diagnosis::SessionSeen>> {
    let client = servers.read(&address.named(address.maintenance_database.clone())).await?;
    lease::session(client.reader(), address.database.as_str()).await
}

/// Ends a session, unless it is another one by now.
pub(crate) async fn end(servers: &Servers, address: &DatabaseAddress, on: SessionOn, pid: i32, began: &str) -> Result<()> {
    let client = match on {
        SessionOn::Database => servers.write(address, &Caller::looking()).await?,
        SessionOn::Maintenance => servers.maintain(address, &Caller::looking()).await?,
    };
    sessions::end_one(&client, pid, began, END_LIMIT).await
}

/// Repairs the history, if what is to be done is what was shown.
pub(crate) async fn repair(access: &Access, patient: &Patient, extent: Extent, shown: &[String]) -> Result<()> {
    migrating::repair(access, &patient.address, &patient.scripts, &patient.folder, extent, shown).await
}
