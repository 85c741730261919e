//! Conditions, looked at once.

pub(crate) mod command;
mod http;
mod query;
mod tcp;

#[cfg(test)]
pub(crate) mod page;

use crate::postgres::Servers;
use restage_core::provider::{Condition, Look, Probes};
use restage_core::{Code, Result};
use std::path::Path;
use std::time::Duration;

/// How long one look may take.
pub const LOOK_LIMIT: Duration = Duration::from_secs(10);
/// The greatest part of an answer that is shown, in characters.
const SEEN_CHARS: usize = 200;

/// Looks from this machine.
#[derive(Clone, Debug)]
pub struct LocalProbes {
    servers: Servers,
    client: reqwest::Client,
}

impl LocalProbes {
    /// Reaches databases through these connections.
    pub fn new(servers: Servers) -> Result<Self> {
        Ok(Self { servers, client: crate::http::client(LOOK_LIMIT, vec![])? })
    }
}

#[async_trait::async_trait]
impl Probes for LocalProbes {
    async fn look(&self, condition: &Condition) -> Result<Look> {
        match condition {
            Condition::Http { url, status, contains } => http::look(&self.client, url, *status, contains.as_deref()).await,
            Condition::Sql { address, query, returns } => query::look(&self.servers, address, query, returns.as_deref()).await,
            Condition::Tcp { address } => Ok(tcp::look(address).await),
            Condition::File { path } => file(path).await,
            Condition::Command(spec) => command::look(spec, &self.servers).await,
        }
    }
}

async fn file(path: &Path) -> Result<Look> {
    match tokio::fs::try_exists(path).await {
        Ok(true) => Ok(Look::Holds(format!("`{}` exists", path.display()))),
        Ok(false) => Ok(Look::NotYet(format!("`{}` does not exist", path.display()))),
        Err(cause) => Err(Code::FileUnreadable
            .error(format!("nobody can tell whether `{}` exists", path.display()))
            .help("check the permissions of its folders")
            .because(cause)),
    }
}

/// What was seen, short enough to be shown in one line.
fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SEEN_CHARS { line } else { format!("{}…", line.chars().take(SEEN_CHARS).collect::<String>()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_seen_once_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready");
        assert!(matches!(file(&path).await.unwrap(), Look::NotYet(seen) if seen.ends_with("does not exist")));
        std::fs::write(&path, "").unwrap();
        assert!(matches!(file(&path).await.unwrap(), Look::Holds(_)));
    }

    #[test]
    fn long_answers_are_cut_and_become_one_line() {
        assert_eq!(short("a\n b"), "a b");
        assert_eq!(short(&"x".repeat(500)).chars().count(), SEEN_CHARS + 1);
    }
}
