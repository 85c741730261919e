//! From tables and entries to tasks, with what each waits for and locks.

mod learning;

use super::super::keys::Keys;
use super::{ForeignKeyEntry, Lock, Rows, Schedule, Task, cost};
use crate::archive::{Entry, EntryId};
use restage_core::facts::ObjectKind;
use restage_core::schema::TableName;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A table's size and what rows it has to wait for.
#[derive(Clone, Debug)]
pub(in crate::copy) struct TableWork {
    pub(in crate::copy) name: TableName,
    pub(in crate::copy) bytes: u64,
    /// Of all its indexes.
    pub(in crate::copy) index_bytes: u64,
    /// Whether rows are copied into it.
    pub(in crate::copy) has_rows: bool,
    /// In how many parts its rows are copied.
    pub(in crate::copy) parts: usize,
}

/// What the schedule is made of.
pub(in crate::copy) struct Work<'a> {
    /// Tables with rows to copy come first, in the order of the list of copies.
    pub(in crate::copy) tables: Vec<TableWork>,
    /// What is made with the rows of small tables, the tables themselves included.
    pub(in crate::copy) structure: &'a HashMap<TableName, Vec<Entry>>,
    /// Indexes, keys and foreign keys, in an order in which they can be made.
    pub(in crate::copy) entries: &'a [Entry],
    /// How constraints are made from their index.
    pub(in crate::copy) keys: &'a Keys,
    /// The tables behind the entries' dependencies.
    pub(in crate::copy) table_ids: &'a HashMap<EntryId, TableName>,
    /// The table above each partition.
    pub(in crate::copy) parents: &'a BTreeMap<TableName, TableName>,
    /// Tables whose statistics are of more than their columns: of expressions in indexes, or of several columns together.
    pub(in crate::copy) known_by_indexes: &'a HashSet<TableName>,
    /// The sequences to be set, each with the tables whose rows it is compared with.
    pub(in crate::copy) sequences: &'a [(TableName, BTreeSet<TableName>)],
    /// How large the large objects are, if there are any.
    pub(in crate::copy) large_object_bytes: Option<u64>,
}

impl TableWork {
    /// Whether it shares a task with others.
    pub(in crate::copy) fn is_small(&self) -> bool {
        is_small(self.bytes)
    }
}

/// Tables up to this size share tasks, for each task costs round trips and a transaction.
const SMALL_BYTES: u64 = 1 << 20;
/// A shared task has at most this many tables and bytes; each table takes several locks until the task's end.
const TABLES_PER_TASK: usize = 32;
const BYTES_PER_TASK: u64 = 8 << 20;
/// Foreign keys of small tables that are made in one transaction; each takes locks on two tables until its end.
const KEYS_PER_TASK: usize = 100;

/// Whether a table of that many bytes is one of many to whoever makes it.
pub(in crate::copy) fn is_small(bytes: u64) -> bool {
    bytes <= SMALL_BYTES
}

