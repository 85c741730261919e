//! Connections: where a database is, how it is reached, and what may be done there.
//!
//! A [`SourceClient`] can only read; a [`TargetClient`] is a `tokio_postgres::Client` with a few things more; a [`PlainClient`] is
//! what an application would have. All end what they are doing on the server when they are gone: at once when cancelled, within
//! [`WATCH_CLIENT`] when their process dies.

mod certificates;
mod copy_stream;
mod endpoint;
mod session;
mod notices;
mod plain;
mod socket;
mod tap;

pub use copy_stream::{CopyIn, CopyOut};
pub use endpoint::{Endpoint, Tls, TlsMode};
pub use notices::{Notice, Waiting};
pub use plain::{PlainClient, plain};
pub use session::{Reader, SourceClient, TargetClient, source, target};
pub use tap::{Block, Boundaries};

use std::time::Duration;

/// The name under which sessions show in `pg_stat_activity`.
pub const APPLICATION_NAME: &str = "restage";

/// How long reaching a server and logging in may take.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// How long a statement waits for a lock on the source, so that it never queues before production's own sessions for long.
pub const SOURCE_LOCK_LIMIT: Duration = Duration::from_secs(30);

/// How often a server looks whether the process at the other end still lives while a statement runs.
pub const WATCH_CLIENT: Duration = Duration::from_secs(1);
