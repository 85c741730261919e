//! What only one run may work on at a time.

use restage_core::environment::{DatabaseAddress, Endpoint};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The key of a target: two addresses of the same text are the same target, whoever connects.
///
/// One place can have several texts (a name and its IP address); the mark on the target itself is for those.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TargetKey(String);

impl TargetKey {
    /// The key of a database: `host:port/name`, the host in lower case.
    pub fn of(address: &DatabaseAddress) -> Self {
        let place = match &address.endpoint {
            Endpoint::Tcp { .. } => address.endpoint.to_string().to_lowercase(),
            Endpoint::Socket { .. } => address.endpoint.to_string(),
        };
        Self(format!("{place}/{}", address.database))
    }
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for TargetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
