//! Ownership as a type.

use serde::{Deserialize, Serialize};

/// Proof that this run made the thing; only what is owned can be deleted.
///
/// A provider returns one from creating a thing, or after reading this run's tag off it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Own<T>(T);

impl<T> Own<T> {
    /// The thing.
    pub fn get(&self) -> &T {
        &self.0
    }
    /// For providers only, after they created the thing or read the run's tag off it.
    pub fn tagged(thing: T) -> Self {
        Self(thing)
    }
}
