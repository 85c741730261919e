//! The chain of digests: each event's covers all events before it.

use restage_core::name::RunId;
use restage_core::run::Seq;
use sha2::{Digest, Sha256};

/// A SHA-256.
pub(crate) type Sum = [u8; 32];

/// Where a journal has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The place of the next event.
    pub(crate) next: Seq,
    /// The digest of all before it.
    pub(crate) digest: Sum,
}

impl Link {
    /// The link after the event with that JSON.
    pub(crate) fn follow(&self, json: &str) -> Self {
        let sum = Sha256::new().chain_update(self.digest).chain_update(self.next.0.to_be_bytes()).chain_update(json);
        Self { next: Seq(self.next.0 + 1), digest: sum.finalize().into() }
    }
}

/// What the first event is chained to: the run's id, so that no journal passes for another run's.
pub(crate) fn first(run: &RunId) -> Sum {
    Sha256::digest(format!("restage journal {run}")).into()
}
