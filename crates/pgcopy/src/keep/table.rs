//! A kept table with all that carrying its rows over must know.

use restage_core::provider::KeepTable;
use restage_core::schema::ColumnName;
use std::collections::BTreeSet;

/// A kept table, all choices made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What the plan says.
    pub plan: KeepTable,
    /// The columns among those carried over that production does not have; a row that both have keeps the target's value in them.
    pub own: BTreeSet<ColumnName>,
    /// The columns that are masked on their way out of production: their content says nothing about whether two rows agree.
    pub masked: BTreeSet<ColumnName>,
}

impl Table {
    /// A kept table of which both sides have every column, none of them masked.
    pub fn plain(plan: KeepTable) -> Self {
        Self { plan, own: BTreeSet::new(), masked: BTreeSet::new() }
    }
    /// Whether rows are matched by something else than the primary key, so that one thing may have two keys.
    pub(crate) fn matched_by_other_than_key(&self) -> bool {
        let set = |columns: &[ColumnName]| columns.iter().cloned().collect::<BTreeSet<_>>();
        set(&self.plan.key) != set(&self.plan.matched)
    }
}
