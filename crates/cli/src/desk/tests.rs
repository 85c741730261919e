//! Requests whose driver ends before it hears of them.

use super::*;
use restage_core::duration::Duration as Written;
use restage_core::environment::{DatabaseAddress, Endpoint, RootCertificate, ServerDatabase, SslMode};
use restage_core::name::{EnvironmentName, ScenarioName};
use restage_core::plan::Outlook;
use restage_core::run::{Seq, What};
use restage_core::scenario::{DEFAULT_CONCURRENT_STEPS, OnFailure};
use tempfile::TempDir;

/// A plan without steps and targets: what is asked of its runs needs no server.
fn plan() -> Plan {
    let environment = |name: &str| EnvironmentName::parse(name).unwrap();
    Plan {
        scenario: ScenarioName::parse("empty").unwrap(),
        title: "Nothing to do".into(),
        from: environment("production"),
        to: environment("preprod"),
        on_failure: OnFailure::Hold,
        targets: vec![],
        steps: vec![],
        limits: restage_core::scenario::Limits {
            concurrent_steps: DEFAULT_CONCURRENT_STEPS,
            run_within: Written::parse("12h").unwrap(),
        },
        facts: "none".into(),
        outlook: Outlook::default(),
    }
}

fn target() -> DatabaseAddress {
    DatabaseAddress {
        endpoint: Endpoint::Tcp { host: "preprod.example".into(), port: 5432 },
        database: ServerDatabase::parse("app").unwrap(),
        user: "owner".into(),
        ssl: SslMode::Prefer,
        root_certificate: RootCertificate::System,
        password: None,
        maintenance_database: ServerDatabase::parse("postgres").unwrap(),
    }
}

struct Ground {
    _folder: TempDir,
    desk: Desk,
    run: RunId,
}

impl Ground {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("store")).await.unwrap();
        let desk = Desk::of(store, Screen::new(Format::Json));
        let run = desk.save(plan(), &person()).await.unwrap();
        Self { _folder: folder, desk, run }
    }

    /// What another process holds that drives the run.
    async fn driver(&self) -> TargetLease {
        let ask = LeaseAsk { target: TargetKey::of(&target()), run: self.run.clone(), holder: holder(), ttl: LEASE_TTL };
        self.desk.store.lease(ask, self.desk.clock.clone()).await.unwrap()
    }

    async fn unheard(&self) -> usize {
        self.desk.store.mailbox(&self.run).open().await.unwrap().len()
    }
}

#[tokio::test]
async fn a_request_whose_driver_ends_before_hearing_it_is_carried_out_by_whoever_asked() {
    let ground = Ground::new().await;
    let driver = ground.driver().await;
    let ends = async {
        while ground.unheard().await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        driver.release().await.unwrap();
    };
    let (code, ()) = tokio::join!(ground.desk.ask(&ground.run, &[Request::Cancel]), ends);
    assert!(matches!(code, Ok(exit::DONE)));
    assert_eq!(ground.unheard().await, 0);
    assert_eq!(ground.desk.report(&ground.run).await.unwrap().status, Status::Cancelled);
}

#[tokio::test]
async fn a_request_that_the_driver_left_no_sense_in_is_withdrawn() {
    let ground = Ground::new().await;
    let driver = ground.driver().await;
    let ends = async {
        while ground.unheard().await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let journal = ground.desk.store.journal(&ground.run);
        let started = What::RunStarted { by: person(), plan: plan().digest() };
        journal.append(Seq(0), &Event { at: ground.desk.clock.now(), what: started }).await.unwrap();
        driver.release().await.unwrap();
    };
    let (code, ()) = tokio::join!(ground.desk.ask(&ground.run, &[Request::Cancel]), ends);
    assert!(code.is_err(), "the run has reached its end, and is not taken back by a cancellation that came too late");
    assert_eq!(ground.unheard().await, 0);
    assert_eq!(ground.desk.report(&ground.run).await.unwrap().status, Status::Refreshed);
}
