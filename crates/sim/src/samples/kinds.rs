//! The smallest plan for every kind of step.

use super::{ENVIRONMENTS, Sample, facts};
use restage_core::document::Source;
use restage_core::duration::Duration;
use restage_core::environment::{DatabaseAddress, Environments};
use restage_core::facts::{CopyFacts, structure_digest};
use restage_core::name::{DatabaseName, EnvironmentName, ScenarioName};
use restage_core::plan::{Builder, Plan};
use restage_core::provider::queue::{LocalQueue, Queue};
use restage_core::provider::{Carried, Condition, Delta, KeepTable, Place, Record, Surviving, TableTaken};
use restage_core::scenario::copy_database::{CopyLimits, OnCollision, OnConflict, OnMissing, Verify};
use restage_core::scenario::migrations::Scripts;
use restage_core::scenario::run::Command;
use restage_core::scenario::wait_for::TcpAddress;
use restage_core::scenario::{DEFAULT_CONCURRENT_STEPS, DEFAULT_RUN_WITHIN, Limits, OnFailure};
use restage_core::schema::ColumnName;
use restage_core::steps::{
    AwaitApproval, AwaitCondition, AwaitMigrator, CheckQueue, CreateShadow, FillShadow, FourEyes, KeepRows, Observer, PurgeQueue,
    ReceiptOf, RecordVersion, RefreshInPlace, RestoreDeltas, RunCommand, RunMigrations, RunSql, Step, SwapDatabase,
    VerifyMigrations, VerifyRows, VerifyShadow,
};
use std::collections::{BTreeMap, BTreeSet};

/// The deadline of every step: long for a job that goes well, short for one that hangs.
const WITHIN: Duration = Duration::from_minutes(2);

/// The smallest plan for every kind of step that these samples have.
pub fn kinds(samples: &[Sample]) -> Vec<Sample> {
    let steps = samples.iter().flat_map(|sample| &sample.plan.steps);
    let by_kind: BTreeMap<&str, &Step> = steps.map(|planned| (planned.step.kind(), &planned.step)).collect();
    by_kind.into_values().map(smallest).collect()
}

/// The smallest plan in which a step of that kind matters. A new kind does not compile until it has one.
pub fn smallest(step: &Step) -> Sample {
    let mut sketch = Sketch::new();
    match step {
        Step::CreateShadow(_) => drop(sketch.create()),
        Step::FillShadow(_) => drop(sketch.fill()),
        Step::VerifyRows(_) => sketch.verify_rows(),
        Step::RestoreDeltas(_) => sketch.restore_deltas(),
        Step::KeepRows(_) => sketch.keep_rows(),
        Step::VerifyShadow(_) => sketch.verify_shadow(),
        Step::SwapDatabase(_) => sketch.fill_and_swap(),
        Step::RefreshInPlace(_) => sketch.refresh_in_place(),
        Step::CheckQueue(_) => sketch.check_queue(),
        Step::RunMigrations(_) => drop(sketch.run_migrations()),
        Step::AwaitMigrator(_) => drop(sketch.await_migrator()),
        Step::VerifyMigrations(_) => sketch.verify_migrations(),
        Step::RecordVersion(_) => sketch.record_version(),
        Step::PurgeQueue(_) => sketch.purge_queue(),
        Step::RunSql(_) => sketch.run_sql(),
        Step::RunCommand(_) => sketch.run_command(),
        Step::AwaitCondition(_) => sketch.await_condition(),
        Step::AwaitApproval(_) => sketch.await_approval(),
    }
    Sample { name: format!("smallest {}", step.kind()), plan: sketch.plan() }
}

/// A plan under way, with what its steps are made of.
struct Sketch {
    builder: Builder,
    source: DatabaseAddress,
    target: DatabaseAddress,
    facts: CopyFacts,
}

