//! The target's own tables among the kept ones: where their rows refer to kept rows, they have to follow them to their new
//! keys, so they are merged like kept rows, into an empty table.

use super::table::Table;
use restage_core::provider::{Delta, KeepTable, OnCollision, OnConflict, OnMissing};
use restage_core::schema::{ForeignKey, Schema, TableKind, TableName};
use std::collections::BTreeSet;

/// Which of the target's own tables join the kept ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Those whose rows refer to kept rows, directly or through each other; the others' rows come back by themselves.
    Referring,
    /// All of them: in one transaction every row that survives has been set aside before.
    All,
}

/// The kept tables with the target's own ones that join them, referred-to tables before those that refer. References that
/// only the target has are added to what the plan knows of the kept tables.
pub fn with_own_tables(kept: &[Table], target: &Schema, deltas: &[Delta], follow: Follow) -> Vec<Table> {
    let mut tables: Vec<Table> = kept.iter().map(|table| with_own_references(table, target)).collect();
    let mut open: Vec<&TableName> = own_tables(target, deltas);
    loop {
        let known: BTreeSet<&TableName> = tables.iter().map(|table| &table.plan.table).collect();
        let joins = |name: &&TableName| follow == Follow::All || references(target, name).iter().any(|key| known.contains(&key.to));
        let (joining, rest): (Vec<&TableName>, Vec<&TableName>) = open.into_iter().partition(joins);
        if joining.is_empty() {
            return in_order(tables);
        }
        tables.extend(joining.into_iter().filter_map(|name| own_table(target, name)));
        open = rest;
    }
}

/// The target's own tables that hold rows, a partitioned one standing for its partitions.
pub(crate) fn own_tables<'a>(target: &'a Schema, deltas: &'a [Delta]) -> Vec<&'a TableName> {
    let names: BTreeSet<&TableName> =
        deltas.iter().filter_map(|delta| if let Delta::Table { name } = delta { Some(name) } else { None }).collect();
    let stands_alone = |name: &&TableName| {
        let table = target.tables.get(*name).filter(|table| table.kind != TableKind::Foreign);
        table.is_some_and(|table| table.partition_of.as_ref().is_none_or(|parent| !names.contains(parent)))
    };
    names.iter().copied().filter(stands_alone).collect()
}

fn with_own_references(table: &Table, target: &Schema) -> Table {
    let mut table = table.clone();
    for key in references(target, &table.plan.table) {
        let same = |known: &ForeignKey| (&known.columns, &known.to, &known.to_columns) == (&key.columns, &key.to, &key.to_columns);
        let carried = key.columns.iter().all(|column| table.plan.columns.contains(column));
        if carried && !table.plan.foreign_keys.iter().any(same) {
            table.plan.foreign_keys.push(key);
        }
    }
    table
}

/// The foreign keys of a table and of its partitions, each once.
fn references(target: &Schema, name: &TableName) -> Vec<ForeignKey> {
    let parts = target.row_tables(name);
    let mut found: Vec<ForeignKey> = Vec::new();
    for part in std::iter::once(name).chain(&parts) {
        for key in target.tables.get(part).map(|table| table.foreign_keys.as_slice()).unwrap_or_default() {
            if !found.iter().any(|known| (&known.columns, &known.to) == (&key.columns, &key.to)) {
                found.push(key.clone());
            }
        }
    }
    found
}

/// Production has nothing of it, so nothing can disagree.
pub(crate) fn own_table(target: &Schema, name: &TableName) -> Option<Table> {
    let table = target.tables.get(name)?;
    let key = table.primary_key.clone().unwrap_or_default();
    Some(Table::plain(KeepTable {
        own: std::collections::BTreeSet::new(),
        masked: std::collections::BTreeSet::new(),
        table: name.clone(),
        columns: table.written_columns().map(|column| column.name.clone()).collect(),
        matched: key.clone(),
        key,
        foreign_keys: references(target, name),
        on_conflict: OnConflict::KeepTarget,
        on_collision: OnCollision::Refuse,
        on_missing: OnMissing::Refuse,
    }))
}

/// Within a circle the given order holds.
fn in_order(mut open: Vec<Table>) -> Vec<Table> {
    let mut ordered = Vec::new();
    while !open.is_empty() {
        let waits = |table: &Table| {
            let others = open.iter().filter(|other| other.plan.table != table.plan.table);
            others.into_iter().any(|other| table.plan.foreign_keys.iter().any(|key| key.to == other.plan.table))
        };
        let next = open.iter().position(|table| !waits(table)).unwrap_or(0);
        ordered.push(open.remove(next));
    }
    ordered
}
