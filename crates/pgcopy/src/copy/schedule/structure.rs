//! Which small tables are made together with their rows.
//!
//! A table that nothing else needs before rows are copied, with its sequences and defaults, is made in the transaction that
//! fills it: by several workers at a time, and without a transaction of its own. All else comes first, in `pg_dump`'s order;
//! all of it where rows meet functions, for what a function reads is recorded nowhere, and where rows name tables.

use crate::archive::{Entry, EntryId};
use restage_core::facts::ObjectKind;
use restage_core::schema::TableName;
use std::collections::{HashMap, HashSet};

/// What comes before rows, in two parts.
#[derive(Debug, Default)]
pub(in crate::copy) struct Structure {
    /// What is made before everything else.
    pub(in crate::copy) first: Vec<Entry>,
    /// What is made with the rows of each of these tables, the table itself included.
    pub(in crate::copy) with_rows: HashMap<TableName, Vec<Entry>>,
}

/// What belongs to a table and to nothing else.
const FUNCTIONS: [ObjectKind; 4] = [ObjectKind::Function, ObjectKind::Procedure, ObjectKind::Operator, ObjectKind::OperatorClass];
/// What rows are looked at by while they are written or indexed.
const BY_ROWS: [ObjectKind; 5] =
    [ObjectKind::Table, ObjectKind::Domain, ObjectKind::Index, ObjectKind::Constraint, ObjectKind::CheckConstraint];
const TABLES: [ObjectKind; 2] = [ObjectKind::Table, ObjectKind::ForeignTable];

const PARTS: [ObjectKind; 3] = [ObjectKind::Sequence, ObjectKind::SequenceOwnedBy, ObjectKind::Default];

impl Structure {
    /// Sorts the entries before rows, which are in an order in which they can be made, as the indexes and keys are.
    pub(in crate::copy) fn of(entries: &[Entry], indexes: &[Entry], small: &HashSet<TableName>) -> Self {
        if rows_meet_functions(entries, indexes) {
            return Self { first: entries.to_vec(), with_rows: HashMap::new() };
        }
        let table_of = belonging(entries, small);
        let mut structure = Self::default();
        for entry in entries {
            match table_of.get(&entry.id) {
                Some(table) => structure.with_rows.entry((*table).clone()).or_default().push(entry.clone()),
                None => structure.first.push(entry.clone()),
            }
        }
        structure
    }
}

fn rows_meet_functions(entries: &[Entry], indexes: &[Entry]) -> bool {
    let functions: HashSet<EntryId> =
        entries.iter().filter(|entry| FUNCTIONS.contains(&entry.kind)).map(|entry| entry.id).collect();
    let mut by_rows = entries.iter().chain(indexes).filter(|entry| BY_ROWS.contains(&entry.kind));
    by_rows.any(|entry| entry.dependencies.iter().any(|id| functions.contains(id)))
}

/// The small table that each entry belongs to, for tables that nothing outside needs.
fn belonging<'a>(entries: &[Entry], small: &'a HashSet<TableName>) -> HashMap<EntryId, &'a TableName> {
    let tables: HashSet<EntryId> = entries.iter().filter(|entry| TABLES.contains(&entry.kind)).map(|entry| entry.id).collect();
    let mut table_of: HashMap<EntryId, &TableName> = HashMap::new();
    for entry in entries {
        let needed: HashSet<&TableName> = entry.dependencies.iter().filter_map(|id| table_of.get(id)).copied().collect();
        let table = match entry.table() {
            // An heir would lock the table it inherits from, which the schedule does not know.
            Some(table) if !entry.dependencies.iter().any(|id| tables.contains(id)) => small.get(&table),
            None if PARTS.contains(&entry.kind) && needed.len() == 1 => needed.into_iter().next(),
            _ => None,
        };
        table_of.extend(table.map(|table| (entry.id, table)));
    }
    // What comes first must not need what comes later; each round may put more first.
    loop {
        let outside = entries.iter().filter(|entry| !table_of.contains_key(&entry.id));
        let needed: HashSet<&TableName> =
            outside.flat_map(|entry| &entry.dependencies).filter_map(|id| table_of.get(id)).copied().collect();
        if needed.is_empty() {
            return table_of;
        }
        table_of.retain(|_, table| !needed.contains(table));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::entry;

    fn needing(id: u32, kind: &str, name: &str, needs: &[u32]) -> Entry {
        let mut entry = entry(id, kind, "public", name);
        entry.dependencies = needs.iter().copied().map(EntryId).collect();
        entry
    }

    fn sorted(entries: &[Entry], small: &[&str]) -> (Vec<u32>, Vec<(String, Vec<u32>)>) {
        let small = small.iter().map(|name| TableName::parse(name).unwrap()).collect();
        let structure = Structure::of(entries, &[], &small);
        let ids = |entries: &[Entry]| entries.iter().map(|entry| entry.id.0).collect::<Vec<_>>();
        let mut with_rows: Vec<_> = structure.with_rows.iter().map(|(table, made)| (table.to_string(), ids(made))).collect();
        with_rows.sort();
        (ids(&structure.first), with_rows)
    }

    #[test]
    fn a_small_table_is_made_with_its_sequence_and_default() {
        let entries = [
            needing(1, "SCHEMA", "x", &[]),
            needing(2, "TABLE", "a", &[1]),
            needing(3, "SEQUENCE", "a_id_seq", &[2]),
            needing(4, "SEQUENCE OWNED BY", "a_id_seq", &[3]),
            needing(5, "TABLE", "large", &[]),
            needing(6, "DEFAULT", "a id", &[2, 3]),
            needing(7, "SEQUENCE", "large_id_seq", &[5]),
        ];
        assert_eq!(sorted(&entries, &["a"]), (vec![1, 5, 7], vec![("a".to_owned(), vec![2, 3, 4, 6])]));
    }

    #[test]
    fn where_rows_meet_a_function_all_tables_come_first() {
        let entries =
            [needing(1, "FUNCTION", "allowed()", &[]), needing(2, "TABLE", "blocked", &[]), needing(3, "TABLE", "orders", &[1])];
        let (small, index) = ([TableName::parse("blocked").unwrap()].into(), needing(4, "INDEX", "i", &[3, 1]));
        assert!(Structure::of(&entries, &[], &small).with_rows.is_empty());
        assert!(Structure::of(&entries[..2], &[index], &small).with_rows.is_empty());
        assert_eq!(Structure::of(&entries[..2], &[], &small).with_rows.len(), 1);
    }

    #[test]
    fn a_table_that_anything_else_needs_comes_first() {
        let entries = [
            needing(1, "TABLE", "a", &[]),
            needing(2, "TABLE", "b", &[]),
            needing(3, "TABLE", "c", &[]),
            needing(4, "SEQUENCE", "shared", &[3]),
            needing(5, "DEFAULT", "b id", &[2, 4]),
            needing(6, "VIEW", "v", &[1]),
            needing(7, "TABLE", "d", &[]),
            needing(8, "TABLE", "child of d", &[7]),
        ];
        // The default of `b` takes its values from the sequence of `c`, so that neither is on its own.
        assert_eq!(sorted(&entries, &["a", "b", "c", "d", "child of d"]), (vec![1, 2, 3, 4, 5, 6, 7, 8], vec![]));
    }
}
