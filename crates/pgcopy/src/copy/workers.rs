//! Rows, indexes and foreign keys: by several workers with a session on each server, or by one within a transaction.

use super::budget::Share;
use super::capacity::Capacity;
use super::done::Done;
use super::large_objects;
use super::ledger::{self, Ledger};
use super::owners::Owners;
use super::pace::Pace;
use super::parts::Part;
use super::rows::RowCopy;
use super::schedule::{ForeignKeyEntry, Next, Rows, Schedule, Task};
use super::statements::{Failure, Runner, Statement, Transaction, making};
use super::statistics::carried_over;
use super::table::{self, TableCopy};
use super::tally::Tally;
use super::{Route, sequences, session};
use crate::archive::Entry;
use crate::connect::{SourceClient, TargetClient};
use crate::mask::MaskSet;
use crate::stop::{self, Stop};
use crate::verify::counts;
use crate::{Error, Kind, Result};
use futures::future::BoxFuture;
use restage_core::provider::TableFilled;
use restage_core::scenario::copy_database::Verify;
use restage_core::schema::{Persistence, Schema, TableName, quote_identifier};
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// What all workers share.
pub(super) struct Job {
    /// The largest first.
    pub(super) tables: Vec<TableCopy>,
    pub(super) masks: BTreeMap<TableName, MaskSet>,
    pub(super) schema: Arc<Schema>,
    pub(super) verify: Verify,
    pub(super) owners: Arc<Owners>,
    pub(super) tally: Arc<Tally>,
    pub(super) pace: Pace,
    pub(super) capacity: Capacity,
    pub(super) ledger: Arc<Ledger>,
    pub(super) progress: Agenda,
}

/// Somebody who does tasks.
pub(super) trait Perform: Send {
    /// Does the task of that number in its schedule.
    fn perform(&mut self, number: usize, task: Task) -> BoxFuture<'_, Result<()>>;
}

/// What is to be done, and what has been.
pub(super) struct Agenda {
    schedule: Mutex<Schedule>,
    changed: Notify,
    done: Mutex<Done>,
}

impl Agenda {
    pub(super) fn new(schedule: Schedule) -> Self {
        Self { schedule: Mutex::new(schedule), changed: Notify::new(), done: Mutex::default() }
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        lock(&self.done)
    }

    /// Performs one task after the other until none is left; others may do the same.
    pub(super) async fn follow(&self, stop: &Stop, worker: &mut impl Perform) -> Result<()> {
        loop {
            stop.check()?;
            let changed = self.changed.notified();
            let next = lock(&self.schedule).next();
            match next {
                Next::Finished => {
                    self.changed.notify_waiters();
                    return Ok(());
                }
                Next::Wait => {
                    let waiting = async {
                        changed.await;
                        Ok(())
                    };
                    stop.race(waiting).await?;
                }
                Next::Task(number, task) => {
                    worker.perform(number, *task).await?;
                    lock(&self.schedule).done(number);
                    self.changed.notify_waiters();
                }
            }
        }
    }
}

impl Job {
    /// Does it with several workers, each with sessions of its own; the first failure stops the others.
    pub(super) async fn run(self: Arc<Self>, route: &Route, snapshot: &str, stop: &Stop) -> Result<Done> {
        let (stopper, halt) = stop::stop();
        let mut running = JoinSet::new();
        for _ in 0..self.capacity.workers.min(lock(&self.progress.schedule).len()).max(1) {
            let (job, route, snapshot, halt) = (Arc::clone(&self), route.clone(), snapshot.to_owned(), halt.clone());
            running.spawn(async move { Box::pin(job.work(&route, &snapshot, &halt)).await });
        }
        let mut failure: Option<Error> = None;
        loop {
            let ended = tokio::select! {
                () = stop.asked(), if !halt.is_asked() => {
                    stopper.stop();
                    continue;
                }
                ended = running.join_next() => ended,
            };
            let Some(ended) = ended else { break };
            let ended = ended.unwrap_or_else(|broken| Err(Kind::Interrupted.error("a worker broke off").because(broken)));
            if let Err(error) = ended {
                stopper.stop();
                // The others end because of it and say no more than that.
                let says_more = failure.as_ref().is_none_or(|known| known.kind == Kind::Interrupted);
                failure = if says_more { Some(error) } else { failure };
            }
        }
        match failure {
            None => Ok(std::mem::take(&mut *self.progress.done())),
            Some(error) => Err(error),
        }
    }

    /// Does it on two sessions, within the transaction that is open on the target's.
    pub(super) async fn run_within(&self, source: &SourceClient, target: &TargetClient, stop: &Stop) -> Result<Done> {
        Box::pin(self.follow(&mut Worker::new(self, source, target, Transaction::Open, stop))).await?;
        Ok(std::mem::take(&mut *self.progress.done()))
    }