impl Sketch {
    fn new() -> Self {
        let environments = Environments::parse(&Source::new("environments.yaml", ENVIRONMENTS)).expect("an example");
        let app = DatabaseName::parse("app").expect("a plain word");
        let address = |name: &str| {
            let found = EnvironmentName::parse(name).ok().and_then(|name| environments.get(&name)?.databases.get(&app).cloned());
            found.expect("the example has it")
        };
        let mut builder = Builder::default();
        builder.begin_stage("sample");
        Self { builder, source: address("production"), target: address("preprod"), facts: facts::pair() }
    }

    fn plan(self) -> Plan {
        let environment = |name: &str| EnvironmentName::parse(name).expect("a plain word");
        let (steps, outlook) = self.builder.finish().expect("nothing was refused");
        Plan {
            scenario: ScenarioName::parse("sample").expect("a plain word"),
            title: "A sample".into(),
            from: environment("production"),
            to: environment("preprod"),
            on_failure: OnFailure::Hold,
            targets: vec![self.target],
            steps,
            limits: Limits { concurrent_steps: DEFAULT_CONCURRENT_STEPS, run_within: DEFAULT_RUN_WITHIN },
            facts: "none".into(),
            outlook,
        }
    }

    fn create(&mut self) -> ReceiptOf<CreateShadow> {
        let step = CreateShadow {
            target: self.target.clone(),
            target_identity: self.facts.target.identity.clone(),
            target_structure: structure_digest(&self.facts.target.objects),
        };
        self.builder.then(step, WITHIN)
    }

    fn fill(&mut self) -> (ReceiptOf<CreateShadow>, ReceiptOf<FillShadow>) {
        let shadow = self.create();
        let fill = FillShadow {
            source: self.source.clone(),
            target: self.target.clone(),
            shadow: shadow.clone(),
            carried: self.carried(),
        };
        let filled = self.builder.then(fill, WITHIN);
        (shadow, filled)
    }

    fn carried(&self) -> Carried {
        Carried {
            tables: self.facts.source.schema.tables.keys().map(|table| (table.clone(), TableTaken::default())).collect(),
            without: BTreeSet::new(),
            publications: false,
            mask_secret: None,
            workers: None,
            limits: CopyLimits::default(),
            verify: Verify::Counts,
            source_schema: structure_digest(&self.facts.source.objects),
            source_identity: self.facts.source.identity.clone(),
        }
    }

    fn verify_rows(&mut self) {
        let (shadow, filled) = self.fill();
        self.builder.then(VerifyRows { shadow, filled }, WITHIN);
    }

    fn restore_deltas(&mut self) {
        let (shadow, _) = self.fill();
        let step = RestoreDeltas {
            target: self.target.clone(),
            shadow: shadow.clone(),
            surviving: Surviving { deltas: deltas(), keep: vec![] },
        };
        self.builder.then(step, WITHIN);
        self.swap(shadow);
    }

    fn keep_rows(&mut self) {
        let (shadow, _) = self.fill();
        let surviving = Surviving { deltas: vec![], keep: vec![kept_users()] };
        self.builder.then(KeepRows { target: self.target.clone(), shadow: shadow.clone(), surviving: surviving.clone() }, WITHIN);
        self.builder.then(
            VerifyShadow { source: self.source.clone(), target: self.target.clone(), shadow: shadow.clone(), surviving },
            WITHIN,
        );
        self.swap(shadow);
    }

    fn verify_shadow(&mut self) {
        let (shadow, _) = self.fill();
        self.builder.then(
            VerifyShadow {
                source: self.source.clone(),
                target: self.target.clone(),
                shadow: shadow.clone(),
                surviving: Surviving::default(),
            },
            WITHIN,
        );
        self.swap(shadow);
    }

    fn fill_and_swap(&mut self) {
        let (shadow, _) = self.fill();
        self.swap(shadow);
    }

    fn swap(&mut self, shadow: ReceiptOf<CreateShadow>) {
        let step = SwapDatabase {
            target: self.target.clone(),
            shadow,
            target_structure: structure_digest(&self.facts.target.objects),
            surviving: Surviving::default(),
            source_identity: self.facts.source.identity.clone(),
            target_identity: self.facts.target.identity.clone(),
            drain: Duration::from_secs(5),
            within: Duration::from_secs(30),
            retain: Duration::from_days(1),
        };
        self.builder.then(step, WITHIN);
    }

