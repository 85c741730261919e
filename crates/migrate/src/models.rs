//! Models: what an application expects of its tables, written down and compared with a database after migrating.
//!
//! A models file says as much as its author likes, and what it does not say is not compared; where it is strict, what it does
//! not say must not be there either. It is written by hand, or as a snapshot of a good database.
//!
//! ```yaml
//! strict: true
//! tables:
//!   orders:
//!     columns:
//!       id: bigint not null
//!       customer_id: bigint not null
//!       note: character varying(200)
//!     primary-key: [id]
//!     foreign-keys:
//!       - { columns: [customer_id], to: customers, to-columns: [id] }
//! ```

mod data_type;
mod column;
mod written;
mod snapshot;
mod text;
mod compare;

use std::path::PathBuf;

use restage_core::document::{self, FileKind, Findings, Problems, Source, Templates, Values};
use restage_core::schema::{ColumnName, TableName};
use serde_json::Value;

pub use column::{ColumnModel, Nullability};
pub use compare::{Differences, compare};
pub use data_type::DataType;
pub use snapshot::Which;

/// The largest models file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 16 << 20;
/// The greatest number of values and keys in a models file; a column is two.
pub const MAX_NODES: usize = 1_000_000;

const KIND: FileKind = FileKind {
    max_bytes: MAX_FILE_BYTES,
    max_nodes: MAX_NODES,
    values: Values::Open,
    help_if_large: "leave out the tables that no application reads",
    help_if_empty: "`restage migrate snapshot` writes the models of a database",
};

/// What is expected of a database.
#[derive(Clone, Debug)]
pub struct Models {
    /// The file they were read from; a snapshot has none.
    pub file: Option<PathBuf>,
    /// Whether there may be other tables.
    pub strictness: Strictness,
    /// The tables, in the order of the file.
    pub tables: Vec<TableModel>,
}

/// Whether what models do not say may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// It may.
    Partial,
    /// It may not.
    Strict,
}

/// Something that models say, and where.
#[derive(Clone, Debug)]
pub struct Said<T> {
    /// What they say.
    pub value: T,
    /// The line of the file, from 1; a snapshot has none.
    pub line: Option<usize>,
}

/// What is expected of a table.
#[derive(Clone, Debug)]
pub struct TableModel {
    /// Its name.
    pub name: Said<TableName>,
    /// Whether it may have other columns and keys, and columns other limits.
    pub strictness: Strictness,
    /// Columns that it must have, in the order of the file.
    pub columns: Vec<(Said<ColumnName>, ColumnModel)>,
    /// What its primary key must be.
    pub primary_key: Option<Said<Key>>,
    /// Columns that must be unique together.
    pub unique: Vec<Said<Key>>,
    /// Foreign keys that it must have.
    pub foreign_keys: Vec<Said<ForeignKeyModel>>,
}

/// Columns that together are a key.
#[derive(Clone, Debug)]
pub struct Key(pub Vec<ColumnName>);

/// What is expected of a foreign key; its name does not matter.
#[derive(Clone, Debug)]
pub struct ForeignKeyModel {
    /// The referring columns.
    pub columns: Key,
    /// The table referred to.
    pub to: TableName,
    /// The columns referred to, in the order of `columns`; any if nothing is said.
    pub to_columns: Option<Key>,
}

impl Models {
    /// Reads a models file in YAML or JSON, or reports everything that is wrong with it.
    pub fn parse(source: &Source) -> Result<Self, Problems> {
        let mut findings = Findings::of(source, KIND);
        let models = written::read(source, &mut findings);
        findings.into_result(models)
    }

    /// The JSON schema of a models file, for editors.
    pub fn schema() -> Value {
        document::for_editors::<written::WrittenModels>(Templates::Refused)
    }
}

impl Key {
    /// Whether both have the same columns; their order makes a key quicker to read, not another key.
    pub fn is_of(&self, columns: &[ColumnName]) -> bool {
        self.0.len() == columns.len() && self.0.iter().all(|column| columns.contains(column))
    }
}
