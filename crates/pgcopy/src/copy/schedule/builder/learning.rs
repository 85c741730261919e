//! What is learnt of tables once they have rows: statistics, how far their sequences are, how many rows there are.

use super::super::{Lock, Task, cost};
use super::{Builder, TableWork};
use restage_core::facts::ObjectKind;
use restage_core::schema::TableName;
use std::collections::BTreeSet;

/// Sequences that are read and compared by one query.
const SEQUENCES_PER_TASK: usize = 100;
/// Small tables that are counted by one query.
const TABLES_PER_COUNT: usize = 100;

impl Builder<'_> {
    /// The outermost tables whose statistics are gathered apart: large ones, and partitioned ones with those of their partitions.
    fn roots(&self) -> BTreeSet<TableName> {
        let outermost = |table: &TableWork| {
            let chain = std::iter::successors(Some(&table.name), |name| self.work.parents.get(*name));
            chain.last().cloned().unwrap_or_else(|| table.name.clone())
        };
        let with_rows = self.work.tables.iter().filter(|table| table.has_rows).map(|table| (table, outermost(table)));
        with_rows.filter(|(table, root)| *root != table.name || !table.is_small()).map(|(_, root)| root).collect()
    }

    fn tree(&self, root: &TableName) -> BTreeSet<TableName> {
        self.below.get(root).into_iter().flatten().cloned().chain([root.clone()]).collect()
    }

    /// Whether there is something to know of the tables only once they have all their indexes.
    fn is_known_by_indexes(&self, tables: &BTreeSet<TableName>) -> bool {
        tables.iter().any(|table| self.work.known_by_indexes.contains(table))
    }

    /// Statistics of tables as soon as their rows are there: one worker gathers them while another counts the rows.
    pub(super) fn analyze_columns(&mut self) {
        for root in self.roots() {
            let tables = self.tree(&root);
            if !self.is_known_by_indexes(&tables) {
                let number = self.analyze(&root, &tables, &self.rows_of(&tables));
                self.analyzed.extend(tables.into_iter().map(|table| (table, number)));
            }
        }
    }

    /// Statistics of tables that must have their indexes first.
    pub(super) fn analyze_indexes(&mut self) {
        for root in self.roots() {
            let tables = self.tree(&root);
            if self.is_known_by_indexes(&tables) {
                let touching = self.touches.iter().filter(|(_, touched)| !touched.is_disjoint(&tables));
                let indexes = touching.filter_map(|(id, _)| self.made.get(id)).copied();
                let needs = self.rows_of(&tables).into_iter().chain(indexes).collect();
                self.analyze(&root, &tables, &needs);
            }
        }
    }

    fn analyze(&mut self, root: &TableName, tables: &BTreeSet<TableName>, needs: &BTreeSet<usize>) -> usize {
        let bytes = tables.iter().filter_map(|table| self.sizes.get(table)).sum();
        let locks = tables.iter().map(|table| (table.clone(), Lock::ShareUpdateExclusive)).collect();
        self.schedule.add(Task::Analyze(root.clone()), cost::statistics(bytes), needs, locks)
    }

    /// Sequences of tables that are filled together are set together, once the rows and the keys to find their ends are there.
    pub(super) fn set_sequences(&mut self) {
        let mut sequences: Vec<(BTreeSet<usize>, &(TableName, BTreeSet<TableName>))> =
            self.work.sequences.iter().map(|sequence| (self.rows_of(&sequence.1), sequence)).collect();
        sequences.sort();
        for some in sequences.chunks(SEQUENCES_PER_TASK) {
            let tables: BTreeSet<TableName> = some.iter().flat_map(|(_, (_, tables))| tables).cloned().collect();
            let needs = self.with_keys(&tables);
            let locks = tables.into_iter().map(|table| (table, Lock::RowShare)).collect();
            let names: Vec<TableName> = some.iter().map(|(_, (name, _))| name.clone()).collect();
            let cost = cost::sequences(names.len());
            self.schedule.add(Task::Sequences(names), cost, &needs, locks);
        }
    }

    /// What brings the rows and the indexes of some tables.
    fn with_keys(&self, tables: &BTreeSet<TableName>) -> BTreeSet<usize> {
        let entries = self.work.entries.iter().filter(|entry| entry.kind != ObjectKind::ForeignKey);
        let touching = entries.filter(|entry| !self.touches[&entry.id].is_disjoint(tables));
        let indexes = touching.filter_map(|entry| self.made.get(&entry.id)).copied();
        self.rows_of(tables).into_iter().chain(indexes).collect()
    }

    /// Counts what was copied: large tables one by one, small ones that are filled together by one query.
    pub(super) fn count(&mut self) {
        let tables = self.work.tables.iter().enumerate().filter(|(_, table)| table.has_rows);
        let (mut small, large): (Vec<usize>, Vec<usize>) =
            tables.map(|(at, _)| at).partition(|at| self.work.tables[*at].is_small());
        small.sort_by_key(|at| self.rows_of([&self.work.tables[*at].name]));
        let counts = large.chunks(1).chain(small.chunks(TABLES_PER_COUNT));
        for some in counts.map(<[usize]>::to_vec).collect::<Vec<_>>() {
            let tables: Vec<&TableWork> = some.iter().map(|at| &self.work.tables[*at]).collect();
            let needs = self.rows_of(tables.iter().map(|table| &table.name));
            let locks = tables.iter().map(|table| (table.name.clone(), Lock::RowShare)).collect();
            let cost = tables.iter().map(|table| cost::reading(table.bytes)).sum();
            self.schedule.add(Task::Count(some), cost, &needs, locks);
        }
    }
}
