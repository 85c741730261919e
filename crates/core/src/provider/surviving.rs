//! What of the target survives a refresh: objects that only it has, and kept rows.

use super::own::Own;
use crate::environment::DatabaseAddress;
use crate::facts::ObjectKind;
use crate::scenario::copy_database::{OnCollision, OnConflict, OnMissing};
use crate::schema::{ColumnName, ForeignKey, TableName};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Something only the target has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "delta", rename_all = "kebab-case")]
pub enum Delta {
    /// A table, brought back with its rows, indexes, constraints and triggers.
    Table {
        /// Its name.
        name: TableName,
    },
    /// A view or materialized view.
    View {
        /// Its name.
        name: TableName,
    },
    /// A column of a table that both have; kept rows keep its values, other rows get its default.
    Column {
        /// The table.
        table: TableName,
        /// The column.
        column: ColumnName,
        /// `ADD COLUMN`'s text: name, type, default, NOT NULL.
        definition: String,
    },
    /// A foreign key of a table that both have.
    ForeignKey {
        /// The table.
        table: TableName,
        /// The constraint.
        name: String,
        /// `ADD CONSTRAINT`'s definition.
        definition: String,
    },
    /// Row security that is on, or forced upon the owner too, for a table that both have.
    RowSecurity {
        /// The table.
        table: TableName,
        /// Whether it holds for the table's owner too.
        forced: bool,
    },
    /// Anything else that `pg_dump` lists, such as a function, type, index, trigger, sequence or schema.
    Object {
        /// What it is.
        kind: ObjectKind,
        /// The schema it is in; empty for none.
        schema: String,
        /// Its name as `pg_dump` lists it.
        name: String,
    },
}

impl fmt::Display for Delta {
    /// The delta in a few words: `table `x``, `view `y``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table { name } => write!(f, "table `{name}`"),
            Self::View { name } => write!(f, "view `{name}`"),
            Self::Column { table, column, .. } => write!(f, "column `{table}.{column}`"),
            Self::ForeignKey { table, name, .. } => write!(f, "foreign key `{name}` of `{table}`"),
            Self::RowSecurity { table, forced: false } => write!(f, "row security of `{table}`"),
            Self::RowSecurity { table, forced: true } => write!(f, "forced row security of `{table}`"),
            Self::Object { kind, schema, name } if schema.is_empty() => write!(f, "{} `{name}`", kind.word().to_lowercase()),
            Self::Object { kind, schema, name } => write!(f, "{} `{schema}.{name}`", kind.word().to_lowercase()),
        }
    }
}

/// What of the target survives a refresh.
///
/// Objects and rows go together: rows of the target's own tables may refer to kept rows, and follow them to new keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surviving {
    /// Objects that only the target has, in the order of need.
    pub deltas: Vec<Delta>,
    /// Tables whose rows are kept, referred-to ones before those that refer.
    pub keep: Vec<KeepTable>,
}

/// Deltas to bring back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaSpec {
    /// Where they are.
    pub target: DatabaseAddress,
    /// Where they go.
    pub shadow: Own<DatabaseAddress>,
    /// Which.
    pub surviving: Surviving,
}

/// The receipt of bringing deltas back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deltas {
    /// What was brought back.
    pub restored: Vec<Delta>,
    /// Rows of each table that was brought back.
    pub rows: BTreeMap<TableName, u64>,
}

/// Rows of the target to carry over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepSpec {
    /// Where they are.
    pub target: DatabaseAddress,
    /// Where they go.
    pub shadow: Own<DatabaseAddress>,
    /// Which.
    pub surviving: Surviving,
}

/// One kept table, all choices made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepTable {
    /// The table.
    pub table: TableName,
    /// The columns carried over: those that both sides have once the deltas are back.
    pub columns: Vec<ColumnName>,
    /// The columns among those that production does not have: a row that both have keeps the target's value in them.
    pub own: BTreeSet<ColumnName>,
    /// The columns that are masked on their way out of production: their content says nothing about whether two rows agree.
    pub masked: BTreeSet<ColumnName>,
    /// The primary key.
    pub key: Vec<ColumnName>,
    /// The columns that say that two rows are the same thing; the primary key unless the scenario says otherwise.
    pub matched: Vec<ColumnName>,
    /// Foreign keys to other kept tables and to tables of production.
    pub foreign_keys: Vec<ForeignKey>,
    /// What happens to a row that both have, with different content.
    pub on_conflict: OnConflict,
    /// What happens when a kept row and another thing's row have the same primary key.
    pub on_collision: OnCollision,
    /// What happens to a kept row that refers to a row which will not exist.
    pub on_missing: OnMissing,
}

/// The receipt of carrying kept rows over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What became of each table's rows.
    pub tables: BTreeMap<TableName, KeptTable>,
}

/// What became of one table's kept rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptTable {
    /// Rows the target had.
    pub found: u64,
    /// Rows that production lacked and that were added.
    pub added: u64,
    /// Rows that both had and that are the same.
    pub same: u64,
    /// Rows that both had and where the target's content stays.
    pub kept_target: u64,
    /// Rows that both had and where production's content was taken.
    pub kept_source: u64,
    /// Added rows that got a fresh key.
    pub renumbered: u64,
    /// Rows left out because they refer to what no longer exists.
    pub dropped: u64,
    /// References that became NULL.
    pub nulled: u64,
}
