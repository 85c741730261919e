//! Subscriptions that were copied along: a database that has any cannot be dropped.

use super::listing::{Listed, unexpected};
use super::servers::{Caller, Servers};
use super::trouble::told;
use restage_core::Result;
use restage_core::environment::DatabaseAddress;
use restage_core::schema::quote_identifier;
use restage_pgcopy::connect::TargetClient;
use tokio_postgres::types::Type;

/// Drops every subscription of a database that is about to be dropped, without touching what it subscribed to.
pub(super) async fn drop_all(servers: &Servers, client: &TargetClient, found: &Listed, address: &DatabaseAddress) -> Result<()> {
    let sql = "SELECT subname::text FROM pg_subscription WHERE subdbid = $1";
    let rows = client.reader().query("list the subscriptions", sql, &[(&found.oid, Type::OID)]).await.map_err(told)?;
    if rows.is_empty() {
        return Ok(());
    }
    let database = quote_identifier(&found.name);
    let open = format!("ALTER DATABASE {database} ALLOW_CONNECTIONS true");
    client.run(format!("open `{}`", found.name), &open).await.map_err(told)?;
    let inside = servers.write(address, &Caller::looking()).await?;
    for row in &rows {
        let name: String = row.try_get(0).map_err(unexpected)?;
        let quoted = quote_identifier(&name);
        // Without its slot a subscription is dropped without a word to the publisher.
        let sql = format!(
            "ALTER SUBSCRIPTION {quoted} DISABLE; ALTER SUBSCRIPTION {quoted} SET (slot_name = NONE); DROP SUBSCRIPTION {quoted}"
        );
        inside.run(format!("drop the subscription `{name}`"), &sql).await.map_err(told)?;
    }
    Ok(())
}
