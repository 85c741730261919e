//! User files as trees: YAML with the place of every node, checked against a schema, with every problem collected.
//!
//! A file goes through here in one direction: [`Source`] → tree → templates filled in → checked against the JSON
//! schema of the raw types → raw types. Nothing stops at the first problem: what is broken is marked as doubtful,
//! replaced by a stand-in that fits the schema, and left out of later checks.
//!
//! Other crates read their own files the same way: [`Findings::of`], [`read`], [`deserialize`], then [`At`] beside the raw types.

mod check;
mod cursor;
mod file_kind;
mod findings;
mod problem;
mod schema;
mod secrets;
mod shape;
mod suggest;
mod syntax;
mod text;
mod tree;

pub use check::deserialize;
pub use cursor::At;
pub use file_kind::{FileKind, Values};
pub use findings::{Finding, Findings};
pub use problem::{Problem, Problems, Source};
pub use schema::{Templates, for_editors};
pub use suggest::{did_you_mean, nearest};
pub use text::{FromText, Text};
pub use tree::{Node, read};

pub(crate) use suggest::listed;
pub(crate) use tree::{Computed, Scalar};

/// The largest file of scenarios or environments that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;
/// The greatest number of values and keys in such a file.
pub const MAX_NODES: usize = 20_000;
/// The greatest depth of maps and lists inside each other.
pub const MAX_DEPTH: usize = 64;
/// The greatest number of problems that are reported for one file.
pub const MAX_PROBLEMS: usize = 100;
