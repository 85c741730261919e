//! The mark of a run at work: it excludes, tells who holds it, and goes with its holder.

use crate::site::{Site, named, run_id};
use restage_core::Code;
use restage_core::environment::DatabaseAddress;
use restage_core::run::Lease;
use restage_lab::Major;
use restage_providers::TargetMark;

#[tokio::test(flavor = "multi_thread")]
async fn only_one_run_holds_a_target_whoever_connects() {
    let site = Site::start(Major::V15);
    site.role("owner", "");
    site.role("other", "");
    let servers = site.servers();
    let target = site.address("app", "owner");
    let held = TargetMark::take(&servers, &target, &run_id("0000000001")).await.unwrap();
    held.renew().await.unwrap();
    let theirs = site.address("app", "other");
    let busy = TargetMark::take(&servers, &theirs, &run_id("0000000002")).await.unwrap_err();
    assert_eq!(busy.code, Code::TargetBusy);
    assert!(busy.message.contains("run 0000000001, connected as `owner`"), "{}", busy.message);
    let elsewhere = DatabaseAddress { database: named("app2"), ..target.clone() };
    TargetMark::take(&servers, &elsewhere, &run_id("0000000002")).await.unwrap();
    held.release().await.unwrap();
    TargetMark::take(&servers, &theirs, &run_id("0000000002")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_is_gone_holds_nothing() {
    let site = Site::start(Major::V18);
    let (servers, target) = (site.servers(), site.address("app", "postgres"));
    drop(TargetMark::take(&servers, &target, &run_id("0000000001")).await.unwrap());
    crate::site::until("the lock is free", || {
        site.psql("postgres", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "0"
    })
    .await;
    TargetMark::take(&servers, &target, &run_id("0000000002")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_session_takes_the_lock_again_unless_another_run_has_it() {
    let site = Site::start(Major::V15);
    let (servers, target) = (site.servers(), site.address("app", "postgres"));
    let held = TargetMark::take(&servers, &target, &run_id("0000000001")).await.unwrap();
    let cut = || site.psql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'");
    cut();
    held.renew().await.unwrap();
    let busy = TargetMark::take(&servers, &target, &run_id("0000000002")).await.unwrap_err();
    assert_eq!(busy.code, Code::TargetBusy);
    cut();
    let _theirs = TargetMark::take(&servers, &target, &run_id("0000000002")).await.unwrap();
    let lost = held.renew().await.unwrap_err();
    assert_eq!(lost.code, Code::LeaseLost);
    assert!(lost.message.contains("run 0000000002"), "{}", lost.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_loses_the_lease() {
    let mut site = Site::start(Major::V15);
    let (servers, target) = (site.servers(), site.address("app", "postgres"));
    let held = TargetMark::take(&servers, &target, &run_id("0000000001")).await.unwrap();
    site.cluster.stop().unwrap();
    assert_eq!(held.renew().await.unwrap_err().code, Code::LeaseLost);
    site.cluster.start_again().unwrap();
    held.renew().await.unwrap();
}