    async fn work(&self, route: &Route, snapshot: &str, stop: &Stop) -> Result<()> {
        let (source, target) = stop.race(async { tokio::try_join!(session::source(route), session::target(route)) }).await?;
        source.begin(Some(snapshot)).await?;
        Box::pin(self.follow(&mut Worker::new(self, &source, &target, Transaction::None, stop))).await
    }

    async fn follow(&self, worker: &mut Worker<'_>) -> Result<()> {
        let stop = worker.stop;
        self.progress.follow(stop, worker).await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One pair of sessions at work.
struct Worker<'a> {
    job: &'a Job,
    source: &'a SourceClient,
    target: &'a TargetClient,
    transaction: Transaction,
    stop: &'a Stop,
    /// The task, as the ledger names it.
    task: String,
}

impl Perform for Worker<'_> {
    fn perform(&mut self, number: usize, task: Task) -> BoxFuture<'_, Result<()>> {
        // Another program may have other work in the same place.
        self.task = format!("task {number} {}", ledger::digest(&task));
        Box::pin(self.do_task(task))
    }
}

impl<'a> Worker<'a> {
    fn new(job: &'a Job, source: &'a SourceClient, target: &'a TargetClient, transaction: Transaction, stop: &'a Stop) -> Self {
        Self { job, source, target, transaction, stop, task: String::new() }
    }

    async fn do_task(&self, task: Task) -> Result<()> {
        let started = Instant::now();
        if let Some(done) = self.job.ledger.done(&self.task) {
            let brought = done.tables.values();
            brought.for_each(|table| self.job.tally.add(table.rows_written, table.bytes));
            return self.job.progress.done().merge(done.clone());
        }
        match task {
            Task::Rows(rows) => Box::pin(self.rows(&rows)).await,
            Task::Part { table, part } => Box::pin(self.part(table, part)).await,
            Task::Make(entries) => {
                let share = self.share();
                let made = self.run(&within(&share, statements(&entries))).await;
                self.job.tally.spent("indexes", started);
                made
            }
            Task::Validate(key) => {
                let share = self.share();
                let validated = self.run(&within(&share, vec![validate(&key)])).await;
                self.job.tally.spent("foreign keys", started);
                validated
            }
            Task::Analyze(table) => {
                let gathered = self.know(&table).await;
                self.job.tally.spent("statistics", started);
                gathered
            }
            Task::Sequences(names) => {
                let runner = Runner::new(self.target, self.transaction, self.stop);
                let carrying = sequences::carry_over(self.source.reader(), &runner, &self.job.schema, &names);
                let notes = self.source.guard(self.stop, carrying).await?;
                self.job.tally.spent("sequences", started);
                self.write_down(Done { notes, ..Done::default() }).await
            }
            Task::Count(tables) => {
                let counted = self.target.guard(self.stop, self.count(&tables)).await;
                self.job.tally.spent("counting", started);
                counted
            }
            Task::LargeObjects => Box::pin(self.large_objects()).await,
            // Views read what all the other tasks have made, and have a schedule of their own.
            Task::Refresh(_) => Ok(()),
        }
    }

    /// All of it in one transaction.
    async fn rows(&self, rows: &Rows) -> Result<()> {
        let (source, target, stop) = (self.source, self.target, self.stop);
        let work = async {
            let mut done = Done::default();
            self.begin().await?;
            done.notes.extend(self.make_within(&rows.structure, "rows").await?);
            let made: HashSet<TableName> = rows.structure.iter().filter_map(Entry::table).collect();
            for table in rows.tables.iter().map(|at| &self.job.tables[*at]) {
                stop.check()?;
                let is_new = self.transaction == Transaction::Open || made.contains(&table.name);
                done.add(&table.name, self.copy(table, &Part::Whole, is_new).await?)?;
            }
            done.notes.extend(self.make_within(&rows.entries, "indexes").await?);
            let statistics: Vec<Statement> = rows.analyze.iter().map(gather_statistics).collect();
            done.notes.extend(self.run_within(&statistics).await?);
            self.commit(done).await
        };
        source.guard(stop, target.guard(stop, work)).await
    }

    async fn part(&self, table: usize, part: usize) -> Result<()> {
        let (source, target, stop) = (self.source, self.target, self.stop);
        let table = &self.job.tables[table];
        let work = async {
            self.begin().await?;
            let filled = self.copy(table, &table.parts[part], false).await?;
            self.commit(Done { tables: [(table.name.clone(), filled)].into(), ..Done::default() }).await
        };
        source.guard(stop, target.guard(stop, work)).await
    }

    async fn copy(&self, table: &TableCopy, part: &Part, is_new: bool) -> Result<TableFilled> {
        let (job, source, target) = (self.job, self.source, self.target);
        let masks = job.masks.get(&table.name);
        let copy = RowCopy { source, target, table, part, masks, verify: job.verify, is_new, tally: &job.tally, pace: &job.pace };
        copy.run().await
    }

    async fn make_within(&self, entries: &[Entry], sort: &'static str) -> Result<Vec<String>> {
        let started = Instant::now();
        let notes = self.run_within(&statements(entries)).await?;
        if !entries.is_empty() {
            self.job.tally.spent(sort, started);
        }
        Ok(notes)
    }

