//! What each kind of long work does to the world, unit by unit, and the receipt it leaves.

use crate::content::{Content, Part, Spot};
use crate::faults::{Lasting, Trouble};
use crate::jobs::{Home, Job, Stage};
use crate::migrators::{Says, version_of};
use crate::scene::Migrator;
use crate::world::{Stands, State, broken};
use restage_core::environment::DatabaseAddress;
use restage_core::error::Failure;
use restage_core::facts::PendingScript;
use restage_core::name::JobName;
use restage_core::provider::queue::Queue;
use restage_core::provider::{
    Against, Carried, CommandDone, CommandSpec, DeltaSpec, Deltas, FillSpec, Filled, InPlaceSpec, KeepSpec, KeepTable, Kept,
    KeptTable, MigrateSpec, Migrated, Refreshed, SqlDone, SqlSpec, TableFilled, Verified, VerifySpec, Waits, Work,
};
use restage_core::signal::ExitStatus;
use restage_core::{Code, Error, Result};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The receipt of work at its end, nothing before.
type Unit = Result<Option<Value>>;

impl State {
    /// Does the next unit of a job.
    pub(crate) fn work_on(&mut self, name: &JobName) {
        let Some(job) = self.jobs.get(name).cloned() else { return };
        if let Home::Process(process) = job.home {
            self.enter(process, name.as_str());
        }
        let result = match job.trouble {
            Some(Trouble::JobHangs) => return self.set_due(name),
            Some(Trouble::JobFails(lasting)) if job.is_last_unit() => {
                self.may_say_that_it_failed(&job);
                return self.end(name, Stage::Failed(failure(&job.work), lasting));
            }
            _ => self.unit(name, &job),
        };
        self.look_at_targets(name.as_str());
        match result {
            Ok(Some(receipt)) => self.end(name, Stage::Done(receipt)),
            Ok(None) => {
                if let Some(job) = self.jobs.get_mut(name) {
                    job.done += 1;
                }
                self.set_due(name);
            }
            Err(error) => self.end(name, Stage::Failed(Failure::from(&error), Lasting::Permanent)),
        }
    }

    fn end(&mut self, name: &JobName, stage: Stage) {
        if matches!(stage, Stage::Failed(..)) {
            self.note_broken_off(name);
        }
        if let Some(job) = self.jobs.get_mut(name) {
            job.stage = stage;
        }
    }

    fn unit(&mut self, name: &JobName, job: &Job) -> Unit {
        match &*job.work {
            Work::Fill(spec) => self.fill(spec, job),
            Work::Deltas(spec) => at_the_end(job, || self.restore_deltas(spec)),
            Work::Keep(spec) => at_the_end(job, || self.keep(spec)),
            Work::Verify(spec) => at_the_end(job, || self.verify(spec)),
            Work::InPlace(spec) => at_the_end(job, || self.refresh_in_place(spec, job)),
            Work::Migrate(spec) => self.migrate(spec, job),
            Work::Sql(spec) => at_the_end(job, || self.run_sql(name, spec)),
            Work::Command(spec) => self.run_command(name, spec, job),
        }
    }

    fn fill(&mut self, spec: &FillSpec, job: &Job) -> Unit {
        let source = self.source(&spec.source, &spec.carried)?;
        let shadow = self.write(&Spot::of(spec.shadow.get()))?;
        if !shadow.is_of(&spec.run) {
            return Err(Code::ObjectNotOurs.error("the shadow is not this run's"));
        }
        if job.done == 0 {
            shadow.content = Content::default(); // a copy begins anew: two snapshots are never mixed
        }
        shadow.content.parts.push(Part { of: source, snapshot: job.snapshot });
        if job.is_last_unit() { Ok(Some(receipt(&self.filled(&spec.carried, job)))) } else { Ok(None) }
    }

    fn source(&self, address: &DatabaseAddress, carried: &Carried) -> Result<Spot> {
        let spot = Spot::of(address);
        if self.read(&spot)?.identity != carried.source_identity {
            return Err(Code::PlanStale.error("the source is another database than the plan was made for"));
        }
        Ok(spot)
    }

    fn filled(&self, carried: &Carried, job: &Job) -> Filled {
        let table = TableFilled {
            rows_read: 1,
            rows_written: 1,
            rows_found: None,
            bytes: 1,
            seconds: 0.5,
            masked: vec![],
            checksum: Some(job.snapshot.to_string()),
        };
        Filled {
            snapshot_at: self.time.now,
            source: carried.source_identity.clone(),
            tables: carried.tables.keys().map(|name| (name.clone(), table.clone())).collect(),
            large_objects: 0,
            seconds: BTreeMap::new(),
            waits: Waits::default(),
            advice: vec![],
            notes: vec![],
        }
    }

