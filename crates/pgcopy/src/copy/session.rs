//! Sessions as copying needs them.

use super::Route;
use crate::Result;
use crate::connect::{self, SourceClient, TargetClient};

/// What is made may refer to what is not there yet, nothing hides rows, and what says nothing of its place goes where the
/// database is.
const MAKING: &str = "SET check_function_bodies = off; SET row_security = off; SET lock_timeout = 0; \
     SET default_transaction_read_only = off; SET default_tablespace = ''; SET default_table_access_method = heap";
/// Nobody needs the shadow before it is swapped in, which makes all of it durable.
const IN_A_SHADOW: &str = "SET synchronous_commit = off";
/// Long values are compressed in the way that costs the server least, where neither their columns nor a role or database has a
/// will of its own.
const QUICK_COMPRESSION: &str = "SELECT set_config('default_toast_compression', 'lz4', false) FROM pg_settings \
                                 WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals) AND source IN ('default', 'configuration file')";

/// Text of no known encoding passes as it is; all other text is UTF-8 on the way, whatever the servers store.
const UNKNOWN_ENCODING: &str =
    "SELECT set_config('client_encoding', 'SQL_ASCII', false) WHERE current_setting('server_encoding') = 'SQL_ASCII'";

pub(super) async fn source(route: &Route) -> Result<SourceClient> {
    let client = connect::source(&route.source).await?;
    client.reader().rows("set the encoding", UNKNOWN_ENCODING).await?;
    Ok(client)
}

pub(super) async fn target(route: &Route) -> Result<TargetClient> {
    let client = connect::target(&route.target).await?;
    client.run("set the session up", &format!("{MAKING}; {IN_A_SHADOW}; {QUICK_COMPRESSION}; {UNKNOWN_ENCODING}")).await?;
    Ok(client)
}

/// Readies a session that is used for more than this.
pub(super) async fn ready(client: &TargetClient) -> Result<()> {
    client.run("set the session up", MAKING).await
}
