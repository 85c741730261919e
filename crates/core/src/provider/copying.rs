//! Filling a shadow and comparing it: what is carried over, and what was.

use super::own::Own;
use super::surviving::Surviving;
use crate::environment::{DatabaseAddress, SecretRef};
use crate::facts::Identity;
use crate::mask::Mask;
use crate::name::RunId;
use crate::scenario::copy_database::{CopyLimits, Verify};
use crate::schema::{ColumnName, TableName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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
    /// When the copy must have ended, and nobody keeps a snapshot for it any more.
    #[serde(default)]
    pub deadline: Timestamp,
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
    /// How many tables are copied at a time at most; by cores if absent.
    pub workers: Option<u16>,
    /// What may be asked of both servers.
    #[serde(default, skip_serializing_if = "CopyLimits::is_none")]
    pub limits: CopyLimits,
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
    /// What rows waited for.
    #[serde(default)]
    pub waits: Waits,
    /// What would have made it faster, such as settings of the target.
    #[serde(default)]
    pub advice: Vec<String>,
    /// Things a person should know, such as settings that had to be left out.
    pub notes: Vec<String>,
}

/// Seconds in which rows waited, over all streams together, which run side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Waits {
    /// For the source to send more.
    pub source: f64,
    /// For the wire on either side, if that could be told apart; else it is part of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wire: Option<f64>,
    /// For the target to take more.
    pub target: f64,
}

impl Waits {
    /// Adds those of another copy.
    pub fn add(&mut self, other: Self) {
        self.source += other.source;
        self.target += other.target;
        self.wire = self.wire.into_iter().chain(other.wire).reduce(|one, other| one + other);
    }
}

/// The copy of one table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableFilled {
    /// Rows, as the source's COPY said.
    pub rows_read: u64,
    /// Rows, as the target's COPY said.
    pub rows_written: u64,
    /// Rows, as they were counted in the target after they were committed; absent where the copy has not counted them itself.
    #[serde(default)]
    pub rows_found: Option<u64>,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Seconds it took; for a table that was split, those of its parts together.
    pub seconds: f64,
    /// Masked columns.
    pub masked: Vec<ColumnName>,
    /// The content of its unmasked columns in the source's snapshot, if asked for; does not depend on the rows' order.
    pub checksum: Option<String>,
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

#[cfg(test)]
mod tests {
    use super::Waits;

    #[test]
    fn the_wire_of_one_copy_is_known_beside_another_of_which_it_is_not() {
        let waits = |wire| Waits { source: 1.0, wire, target: 2.0 };
        let add = |wire, other| {
            let mut all = waits(wire);
            all.add(waits(other));
            all
        };
        assert_eq!(add(Some(0.5), Some(0.25)), Waits { source: 2.0, wire: Some(0.75), target: 4.0 });
        assert_eq!((add(None, Some(0.5)).wire, add(Some(0.5), None).wire, add(None, None).wire), (Some(0.5), Some(0.5), None));
    }
}
