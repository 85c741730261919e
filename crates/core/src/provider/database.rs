//! Databases: places, the shadow, the swap, and what copying needs to know and tells.

use super::own::Own;
use crate::environment::{DatabaseAddress, SecretRef};
use crate::error::Result;
use crate::facts::{Identity, ObjectKind};
use crate::mask::Mask;
use crate::name::RunId;
use crate::scenario::copy_database::{OnCollision, OnConflict, OnMissing, Verify};
use crate::schema::{ColumnName, ForeignKey, TableName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// Creates, drops and swaps databases.
#[async_trait::async_trait]
pub trait Databases: Send + Sync {
    /// Creates the shadow beside the target: same owner, encoding, locale and settings, tagged with the run.
    async fn ensure_shadow(&self, spec: &ShadowSpec, run: &RunId) -> Result<Own<DatabaseAddress>>;
    /// The database at that address, if it carries this run's tag.
    async fn find_own(&self, address: &DatabaseAddress, run: &RunId) -> Result<Option<Own<DatabaseAddress>>>;
    /// Drops it, sessions and all.
    async fn ensure_dropped(&self, database: Own<DatabaseAddress>) -> Result<()>;
    /// Puts the shadow in the target's place by renaming both in one transaction; the old one stays under its new name, closed.
    async fn swap(&self, spec: &SwapSpec, run: &RunId) -> Result<Swapped>;
    /// Renames back: the old database is the target again, the refreshed one the shadow. Nothing to do is no error.
    async fn swap_back(&self, spec: &SwapSpec, run: &RunId) -> Result<()>;
    /// Whether this run's in-place refresh of that database was committed.
    async fn was_refreshed_by(&self, address: &DatabaseAddress, run: &RunId) -> Result<bool>;
}

/// A shadow to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowSpec {
    /// The database it will replace.
    pub target: DatabaseAddress,
    /// Its own address.
    pub shadow: DatabaseAddress,
    /// The target's identity when the plan was made; another one is refused.
    pub target_identity: Identity,
    /// The digest of the target's structure when the plan was made; another structure is refused.
    pub target_structure: String,
}

/// What to copy into the shadow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FillSpec {
    /// The run, which the shadow must be tagged with.
    pub run: RunId,
    /// Where to copy from.
    pub source: DatabaseAddress,
    /// Where to copy to.
    pub shadow: Own<DatabaseAddress>,
    /// The database to be replaced: its owners, grants and default privileges are taken over.
    pub target: DatabaseAddress,
    /// Which rows and how; the same for every way of replacing.
    pub carried: Carried,
}

/// Which structure and rows are carried over, all choices made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// Every table of the source that is carried over.
    pub tables: BTreeMap<TableName, TableTaken>,
    /// Tables left out with all that belongs to them.
    pub without: BTreeSet<TableName>,
    /// Whether publications and subscriptions are carried over, subscriptions disabled.
    pub publications: bool,
    /// The secret that masks are keyed with; needed when any table has a mask.
    pub mask_secret: Option<SecretRef>,
    /// Connections to each server at most; by cores if absent.
    pub workers: Option<u16>,
    /// How thoroughly the copy is compared with its source.
    pub verify: Verify,
    /// The digest of the source's structure ([`crate::facts::structure_digest`]); another structure is refused.
    pub source_schema: String,
    /// The source's identity when the plan was made.
    pub source_identity: Identity,
}

/// What is taken of one table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableTaken {
    /// Which rows.
    pub rows: RowsTaken,
    /// The masks of its columns.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub masks: BTreeMap<ColumnName, Mask>,
}

/// Which rows of a table are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowsTaken {
    /// All of them.
    #[default]
    All,
    /// None: the table stays empty.
    None,
    /// Those for which the condition holds.
    Where(String),
}

/// The receipt of copying.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Filled {
    /// When the snapshot was taken: the age of the data.
    pub snapshot_at: Timestamp,
    /// Who the source was.
    pub source: Identity,
    /// What became of each table.
    pub tables: BTreeMap<TableName, TableFilled>,
    /// Large objects copied.
    pub large_objects: u64,
    /// Seconds for structure, rows, and indexes with constraints; they overlap.
    pub seconds: BTreeMap<String, f64>,
    /// Things a person should know, such as settings that had to be left out.
    pub notes: Vec<String>,
}

