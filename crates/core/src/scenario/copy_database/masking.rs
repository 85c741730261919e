//! Which columns are masked, and which are not on purpose.

use super::Selection;
use crate::document::{At, Text};
use crate::mask::Mask;
use crate::scenario::reading::Reading;
use crate::schema::ColumnPath;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A column and its mask.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "mask-column")]
pub(super) struct WrittenMask {
    /// The column, `table.column` or `schema.table.column`.
    column: Text<ColumnPath>,
    /// How it is masked: a word such as `email`, or a map with the mask's parameters.
    with: Mask,
}

pub(super) fn read(
    written: &[WrittenMask],
    at: At<'_>,
    selection: &Selection,
    reading: &mut Reading<'_>,
) -> BTreeMap<ColumnPath, Mask> {
    if !written.is_empty() && reading.first_mask.is_none() {
        reading.first_mask = Some(at.heading());
    }
    let mut masks = BTreeMap::new();
    for (index, item) in written.iter().enumerate() {
        let at = at.index(index).key("column");
        let findings = &mut reading.findings;
        let Some(column) = findings.parse(at, &item.column) else { continue };
        selection.refuse_left_out(&column.table, "masked", at, findings);
        if masks.insert(column.clone(), item.with.clone()).is_some() {
            findings.at(at, format!("`{column}` is masked twice")).help("remove one of the two items");
        }
    }
    masks
}

pub(super) fn read_unmasked(
    written: &[Text<ColumnPath>],
    at: At<'_>,
    masks: &BTreeMap<ColumnPath, Mask>,
    reading: &mut Reading<'_>,
) -> BTreeSet<ColumnPath> {
    let mut unmasked = BTreeSet::new();
    for (index, column) in written.iter().enumerate() {
        let at = at.index(index);
        let findings = &mut reading.findings;
        let Some(column) = findings.parse(at, column) else { continue };
        if masks.contains_key(&column) {
            let finding = findings.at(at, format!("`{column}` is both masked and unmasked"));
            finding.help("remove it from `mask` or from `unmasked`");
        }
        if !unmasked.insert(column.clone()) {
            findings.at(at, format!("`{column}` is given twice")).help("remove one of the two");
        }
    }
    unmasked
}
