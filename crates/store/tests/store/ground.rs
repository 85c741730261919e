//! A store in a temporary folder, and things to put into it.

use jiff::{SignedDuration, Timestamp};
use restage_core::environment::{DatabaseAddress, Endpoint, RootCertificate, ServerDatabase, SslMode};
use restage_core::name::{EnvironmentName, RunId, ScenarioName, StepId};
use restage_core::plan::{Outlook, Plan};
use restage_core::provider::Clock;
use restage_core::run::{Event, Person, What};
use restage_core::scenario::{Limits, OnFailure};
use restage_store::{NewRun, Store};
use rusqlite::Connection;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) struct Ground {
    _parent: TempDir,
    pub(crate) folder: PathBuf,
    pub(crate) store: Store,
}

impl Ground {
    pub(crate) async fn new() -> Self {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("state/restage");
        let store = Store::open(&folder).await.unwrap();
        Self { _parent: parent, folder, store }
    }

    /// The database by another way than the store's.
    pub(crate) fn sql(&self) -> Connection {
        Connection::open(self.folder.join(restage_store::DATABASE_FILE)).unwrap()
    }

    /// A second handle, as another process would have it.
    pub(crate) async fn other(&self) -> Store {
        Store::open(&self.folder).await.unwrap()
    }

    pub(crate) async fn with_run(&self, id: &str) -> RunId {
        self.store.save_run(new_run(id)).await.unwrap().id
    }
}

pub(crate) fn run_id(id: &str) -> RunId {
    RunId::parse(id).unwrap()
}

pub(crate) fn alice() -> Person {
    Person("alice".into())
}

pub(crate) fn noon() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

pub(crate) fn new_run(id: &str) -> NewRun {
    NewRun { id: run_id(id), plan: plan(), by: alice(), at: noon() }
}

pub(crate) fn plan() -> Plan {
    Plan {
        scenario: ScenarioName::parse("preprod").unwrap(),
        title: "Refresh preprod".into(),
        from: EnvironmentName::parse("production").unwrap(),
        to: EnvironmentName::parse("preprod").unwrap(),
        on_failure: OnFailure::Hold,
        targets: vec![database("Preprod-DB", "app")],
        steps: vec![],
        limits: Limits { concurrent_steps: NonZeroU16::MIN, run_within: restage_core::duration::Duration::parse("12h").unwrap() },
        facts: "f00d".into(),
        outlook: Outlook::default(),
    }
}

pub(crate) fn database(host: &str, name: &str) -> DatabaseAddress {
    DatabaseAddress {
        endpoint: Endpoint::Tcp { host: host.into(), port: 5432 },
        database: ServerDatabase::parse(name).unwrap(),
        user: "owner".into(),
        ssl: SslMode::Prefer,
        root_certificate: RootCertificate::System,
        password: None,
        maintenance_database: ServerDatabase::parse("postgres").unwrap(),
    }
}

/// An event that says which one it is.
pub(crate) fn event(number: u64) -> Event {
    let receipt = serde_json::json!({ "number": number, "table": "public.people" });
    Event { at: noon(), what: What::StepDone { step: StepId(u32::try_from(number).unwrap()), receipt } }
}

/// The first `count` of them.
pub(crate) fn events(count: u64) -> Vec<Event> {
    (0..count).map(event).collect()
}

/// A clock that goes when told.
pub(crate) struct HandClock(Mutex<Timestamp>);

impl HandClock {
    pub(crate) fn at_noon() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self(Mutex::new(noon())))
    }
    pub(crate) fn advance(&self, seconds: i64) {
        *self.0.lock().unwrap() += SignedDuration::from_secs(seconds);
    }
}

#[async_trait::async_trait]
impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
    async fn sleep(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}
