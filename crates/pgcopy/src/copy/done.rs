//! What has been brought about so far.

use super::checksum;
use crate::Result;
use restage_core::provider::TableFilled;
use restage_core::schema::TableName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the workers have brought about, or one of their tasks has.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) tables: BTreeMap<TableName, TableFilled>,
    /// How many rows were counted in tables that were copied.
    pub(super) found: BTreeMap<TableName, u64>,
    pub(super) large_objects: u64,
    /// Whether large objects need owners or comments at the end.
    pub(super) later: bool,
    pub(super) notes: Vec<String>,
}

impl Done {
    /// Adds what else was brought about.
    pub(super) fn merge(&mut self, other: Self) -> Result<()> {
        self.large_objects += other.large_objects;
        self.later |= other.later;
        self.notes.extend(other.notes);
        other.tables.into_iter().try_for_each(|(name, part)| self.add(&name, part))?;
        for (name, rows) in other.found {
            if let Some(table) = self.tables.get_mut(&name) {
                table.rows_found = Some(rows);
            }
        }
        Ok(())
    }

    /// Adds what became of a table, or of a part of one.
    pub(super) fn add(&mut self, name: &TableName, part: TableFilled) -> Result<()> {
        let Some(known) = self.tables.get_mut(name) else {
            self.tables.insert(name.clone(), part);
            return Ok(());
        };
        known.rows_read += part.rows_read;
        known.rows_written += part.rows_written;
        known.bytes += part.bytes;
        known.seconds += part.seconds;
        known.checksum = match (&known.checksum, &part.checksum) {
            (Some(one), Some(other)) => Some(checksum::sum(one, other)?),
            _ => None,
        };
        Ok(())
    }
}
