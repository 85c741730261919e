//! Fixes: nothing is done to what is not what was looked at, nor to production.

use crate::site::{Site, run_id};
use restage_core::Code;
use restage_core::diagnosis::{Extent, Fix, Observed, Protection, SessionOn, SessionSeen};
use restage_core::run::Lease;
use restage_core::scenario::migrations::Scripts;
use restage_lab::Major;
use restage_providers::TargetMark;
use restage_providers::aws::Aws;
use restage_providers::diagnosis::{Asked, Examiner, Patient};
use restage_providers::queues::{AllQueues, SqsQueues};
use std::sync::Arc;

const HISTORY: &str = "CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY, version text, description text, type text, \
     script text, checksum int, installed_by text, installed_on timestamp DEFAULT now(), execution_time int, success bool); \
     INSERT INTO flyway_schema_history VALUES (1, '1', 'a', 'SQL', 'V1__a.sql', 1, 'x', now(), 1, false)";

fn examiner(site: &Site) -> Examiner {
    let sqs = Arc::new(SqsQueues::new(Aws::default()));
    Examiner::new(site.access(), Aws::default(), AllQueues::new(sqs.clone(), sqs))
}

fn asked(site: &Site, protection: Protection) -> Asked {
    let scripts = Scripts::default();
    let address = site.address("app", "postgres");
    let patient = Patient { name: "preprod/app".into(), address, protection, scripts, folder: ".".into() };
    Asked { database: Some(patient), ..Asked::default() }
}

/// Who marks the database, as somebody sees who looks.
async fn marked(examiner: &Examiner, asked: &Asked) -> Option<SessionSeen> {
    let symptoms = examiner.gather(asked, Observed::NotAsked, jiff::Timestamp::now()).await;
    symptoms.database.seen().unwrap().mark.seen().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_session_that_was_looked_at_is_ended() {
    let site = Site::start(Major::V15);
    site.psql("postgres", "CREATE DATABASE app");
    let (examiner, asked_of) = (examiner(&site), asked(&site, Protection::None));
    assert_eq!(marked(&examiner, &asked_of).await, None);
    let held = TargetMark::take(&site.servers(), &site.address("app", "postgres"), &run_id("0000000001")).await.unwrap();
    let session = marked(&examiner, &asked_of).await.unwrap();
    assert_eq!(session.run, Some(run_id("0000000001")));
    let end = |began: &str| Fix::EndSession { pid: session.pid, began: began.to_owned(), on: SessionOn::Maintenance };
    let began = session.began.clone().unwrap();
    let refused = examiner.apply(&asked_of, &end("2020-01-01 00:00:00+00")).await.unwrap_err();
    assert_eq!(refused.code, Code::WrongMoment);
    let refused = examiner.apply(&asked(&site, Protection::Production), &end(&began)).await.unwrap_err();
    assert_eq!(refused.code, Code::ProductionAsTarget);
    assert_eq!(marked(&examiner, &asked_of).await.as_ref(), Some(&session), "it was disturbed");
    held.renew().await.unwrap();
    examiner.apply(&asked_of, &end(&began)).await.unwrap();
    assert_eq!(marked(&examiner, &asked_of).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_rows_that_were_shown_are_repaired() {
    let site = Site::start(Major::V15);
    site.psql("postgres", "CREATE DATABASE app");
    site.psql("app", HISTORY);
    let (examiner, asked) = (examiner(&site), asked(&site, Protection::None));
    let repair = |change: &str| Fix::RepairHistory { extent: Extent::Failed, changes: vec![change.to_owned()] };
    let refused = examiner.apply(&asked, &repair("delete the failed row of rank 2, version `2` (`V2__b.sql`)")).await.unwrap_err();
    assert_eq!(refused.code, Code::WrongMoment);
    let count = || site.psql("app", "SELECT count(*) FROM flyway_schema_history");
    assert_eq!(count(), "1");
    let symptoms = examiner.gather(&asked, Observed::NotAsked, jiff::Timestamp::now()).await;
    let shown = symptoms.database.seen().unwrap().history.seen().unwrap().repair_failed.clone();
    examiner.apply(&asked, &Fix::RepairHistory { extent: Extent::Failed, changes: shown }).await.unwrap();
    assert_eq!(count(), "0");
}
