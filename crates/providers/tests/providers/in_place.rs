//! The refresh in one transaction: old or new, never half, whatever happens to restage or to others.

use crate::pair::{Pair, RUN};
use crate::proxy::{Cut, Proxy};
use crate::site::{job, perform, run_id, until};
use restage_core::Code;
use restage_core::environment::{DatabaseAddress, Endpoint};
use restage_core::provider::{
    Databases, Fate, InPlaceSpec, Jobs, KeepTable, OnCollision, OnConflict, OnMissing, Refreshed, Surviving, Work,
};
use restage_core::schema::{ColumnName, TableName};
use restage_pgcopy::connect;
use restage_pgcopy::facts;
use restage_providers::postgres::Role;

async fn spec(pair: &Pair) -> InPlaceSpec {
    let column = |name: &str| ColumnName(name.into());
    let kept = KeepTable {
        table: TableName::new("public", "kept"),
        columns: vec![column("id"), column("name")],
        own: [].into(),
        masked: [].into(),
        key: vec![column("id")],
        matched: vec![column("id")],
        foreign_keys: vec![],
        on_conflict: OnConflict::KeepTarget,
        on_collision: OnCollision::Refuse,
        on_missing: OnMissing::Refuse,
    };
    let target = pair.facts(&pair.site, &pair.target).await;
    InPlaceSpec {
        run: run_id(RUN),
        source: pair.source.clone(),
        target: pair.target.clone(),
        target_identity: target.identity.clone(),
        target_structure: restage_core::facts::structure_digest(&target.objects),
        carried: pair.everything().await,
        surviving: Surviving { deltas: vec![], keep: vec![kept] },
    }
}

fn rows(pair: &Pair) -> String {
    pair.site.psql("app", "SELECT (SELECT count(*) FROM t), (SELECT string_agg(name, ' ' ORDER BY id) FROM kept)")
}

const OLD: &str = "1|target's";
const NEW: &str = "1000|production's target's";

