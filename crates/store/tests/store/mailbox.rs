//! Mailboxes: requests reach the driver once, in order.

use crate::ground::{Ground, alice, noon, run_id};
use restage_core::Code;
use restage_core::name::StepId;
use restage_core::run::{Asked, Person, Request, RequestId, Requests};

#[tokio::test]
async fn requests_wait_in_order_until_they_are_settled() {
    let ground = Ground::new().await;
    let (run, other) = (ground.with_run("aaaaaaaaaa").await, ground.with_run("bbbbbbbbbb").await);
    let driver = ground.store.mailbox(&run);
    assert_eq!(driver.open().await.unwrap(), []);
    let approve = Request::Approve { step: StepId(2), plan: "d1935".into() };
    let requests = [Request::Resume, approve, Request::Undo, Request::Cancel];
    let mut asked = vec![];
    for request in &requests {
        let person = ground.other().await.mailbox(&run);
        let id = person.ask(request, &alice(), noon()).await.unwrap();
        asked.push(Asked { id, by: alice(), request: request.clone() });
    }
    ground.store.mailbox(&other).ask(&Request::Cancel, &Person("bob".into()), noon()).await.unwrap();
    assert_eq!(driver.open().await.unwrap(), asked);
    assert!(!driver.is_settled(asked[0].id).await.unwrap());
    driver.settle(asked[0].id).await.unwrap();
    driver.settle(asked[0].id).await.unwrap();
    driver.settle(RequestId(999)).await.unwrap();
    assert!(driver.is_settled(asked[0].id).await.unwrap());
    assert_eq!(ground.other().await.mailbox(&run).open().await.unwrap(), asked[1..]);
}

#[tokio::test]
async fn a_request_of_another_run_cannot_be_settled_from_here() {
    let ground = Ground::new().await;
    let (run, other) = (ground.with_run("aaaaaaaaaa").await, ground.with_run("bbbbbbbbbb").await);
    let id = ground.store.mailbox(&run).ask(&Request::Undo, &alice(), noon()).await.unwrap();
    ground.store.mailbox(&other).settle(id).await.unwrap();
    assert_eq!(ground.store.mailbox(&run).open().await.unwrap().len(), 1);
}

#[tokio::test]
async fn nothing_can_be_asked_of_an_unknown_run() {
    let ground = Ground::new().await;
    let error = ground.store.mailbox(&run_id("aaaaaaaaaa")).ask(&Request::Undo, &alice(), noon()).await.unwrap_err();
    assert_eq!(error.code, Code::RunUnknown);
}
