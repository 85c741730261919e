//! What is expected of a plan: shown before the run, never decided upon.

use super::Finding;
use crate::name::StepId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Estimates and findings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// What people should know.
    pub findings: Vec<Finding>,
    /// Estimates, for the steps that have one.
    pub steps: BTreeMap<StepId, StepOutlook>,
}

/// What is expected of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepOutlook {
    /// Rows it will move.
    pub rows: u64,
    /// Bytes it will move, as the source stores them.
    pub bytes: u64,
    /// Seconds it may take, at [`COPY_BYTES_PER_SECOND`], [`INDEX_BYTES_PER_SECOND`] and [`TABLES_PER_SECOND`]; real servers differ
    /// by a factor of three either way.
    pub seconds: f64,
}

/// Rows copied per second on two busy cores, in bytes as the source stores them.
pub const COPY_BYTES_PER_SECOND: f64 = 120e6;
/// Indexes built per second on two busy cores, in bytes of index.
pub const INDEX_BYTES_PER_SECOND: f64 = 60e6;
/// Tables made per second on two busy cores, each with a sequence, two indexes and a foreign key; their rows come on top.
pub const TABLES_PER_SECOND: f64 = 4e2;