    /// Gives a large table the source's statistics, or has its own gathered, which is always possible.
    async fn know(&self, table: &TableName) -> Result<()> {
        let rows = |table: &TableName| self.rows_as_they_are(table);
        let asking = carried_over(self.source.reader(), self.target.major(), table, rows);
        if let Some(statistics) = self.source.guard(self.stop, asking).await?
            && self.run(&[statistics]).await.is_ok()
        {
            return Ok(());
        }
        self.run(&[gather_statistics(table)]).await
    }

    /// How many rows were written into a table, if it has all of the source's and each is as it is there.
    fn rows_as_they_are(&self, name: &TableName) -> Option<u64> {
        let table = self.job.tables.iter().find(|table| table.name == *name)?;
        let is_masked = self.job.masks.contains_key(name) || !table.masks.is_empty();
        if is_masked || table.of_extension || table.rows != table::Rows::All {
            return None;
        }
        self.job.progress.done().tables.get(name).map(|filled| filled.rows_written)
    }

    /// Counts what is there of tables that were copied; another number than the copy's is found when both are compared.
    async fn count(&self, tables: &[usize]) -> Result<()> {
        let names: Vec<&TableName> = tables.iter().map(|at| &self.job.tables[*at].name).collect();
        let counts = counts::rows_of(self.target.reader(), &names).await?;
        // What is not logged may be gone before it is compared.
        let is_logged =
            |name: &TableName| self.job.schema.tables.get(name).is_some_and(|t| t.persistence == Persistence::Permanent);
        let found = names.into_iter().cloned().zip(counts).filter(|(name, _)| is_logged(name)).collect();
        self.write_down(Done { found, ..Done::default() }).await
    }

    async fn large_objects(&self) -> Result<()> {
        let (source, target, stop) = (self.source, self.target, self.stop);
        let work = async {
            self.begin().await?;
            let copied = large_objects::copy(source, target, &self.job.owners, &self.job.pace, stop).await?;
            self.commit(Done { large_objects: copied.count, later: copied.later, ..Done::default() }).await
        };
        source.guard(stop, target.guard(stop, work)).await
    }

    /// What this worker may take of the target's server for what it makes.
    fn share(&self) -> Share<'a> {
        let job: &'a Job = self.job;
        let busy = lock(&job.progress.schedule).running();
        job.capacity.budget.take(busy)
    }

    /// Runs what is a task of its own.
    async fn run(&self, statements: &[Statement]) -> Result<()> {
        let runner = Runner::new(self.target, self.transaction, self.stop).recording(&self.job.ledger, &self.task);
        let notes = runner.run(statements).await?;
        self.job.progress.done().notes.extend(notes);
        Ok(())
    }

    /// Runs what is part of the transaction that was begun.
    async fn run_within(&self, statements: &[Statement]) -> Result<Vec<String>> {
        Runner::new(self.target, Transaction::Open, self.stop).run(statements).await
    }

    async fn begin(&self) -> Result<()> {
        match self.transaction {
            Transaction::None => self.target.run("begin a transaction", "BEGIN").await,
            Transaction::Open => Ok(()),
        }
    }

    /// Writes down what a task has done or seen outside of transactions: at the end it may not be possible any more.
    async fn write_down(&self, done: Done) -> Result<()> {
        let line = self.job.ledger.line(&self.task, "", &done);
        if self.transaction == Transaction::None && !line.is_empty() {
            self.target.run("write down what is done", &line).await?;
        }
        self.job.progress.done().merge(done)
    }

    /// Commits what a task has done, and writes it down with that.
    async fn commit(&self, done: Done) -> Result<()> {
        if self.transaction == Transaction::None {
            let line = self.job.ledger.line(&self.task, "", &done);
            self.target.run("commit rows", &(line + "COMMIT")).await?;
        }
        self.job.progress.done().merge(done)
    }
}

fn statements(entries: &[Entry]) -> Vec<Statement> {
    entries.iter().map(|entry| making(entry, Failure::Fatal)).collect()
}

/// The statements with a share's settings before them.
fn within(share: &Share<'_>, mut statements: Vec<Statement>) -> Vec<Statement> {
    if let (Some(settings), Some(first)) = (share.settings(), statements.first_mut()) {
        first.sql.insert_str(0, &settings);
    }
    statements
}

fn validate(key: &ForeignKeyEntry) -> Statement {
    let ForeignKeyEntry { table, constraint } = key;
    Statement {
        doing: format!("validate the foreign key `{constraint}` of `{table}`"),
        sql: format!("ALTER TABLE {} VALIDATE CONSTRAINT {};", table.sql(), quote_identifier(constraint)),
        failure: Failure::Fatal,
    }
}

fn gather_statistics(table: &TableName) -> Statement {
    Statement {
        doing: format!("gather statistics of `{table}`"),
        sql: format!("ANALYZE {};", table.sql()),
        failure: Failure::Fatal,
    }
}