#[tokio::test(flavor = "multi_thread")]
async fn it_happens_once_keeps_rows_and_leaves_its_mark() {
    let pair = Pair::start();
    let (work, name, run) = (Work::InPlace(spec(&pair).await), job(&run_id(RUN), 0), run_id(RUN));
    let postgres = pair.site.postgres();
    pair.site.psql("postgres", "ALTER DATABASE app SET default_transaction_read_only TO on");
    assert!(!postgres.was_refreshed_by(&pair.target, &run).await.unwrap());
    let done: Refreshed = perform(&pair.jobs(), &name, &work).await.unwrap();
    assert_eq!(rows(&pair), NEW);
    assert_eq!(
        (done.kept.tables[&TableName::new("public", "kept")].added, done.verified.kept_rows, done.verified.rows),
        (1, 1, 1001)
    );
    assert!(done.outage_seconds > 0.0 && done.outage_seconds < 30.0);
    let comment = pair.site.comment("app");
    assert_eq!(comment.text, "the application");
    assert!(matches!(&comment.mark().unwrap().role, Role::Live(origin) if origin.data_at == done.filled.snapshot_at));
    assert!(postgres.was_refreshed_by(&pair.target, &run).await.unwrap());
    assert!(!postgres.was_refreshed_by(&pair.target, &run_id("0000000002")).await.unwrap());
    // What users write from now on is not taken away by a second attempt.
    pair.site.psql("postgres", "ALTER DATABASE app RESET default_transaction_read_only");
    pair.site.psql("app", "INSERT INTO kept VALUES (3, 'new')");
    std::fs::remove_file(pair.job_file(name.as_str(), "receipt.json")).unwrap();
    let again: Refreshed = perform(&pair.jobs(), &name, &work).await.unwrap();
    assert_eq!((again, rows(&pair)), (done, format!("{NEW} new")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_being_written_is_waited_for_and_kept() {
    let pair = Pair::start();
    let (work, name) = (Work::InPlace(spec(&pair).await), job(&run_id(RUN), 0));
    let endpoint = pair.site.servers().endpoint(&pair.target).await.unwrap();
    let writer = connect::target(&endpoint).await.unwrap();
    writer.batch_execute("BEGIN; INSERT INTO public.kept VALUES (9, 'just now')").await.unwrap();
    let jobs = pair.jobs();
    jobs.start(&name, &work).await.unwrap();
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'";
    until("the refresh waits for the writer", || pair.site.psql("postgres", waiting) == "1").await;
    writer.batch_execute("COMMIT").await.unwrap();
    crate::site::finish::<Refreshed>(&jobs, &name).await.unwrap();
    assert_eq!(rows(&pair), format!("{NEW} just now"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_target_or_structure_than_planned_is_refused_and_untouched() {
    let pair = Pair::start();
    let (spec, name) = (spec(&pair).await, job(&run_id(RUN), 0));
    let refused = async |spec: InPlaceSpec, code: Code| {
        let error = perform::<Refreshed>(&pair.jobs(), &name, &Work::InPlace(spec)).await.unwrap_err();
        assert_eq!((error.code, rows(&pair).as_str()), (code, OLD), "{}", error.message);
    };
    let mut other = spec.clone();
    other.target_identity.oid = 1;
    refused(other, Code::PlanStale).await;
    refused(InPlaceSpec { target_structure: "other".into(), ..spec.clone() }, Code::PlanStale).await;
    let mut same = spec.clone();
    same.carried.source_identity = spec.target_identity.clone();
    refused(same, Code::SameDatabase).await;
    assert_eq!(pair.jobs().fate(&name).await.unwrap(), Fate::Never);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_any_death_the_target_is_old_or_new_and_restage_knows_which() {
    let pair = Pair::start();
    let spec = spec(&pair).await;
    let all = statements(&pair, &spec).await;
    assert!(all > 50, "{all} statements");
    let identity = pair.site.identity("app");
    // The beginning, the last ones around the commit, and some between.
    let points = (0..all).filter(|at| at % 37 == 5 || all - at < 5);
    let (mut old, mut new) = (0, 0);
    for (step, (at, cut)) in points.flat_map(|at| [(at, Cut::Before), (at, Cut::After)]).enumerate() {
        let name = job(&run_id(RUN), u32::try_from(step).unwrap() + 1);
        pair.site.psql("app", "DELETE FROM kept WHERE id <> 2; DELETE FROM t WHERE n <> 7; UPDATE t SET text = 'old'");
        let proxy = Proxy::cutting(pair.site.cluster.port(), at, cut).await;
        let (dying, work) = (pair.jobs(), Work::InPlace(through(&proxy, &spec)));
        let died = tokio::select! {
            biased;
            () = proxy.cut() => true,
            done = perform::<Refreshed>(&dying, &name, &work) => {
                done.unwrap();
                false
            }
        };
        assert!(died, "{at} of {all}");
        drop(dying);
        let work = Work::InPlace(spec.clone());
        std::fs::write(pair.job_file(name.as_str(), "work.json"), serde_json::to_vec(&work).unwrap()).unwrap();
        let jobs = pair.jobs();
        jobs.stop(&name).await.unwrap();
        let fate = jobs.fate(&name).await.unwrap();
        let marked = pair.site.postgres().was_refreshed_by(&pair.target, &spec.run).await.unwrap();
        match fate {
            Fate::Never => old += 1,
            Fate::Happened => new += 1,
            Fate::Unknown => panic!("nobody knows after {at} {cut:?}"),
        }
        assert_eq!(rows(&pair), if fate == Fate::Happened { NEW } else { OLD }, "{at} {cut:?}");
        assert_eq!(marked, fate == Fate::Happened);
        perform::<Refreshed>(&jobs, &name, &work).await.unwrap();
        assert_eq!((rows(&pair).as_str(), pair.site.identity("app")), (NEW, identity.clone()));
        pair.site.psql("postgres", "COMMENT ON DATABASE app IS 'the application'");
    }
    assert!(old > 4 && new > 0, "{old} {new}");
}

fn through(proxy: &Proxy, spec: &InPlaceSpec) -> InPlaceSpec {
    let endpoint = Endpoint::Tcp { host: "127.0.0.1".into(), port: proxy.port() };
    InPlaceSpec { target: DatabaseAddress { endpoint, ..spec.target.clone() }, ..spec.clone() }
}

/// How many statements a refresh has on the target.
async fn statements(pair: &Pair, spec: &InPlaceSpec) -> i64 {
    let proxy = Proxy::cutting(pair.site.cluster.port(), i64::MAX, Cut::Before).await;
    let name = job(&run_id(RUN), 0);
    perform::<Refreshed>(&pair.jobs(), &name, &Work::InPlace(through(&proxy, spec))).await.unwrap();
    pair.site.psql("postgres", "COMMENT ON DATABASE app IS 'the application'");
    let digest = facts::identity(pair.site.servers().read(&pair.target).await.unwrap().reader()).await.unwrap();
    assert_eq!(digest, spec.target_identity);
    proxy.seen()
}
