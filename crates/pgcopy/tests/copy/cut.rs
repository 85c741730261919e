//! Lines that break, stall, crawl and garble: the copy is right or fails with a reason, and the next attempt succeeds.

use crate::compared::{Journey, told};
use crate::proxy::{Fault, Proxy};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use restage_core::provider::Carried;
use restage_lab::Cluster;
use restage_pgcopy::copy::Route;
use restage_pgcopy::stop::{Stop, stop};
use restage_pgcopy::{Kind, Result};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A little of everything that is copied in a way of its own.
const SHOP: &str = "
CREATE TABLE customers (id int PRIMARY KEY, name text, note text);
INSERT INTO customers SELECT n, 'customer ' || n, repeat('x', 100) FROM generate_series(1, 2000) n;
CREATE TABLE orders (id bigserial PRIMARY KEY, customer int NOT NULL REFERENCES customers, at timestamptz DEFAULT '2000-01-01', note text);
INSERT INTO orders (customer, note) SELECT 1 + n % 2000, repeat('x', 150) FROM generate_series(1, 10000) n;
CREATE INDEX ON orders (customer);
CREATE TABLE small (n int); INSERT INTO small VALUES (1);
CREATE VIEW names AS SELECT name FROM customers;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM orders;
SELECT lo_from_bytea(0, decode(repeat('abcd', 100000), 'hex'))";

/// A copy that has not ended by then never will.
const DEADLINE: Duration = Duration::from_mins(1);
/// Faults on each side, unless `PROPTEST_CASES` asks for another number.
const FAULTS: u32 = 12;

/// Which server is reached over a line that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Source,
    Target,
}

struct Bench {
    source: Cluster,
    target: Cluster,
}

impl Bench {
    fn start() -> Self {
        let bench = Self { source: Cluster::any().unwrap(), target: Cluster::any().unwrap() };
        Journey::arranged(&bench.source, &bench.target, SHOP);
        bench
    }

    fn journey(&self) -> Journey<'_> {
        Journey::between(&self.source, &self.target)
    }

    async fn proxy(&self, side: Side, fault: Fault, at: u64) -> (Proxy, Route) {
        let server = if side == Side::Source { &self.source } else { &self.target };
        let proxy = Proxy::start(server.port(), fault, at).await;
        let mut route = self.journey().route();
        let end = if side == Side::Source { &mut route.source } else { &mut route.target };
        end.port = proxy.port();
        (proxy, route)
    }

    /// How many bytes pass when nothing goes wrong.
    async fn bytes(&self, side: Side, carried: &Carried) -> u64 {
        let (proxy, route) = self.proxy(side, Fault::Cut, u64::MAX).await;
        self.journey().fill_by(&route, carried, &Stop::never()).await.unwrap();
        proxy.passed()
    }

    async fn await_no_sessions(&self) {
        let started = Instant::now();
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name IN ('restage', 'pg_dump')";
        while [&self.source, &self.target].iter().any(|cluster| cluster.psql("postgres", sql).unwrap() != "0") {
            assert!(started.elapsed() < Duration::from_secs(20), "sessions are left");
            tokio::task::yield_now().await;
        }
    }

    /// Whatever comes of it, the copy is right or says why not, and the next one is right.
    async fn try_fault(&self, side: Side, fault: Fault, at: u64, carried: &Carried) -> Result<()> {
        let (proxy, route) = self.proxy(side, fault, at).await;
        let (journey, stop) = (self.journey(), Stop::never());
        let ended = tokio::time::timeout(DEADLINE, journey.fill_by(&route, carried, &stop)).await.expect("the copy hangs");
        drop(proxy);
        self.await_no_sessions().await;
        match &ended {
            // A statement that was changed on its way may well do something else.
            Ok(_) if fault == Fault::Garble => {}
            Ok(filled) => journey.assert_equal(filled, &[]).await,
            Err(error) => assert!(!error.message.contains("broke off"), "{}", told(error)),
        }
        if ended.is_err() || fault == Fault::Garble {
            let filled = journey.fill(carried).await.unwrap_or_else(|error| panic!("{}", told(&error)));
            journey.assert_equal(&filled, &[]).await;
        }
        ended.map(drop)
    }
}

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Also counts the panics of tasks, which nobody else hears of.
fn count_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        usual(panic);
    }));
}

