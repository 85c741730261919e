//! Production goes on writing while it is copied, and the copy is of one moment.

use crate::compared::Journey;
use restage_lab::Cluster;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Copies that are made while production is at work.
const COPIES: u32 = 2;
/// Each transaction of `pgbench` adds one amount to three balances and to the history.
const BALANCES: &str = "SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(bbalance) FROM pgbench_branches), \
     (SELECT sum(tbalance) FROM pgbench_tellers), (SELECT sum(delta) FROM pgbench_history)";
const TRANSACTIONS: &str = "SELECT count(*) FROM pgbench_history";

/// `pgbench` at work, which ends with this value.
struct Production(Child);

impl Production {
    fn start(journey: &Journey<'_>) -> Self {
        let mut prepare = journey.from.cluster.client("pgbench");
        let prepared = prepare.args(["-i", "-q", "-s", "2", journey.from.name]).output().unwrap();
        assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
        let mut work = journey.from.cluster.client("pgbench");
        work.args(["-n", "-c", "2", "-T", "600", journey.from.name]).stdout(Stdio::null()).stderr(Stdio::null());
        Self(work.spawn().unwrap())
    }
}

impl Drop for Production {
    fn drop(&mut self) {
        // It may have ended by itself, of which the tests tell.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn transactions(journey: &Journey<'_>) -> u64 {
    journey.from.psql(TRANSACTIONS).parse().unwrap()
}

fn await_more(journey: &Journey<'_>, than: u64) {
    let started = Instant::now();
    while transactions(journey) <= than {
        assert!(started.elapsed() < Duration::from_secs(20), "production does nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_busy_database_is_of_one_moment() {
    let (source, target) = (Cluster::any().unwrap(), Cluster::any().unwrap());
    let journey = Journey::arranged(&source, &target, "");
    let production = Production::start(&journey);
    let mut before = 0;
    for _ in 0..COPIES {
        await_more(&journey, before);
        let carried = journey.carried().await;
        before = transactions(&journey);
        let filled = journey.fill(&carried).await.unwrap();
        let after = transactions(&journey);
        journey.verify(&filled).await.unwrap();
        let balances = journey.to.psql(BALANCES);
        let each: Vec<&str> = balances.split('|').collect();
        assert!(each.len() == 4 && each.iter().all(|balance| balance == &each[0]), "{balances}");
        let copied: u64 = journey.to.psql(TRANSACTIONS).parse().unwrap();
        assert!((before..after).contains(&copied), "{before} before, {copied} copied, {after} after");
    }
    drop(production);
}
