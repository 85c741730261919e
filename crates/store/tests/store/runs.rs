//! Runs: saved once, listed newest first, found by what people type.

use crate::ground::{Ground, alice, database, new_run, noon, plan, run_id};
use restage_core::Code;
use restage_store::{NewRun, TargetKey};

#[tokio::test]
async fn a_run_comes_back_as_it_was_saved() {
    let ground = Ground::new().await;
    let record = ground.store.save_run(new_run("aaaaaaaaaa")).await.unwrap();
    let saved = ground.other().await.run(&run_id("aaaaaaaaaa")).await.unwrap();
    assert_eq!(saved.plan, plan());
    assert_eq!(saved.record, record);
    assert_eq!(record.plan_digest, plan().digest());
    assert_eq!((record.by, record.at, record.events), (alice(), noon(), 0));
    assert_eq!(record.targets, [TargetKey::of(&database("preprod-db", "app"))]);
    assert_eq!(record.targets[0].as_str(), "preprod-db:5432/app");
}

#[tokio::test]
async fn an_id_is_used_once() {
    let ground = Ground::new().await;
    ground.with_run("aaaaaaaaaa").await;
    assert_eq!(ground.store.save_run(new_run("aaaaaaaaaa")).await.unwrap_err().code, Code::WrongMoment);
    assert_eq!(ground.store.runs(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_damaged_plan_is_detected() {
    let ground = Ground::new().await;
    let run = ground.with_run("aaaaaaaaaa").await;
    ground.sql().execute("UPDATE runs SET plan = replace(plan, 'Refresh preprod', 'Refresh product')", []).unwrap();
    let error = ground.store.run(&run).await.unwrap_err();
    assert_eq!(error.code, Code::JournalCorrupt);
    assert!(error.to_string().contains("the plan of run `aaaaaaaaaa` is damaged"), "{error}");
}

#[tokio::test]
async fn runs_are_listed_newest_first_and_by_target() {
    let ground = Ground::new().await;
    for id in ["cccccccccc", "aaaaaaaaaa", "bbbbbbbbbb"] {
        ground.with_run(id).await;
    }
    let mut elsewhere = plan();
    elsewhere.targets = vec![database("other-db", "app")];
    ground.store.save_run(NewRun { plan: elsewhere, ..new_run("dddddddddd") }).await.unwrap();
    let ids = |runs: Vec<restage_store::RunRecord>| runs.into_iter().map(|run| run.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(ground.store.runs(3).await.unwrap()), ["dddddddddd", "bbbbbbbbbb", "aaaaaaaaaa"]);
    let target = TargetKey::of(&database("preprod-db", "app"));
    assert_eq!(ids(ground.store.runs_on(&target, 10).await.unwrap()), ["bbbbbbbbbb", "aaaaaaaaaa", "cccccccccc"]);
}

#[tokio::test]
async fn a_run_is_found_by_id_prefix_or_last() {
    let ground = Ground::new().await;
    for id in ["abcdefghjk", "abczzzzzzz", "xyz1234567"] {
        ground.with_run(id).await;
    }
    for (text, id) in
        [("abcd", "abcdefghjk"), ("ABCZ", "abczzzzzzz"), ("x", "xyz1234567"), ("last", "xyz1234567"), (" last ", "xyz1234567")]
    {
        assert_eq!(ground.store.find_run(text).await.unwrap(), run_id(id), "{text}");
    }
}

#[tokio::test]
async fn a_whole_id_is_never_ambiguous() {
    let ground = Ground::new().await;
    for id in ["abc", "abcdefghjk"] {
        ground.with_run(id).await;
    }
    assert_eq!(ground.store.find_run("abc").await.unwrap(), run_id("abc"));
}

#[tokio::test]
async fn an_unknown_run_is_answered_with_those_that_could_be_meant() {
    let ground = Ground::new().await;
    for text in ["last", "abc", ""] {
        let error = ground.store.find_run(text).await.unwrap_err();
        assert_eq!(error.code, Code::RunUnknown);
        assert!(error.help.unwrap().contains("restage run"));
    }
    for id in ["abcdefghjk", "abczzzzzzz", "xyz1234567"] {
        ground.with_run(id).await;
    }
    let several = ground.store.find_run("abc").await.unwrap_err();
    assert_eq!(several.code, Code::RunUnknown);
    assert_eq!(several.to_string(), "several runs begin with `abc`");
    let help = several.help.unwrap();
    assert!(help.contains("`abcdefghjk` (preprod, 2026-11-20 12:00 UTC)") && help.contains("`abczzzzzzz`"), "{help}");
    assert!(!help.contains("xyz"), "{help}");
    for text in ["q", "", "a%", "abcdefghjkq", "'; DROP TABLE runs"] {
        let unknown = ground.store.find_run(text).await.unwrap_err();
        assert_eq!(unknown.code, Code::RunUnknown, "{text}");
        assert!(unknown.help.unwrap().contains("`xyz1234567` (preprod"), "{text}");
    }
    assert_eq!(ground.store.run(&run_id("qqqqqqqqqq")).await.unwrap_err().code, Code::RunUnknown);
}
