//! A command that is a migrator itself.

use crate::scenario::run::Command;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A command that migrates and tells of it, wherever it does so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The command.
    pub command: Command,
    /// Variables added to its environment.
    pub environment: BTreeMap<String, String>,
    /// The working directory, relative to the scenario's folder; that folder where none is given.
    pub directory: Option<PathBuf>,
}
