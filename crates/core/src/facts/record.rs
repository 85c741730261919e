//! What is recorded of a schema's version beside its history.

use crate::signal::SchemaVersion;
use serde::{Deserialize, Serialize};

/// What a record says; deciding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordFacts {
    /// The version, if one is recorded.
    pub version: Option<SchemaVersion>,
}

impl RecordFacts {
    /// Whether a database that is as recorded lacks the newest script.
    pub fn is_behind(&self, newest: Option<&SchemaVersion>) -> bool {
        match (&self.version, newest) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(recorded), Some(newest)) => newest.is_above(recorded),
        }
    }
}
