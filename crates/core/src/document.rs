//! User files as trees: YAML with the place of every node, checked against a schema, with every problem collected.
//!
//! A file goes through here in one direction: [`Source`] → tree → templates filled in → checked against the JSON
//! schema of the raw types → raw types. Nothing stops at the first problem: what is broken is marked as doubtful,
//! replaced by a stand-in that fits the schema, and left out of later checks.

mod check;
mod cursor;
mod findings;
mod problem;
mod schema;
mod secrets;
mod shape;
mod suggest;
mod syntax;
mod text;
mod tree;

pub use problem::{Problem, Problems, Source};

pub(crate) use check::deserialize;
pub(crate) use cursor::At;
pub(crate) use findings::Findings;
pub(crate) use schema::{Templates, for_editors};
pub(crate) use suggest::{did_you_mean, listed};
pub(crate) use text::{FromText, Text};
pub(crate) use tree::{Computed, Node, Scalar, read};

/// The largest file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;
/// The greatest number of values and keys in a file.
pub const MAX_NODES: usize = 20_000;
/// The greatest depth of maps and lists inside each other.
pub const MAX_DEPTH: usize = 64;
/// The greatest number of problems that are reported for one file.
pub const MAX_PROBLEMS: usize = 100;
