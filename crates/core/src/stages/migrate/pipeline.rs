//! What happens around the migrations of a live database: whether they are needed, who runs them, how these are followed.

use super::{Scope, applying, key, pending, record_of, tell};
use crate::duration::Duration;
use crate::environment::DatabaseAddress;
use crate::error::{Code, Result};
use crate::facts::{PendingFacts, RecordFacts};
use crate::plan::{Builder, Level};
use crate::provider::queue::Queue;
use crate::provider::{Place, Record};
use crate::scenario::migrate::{Migrate, Migrator, Program, Signals, When};
use crate::signal::{MISSED_HEARTBEATS, SchemaVersion};
use crate::steps::{AwaitMigrator, CheckQueue, Observer, PurgeQueue, RecordVersion, VerifyMigrations};

/// How long a look at a queue, a history or a record may take.
const LOOKING: Duration = Duration::from_minutes(5);
/// How long emptying a queue may take, once everybody in it has ended or is silent.
const PURGING: std::time::Duration = std::time::Duration::from_mins(5);

/// One stage with what was observed for it.
struct Pipeline<'a> {
    stage: &'a Migrate,
    scope: &'a Scope<'a>,
    database: DatabaseAddress,
    pending: &'a PendingFacts,
    record: Option<(Record, &'a RecordFacts)>,
}

pub(in crate::stages) fn expand(stage: &Migrate, scope: &Scope<'_>, builder: &mut Builder) {
    builder.begin_stage(format!("migrate {}", stage.database));
    match Pipeline::of(stage, scope) {
        Ok(pipeline) => pipeline.expand(builder),
        Err(error) => builder.refuse(error),
    }
}

impl<'a> Pipeline<'a> {
    fn of(stage: &'a Migrate, scope: &'a Scope<'a>) -> Result<Self> {
        let to = &scope.scenario.to;
        let database = scope.address(to, &stage.database)?.clone();
        let pending = pending(&key(to, to, &stage.database, &stage.scripts), scope)?;
        let record = record_of(stage, scope.folder).map(|record| {
            let unknown = || Code::PlanStale.error(format!("nothing was observed of {record}")).help("plan again");
            scope.facts.record(&record).ok_or_else(unknown).map(|facts| (record, facts))
        });
        let record = record.transpose()?;
        Ok(Self { stage, scope, database, pending, record })
    }

    fn expand(&self, builder: &mut Builder) {
        self.say_whether_needed(builder);
        if !self.is_run() {
            return self.only_look(builder);
        }
        tell(self.pending, builder);
        if let Some(signals) = self.stage.migrator.signals() {
            self.check_queue(&signals.queue, builder);
        }
        let observer = match &self.stage.migrator {
            Migrator::Restage(signals) => {
                let step = applying(Place::Live(self.database.clone()), &self.stage.scripts, self.pending, self.scope);
                let signals = signals.clone();
                Observer::Applied(builder.then(crate::steps::RunMigrations { signals, ..step }, self.stage.within))
            }
            Migrator::Command(program, signals) => self.follow(program, signals, builder),
        };
        if let Some((record, facts)) = &self.record {
            builder.then(RecordVersion { record: record.clone(), former: facts.version.clone(), observer }, LOOKING);
        }
        if let Some(signals) = self.stage.migrator.signals() {
            builder.then(PurgeQueue { queue: signals.queue.clone() }, purging(signals));
        }
    }

    fn is_needed(&self) -> bool {
        match &self.record {
            Some((_, facts)) => facts.is_behind(self.pending.newest.as_ref()),
            None => !self.pending.pending.is_empty(),
        }
    }

    fn is_run(&self) -> bool {
        self.stage.when == When::Always || self.is_needed()
    }

    fn say_whether_needed(&self, builder: &mut Builder) {
        let Some((record, facts)) = &self.record else { return };
        let version = |version: &Option<SchemaVersion>| {
            version.as_ref().map_or("no version".to_owned(), |version| format!("version {version}"))
        };
        let (recorded, newest) = (version(&facts.version), version(&self.pending.newest));
        builder.find(Level::Note, format!("{record} says {recorded}, and the newest script is {newest}"), None);
        let count = self.pending.pending.len();
        if count > 0 && !self.is_run() {
            let message =
                format!("{record} says that nothing is needed, but {count} scripts are not in the history of {}", self.database);
            builder.find(Level::Warning, message, Some("correct the record, or write `when: always`"));
        }
    }

    /// Nothing is to be applied. Whether that is so is looked at where nothing would come of it but that.
    fn only_look(&self, builder: &mut Builder) {
        match &self.stage.migrator {
            Migrator::Restage(_) if self.pending.pending.is_empty() => {
                tell(self.pending, builder);
                let step = applying(Place::Live(self.database.clone()), &self.stage.scripts, self.pending, self.scope);
                builder.then(step, self.stage.within);
            }
            Migrator::Restage(_) | Migrator::Command(..) => {
                builder.find(Level::Note, format!("nothing is done: {} needs no migration", self.database), None);
            }
        }
    }

    fn check_queue(&self, queue: &Queue, builder: &mut Builder) {
        match self.scope.facts.queue(queue) {
            None => builder.refuse(Code::PlanStale.error(format!("nobody looked into the queue `{queue}`")).help("plan again")),
            Some(facts) if !facts.is_empty() => builder.refuse(facts.refusal(queue)),
            Some(_) => drop(builder.then(CheckQueue { queue: queue.clone() }, LOOKING)),
        }
    }

    /// The command, and a look at what came of it.
    fn follow(&self, program: &Program, signals: &Signals, builder: &mut Builder) -> Observer {
        let folder = self.scope.folder;
        let step = AwaitMigrator {
            database: self.database.clone(),
            queue: signals.queue.clone(),
            heartbeat: signals.heartbeat,
            command: program.command.clone(),
            env: program.environment.clone(),
            directory: program.directory.as_ref().map_or_else(|| folder.to_owned(), |directory| folder.join(directory)),
            pending: self.pending.pending.clone(),
        };
        let migrator = builder.then(step, self.stage.within);
        let step = VerifyMigrations {
            database: self.database.clone(),
            scripts: self.stage.scripts.clone(),
            folder: folder.to_owned(),
            migrator,
        };
        Observer::Verified(builder.then(step, LOOKING))
    }
}

/// An earlier attempt of the same run may have to be taken for dead first.
fn purging(signals: &Signals) -> Duration {
    let silence = signals.heartbeat.map_or(std::time::Duration::ZERO, |period| period.as_std() * MISSED_HEARTBEATS);
    let seconds = (silence + PURGING).as_secs();
    Duration::from_secs(seconds)
}
