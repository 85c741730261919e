//! Filling a shadow: from the start each time, and never twice.

use crate::pair::{Pair, RUN};
use crate::site::{job, perform, run_id, until, whole};
use restage_core::Code;
use restage_core::provider::{Against, Databases, Filled, Jobs, RowsTaken, Verified, VerifySpec, Work};
use restage_core::schema::TableName;
use restage_providers::postgres::Role;

const SHADOW: &str = "app_restage_0000000001";

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_is_filled_once_and_says_where_its_rows_are_from() {
    let pair = Pair::start();
    let (name, work) = (job(&run_id(RUN), 1), Work::Fill(pair.fill_spec(pair.shadow().await).await));
    let filled: Filled = perform(&pair.jobs(), &name, &work).await.unwrap();
    assert_eq!(filled.tables[&TableName::new("public", "t")].rows_written, 1000);
    assert!(filled.notes.iter().any(|note| note.contains("`app.mode`")), "{:?}", filled.notes);
    let Some(Role::Filled(origin)) = pair.site.comment(SHADOW).mark().map(|mark| mark.role.clone()) else { panic!("it is filled") };
    assert_eq!((origin.source, origin.data_at), (filled.source.clone(), filled.snapshot_at));
    let against = Against::Copy(filled.clone());
    let verify = Work::Verify(VerifySpec { shadow: pair.shadow().await, against });
    let verified: Verified = perform(&pair.jobs(), &job(&run_id(RUN), 2), &verify).await.unwrap();
    assert_eq!((verified.tables, verified.rows), (2, 1001));

    let identity = pair.site.identity(SHADOW);
    let again: Filled = perform(&pair.jobs(), &name, &work).await.unwrap();
    assert_eq!((again, pair.site.identity(SHADOW)), (filled.clone(), identity.clone()));
    // A receipt of rows that are not there any more is worth nothing.
    pair.site.psql("postgres", &format!("DROP DATABASE {SHADOW}"));
    pair.shadow().await;
    let anew: Filled = perform(&pair.jobs(), &name, &work).await.unwrap();
    assert!(anew.snapshot_at > filled.snapshot_at && pair.site.identity(SHADOW) != identity);
    assert_eq!(pair.site.psql(SHADOW, "SELECT count(*) FROM t"), "1000");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_leaves_nobody_at_work_and_the_next_attempt_begins_with_an_empty_shadow() {
    let pair = Pair::start();
    let (name, shadow) = (job(&run_id(RUN), 1), pair.shadow().await);
    let mut spec = pair.fill_spec(shadow).await;
    let table = TableName::new("public", "t");
    spec.carried.tables.get_mut(&table).unwrap().rows = RowsTaken::Where("pg_sleep(600) IS NOT NULL".into());
    let jobs = pair.jobs();
    jobs.start(&name, &Work::Fill(spec.clone())).await.unwrap();
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND application_name = 'restage'";
    until("rows are copied", || pair.production.psql("postgres", sleeping) == "1").await;
    let before = pair.site.identity(SHADOW);
    jobs.stop(&name).await.unwrap();
    let there = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{SHADOW}'");
    assert_eq!(pair.site.psql("postgres", &there), "0");
    until("production is left alone", || pair.production.psql("postgres", sleeping) == "0").await;
    assert_eq!(pair.site.comment(SHADOW).mark().unwrap().role, Role::Filling);
    // Half a copy is never swapped in.
    let swap = pair.site.swap_spec(&pair.target, &run_id(RUN)).await;
    assert_eq!(pair.site.postgres().swap(&swap, &run_id(RUN)).await.unwrap_err().code, Code::PlanStale);

    spec.carried = pair.everything().await;
    perform::<Filled>(&pair.jobs(), &name, &Work::Fill(spec)).await.unwrap();
    assert_ne!(pair.site.identity(SHADOW), before, "an earlier attempt's rows may be in it");
    assert_eq!(pair.site.psql(SHADOW, "SELECT count(*) FROM t"), "1000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_source_and_a_stranger_in_the_shadows_place_are_refused() {
    let pair = Pair::start();
    let (name, shadow) = (job(&run_id(RUN), 1), pair.shadow().await);
    let spec = pair.fill_spec(shadow).await;
    pair.production.psql("prod", "CREATE TABLE later (n int); GRANT SELECT ON later TO reader");
    let error = perform::<Filled>(&pair.jobs(), &name, &Work::Fill(spec.clone())).await.unwrap_err();
    assert_eq!(error.code, Code::PlanStale, "{}", error.message);
    assert!(!whole(&error).contains(crate::site::PASSWORD));
    pair.site.psql("postgres", &format!("DROP DATABASE {SHADOW}; "));
    pair.site.psql("postgres", &format!("CREATE DATABASE {SHADOW}"));
    pair.site.psql(SHADOW, "CREATE TABLE precious (n int)");
    let error = perform::<Filled>(&pair.jobs(), &name, &Work::Fill(spec)).await.unwrap_err();
    assert_eq!(error.code, Code::ObjectNotOurs, "{}", error.message);
    assert_eq!(pair.site.psql(SHADOW, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"), "precious");
}
