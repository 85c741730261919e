//! Fixes: what was begun is known even if nobody lived to tell how it ended.

use crate::ground::{Ground, noon};
use jiff::SignedDuration;
use restage_core::Code;
use restage_core::diagnosis::Fix;
use restage_core::error::Failure;
use restage_core::run::Person;
use restage_store::{FixNumber, FixOutcome, NewFix};

fn fix(messages: u64) -> NewFix {
    NewFix {
        at: noon(),
        by: Person("ada".into()),
        subject: "restage diagnose --queue local:q".into(),
        finding: "the queue `q` has messages of a migrator that died".into(),
        evidence: vec!["it was heard 10 min ago".into(), "`inactive`, says its \"host\"".into()],
        fix: Fix::PurgeQueue { queue: "q".into(), messages },
    }
}

#[tokio::test]
async fn a_fix_is_told_with_its_evidence_and_how_it_ended() {
    let ground = Ground::new().await;
    let ended = noon() + SignedDuration::from_secs(1);
    let failure = Failure::from(&Code::QueueForbidden.error("the queue `q` may not be emptied"));
    for (messages, outcome) in [(1, Some(FixOutcome::Done)), (2, Some(FixOutcome::Failed { failure })), (3, None)] {
        let number = ground.store.begin_fix(fix(messages)).await.unwrap();
        if let Some(outcome) = outcome {
            ground.store.end_fix(number, ended, outcome).await.unwrap();
        }
    }
    // Another process knows them, too.
    let fixes = ground.other().await.fixes(10).await.unwrap();
    assert_eq!(fixes.iter().map(|fix| fix.number).collect::<Vec<_>>(), [FixNumber(3), FixNumber(2), FixNumber(1)]);
    assert_eq!(fixes.iter().map(|fix| fix.begun.clone()).collect::<Vec<_>>(), [fix(3), fix(2), fix(1)]);
    assert_eq!(fixes[0].ended, None);
    assert!(
        matches!(&fixes[1].ended.as_ref().unwrap().outcome, FixOutcome::Failed { failure } if failure.code == Code::QueueForbidden)
    );
    assert_eq!(fixes[2].ended.as_ref().map(|end| (end.at, end.outcome.clone())), Some((ended, FixOutcome::Done)));
    assert_eq!(ground.store.fixes(1).await.unwrap().len(), 1);
}
