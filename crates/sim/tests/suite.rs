//! The suite on the product, as far as a few seconds go; `cargo xtask soak` goes on.

use restage_sim::suite;
use std::num::NonZeroUsize;

#[test]
fn by_seed_every_promise_is_kept() {
    let summary = suite::run(0..1_500);
    assert_eq!(summary.failed, 0, "{summary}");
}

#[test]
fn every_single_trouble_is_survived() {
    const ONE_IN: NonZeroUsize = NonZeroUsize::new(5).expect("5 is not 0");
    let summary = suite::enumerate(ONE_IN);
    assert_eq!(summary.failed, 0, "{summary}");
}