pub(super) struct Builder<'a> {
    work: &'a Work<'a>,
    schedule: Schedule,
    /// The tasks that bring each table's rows.
    rows: HashMap<TableName, Vec<usize>>,
    /// The task that makes each entry.
    made: HashMap<EntryId, usize>,
    /// The task that gathers each large table's statistics before its indexes are made.
    analyzed: HashMap<TableName, usize>,
    /// The tables that each entry touches.
    touches: HashMap<EntryId, BTreeSet<TableName>>,
    sizes: HashMap<TableName, u64>,
    /// How long one index of each table takes.
    index_costs: HashMap<TableName, u64>,
    below: BTreeMap<TableName, Vec<TableName>>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(work: &'a Work<'a>) -> Self {
        let mut below: BTreeMap<TableName, Vec<TableName>> = BTreeMap::new();
        for table in &work.tables {
            for above in std::iter::successors(Some(&table.name), |name| work.parents.get(*name)) {
                below.entry(above.clone()).or_default().push(table.name.clone());
            }
        }
        let sizes = work.tables.iter().map(|table| (table.name.clone(), table.bytes)).collect();
        let mut touches: HashMap<EntryId, BTreeSet<TableName>> = HashMap::new();
        for entry in work.entries {
            let direct = entry.dependencies.iter().filter_map(|id| work.table_ids.get(id)).cloned();
            let through = entry.dependencies.iter().filter_map(|id| touches.get(id)).flatten().cloned();
            let all: BTreeSet<TableName> = direct.chain(through).collect();
            touches.insert(entry.id, all);
        }
        let index_costs = index_costs(work, &touches);
        let (schedule, rows, made, analyzed) = (Schedule::default(), HashMap::new(), HashMap::new(), HashMap::new());
        Self { work, schedule, rows, made, analyzed, touches, sizes, index_costs, below }
    }

    pub(super) fn build(mut self) -> Schedule {
        self.small_tables();
        self.large_tables();
        if let Some(bytes) = self.work.large_object_bytes {
            self.schedule.add(Task::LargeObjects, cost::rows(bytes), &BTreeSet::new(), BTreeMap::new());
        }
        self.analyze_columns();
        let entries = self.work.entries;
        let (mut small, others): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|entry| self.is_small_key(entry));
        for entry in others {
            if !self.made.contains_key(&entry.id) {
                self.make(entry);
            }
        }
        // Keys of tables that are filled together are made together, so that the first need not wait for the last rows.
        small.sort_by_key(|entry| self.rows_of(self.touches.get(&entry.id).into_iter().flatten()));
        let mut latest = HashMap::new();
        for some in small.chunks(KEYS_PER_TASK) {
            self.make_small_keys(some, &mut latest);
        }
        self.analyze_indexes();
        self.set_sequences();
        self.count();
        self.schedule.weigh();
        self.schedule
    }

    /// The entries that touch no other table and need nothing but others like them.
    fn own_entries(&self) -> HashMap<&'a TableName, Vec<&'a Entry>> {
        let small: HashMap<&TableName, &'a TableName> =
            self.work.tables.iter().filter(|table| table.is_small()).map(|table| (&table.name, &table.name)).collect();
        let mut own: HashMap<&'a TableName, Vec<&'a Entry>> = HashMap::new();
        let mut owned: BTreeMap<EntryId, &TableName> = BTreeMap::new();
        let others: BTreeSet<EntryId> = self.work.entries.iter().map(|entry| entry.id).collect();
        for entry in self.work.entries {
            let mut touched = self.touches[&entry.id].iter();
            let (Some(table), None) = (touched.next(), touched.next()) else { continue };
            let Some(table) = small.get(table) else { continue };
            let alone = entry.dependencies.iter().all(|id| !others.contains(id) || owned.get(id) == Some(table));
            if alone && entry.kind != ObjectKind::ForeignKey {
                owned.insert(entry.id, table);
                own.entry(table).or_default().push(entry);
            }
        }
        own
    }

    fn small_tables(&mut self) {
        let own = self.own_entries();
        let small: Vec<(usize, &TableWork)> = self.work.tables.iter().enumerate().filter(|(_, table)| table.is_small()).collect();
        let mut rest = small.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest.iter().take(TABLES_PER_TASK).take_while(|(_, table)| {
                bytes += table.bytes;
                bytes <= BYTES_PER_TASK
            });
            let (some, others) = rest.split_at(fitting.count().max(1));
            rest = others;
            let entries: Vec<Entry> =
                some.iter().filter_map(|(_, table)| own.get(&table.name)).flatten().copied().cloned().collect();
            let ids: Vec<EntryId> = entries.iter().map(|entry| entry.id).collect();
            let with_rows = some.iter().filter(|(_, table)| table.has_rows);
            let analyze = with_rows.clone().filter(|(_, table)| !self.work.parents.contains_key(&table.name));
            let task = Task::Rows(Rows {
                structure: some.iter().filter_map(|(_, table)| self.work.structure.get(&table.name)).flatten().cloned().collect(),
                tables: with_rows.clone().map(|(at, _)| *at).collect(),
                analyze: analyze.map(|(_, table)| table.name.clone()).collect(),
                entries,
            });
            let locks = some.iter().map(|(_, table)| (table.name.clone(), Lock::AccessExclusive)).collect();
            let cost = some.iter().map(|(_, table)| cost::rows(table.bytes) + cost::indexes(table.index_bytes)).sum();
            let number = self.schedule.add(task, cost, &BTreeSet::new(), locks);
            self.rows.extend(some.iter().map(|(_, table)| (table.name.clone(), vec![number])));
            self.made.extend(ids.into_iter().map(|id| (id, number)));
        }
    }

    fn large_tables(&mut self) {
        let large = self.work.tables.iter().enumerate().filter(|(_, table)| !table.is_small() && table.has_rows);
        for (at, table) in large.collect::<Vec<_>>() {
            let cost = cost::rows(table.bytes / table.parts as u64);
            let (tasks, lock) = match table.parts {
                1 => (vec![Task::Rows(Rows { tables: vec![at], ..Rows::default() })], Lock::AccessExclusive),
                parts => ((0..parts).map(|part| Task::Part { table: at, part }).collect(), Lock::RowExclusive),
            };
            let locks = BTreeMap::from([(table.name.clone(), lock)]);
            let numbers = tasks.into_iter().map(|task| self.schedule.add(task, cost, &BTreeSet::new(), locks.clone()));
            self.rows.insert(table.name.clone(), numbers.collect());
        }
    }

    /// The tasks that bring the rows of some tables.
    fn rows_of<'t>(&self, tables: impl IntoIterator<Item = &'t TableName>) -> BTreeSet<usize> {
        tables.into_iter().filter_map(|table| self.rows.get(table)).flatten().copied().collect()
    }

    /// Whether it is a foreign key between small tables: looking at their rows takes less than a transaction does.
    fn is_small_key(&self, entry: &Entry) -> bool {
        let is_small = |table: &TableName| self.sizes.get(table).is_some_and(|bytes| is_small(*bytes));
        let is_partitioned = |table: &TableName| self.below.get(table).is_some_and(|below| below.len() > 1);
        entry.kind == ObjectKind::ForeignKey
            && self
                .touches
                .get(&entry.id)
                .is_some_and(|tables| tables.iter().all(|table| is_small(table) && !is_partitioned(table)))
    }

    /// Keys to one table are made one after the other; `latest` is the last task with keys of each table.
    fn make_small_keys(&mut self, entries: &[&Entry], latest: &mut HashMap<TableName, usize>) {
        let touched: BTreeSet<TableName> =
            entries.iter().filter_map(|entry| self.touches.get(&entry.id)).flatten().cloned().collect();
        let rows = self.rows_of(&touched).into_iter();
        let others = entries.iter().flat_map(|entry| &entry.dependencies).filter_map(|id| self.made.get(id)).copied();
        let before = touched.iter().filter_map(|table| latest.get(table)).copied();
        let needs: BTreeSet<usize> = rows.chain(others).chain(before).collect();
        let locks = touched.iter().map(|table| (table.clone(), Lock::ShareRowExclusive)).collect();
        let made = entries.iter().map(|entry| (*entry).clone()).collect();
        let cost = cost::references(0) * entries.len() as u64;
        let number = self.schedule.add(Task::Make(made), cost, &needs, locks);
        self.made.extend(entries.iter().map(|entry| (entry.id, number)));
        latest.extend(touched.into_iter().map(|table| (table, number)));
    }

    fn make(&mut self, entry: &Entry) {
        let touched = self.touches.get(&entry.id).cloned().unwrap_or_default();
        let is_foreign_key = entry.kind == ObjectKind::ForeignKey;
        // A foreign key of or to a partitioned table looks at the rows of all partitions; another key of one keeps rows from them.
        let looked_at: BTreeSet<TableName> = if entry.kind == ObjectKind::Index {
            touched.clone()
        } else {
            touched.iter().flat_map(|table| self.below.get(table).into_iter().flatten().chain([table])).cloned().collect()
        };
        let rows = self.rows_of(&looked_at).into_iter();
        let others = entry.dependencies.iter().filter_map(|id| self.made.get(id)).copied();
        let known = touched.iter().filter_map(|table| self.analyzed.get(table)).copied();
        let needs: BTreeSet<usize> = rows.chain(others).chain(known).collect();
        let lock = match entry.kind {
            // It may also say that the table is clustered by it, or that it tells rows apart.
            ObjectKind::Index if entry.is_one_statement() => Lock::Share,
            ObjectKind::ForeignKey => Lock::ShareRowExclusive,
            _ => Lock::AccessExclusive,
        };
        let locks: BTreeMap<TableName, Lock> = looked_at.iter().map(|table| (table.clone(), lock)).collect();
        let bytes: u64 = looked_at.iter().filter_map(|table| self.sizes.get(table)).sum();
        let of_indexes = || touched.iter().filter_map(|table| self.index_costs.get(table)).max().copied();
        let cost = if is_foreign_key { cost::references(bytes) } else { of_indexes().unwrap_or(0) };
        if let Some((index, constraint)) = self.in_two(entry, &touched) {
            let lock = |lock| touched.iter().map(|table| (table.clone(), lock)).collect();
            let built = self.schedule.add(Task::Make(vec![index]), cost, &needs, lock(Lock::Share));
            let number = self.schedule.add_at_once(Task::Make(vec![constraint]), &[built].into(), lock(Lock::AccessExclusive));
            self.made.insert(entry.id, number);
            return;
        }
        let number = match self.validated_later(entry, &touched) {
            None => self.schedule.add(Task::Make(vec![entry.clone()]), cost, &needs, locks),
            Some(key) => {
                let unchecked = Entry { sql: format!("{} NOT VALID;\n", statement(entry)), ..entry.clone() };
                let made = self.schedule.add_at_once(Task::Make(vec![unchecked]), &needs, locks);
                let lock = |table: &TableName| if *table == key.table { Lock::ShareUpdateExclusive } else { Lock::RowShare };
                let locks = touched.iter().map(|table| (table.clone(), lock(table))).collect();
                self.schedule.add(Task::Validate(key), cost, &BTreeSet::from([made]), locks)
            }
        };
        self.made.insert(entry.id, number);
    }

    /// A key of a large table that has other indexes to be built beside it.
    fn in_two(&self, entry: &Entry, touched: &BTreeSet<TableName>) -> Option<(Entry, Entry)> {
        let is_large = |table: &TableName| self.sizes.get(table).is_some_and(|bytes| !is_small(*bytes));
        let is_built = |other: &&Entry| matches!(other.kind, ObjectKind::Index | ObjectKind::Constraint);
        let beside = |other: &&Entry| self.touches.get(&other.id).is_some_and(|others| !others.is_disjoint(touched));
        let has_others = || self.work.entries.iter().filter(is_built).filter(beside).nth(1).is_some();
        self.work.keys.in_two(entry).filter(|_| touched.iter().all(is_large) && has_others())
    }

    /// The foreign key of a large table, which keeps others from both tables as long as it looks at rows, unless it is made first
    /// and looks afterwards. Not of a partitioned table, which no server before version 18 can have so, nor to one: before 18,
    /// its keys to each partition would never count as valid.
    fn validated_later(&self, entry: &Entry, touched: &BTreeSet<TableName>) -> Option<ForeignKeyEntry> {
        let statement = statement(entry);
        let is_partitioned = self.work.parents.values().any(|above| touched.contains(above));
        let as_usual = statement.starts_with("ALTER TABLE ONLY ")
            && !statement.ends_with(" NOT VALID")
            && !statement.ends_with(" NOT ENFORCED");
        if entry.kind != ObjectKind::ForeignKey || !as_usual || is_partitioned {
            return None;
        }
        let named_after = |table: &&TableName| {
            let constraint = entry.name.strip_prefix(&table.name)?.strip_prefix(' ')?;
            (table.schema == entry.schema).then(|| ForeignKeyEntry { table: (*table).clone(), constraint: constraint.to_owned() })
        };
        let mut named = touched.iter().filter_map(|table| named_after(&table));
        match (named.next(), named.next()) {
            (Some(key), None) => self.sizes.get(&key.table).is_some_and(|bytes| !is_small(*bytes)).then_some(key),
            // With spaces in names, it may be of either table.
            _ => None,
        }
    }
}

/// How long one index of each table takes: as if all of them were of one size.
fn index_costs(work: &Work<'_>, touches: &HashMap<EntryId, BTreeSet<TableName>>) -> HashMap<TableName, u64> {
    let mut counts: HashMap<&TableName, u64> = HashMap::new();
    for entry in work.entries.iter().filter(|entry| matches!(entry.kind, ObjectKind::Index | ObjectKind::Constraint)) {
        for table in &touches[&entry.id] {
            *counts.entry(table).or_default() += 1;
        }
    }
    let costs = work.tables.iter().map(|table| {
        let count = counts.get(&table.name).copied().unwrap_or(1);
        (table.name.clone(), cost::indexes(table.index_bytes / count))
    });
    costs.collect()
}

/// An entry's only statement, without its end.
fn statement(entry: &Entry) -> &str {
    entry.sql.trim_end().trim_end_matches(';')
}