fn copies_survive_a_line_that_goes_wrong(side: Side) {
    count_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let bench = Bench::start();
    let carried = runtime.block_on(bench.journey().carried());
    let bytes = runtime.block_on(bench.bytes(side, &carried));
    let standard = Config::default();
    let asked = std::env::var_os("PROPTEST_CASES").map(|_| standard.cases);
    // Nothing fails twice in the same way where time plays a part, so that nothing is made smaller.
    let config = Config { cases: asked.unwrap_or(FAULTS), max_shrink_iters: 0, failure_persistence: None, ..standard };
    let fault = prop_oneof![
        2 => Just(Fault::Cut),
        1 => Just(Fault::CutAll),
        1 => Just(Fault::Stall),
        1 => Just(Fault::Slow),
        3 => Just(Fault::Garble)
    ];
    // Half of them early, where structure is read and made.
    let part = prop_oneof![0.0..1.0_f64, 0.0..0.1_f64];
    let tried = TestRunner::new(config).run(&(fault, part), |(fault, part)| {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "any place will do"
        )]
        let at = (bytes as f64 * part) as u64;
        let ended = runtime.block_on(bench.try_fault(side, fault, at, &carried));
        if fault == Fault::Slow {
            ended.map_err(|error| TestCaseError::fail(told(&error)))?;
        }
        prop_assert_eq!(PANICS.load(Ordering::SeqCst), 0);
        Ok(())
    });
    tried.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn copies_survive_a_source_whose_line_goes_wrong() {
    copies_survive_a_line_that_goes_wrong(Side::Source);
}

#[test]
fn copies_survive_a_target_whose_line_goes_wrong() {
    copies_survive_a_line_that_goes_wrong(Side::Target);
}

/// Counts are right, and what the servers say of the content is not.
async fn a_letter_that_changes_on_its_way_is_found(side: Side) {
    let bench = Bench::start();
    let carried = bench.journey().carried().await;
    let (proxy, route) = bench.proxy(side, Fault::GarbleRow, 0).await;
    let filled = bench.journey().fill_by(&route, &carried, &Stop::never()).await.unwrap();
    assert!(proxy.happened());
    let error = bench.journey().verify(&filled).await.unwrap_err();
    assert!(error.kind == Kind::Mismatch && error.message.starts_with("the content of `"), "{}", told(&error));
    let again = bench.journey().fill(&carried).await.unwrap();
    bench.journey().assert_equal(&again, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_changes_on_its_way_from_the_source_is_found() {
    a_letter_that_changes_on_its_way_is_found(Side::Source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_changes_on_its_way_to_the_target_is_found() {
    a_letter_that_changes_on_its_way_is_found(Side::Target).await;
}

/// Nobody can say whether the other end still thinks; whoever waits can end it.
async fn a_copy_over_a_line_that_says_nothing_any_more_can_be_stopped(side: Side) {
    let bench = Bench::start();
    let carried = bench.journey().carried().await;
    let bytes = bench.bytes(side, &carried).await;
    let (proxy, route) = bench.proxy(side, Fault::StallAll, bytes / 2).await;
    let (stopper, stop) = stop();
    let stopping = async {
        proxy.stalled().await;
        stopper.stop();
    };
    let journey = bench.journey();
    let filling = tokio::time::timeout(DEADLINE, journey.fill_by(&route, &carried, &stop));
    let (ended, ()) = tokio::join!(filling, stopping);
    assert_eq!(ended.expect("the copy hangs").unwrap_err().kind, Kind::Interrupted);
    drop(proxy);
    bench.await_no_sessions().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_from_a_source_that_says_nothing_any_more_can_be_stopped() {
    a_copy_over_a_line_that_says_nothing_any_more_can_be_stopped(Side::Source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_to_a_target_that_says_nothing_any_more_can_be_stopped() {
    a_copy_over_a_line_that_says_nothing_any_more_can_be_stopped(Side::Target).await;
}