    fn refresh_in_place(&mut self) {
        let step = RefreshInPlace {
            source: self.source.clone(),
            target: self.target.clone(),
            target_identity: self.facts.target.identity.clone(),
            target_structure: structure_digest(&self.facts.target.objects),
            carried: self.carried(),
            surviving: Surviving { deltas: deltas(), keep: vec![kept_users()] },
        };
        self.builder.then(step, WITHIN);
    }

    fn check_queue(&mut self) {
        self.builder.then(CheckQueue { queue: queue() }, WITHIN);
    }

    fn run_migrations(&mut self) -> ReceiptOf<RunMigrations> {
        let (pending, place) = (facts::pending().pending, Place::Live(self.target.clone()));
        let step = RunMigrations { place, scripts: scripts(), folder: "/scenarios".into(), pending, signals: None };
        self.builder.then(step, WITHIN)
    }

    fn await_migrator(&mut self) -> ReceiptOf<AwaitMigrator> {
        let step = AwaitMigrator {
            database: self.target.clone(),
            queue: queue(),
            heartbeat: None,
            command: Command::Shell("ssh migrator /opt/migrate".into()),
            env: BTreeMap::new(),
            directory: "/scenarios".into(),
            pending: facts::pending().pending,
        };
        self.builder.then(step, WITHIN)
    }

    fn verify_migrations(&mut self) {
        let migrator = self.await_migrator();
        let (database, scripts, folder) = (self.target.clone(), scripts(), "/scenarios".into());
        self.builder.then(VerifyMigrations { database, scripts, folder, migrator }, WITHIN);
    }

    fn record_version(&mut self) {
        let observer = Observer::Applied(self.run_migrations());
        self.builder.then(RecordVersion { record: Record::File("/scenarios/version".into()), former: None, observer }, WITHIN);
    }

    fn purge_queue(&mut self) {
        self.await_migrator();
        self.builder.then(PurgeQueue { queue: queue() }, WITHIN);
    }

    fn run_sql(&mut self) {
        let statement = "insert into audit values ('refreshed')".into();
        let undo = Some("delete from audit".into());
        self.builder.then(RunSql { place: Place::Live(self.target.clone()), statement, undo }, WITHIN);
    }

    fn run_command(&mut self) {
        let shell = |text: &str| Command::Shell(text.into());
        let step = RunCommand {
            command: shell("systemctl stop app"),
            undo: Some(shell("systemctl start app")),
            env: BTreeMap::new(),
            directory: "/scenarios".into(),
            database: None,
        };
        self.builder.then(step, WITHIN);
    }

    fn await_condition(&mut self) {
        let address = TcpAddress { host: "preprod.example".into(), port: 443 };
        self.builder.then(AwaitCondition { condition: Condition::Tcp { address }, every: Duration::from_secs(2) }, WITHIN);
    }

    fn await_approval(&mut self) {
        self.builder.then(AwaitApproval { message: "Is it good?".into(), four_eyes: FourEyes::Required }, WITHIN);
    }
}

fn queue() -> Queue {
    Queue::Local(LocalQueue::parse("app-migrator").expect("a plain word"))
}

fn scripts() -> Scripts {
    Scripts { locations: vec!["migrations".into()], ..Scripts::default() }
}

fn deltas() -> Vec<Delta> {
    vec![Delta::View { name: facts::name("active_users") }, Delta::Table { name: facts::name("feature_flags") }]
}

fn kept_users() -> KeepTable {
    let column = |name: &str| ColumnName(name.into());
    KeepTable {
        table: facts::name("users"),
        columns: vec![column("id"), column("login")],
        own: BTreeSet::new(),
        masked: BTreeSet::new(),
        key: vec![column("id")],
        matched: vec![column("id")],
        foreign_keys: vec![],
        on_conflict: OnConflict::KeepTarget,
        on_collision: OnCollision::Refuse,
        on_missing: OnMissing::Refuse,
    }
}
