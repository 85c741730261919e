//! What the steps of a copy follow from.

use super::super::parts::Part;
use super::super::table::TableCopy;
use restage_core::facts::TableEstimate;
use restage_core::schema::TableName;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::{self, Debug, Write};

/// Sizes of the source, which are of no snapshot: at another time they would lead to other steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::copy) struct Sizes {
    pub(in crate::copy) estimates: BTreeMap<TableName, TableEstimate>,
    /// How each table that is split was cut.
    parts: BTreeMap<TableName, Vec<Part>>,
    /// How large the large objects are, if there are any.
    pub(in crate::copy) large_object_bytes: Option<u64>,
}

impl Sizes {
    pub(in crate::copy) fn new(
        estimates: BTreeMap<TableName, TableEstimate>,
        tables: &[TableCopy],
        large_object_bytes: Option<u64>,
    ) -> Self {
        let split = tables.iter().filter(|table| table.parts != [Part::Whole]);
        let parts = split.map(|table| (table.name.clone(), table.parts.clone())).collect();
        Self { estimates, parts, large_object_bytes }
    }

    /// Cuts the tables as they were cut.
    pub(in crate::copy) fn split(&self, tables: &mut [TableCopy]) {
        for table in tables {
            if let Some(parts) = self.parts.get(&table.name) {
                table.parts.clone_from(parts);
            }
        }
    }
}

/// The digest of what is given, as it is written for debugging: whatever is added to it later counts as well.
pub(in crate::copy) fn digest(of: &dyn Debug) -> String {
    struct Hashing(Sha256);
    impl Write for Hashing {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.update(text);
            Ok(())
        }
    }
    let mut hashing = Hashing(Sha256::new());
    write!(hashing, "{of:?}").expect("hashing never fails");
    format!("{:x}", hashing.0.finalize())
}
