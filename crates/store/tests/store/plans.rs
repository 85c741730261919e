//! Saved plans: found by digest, and as they were saved.

use crate::ground::{Ground, alice, noon, plan};
use restage_core::Code;

#[tokio::test]
async fn a_saved_plan_is_found_by_the_beginning_of_its_digest() {
    let ground = Ground::new().await;
    let digest = ground.store.save_plan(&plan(), &alice(), noon()).await.unwrap();
    assert_eq!(digest, plan().digest());
    assert_eq!(ground.store.save_plan(&plan(), &alice(), noon()).await.unwrap(), digest);
    for text in [&digest[..], &digest[..8], &digest[..8].to_uppercase()] {
        let saved = ground.store.plan(text).await.unwrap();
        assert_eq!((saved.plan, saved.digest, saved.by, saved.at), (plan(), digest.clone(), alice(), noon()));
    }
}

#[tokio::test]
async fn an_unknown_or_ambiguous_digest_is_refused() {
    let ground = Ground::new().await;
    assert_eq!(ground.store.plan("").await.unwrap_err().code, Code::UnknownName);
    // Seventeen digests cannot all begin with different digits.
    for number in 0..17 {
        let mut plan = plan();
        plan.title = format!("plan {number}");
        ground.store.save_plan(&plan, &alice(), noon()).await.unwrap();
    }
    let refused = async |digit: u32| match ground.store.plan(&format!("{digit:x}")).await {
        Err(error) if error.to_string().starts_with("several") => Some(error),
        _ => None,
    };
    let mut ambiguous = None;
    for digit in 0..16 {
        ambiguous = ambiguous.or(refused(digit).await);
    }
    assert_eq!(ambiguous.unwrap().code, Code::UnknownName);
    assert!(ground.store.plan("not a digest").await.unwrap_err().help.unwrap().contains("plan --save"));
}

#[tokio::test]
async fn a_damaged_saved_plan_is_detected() {
    let ground = Ground::new().await;
    let digest = ground.store.save_plan(&plan(), &alice(), noon()).await.unwrap();
    ground.sql().execute("UPDATE plans SET plan = replace(plan, 'f00d', 'beef')", []).unwrap();
    assert_eq!(ground.store.plan(&digest).await.unwrap_err().code, Code::StoreUnusable);
}
