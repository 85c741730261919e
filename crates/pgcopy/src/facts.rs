//! What can be observed of a database, read-only, before anything is planned.

mod conditions;
mod estimates;
mod free_space;
mod identity;
mod migrations;
mod privileges;
mod trials;

pub use conditions::try_conditions;
pub(crate) use conditions::{filtered, search_path};
pub(crate) use estimates::tables as table_estimates;
pub use free_space::free_space;
pub use identity::identity;
pub use migrations::histories;
pub use privileges::unreadable;
pub use trials::{Masks, try_masks};

use crate::Result;
use crate::archive::{Archive, Archives};
use crate::catalog;
use crate::connect::{Reader, SourceClient};
use crate::stop::Stop;
use crate::tools::Tools;
use restage_core::facts::{DatabaseFacts, Privileges, structure_digest};
use std::collections::{BTreeMap, BTreeSet};

/// Observes the session's database: structure, migrations, privileges and sizes of one moment.
///
/// `tools` must be the same for two databases that are to be compared, for `pg_dump`'s versions print some objects differently.
/// Free space stays unknown; [`free_space()`] looks for it, where it matters.
pub async fn gather_database(client: &SourceClient, archives: &Archives, tools: &Tools, stop: &Stop) -> Result<DatabaseFacts> {
    client.begin(None).await?;
    let snapshot = export_snapshot(client.reader()).await?;
    let privileges = privileges::read(client.reader()).await?;
    let unreadable = privileges.unreadable.clone();
    // `pg_dump` has a session of its own, and this one would only wait for it. What fails here fails whatever comes after it in
    // the transaction, and says why.
    let looking = async {
        let reading = archives.within(client, &snapshot, &unreadable, tools, stop);
        let (archive, facts) = tokio::join!(reading, observe(client.reader(), privileges));
        let facts = facts?;
        Ok((archive?, facts))
    };
    let (archive, facts) = client.guard(stop, looking).await?;
    client.end().await?;
    archives.keep_schema(&archive, &facts.schema);
    Ok(DatabaseFacts { objects: archive.objects(), ..facts })
}

/// Makes the transaction's snapshot available to other sessions, for as long as the transaction lasts.
pub async fn export_snapshot(reader: Reader<'_>) -> Result<String> {
    let rows = reader.query("export a snapshot", "SELECT pg_export_snapshot()", &[]).await?;
    Ok(rows[0].get(0))
}

/// The digest of a structure that a plan keeps and a copy compares: [`structure_digest`] of everything `pg_dump` lists.
pub fn schema_digest(archive: &Archive) -> String {
    structure_digest(&archive.objects())
}

/// Everything but the objects.
async fn observe(reader: Reader<'_>, privileges: Privileges) -> Result<DatabaseFacts> {
    let about = identity::about(reader).await?;
    let schema = catalog::read(reader).await?;
    let migrations = histories(reader, &schema, &privileges.unreadable).await?;
    Ok(DatabaseFacts {
        identity: about.identity,
        server_version: about.server_version,
        in_recovery: about.in_recovery,
        encoding: about.encoding,
        locale: about.locale,
        owner: about.owner,
        user: about.user,
        is_template: about.is_template,
        server_roles: names(reader, "list the roles", "SELECT rolname FROM pg_roles").await?,
        available_extensions: names(reader, "list the available extensions", "SELECT name FROM pg_available_extensions").await?,
        logical_slots: names(reader, "list the replication slots", SLOTS).await?,
        prepared_transactions: names(reader, "list the prepared transactions", PREPARED).await?,
        estimates: estimates::read(reader, about.in_recovery).await?,
        objects: BTreeMap::new(),
        schema,
        privileges,
        migrations,
    })
}

const SLOTS: &str = "SELECT slot_name FROM pg_replication_slots WHERE slot_type = 'logical' AND database = current_database()";
const PREPARED: &str = "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()";

async fn names(reader: Reader<'_>, doing: &str, sql: &str) -> Result<BTreeSet<String>> {
    let rows = reader.query(doing, sql, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
