//! What people should know before they agree to a plan.

use serde::{Deserialize, Serialize};

/// Something that was noticed while planning and that does not forbid the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// The stage it is about.
    pub stage: String,
    /// What was noticed.
    pub message: String,
    /// What could be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Read this before agreeing.
    Warning,
    /// A choice that was made, and what it means.
    Note,
}
