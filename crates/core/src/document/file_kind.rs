//! What is particular to one kind of file.

use super::{MAX_FILE_BYTES, MAX_NODES};

/// A kind of file: how large it may be, what its values are, and what to do where it is too large or empty.
#[derive(Clone, Copy, Debug)]
pub struct FileKind {
    /// The largest file that is read, in bytes.
    pub max_bytes: usize,
    /// The greatest number of values and keys.
    pub max_nodes: usize,
    /// What its values may be.
    pub values: Values,
    /// What to do if the file is too large.
    pub help_if_large: &'static str,
    /// What to do if the file is empty.
    pub help_if_empty: &'static str,
}

/// What the values of a file may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Some are secrets, which no snippet shows.
    MayBeSecret,
    /// None is a secret, whatever its key is called.
    Open,
}

impl FileKind {
    /// Scenarios and environments.
    pub const CONFIGURATION: Self = Self {
        max_bytes: MAX_FILE_BYTES,
        max_nodes: MAX_NODES,
        values: Values::MayBeSecret,
        help_if_large: "split it into several scenarios",
        help_if_empty: "`restage init` writes example files",
    };
}
