//! Filling materialized views: those that read others after them, otherwise several at a time. What functions read is recorded
//! nowhere, so that where a view calls one, all are filled one by one in `pg_dump`'s order.

use super::ledger::Ledger;
use super::schedule::{Schedule, Task};
use super::statements::{Failure, Runner, Statement, Transaction};
use super::workers::{Agenda, Perform};
use crate::Result;
use crate::archive::{Entry, EntryId};
use crate::connect::TargetClient;
use crate::stop::Stop;
use futures::future::{BoxFuture, try_join_all};
use restage_core::facts::ObjectKind;
use restage_core::schema::TableName;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The views to fill, of all entries that were made, and the size of each on the source.
pub(super) fn schedule(made: &[&Entry], sizes: &BTreeMap<TableName, u64>) -> Schedule {
    let one_by_one = made.iter().any(|entry| {
        let calls = |id: &EntryId| made.iter().any(|other| other.id == *id && other.kind == ObjectKind::Function);
        matches!(entry.kind, ObjectKind::MaterializedView | ObjectKind::View) && entry.dependencies.iter().any(calls)
    });
    // What each entry reads of materialized views, itself or through views between them.
    let mut reads: HashMap<EntryId, BTreeSet<EntryId>> = HashMap::new();
    let mut tasks: HashMap<EntryId, usize> = HashMap::new();
    let mut schedule = Schedule::default();
    for entry in made {
        let through = entry.dependencies.iter().filter_map(|id| reads.get(id)).flatten().copied();
        let mut all: BTreeSet<EntryId> = through.collect();
        let name = TableName::new(&entry.schema, &entry.name);
        if let (ObjectKind::MaterializedView, Some(bytes)) = (&entry.kind, sizes.get(&name)) {
            let needs = if one_by_one {
                tasks.values().copied().collect()
            } else {
                all.iter().filter_map(|id| tasks.get(id)).copied().collect()
            };
            tasks.insert(entry.id, schedule.add(Task::Refresh(name), *bytes, &needs, BTreeMap::new()));
            all.insert(entry.id);
        }
        reads.insert(entry.id, all);
    }
    schedule.weigh();
    schedule
}

/// Does it on all sessions.
pub(super) async fn refresh(
    schedule: Schedule,
    sessions: &[&TargetClient],
    transaction: Transaction,
    ledger: &Ledger,
    stop: &Stop,
) -> Result<()> {
    let agenda = Agenda::new(schedule);
    let refreshers = sessions.iter().map(|session| Refresher { runner: Runner::new(session, transaction, stop), ledger });
    let mut refreshers: Vec<Refresher<'_>> = refreshers.collect();
    try_join_all(refreshers.iter_mut().map(|refresher| agenda.follow(stop, refresher))).await.map(drop)
}

struct Refresher<'a> {
    runner: Runner<'a>,
    ledger: &'a Ledger,
}

impl Perform for Refresher<'_> {
    fn perform(&mut self, number: usize, task: Task) -> BoxFuture<'_, Result<()>> {
        let runner = self.runner.recording(self.ledger, format!("view {number}"));
        Box::pin(async move { runner.run(&statement(&task)).await.map(drop) })
    }
}

fn statement(task: &Task) -> Vec<Statement> {
    let Task::Refresh(view) = task else { return vec![] };
    let sql = format!("REFRESH MATERIALIZED VIEW {0}; ANALYZE {0};", view.sql());
    vec![Statement {
        doing: format!("refresh `{} {}.{}`", ObjectKind::MaterializedView, view.schema, view.name),
        sql,
        failure: Failure::Fatal,
    }]
}

#[cfg(test)]
mod tests {
    use super::super::schedule::Next;
    use super::*;
    use crate::archive::entry;

    #[test]
    fn a_view_waits_for_those_it_reads_through_others() {
        let reading = |id, kind, name, reads: &[u32]| {
            let mut entry = entry(id, kind, "public", name);
            entry.dependencies = reads.iter().copied().map(EntryId).collect();
            entry
        };
        let made = [
            reading(1, "TABLE", "t", &[]),
            reading(2, "MATERIALIZED VIEW", "base", &[1]),
            reading(3, "MATERIALIZED VIEW", "unfilled", &[1]),
            reading(4, "VIEW", "between", &[2, 3]),
            reading(5, "MATERIALIZED VIEW", "top", &[4]),
            reading(6, "MATERIALIZED VIEW", "other", &[1]),
        ];
        let sizes = ["base", "top", "other"].map(|name| (TableName::parse(name).unwrap(), 10));
        let mut schedule = schedule(&made.iter().collect::<Vec<_>>(), &sizes.into());
        let mut next = || match schedule.next() {
            Next::Task(number, task) => Some((number, format!("{task:?}"))),
            Next::Wait | Next::Finished => None,
        };
        let (base, other) = (next().unwrap(), next().unwrap());
        assert!(base.1.contains("base") && other.1.contains("other") && next().is_none(), "{base:?} {other:?}");
        schedule.done(base.0);
        assert!(matches!(schedule.next(), Next::Task(_, task) if format!("{task:?}").contains("top")));
    }

    #[test]
    fn views_that_call_functions_are_filled_one_by_one() {
        let mut calling = entry(3, "MATERIALIZED VIEW", "public", "b_top");
        calling.dependencies = vec![EntryId(1)];
        let made = [entry(1, "FUNCTION", "public", "f()"), entry(2, "MATERIALIZED VIEW", "public", "a_base"), calling];
        let sizes = [("a_base", 1), ("b_top", 100)].map(|(name, pages)| (TableName::parse(name).unwrap(), pages));
        let mut schedule = schedule(&made.iter().collect::<Vec<_>>(), &sizes.into());
        assert!(matches!(schedule.next(), Next::Task(_, task) if format!("{task:?}").contains("a_base")));
        assert!(matches!(schedule.next(), Next::Wait));
    }
}