    fn restore_deltas(&mut self, spec: &DeltaSpec) -> Result<Deltas> {
        let own = self.read(&Spot::of(&spec.target))?.content.own_objects.clone();
        let shadow = self.write(&Spot::of(spec.shadow.get()))?;
        let found = spec.surviving.deltas.iter().filter_map(|delta| own.get_key_value(delta));
        shadow.content.own_objects.extend(found.map(|(delta, from)| (delta.clone(), from.clone())));
        Ok(Deltas { restored: spec.surviving.deltas.clone(), rows: BTreeMap::new() })
    }

    fn keep(&mut self, spec: &KeepSpec) -> Result<Kept> {
        let own = self.read(&Spot::of(&spec.target))?.content.own_rows.clone();
        let shadow = self.write(&Spot::of(spec.shadow.get()))?;
        let found = spec.surviving.keep.iter().filter_map(|keep| own.get_key_value(&keep.table));
        shadow.content.own_rows.extend(found.map(|(table, from)| (table.clone(), from.clone())));
        Ok(kept(&spec.surviving.keep))
    }

    fn verify(&mut self, spec: &VerifySpec) -> Result<Verified> {
        let content = &self.read(&Spot::of(spec.shadow.get()))?.content;
        let snapshot = content.parts.first().map(|part| part.snapshot.to_string());
        let agrees = match &spec.against {
            Against::Copy(filled) => filled.tables.values().all(|table| table.checksum == snapshot),
            Against::Origins { surviving, .. } => surviving.keep.iter().all(|keep| content.own_rows.contains_key(&keep.table)),
        };
        if content.is_whole() && agrees {
            return Ok(Verified { tables: 1, rows: 1, ..Verified::default() });
        }
        Err(Code::VerifyMismatch.error("the copy is not what it should be"))
    }

    /// All in one transaction, which also marks the database; a second one finds the mark.
    fn refresh_in_place(&mut self, spec: &InPlaceSpec, job: &Job) -> Result<Refreshed> {
        let source = self.source(&spec.source, &spec.carried)?;
        let refreshed = Refreshed {
            filled: self.filled(&spec.carried, job),
            deltas: Deltas { restored: spec.surviving.deltas.clone(), rows: BTreeMap::new() },
            kept: kept(&spec.surviving.keep),
            verified: Verified::default(),
            outage_seconds: 0.5,
        };
        let target = self.write(&Spot::of(&spec.target))?;
        if target.content.refreshed_by.as_ref() != Some(&spec.run) {
            if target.identity != spec.target_identity {
                return Err(Code::PlanStale.error("the target is another database than the plan was made for"));
            }
            target.content.parts = vec![Part { of: source, snapshot: job.snapshot }; crate::content::PARTS];
            target.content.own_rows.retain(|table, _| spec.surviving.keep.iter().any(|keep| keep.table == *table));
            target.content.own_objects.retain(|delta, _| spec.surviving.deltas.contains(delta));
            target.content.refreshed_by = Some(spec.run.clone());
        }
        Ok(refreshed)
    }

    /// Each script is recorded with what it does, so that none is applied twice; the first has its own unit.
    fn migrate(&mut self, spec: &MigrateSpec, job: &Job) -> Unit {
        let scripts: Vec<String> = spec.expected.iter().map(|script| script.script.clone()).collect();
        self.apply(&Spot::of(&spec.address), &spec.expected, job)?;
        if let Some(signals) = &spec.signals {
            let says = if job.is_last_unit() { Says::Ends(ExitStatus::Success) } else { Says::Begins };
            self.tell(&signals.queue, job, &spec.expected, says);
        }
        let version = version_of(&spec.expected).map(|version| version.0);
        let done = Migrated { applied: scripts, version, seconds: 0.5, ..Migrated::default() };
        if job.is_last_unit() { Ok(Some(receipt(&done))) } else { Ok(None) }
    }

    fn apply(&mut self, spot: &Spot, scripts: &[PendingScript], job: &Job) -> Result<()> {
        let content = &mut self.write(spot)?.content;
        let now = if job.is_last_unit() { scripts } else { &scripts[..scripts.len().min(1)] };
        for script in now {
            content.statements.entry(migration(&script.script)).or_insert(1);
        }
        Ok(())
    }

