//! Which work comes next: rows before the indexes on them, keys before the foreign keys to them, no two pieces of work that
//! would wait for each other's locks, and otherwise what the most time still depends on.

mod builder;
pub(super) mod cost;
mod structure;

pub(super) use builder::{TableWork, Work, is_small};
pub(super) use structure::Structure;

use crate::archive::Entry;
use builder::Builder;
use restage_core::schema::TableName;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// One piece of work, for one worker.
#[derive(Clone, Debug)]
pub(super) enum Task {
    /// The rows of some tables, and what belongs to these tables alone; one transaction.
    Rows(Rows),
    /// A part of a table's rows, by the places of both; a transaction of its own.
    Part { table: usize, part: usize },
    /// An index, a key or a foreign key; or foreign keys of small tables, together.
    Make(Vec<Entry>),
    /// A foreign key that was made without looking at the rows.
    Validate(ForeignKeyEntry),
    /// The statistics of a table.
    Analyze(TableName),
    /// Where some sequences stand.
    Sequences(Vec<TableName>),
    /// How many rows some tables have now, each by its place in the list of copies.
    Count(Vec<usize>),
    /// The rows of a materialized view, with their statistics.
    Refresh(TableName),
    /// All large objects.
    LargeObjects,
}

/// What is done with the rows of some tables, in this order.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    /// Tables that are not there yet, with their sequences and defaults.
    pub(super) structure: Vec<Entry>,
    /// The tables, by their place in the list of copies.
    pub(super) tables: Vec<usize>,
    /// Their indexes and keys.
    pub(super) entries: Vec<Entry>,
    /// Those that need statistics.
    pub(super) analyze: Vec<TableName>,
}

/// A foreign key by its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ForeignKeyEntry {
    /// The table that refers.
    pub(super) table: TableName,
    pub(super) constraint: String,
}

/// The lock that the server takes on a table for some work, as its documentation of explicit locking has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    /// By whoever reads it, or validates a foreign key to it.
    RowShare,
    /// By whoever adds rows.
    RowExclusive,
    /// By `ANALYZE`, and by whoever validates a foreign key of it.
    ShareUpdateExclusive,
    /// By `CREATE INDEX`.
    Share,
    /// By whoever makes a foreign key of it or to it.
    ShareRowExclusive,
    /// By all else.
    AccessExclusive,
}

impl Lock {
    /// Whether two sessions cannot hold these at the same time.
    fn conflicts(self, other: Self) -> bool {
        match (self, other) {
            (Self::AccessExclusive, _) | (_, Self::AccessExclusive) => true,
            (Self::RowShare, _)
            | (_, Self::RowShare)
            | (Self::Share, Self::Share)
            | (Self::RowExclusive, Self::RowExclusive | Self::ShareUpdateExclusive)
            | (Self::ShareUpdateExclusive, Self::RowExclusive) => false,
            _ => true,
        }
    }
}

#[derive(Debug)]
struct Planned {
    task: Task,
    /// In microseconds.
    cost: u64,
    urgency: Urgency,
    locks: BTreeMap<TableName, Lock>,
    /// How many tasks it still waits for.
    unmet: usize,
    needed_by: Vec<usize>,
}

/// What comes first of the work that can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    /// So many microseconds pass at least from its beginning to the end of all that waits for it.
    Path(u64),
    /// It takes no time and others wait for it: nothing begins that it would have to wait for in turn.
    AtOnce,
}

/// The work, and how far it has come.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    tasks: Vec<Planned>,
    /// Those that wait for nothing but locks, the most urgent first.
    ready: BTreeSet<(Reverse<Urgency>, usize)>,
    running: BTreeSet<usize>,
}

/// What there is to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// This, to be reported by its number when it is done.
    Task(usize, Box<Task>),
    /// Nothing until some running work is done.
    Wait,
    /// Nothing any more.
    Finished,
}

impl Schedule {
    pub(super) fn of(work: &Work<'_>) -> Self {
        Builder::new(work).build()
    }

    /// Takes the most urgent task that can start.
    pub(super) fn next(&mut self) -> Next {
        let held: Vec<&BTreeMap<TableName, Lock>> = self.running.iter().map(|at| &self.tasks[*at].locks).collect();
        let urgent: Vec<&BTreeMap<TableName, Lock>> = self
            .ready
            .iter()
            .take_while(|(urgency, _)| urgency.0 == Urgency::AtOnce)
            .map(|(_, at)| &self.tasks[*at].locks)
            .collect();
        let conflicts = |at: usize| {
            let others = if self.tasks[at].urgency == Urgency::AtOnce { &[][..] } else { &urgent[..] };
            let mut wanted = self.tasks[at].locks.iter();
            wanted
                .any(|(table, lock)| held.iter().chain(others).filter_map(|held| held.get(table)).any(|held| held.conflicts(*lock)))
        };
        let Some(first) = self.ready.iter().find(|(_, at)| !conflicts(*at)).copied() else {
            return if self.running.is_empty() { Next::Finished } else { Next::Wait };
        };
        self.ready.remove(&first);
        self.running.insert(first.1);
        Next::Task(first.1, Box::new(self.tasks[first.1].task.clone()))
    }

    /// How many tasks there are in all.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// How many tasks somebody is at work on.
    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    /// Reports a task as done.
    pub(super) fn done(&mut self, task: usize) {
        self.running.remove(&task);
        for at in std::mem::take(&mut self.tasks[task].needed_by) {
            self.tasks[at].unmet -= 1;
            if self.tasks[at].unmet == 0 {
                self.ready.insert((Reverse(self.tasks[at].urgency), at));
            }
        }
    }

    /// Adds a task of so many microseconds that can start when those it needs, all added before, are done.
    pub(super) fn add(&mut self, task: Task, cost: u64, needs: &BTreeSet<usize>, locks: BTreeMap<TableName, Lock>) -> usize {
        self.push(task, cost, Urgency::Path(cost), needs, locks)
    }

    /// Adds a task that takes no time.
    fn add_at_once(&mut self, task: Task, needs: &BTreeSet<usize>, locks: BTreeMap<TableName, Lock>) -> usize {
        self.push(task, 0, Urgency::AtOnce, needs, locks)
    }

    fn push(
        &mut self,
        task: Task,
        cost: u64,
        urgency: Urgency,
        needs: &BTreeSet<usize>,
        locks: BTreeMap<TableName, Lock>,
    ) -> usize {
        let at = self.tasks.len();
        self.tasks.push(Planned { task, cost, urgency, locks, unmet: needs.len(), needed_by: vec![] });
        for need in needs {
            self.tasks[*need].needed_by.push(at);
        }
        if needs.is_empty() {
            self.ready.insert((Reverse(urgency), at));
        }
        at
    }

    /// Says of each task what depends on it, once all are there.
    pub(super) fn weigh(&mut self) {
        let mut paths = vec![0; self.tasks.len()];
        // Whatever needs a task was added after it.
        for at in (0..self.tasks.len()).rev() {
            let task = &mut self.tasks[at];
            paths[at] = task.cost + task.needed_by.iter().map(|later| paths[*later]).max().unwrap_or(0);
            if let Urgency::Path(path) = &mut task.urgency {
                *path = paths[at];
            }
        }
        let ready = std::mem::take(&mut self.ready);
        self.ready = ready.into_iter().map(|(_, at)| (Reverse(self.tasks[at].urgency), at)).collect();
    }
}

#[cfg(test)]
mod tests;
