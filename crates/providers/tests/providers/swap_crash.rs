//! Every point at which restage can die during a swap: whoever comes after it ends right, whichever way they go.

use crate::proxy::{Cut, Proxy};
use crate::site::{LIMIT, Site, run_id};
use crate::swap::{holds, site};
use restage_core::environment::{DatabaseAddress, Endpoint};
use restage_core::provider::{Databases, SwapSpec};
use restage_lab::Major;
use std::time::Duration;

const RUN: &str = "0000000001";
/// More statements than a swap ever has.
const MOST_STATEMENTS: i64 = 200;

/// What is going on when restage dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Swap,
    SwapBack,
}

fn through(proxy: &Proxy, spec: &SwapSpec) -> SwapSpec {
    let endpoint = Endpoint::Tcp { host: "127.0.0.1".into(), port: proxy.port() };
    let by = |address: &DatabaseAddress| DatabaseAddress { endpoint: endpoint.clone(), ..address.clone() };
    SwapSpec { target: by(&spec.target), shadow: by(&spec.shadow), old: by(&spec.old), ..spec.clone() }
}

/// Does it through a proxy that cuts; says whether it came to that.
async fn dies(site: &Site, spec: &SwapSpec, doing: Doing, at: i64, cut: Cut) -> bool {
    let proxy = Proxy::cutting(site.cluster.port(), at, cut).await;
    let (postgres, spec, run) = (site.postgres(), through(&proxy, spec), run_id(RUN));
    let work = async {
        match doing {
            Doing::Swap => postgres.swap(&spec, &run).await.map(drop),
            Doing::SwapBack => postgres.swap_back(&spec, &run).await,
        }
    };
    tokio::select! {
        biased;
        () = proxy.cut() => true,
        // It may fail of the cut before that is told here.
        done = work => match done {
            Ok(()) => false,
            Err(_) if proxy.is_cut() => true,
            Err(error) => panic!("{error}"),
        }
    }
}

fn door(site: &Site) -> String {
    site.psql("postgres", "SELECT datallowconn, datconnlimit FROM pg_database WHERE datname = 'app'")
}

async fn goes_forth(site: &Site, spec: &SwapSpec) {
    site.postgres().swap(spec, &run_id(RUN)).await.unwrap();
    assert_eq!(
        (site.databases(), holds(site, "app"), door(site)),
        (vec!["app".into(), "app_before_0000000001".into()], "new".into(), "t|40".into())
    );
}

async fn goes_back(site: &Site, spec: &SwapSpec) {
    site.postgres().swap_back(spec, &run_id(RUN)).await.unwrap();
    assert_eq!(
        (site.databases(), holds(site, "app"), door(site)),
        (vec!["app".into(), "app_restage_0000000001".into()], "old".into(), "t|40".into())
    );
    assert_eq!(site.comment("app").to_string(), "the application");
    let shadow = site.psql("postgres", "SELECT datallowconn FROM pg_database WHERE datname = 'app_restage_0000000001'");
    assert_eq!(shadow, "t");
}

async fn every_death_during(doing: Doing) {
    let (site, target) = site(Major::V15);
    let run = run_id(RUN);
    site.filled_shadow(&target, &run).await;
    let spec = SwapSpec { drain: Duration::ZERO, within: LIMIT, ..site.swap_spec(&target, &run).await };
    let mut deaths = 0;
    // For the server, dying after a statement is the same as dying before the next.
    for (cut, points) in [(Cut::Before, 0..1), (Cut::After, 0..MOST_STATEMENTS)] {
        for at in points {
            let mut died = false;
            for then_forth in [true, false] {
                if doing == Doing::SwapBack {
                    goes_forth(&site, &spec).await;
                }
                died = dies(&site, &spec, doing, at, cut).await;
                if then_forth {
                    goes_forth(&site, &spec).await;
                }
                goes_back(&site, &spec).await;
            }
            if !died {
                break;
            }
            deaths += 1;
            assert!(at + 1 < MOST_STATEMENTS, "it never ends");
        }
    }
    assert!(deaths >= 10, "only {deaths} deaths");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_any_death_during_a_swap_both_ways_are_open() {
    every_death_during(Doing::Swap).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_any_death_on_the_way_back_both_ways_are_open() {
    every_death_during(Doing::SwapBack).await;
}
