//! Drops a database, sessions and all.
//!
//! A server makes a checkpoint before it removes the files, which takes as long as its disk needs for all that others have written.
//! Whoever is told so may leave then: nothing can be refused any more, and the server goes on alone.

use super::listing::Listed;
use super::servers::{Caller, Servers};
use super::shadow::{LEAVE_LIMIT, LOCK_LIMIT};
use super::trouble::told;
use super::{sessions, subscriptions};
use restage_core::Result;
use restage_core::environment::DatabaseAddress;
use restage_core::provider::{Gone, Stay};
use restage_core::schema::quote_identifier;
use restage_pgcopy::Kind;
use restage_pgcopy::connect::TargetClient;
use std::future::pending;
use std::time::Duration;
use tokio::time::sleep;

/// How often is looked whether the checkpoint has begun.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A database that is being dropped.
struct Dropping<'a> {
    servers: &'a Servers,
    client: &'a TargetClient,
    address: &'a DatabaseAddress,
    doing: String,
    stay: Stay,
}

/// Drops it; `client` is a session on another database of that server.
pub(super) async fn drop_one(
    servers: &Servers,
    client: &TargetClient,
    found: &Listed,
    address: &DatabaseAddress,
    stay: Stay,
) -> Result<Gone> {
    let name = quote_identifier(&found.name);
    let dropping = Dropping { servers, client, address, doing: format!("drop `{}`", found.name), stay };
    client.run("limit waiting", &format!("SET lock_timeout = {}", LOCK_LIMIT.as_millis())).await.map_err(told)?;
    if found.is_template {
        client.run(&dropping.doing, &format!("ALTER DATABASE {name} IS_TEMPLATE false")).await.map_err(told)?;
    }
    subscriptions::drop_all(servers, client, found, address).await?;
    match dropping.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await {
        // One of the sessions is of a role that this one may not end.
        Err(error) if error.kind == Kind::PermissionDenied => {}
        done => return done.map_err(told),
    }
    client.run(&dropping.doing, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await.map_err(told)?;
    sessions::end_all(client, &[found.oid], LEAVE_LIMIT).await?;
    dropping.run(&format!("DROP DATABASE IF EXISTS {name}")).await.map_err(told)
}

impl Dropping<'_> {
    async fn run(&self, sql: &str) -> restage_pgcopy::Result<Gone> {
        let may_leave = self.stay == Stay::UntilCertain && self.client.outlive().await.is_ok();
        tokio::select! {
            done = self.client.run(&self.doing, sql) => done.map(|()| Gone::Now),
            () = self.begins_checkpoint(), if may_leave => Ok(Gone::Soon),
        }
    }

    /// Returns once the session waits for its checkpoint; never, where that cannot be seen.
    async fn begins_checkpoint(&self) {
        if self.sees_checkpoint().await.is_none() {
            pending::<()>().await;
        }
    }

    async fn sees_checkpoint(&self) -> Option<()> {
        let sql = format!(
            "SELECT FROM pg_catalog.pg_stat_activity WHERE pid = {} AND wait_event IN ('CheckpointStart', 'CheckpointDone')",
            self.client.process()?
        );
        let watcher = self.servers.maintain(self.address, &Caller::looking()).await.ok()?;
        while watcher.reader().rows("look at a session", &sql).await.ok()?.is_empty() {
            sleep(LOOK_EVERY).await;
        }
        Some(())
    }
}