    /// A command that migrates.
    fn run_migrator(&mut self, migrator: &Migrator, job: &Job) -> Unit {
        self.apply(&migrator.spot, &migrator.scripts, job)?;
        let says = if job.is_last_unit() { Says::Ends(ExitStatus::Success) } else { Says::Begins };
        self.tell(&migrator.queue, job, &migrator.scripts, says);
        if job.is_last_unit() { Ok(Some(receipt(&CommandDone { tail: String::new(), seconds: 0.5 }))) } else { Ok(None) }
    }

    /// A migrator that fails says so, or dies before it can.
    fn may_say_that_it_failed(&mut self, job: &Job) {
        let Some(queue) = self.queue_of(&job.work) else { return };
        if self.random.one_in(2) {
            self.tell(&queue, job, &[], Says::Ends(ExitStatus::MigrationFailed));
        }
    }

    fn queue_of(&self, work: &Work) -> Option<Queue> {
        match work {
            Work::Migrate(spec) => spec.signals.as_ref().map(|signals| signals.queue.clone()),
            Work::Command(spec) => self.scene.migrators.get(&spec.command.to_string()).map(|migrator| migrator.queue.clone()),
            _ => None,
        }
    }

    fn run_sql(&mut self, name: &JobName, spec: &SqlSpec) -> Result<SqlDone> {
        let undone = self.undone_by(name, &spec.statement);
        let statements = &mut self.write(&Spot::of(&spec.address))?.content.statements;
        match undone {
            None => *statements.entry(spec.statement.clone()).or_default() += 1,
            Some(undone) if statements.remove(&undone).is_none() => {
                self.violate(format!("`{}` took back `{undone}`, which had not been committed", spec.statement));
            }
            Some(_) => {}
        }
        self.committed.insert(name.clone());
        Ok(SqlDone { rows: 1 })
    }

    fn run_command(&mut self, name: &JobName, spec: &CommandSpec, job: &Job) -> Unit {
        let command = spec.command.to_string();
        if let Some(migrator) = self.scene.clone().migrators.get(&command) {
            return self.run_migrator(migrator, job);
        }
        let undone = self.undone_by(name, &command);
        let effect = self.effects.entry(undone.clone().unwrap_or_else(|| command.clone())).or_default();
        effect.stands = match (&undone, job.is_last_unit()) {
            (_, false) => Stands::Begun,
            (None, true) => Stands::There,
            (Some(_), true) => Stands::Absent,
        };
        if !job.is_last_unit() {
            return Ok(None);
        }
        effect.runs += u32::from(undone.is_none());
        if let Some(address) = &spec.database {
            let content = &mut self.write(&Spot::of(address))?.content;
            match undone {
                None => content.add(&command),
                Some(undone) => drop(content.statements.remove(&undone)),
            }
        }
        Ok(Some(receipt(&CommandDone { tail: String::new(), seconds: 0.5 })))
    }

    /// What that text takes back, if it is a step's undo.
    fn undone_by(&self, name: &JobName, text: &str) -> Option<String> {
        name.as_str().ends_with("-undo").then(|| self.scene.undoes.get(text).cloned()).flatten()
    }

    /// A job that was stopped or failed may have to run again.
    pub(crate) fn note_broken_off(&mut self, name: &JobName) {
        let Some(Work::Command(spec)) = self.jobs.get(name).map(|job| &*job.work) else { return };
        let command = spec.command.to_string();
        self.effects.entry(command).or_default().broken_off += 1;
    }

    /// The receipt of SQL that was committed under that name, maybe by a process that is gone.
    pub(crate) fn committed_before(&self, name: &JobName) -> Option<Value> {
        self.committed.contains(name).then(|| serde_json::to_value(SqlDone { rows: 1 }).expect("plain data"))
    }
}

/// What a migration is to a database, as a statement.
pub(crate) fn migration(script: &str) -> String {
    format!("migration {script}")
}

fn at_the_end<R: Serialize>(job: &Job, end: impl FnOnce() -> Result<R>) -> Unit {
    if job.is_last_unit() { Ok(Some(receipt(&end()?))) } else { Ok(None) }
}

fn receipt<R: Serialize>(receipt: &R) -> Value {
    serde_json::to_value(receipt).expect("receipts are plain data")
}

fn kept(tables: &[KeepTable]) -> Kept {
    Kept {
        tables: tables.iter().map(|keep| (keep.table.clone(), KeptTable { found: 1, added: 1, ..KeptTable::default() })).collect(),
    }
}

fn failure(work: &Work) -> Failure {
    let error: Error = match work {
        Work::Command(spec) => Code::CommandFailed.error(format!("`{}` failed", spec.command)).help("go on: this is a simulation"),
        _ => broken(Lasting::Permanent),
    };
    Failure::from(&error)
}
