//! The snapshot that everything is read in, and who keeps it.

use crate::connect::{self, Endpoint, Reader, SourceClient};
use crate::facts::{export_snapshot, identity};
use crate::stop::Stop;
use crate::{Kind, Result};
use jiff::Timestamp;
use restage_core::facts::Identity;
use restage_core::schema::TableName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A snapshot of a source, by which others can read in it for as long as somebody keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The server's name for it; the server may give it to another one later.
    pub name: String,
    /// When it was taken, by the server's clock.
    pub taken_at: Timestamp,
    /// Of which database.
    pub source: Identity,
    /// Which transactions are visible in it, as `pg_current_snapshot` prints it: a server that was restarted gives the same
    /// names out again.
    #[serde(default)]
    pub visible: String,
}

/// Who keeps the snapshot of a copy.
#[derive(Clone, Copy, Debug)]
pub enum Keeping<'a> {
    /// The copy itself: with it, the snapshot is gone, and what was filled until then is worth nothing.
    Itself,
    /// A [`SnapshotKeeper`] that may outlive the copy. What is finished is written down in the target, and the next copy in the
    /// same snapshot goes on from there.
    Another(&'a Snapshot),
}

/// A session that keeps a snapshot, and tables of it from being changed or emptied.
pub struct SnapshotKeeper {
    client: SourceClient,
    snapshot: Snapshot,
}

impl SnapshotKeeper {
    /// Takes a snapshot, after locking those of the tables that there are as readers do.
    pub async fn open(source: &Endpoint, tables: &BTreeSet<TableName>, stop: &Stop) -> Result<Self> {
        let client = stop.race(connect::source(source)).await?;
        let tables = lockable(client.reader(), tables).await?;
        client.guard(stop, client.begin_locking(&tables)).await?;
        let snapshot = export(client.reader()).await?;
        Ok(Self { client, snapshot })
    }

    /// What it keeps.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Whether the session is over, and the snapshot with it.
    pub fn is_lost(&self) -> bool {
        self.client.is_closed()
    }
}

/// A session that reads in a snapshot, which others can read in for as long as the session lasts.
pub(super) struct Reading {
    pub(super) client: SourceClient,
    /// What the session itself has exported.
    pub(super) name: String,
    pub(super) taken_at: Timestamp,
    pub(super) identity: Identity,
}

/// Begins to read a source. In another's snapshot, the session takes part in keeping it: that the other ends harms it no more.
pub(super) async fn read(source: &Endpoint, tables: &BTreeSet<TableName>, keeping: Keeping<'_>, stop: &Stop) -> Result<Reading> {
    match keeping {
        Keeping::Itself => {
            let SnapshotKeeper { client, snapshot } = SnapshotKeeper::open(source, tables, stop).await?;
            Ok(Reading { client, name: snapshot.name, taken_at: snapshot.taken_at, identity: snapshot.source })
        }
        Keeping::Another(kept) => {
            let client = stop.race(connect::source(source)).await?;
            client.begin(Some(&kept.name)).await?;
            let tables = lockable(client.reader(), tables).await?;
            client.guard(stop, client.lock(&tables)).await?;
            let own = export(client.reader()).await?;
            expect(source, &own, kept)?;
            Ok(Reading { client, name: own.name, taken_at: kept.taken_at, identity: own.source })
        }
    }
}

/// Refuses another snapshot that has the name of the one that is kept.
fn expect(source: &Endpoint, found: &Snapshot, kept: &Snapshot) -> Result<()> {
    if found.source != kept.source {
        let (found, wanted) = (&found.source, &kept.source);
        return Err(Kind::SnapshotLost.error(format!("{source} is the database {found}, and the snapshot is of {wanted}")));
    }
    if found.visible != kept.visible {
        let Snapshot { name, taken_at, .. } = kept;
        return Err(
            Kind::SnapshotLost.error(format!("the snapshot `{name}` of {source} is not the one that was taken at {taken_at}"))
        );
    }
    Ok(())
}

async fn export(source: Reader<'_>) -> Result<Snapshot> {
    let name = export_snapshot(source).await?;
    let sql = "SELECT (extract(epoch FROM now()) * 1000000)::int8, pg_current_snapshot()::text";
    let row = source.query("look at the snapshot", sql, &[]).await?.remove(0);
    let taken_at = Timestamp::from_microsecond(row.get(0)).unwrap_or_default();
    Ok(Snapshot { name, taken_at, source: identity(source).await?, visible: row.get(1) })
}

/// The tables whose structure and rows must hold still: a lock like that of any reader keeps others from changing or emptying
/// them, which a snapshot alone does not.
async fn lockable(source: Reader<'_>, wanted: &BTreeSet<TableName>) -> Result<Vec<TableName>> {
    let sql = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";
    let rows = source.query("list the tables", sql, &[]).await?;
    let names = rows.iter().map(|row| TableName::new(row.get::<_, String>(0), row.get::<_, String>(1)));
    Ok(names.filter(|name| wanted.contains(name)).collect())
}
