//! The example of the page about diagnosing.

use super::*;
use jiff::{SignedDuration, Timestamp};
use restage_core::diagnosis::{
    Consent, DatabaseSeen, HistorySeen, LogSeen, Observed, OddRow, Oddity, Protection, QueueSeen, ScriptsSeen, Symptoms,
    UnfinishedSeen, diagnose,
};
use restage_core::provider::queue::{Count, Peeked, QueuedId, QueuedMessage};
use std::collections::BTreeMap;

/// The page whose example this is.
const PAGE: &str = include_str!("../../../../../docs/diagnose.md");

fn queue(now: Timestamp) -> QueueSeen {
    let who = r#""migrator":{"host":"deploy-1","pid":5046,"started":"2026-11-20T11:30:00Z"}"#;
    let texts = [
        format!(r#"{{"appStage":"Started","messageId":1,"pid":5046,"heartbeat":30,{who}}}"#),
        format!(r#"{{"appStage":"Failed","messageId":2,"pid":5046,"exitCode":2,{who}}}"#),
    ];
    let sent = now - SignedDuration::from_mins(25);
    let message = |(at, text)| QueuedMessage { id: QueuedId(format!("{at}")), text, sent };
    let messages = texts.into_iter().enumerate().map(message).collect();
    let count = Count { waiting: 2, ..Count::default() };
    QueueSeen { name: "app-test-migrator.fifo".into(), peeked: Peeked { messages, count } }
}

fn history() -> HistorySeen {
    let failed = OddRow {
        script: "V42__lookup.sql".into(),
        version: Some("42".into()),
        applied: Some("rank 43, begun or applied by `owner` at 2026-11-20 11:31:07.113".into()),
        oddity: Oddity::Failed,
    };
    let told = "`V42__lookup.sql` was begun at 2026-11-20 11:31:07+00 without a transaction and did not end: \
                statement 1 of 2 is done, statement 2 on line 4 failed";
    HistorySeen {
        table: Some("\"public\".\"flyway_schema_history\"".into()),
        beginning: None,
        version: Some("41".into()),
        odd: vec![failed],
        unfinished: Some(UnfinishedSeen { script: "V42__lookup.sql".into(), told: told.into() }),
        scripts: Observed::Seen(ScriptsSeen { count: 42, pending: vec![] }),
        repair_failed: vec!["delete the failed row of rank 43, version `42` (`V42__lookup.sql`)".into()],
        repair_all: vec![],
    }
}

fn example() -> Diagnosis {
    let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let log = "INFO  migrating to version 42\nERROR canceling statement due to lock timeout\n  at V42__lookup.sql:4\n\
               Migrator completed with exit status 2\n";
    let database = DatabaseSeen {
        name: "test/clinic".into(),
        protection: Protection::None,
        lock: Observed::Seen(None),
        mark: Observed::Seen(None),
        history: Observed::Seen(history()),
        models: Observed::NotAsked,
    };
    let symptoms = Symptoms {
        now,
        command: "restage diagnose --database test/clinic --queue sqs:app-test-migrator.fifo --location db --log m.log".into(),
        queue: Observed::Seen(queue(now)),
        processes: BTreeMap::new(),
        host: Observed::NotAsked,
        database: Observed::Seen(database),
        lease: Observed::Seen(None),
        access: Observed::NotAsked,
        log: Observed::Seen(LogSeen::read("m.log".into(), log)),
    };
    diagnose(&symptoms, Consent::NONE)
}

fn shown(width: usize) -> String {
    set(&example(), Page { screen: Screen::plain(), width })
}

#[test]
fn the_example_of_the_page_is_what_is_shown() {
    assert!(PAGE.contains(&shown(100)), "docs/diagnose.md should have:\n{}", shown(100));
}

#[test]
fn no_line_but_a_command_is_wider_than_the_terminal() {
    for width in [80, 120] {
        let text = shown(width);
        let too_wide = text.lines().filter(|line| line.chars().count() > width && !line.contains("restage diagnose"));
        assert_eq!(too_wide.count(), 0, "{text}");
        assert!(text.contains("exit status 2"), "{text}");
    }
}