/// The copy of one table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableFilled {
    /// Rows, as the source's COPY said.
    pub rows_read: u64,
    /// Rows, as the target's COPY said.
    pub rows_written: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Seconds it took.
    pub seconds: f64,
    /// Masked columns.
    pub masked: Vec<ColumnName>,
    /// The content of its unmasked columns in the source's snapshot, if asked for; does not depend on the rows' order.
    pub checksum: Option<String>,
}

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

/// What to compare.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifySpec {
    /// The database to look at.
    pub shadow: Own<DatabaseAddress>,
    /// What it is compared with.
    pub against: Against,
}

/// What a shadow is compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// What the copy said, right after it: every table is counted, and summed if it has a checksum.
    Copy(Filled),
    /// Itself, production and the target, right before the swap: constraints, sequences, kept rows.
    Origins {
        /// Production: a constraint that is not valid there need not be valid here.
        source: DatabaseAddress,
        /// The target, which has the kept rows.
        target: DatabaseAddress,
        /// What of it survives.
        surviving: Surviving,
    },
}

/// The receipt of comparing; there is none when anything differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Tables counted.
    pub tables: u64,
    /// Rows counted.
    pub rows: u64,
    /// Tables whose content was compared.
    pub checksums: u64,
    /// Constraints found valid.
    pub constraints: u64,
    /// Sequences found at or past their column's greatest value.
    pub sequences: u64,
    /// Kept rows found.
    pub kept_rows: u64,
}

/// A swap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SwapSpec {
    /// The database to be replaced.
    pub target: DatabaseAddress,
    /// The digest of its structure when the plan was made; what was added since would be lost.
    pub target_structure: String,
    /// What of it must be in the shadow: compared once more, for days may have passed since it was carried over.
    pub surviving: Surviving,
    /// What replaces it.
    pub shadow: DatabaseAddress,
    /// What the replaced one will be called.
    pub old: DatabaseAddress,
    /// The source's identity, which must not be the target's.
    pub source_identity: Identity,
    /// The target's identity when the plan was made.
    pub target_identity: Identity,
    /// How long running transactions may end by themselves.
    pub drain: Duration,
    /// The deadline for closing every session and renaming.
    pub within: Duration,
}

/// The receipt of a swap.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Swapped {
    /// Seconds in which nobody could connect.
    pub outage_seconds: f64,
    /// Sessions that had to be ended.
    pub sessions_ended: u64,
    /// The old database, kept for undo.
    pub old: Own<DatabaseAddress>,
    /// Who the target was.
    pub before: Identity,
    /// Who the target is.
    pub after: Identity,
    /// What of the target's settings and grants could not be taken over, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A refresh in one transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InPlaceSpec {
    /// The run, which marks the database in the same transaction.
    pub run: RunId,
    /// Where to copy from.
    pub source: DatabaseAddress,
    /// What to replace.
    pub target: DatabaseAddress,
    /// The target's identity when the plan was made.
    pub target_identity: Identity,
    /// The digest of the target's structure when the plan was made; another structure is refused.
    pub target_structure: String,
    /// Which rows and how.
    pub carried: Carried,
    /// What of the target survives.
    pub surviving: Surviving,
}

/// The receipt of a refresh in one transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refreshed {
    /// The copy.
    pub filled: Filled,
    /// The deltas.
    pub deltas: Deltas,
    /// The kept rows.
    pub kept: Kept,
    /// The comparison, made before the commit.
    pub verified: Verified,
    /// Seconds in which readers had to wait.
    pub outage_seconds: f64,
}

/// SQL to run in one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlSpec {
    /// Where.
    pub address: DatabaseAddress,
    /// The statements.
    pub statement: String,
}

/// The receipt of running SQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlDone {
    /// Rows that its statements changed or returned, in all.
    pub rows: u64,
}
