//! The swap, among people who are in the database.

use crate::site::{LIMIT, Site, named, origin, run_id, until};
use restage_core::Code;
use restage_core::environment::DatabaseAddress;
use restage_core::facts::Identity;
use restage_core::provider::{Databases, Stay, SwapSpec};
use restage_lab::Major;
use restage_pgcopy::connect::{self, TargetClient};
use restage_providers::postgres::Role;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

const RUN: &str = "0000000001";

/// A target `app` of `owner`, with a table `old` in it.
pub(crate) fn site(major: Major) -> (Site, DatabaseAddress) {
    let site = Site::with(major, &[("max_prepared_transactions", "2")]);
    site.role("owner", "CREATEDB IN ROLE pg_signal_backend");
    site.psql("postgres", "CREATE DATABASE app OWNER owner CONNECTION LIMIT 40");
    site.psql("postgres", "COMMENT ON DATABASE app IS 'the application'");
    site.psql("app", "CREATE TABLE old (n int); ALTER TABLE old OWNER TO owner");
    let target = site.address("app", "owner");
    (site, target)
}

/// What the database of that name holds.
pub(crate) fn holds(site: &Site, database: &str) -> String {
    site.psql(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
}

fn limit_and_door(site: &Site, database: &str) -> String {
    site.psql("postgres", &format!("SELECT datallowconn, datconnlimit FROM pg_database WHERE datname = '{database}'"))
}

async fn nobody_is_in(site: &Site) {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'app' AND usename IS NOT NULL";
    until("everybody has left", || site.psql("postgres", sql) == "0").await;
}

async fn session(site: &Site, database: &str, user: &str) -> TargetClient {
    connect::target(&site.servers().endpoint(&site.address(database, user)).await.unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_and_its_way_back_leave_everything_as_it_should_be() {
    for major in [Major::V15, Major::V18] {
        let (site, target) = site(major);
        let run = run_id(RUN);
        site.filled_shadow(&target, &run).await;
        let spec = site.swap_spec(&target, &run).await;
        let (before, shadow) = (site.identity("app"), site.identity("app_restage_0000000001"));
        site.psql("postgres", "ALTER DATABASE app SET work_mem TO '9MB'");
        let postgres = site.postgres();

        let swapped = postgres.swap(&spec, &run).await.unwrap();
        assert_eq!((&swapped.before, &swapped.after), (&before, &shadow));
        assert_eq!(swapped.old.get(), &spec.old);
        assert_eq!(site.databases(), ["app", "app_before_0000000001"]);
        assert_eq!(holds(&site, "app"), "new");
        assert_eq!((limit_and_door(&site, "app"), limit_and_door(&site, "app_before_0000000001")), ("t|40".into(), "f|40".into()));
        let comment = site.comment("app");
        assert_eq!((comment.text.as_str(), &comment.mark().unwrap().role), ("the application", &Role::Live(origin())));
        let settings = site.psql("app", "SHOW work_mem");
        assert_eq!(settings, "9MB", "settings made after the shadow was");
        let again = postgres.swap(&spec, &run).await.unwrap();
        assert_eq!((again.before, again.after, again.old), (swapped.before, swapped.after, swapped.old));

        postgres.swap_back(&spec, &run).await.unwrap();
        assert_eq!(site.databases(), ["app", "app_restage_0000000001"]);
        assert_eq!((site.identity("app"), site.identity("app_restage_0000000001")), (before, shadow));
        assert_eq!((holds(&site, "app"), limit_and_door(&site, "app")), ("old".into(), "t|40".into()));
        assert_eq!(site.comment("app").to_string(), "the application");
        assert_eq!(site.comment("app_restage_0000000001").mark().unwrap().role, Role::Filled(origin()));
        postgres.swap_back(&spec, &run).await.unwrap();
        assert!(postgres.swap(&spec, &run).await.is_ok(), "a swap that was taken back can be made again");
        let old = postgres.find_own(&spec.old, &run).await.unwrap().unwrap();
        postgres.ensure_dropped(old, Stay::ToTheEnd).await.unwrap();
        assert_eq!(postgres.swap_back(&spec, &run).await.unwrap_err().code, Code::CannotUndo);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_keeps_connecting_is_kept_out_for_less_than_two_seconds() {
    let (site, target) = site(Major::V15);
    let run = run_id(RUN);
    site.role("app_user", "");
    site.filled_shadow(&target, &run).await;
    let spec = site.swap_spec(&target, &run).await;
    let endpoint = site.servers().endpoint(&site.address("app", "app_user")).await.unwrap();
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let knocking = tokio::spawn({
        let (stop, served) = (stop.clone(), served.clone());
        async move {
            let (mut last, mut outage) = (Instant::now(), Duration::ZERO);
            while !stop.load(Ordering::SeqCst) {
                let Ok(client) = connect::target(&endpoint).await else { continue };
                while !stop.load(Ordering::SeqCst) && client.simple_query("SELECT 1").await.is_ok() {
                    outage = outage.max(last.elapsed());
                    last = Instant::now();
                    served.fetch_add(1, Ordering::SeqCst);
                }
            }
            outage
        }
    });
    let idle = session(&site, "app", "app_user").await;
    let idle_in_transaction = session(&site, "app", "app_user").await;
    idle_in_transaction.batch_execute("BEGIN").await.unwrap();
    until("the client is served", || served.load(Ordering::SeqCst) > 10).await;
    let swapped = site.postgres().swap(&spec, &run).await.unwrap();
    let so_far = served.load(Ordering::SeqCst);
    until("the client is served again", || served.load(Ordering::SeqCst) > so_far + 10).await;
    stop.store(true, Ordering::SeqCst);
    let outage = knocking.await.unwrap();
    assert!(outage < Duration::from_secs(2), "{outage:?}");
    assert!(swapped.outage_seconds < 2.0 && swapped.outage_seconds > 0.0, "{}", swapped.outage_seconds);
    assert!(swapped.sessions_ended >= 2, "{}", swapped.sessions_ended);
    assert!(idle.simple_query("SELECT 1").await.is_err() && idle_in_transaction.simple_query("SELECT 1").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_may_end_by_itself_while_others_still_come_in() {
    let (site, target) = site(Major::V15);
    let run = run_id(RUN);
    site.role("app_user", "");
    site.filled_shadow(&target, &run).await;
    let spec = SwapSpec { drain: LIMIT, ..site.swap_spec(&target, &run).await };
    site.psql("app", "GRANT ALL ON TABLE old TO app_user");
    let client = session(&site, "app", "app_user").await;
    client.batch_execute("BEGIN; INSERT INTO public.old VALUES (7)").await.unwrap();
    let swapping = tokio::spawn({
        let (postgres, spec, run) = (site.postgres(), spec.clone(), run.clone());
        async move { postgres.swap(&spec, &run).await }
    });
    let looks = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'restage 0000000001' AND query LIKE '%virtualxid%'";
    until("the swap waits for the transaction", || site.psql("postgres", looks) == "1").await;
    session(&site, "app", "app_user").await.simple_query("SELECT 1").await.unwrap();
    assert!(!swapping.is_finished());
    client.batch_execute("COMMIT").await.unwrap();
    let swapped = swapping.await.unwrap().unwrap();
    assert!(swapped.outage_seconds < 2.0, "waiting is no outage: {}", swapped.outage_seconds);
    site.psql("postgres", "ALTER DATABASE app_before_0000000001 ALLOW_CONNECTIONS true");
    assert_eq!(site.psql("app_before_0000000001", "SELECT n FROM old"), "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_ended_is_named_and_the_door_is_open_again() {
    let (site, target) = site(Major::V15);
    let run = run_id(RUN);
    site.filled_shadow(&target, &run).await;
    let spec = SwapSpec { within: Duration::from_secs(1), ..site.swap_spec(&target, &run).await };
    let strong = session(&site, "app", "postgres").await;
    strong.batch_execute("SET application_name = 'night shift'").await.unwrap();
    let error = site.postgres().swap(&spec, &run).await.unwrap_err();
    assert_eq!(error.code, Code::SessionsRemain);
    assert!(error.message.contains("`postgres` (`night shift`)") && error.help.is_some(), "{}", error.message);
    assert_eq!(limit_and_door(&site, "app"), "t|40");
    assert_eq!(site.comment("app").to_string(), "the application");
    assert_eq!(site.databases(), ["app", "app_restage_0000000001"]);
    strong.simple_query("SELECT 1").await.unwrap();
    drop(strong);
    nobody_is_in(&site).await;
    site.postgres().swap(&spec, &run).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_transaction_is_told_before_anybody_is_kept_out() {
    let (site, target) = site(Major::V15);
    let run = run_id(RUN);
    site.filled_shadow(&target, &run).await;
    let spec = site.swap_spec(&target, &run).await;
    let client = session(&site, "app", "postgres").await;
    client.batch_execute("BEGIN; INSERT INTO public.old VALUES (1); PREPARE TRANSACTION 'two'").await.unwrap();
    let error = site.postgres().swap(&spec, &run).await.unwrap_err();
    assert_eq!(error.code, Code::TargetInUse);
    client.simple_query("SELECT 1").await.unwrap();
    client.batch_execute("ROLLBACK PREPARED 'two'").await.unwrap();
    drop(client);
    nobody_is_in(&site).await;
    site.postgres().swap(&spec, &run).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_the_door_open() {
    let (site, target) = site(Major::V15);
    let run = run_id(RUN);
    site.filled_shadow(&target, &run).await;
    let spec = SwapSpec { within: LIMIT, ..site.swap_spec(&target, &run).await };
    // Somebody whom the owner cannot end keeps the swap waiting with the door closed.
    let strong = session(&site, "app", "postgres").await;
    let postgres = site.postgres();
    tokio::select! {
        _ = postgres.swap(&spec, &run) => panic!("the swap cannot end"),
        () = until("the door is closed", || limit_and_door(&site, "app") == "f|40") => {}
    }
    until("the door is open", || limit_and_door(&site, "app") == "t|40").await;
    strong.simple_query("SELECT 1").await.unwrap();
    assert_eq!(site.comment("app").to_string(), "the application");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_target_shadow_or_source_is_never_swapped() {
    let (site, target) = site(Major::V15);
    let run = run_id(RUN);
    site.filled_shadow(&target, &run).await;
    let (spec, postgres) = (site.swap_spec(&target, &run).await, site.postgres());
    let refused = async |spec: SwapSpec, code: Code| {
        let error = postgres.swap(&spec, &run).await.unwrap_err();
        assert_eq!(error.code, code, "{}", error.message);
        assert_eq!((holds(&site, "app"), limit_and_door(&site, "app")), ("old".to_owned(), "t|40".to_owned()));
    };
    let other = Identity { oid: 1, ..spec.target_identity.clone() };
    refused(SwapSpec { target_identity: other, ..spec.clone() }, Code::PlanStale).await;
    refused(SwapSpec { source_identity: spec.target_identity.clone(), ..spec.clone() }, Code::SameDatabase).await;
    refused(SwapSpec { source_identity: site.identity("app_restage_0000000001"), ..spec.clone() }, Code::SameDatabase).await;

    site.psql("postgres", "ALTER DATABASE app ALLOW_CONNECTIONS false");
    let closed = postgres.swap(&spec, &run).await.unwrap_err();
    assert_eq!(closed.code, Code::TargetInUse, "closed by somebody else");
    site.psql("postgres", "ALTER DATABASE app ALLOW_CONNECTIONS true; CREATE DATABASE app_before_0000000001");
    refused(spec.clone(), Code::ObjectNotOurs).await;
    site.psql("postgres", "DROP DATABASE app_before_0000000001");

    let comment = site.comment("app_restage_0000000001").to_string().replace("as=filled", "as=filling");
    site.psql("postgres", &format!("COMMENT ON DATABASE app_restage_0000000001 IS '{comment}'"));
    refused(spec.clone(), Code::PlanStale).await;
    site.psql("postgres", "COMMENT ON DATABASE app_restage_0000000001 IS 'mine'");
    refused(spec.clone(), Code::ObjectNotOurs).await;
    site.psql("postgres", "DROP DATABASE app_restage_0000000001");
    refused(spec, Code::PlanStale).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_never_takes_away_what_somebody_else_put_there() {
    let (site, target) = site(Major::V15);
    let run = run_id(RUN);
    site.filled_shadow(&target, &run).await;
    let (spec, postgres) = (site.swap_spec(&target, &run).await, site.postgres());
    postgres.swap(&spec, &run).await.unwrap();
    site.psql("postgres", "ALTER DATABASE app RENAME TO app_aside");
    site.psql("postgres", "CREATE DATABASE app OWNER owner");
    assert_eq!(postgres.swap_back(&spec, &run).await.unwrap_err().code, Code::ObjectNotOurs);
    assert_eq!(site.databases(), ["app", "app_aside", "app_before_0000000001"]);
    // Without any target the old one goes back to its place.
    site.psql("postgres", "DROP DATABASE app");
    postgres.swap_back(&spec, &run).await.unwrap();
    assert_eq!((holds(&site, "app"), limit_and_door(&site, "app")), ("old".into(), "t|40".into()));
    assert_eq!(site.comment("app").to_string(), "the application");
    assert_eq!(site.address("app", "x").named(named("app")).database, named("app"));
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_of_an_earlier_run_come_back_with_the_old_database() {
    let (site, target) = site(Major::V15);
    let (first, second) = (run_id(RUN), run_id("0000000002"));
    let postgres = site.postgres();
    site.filled_shadow(&target, &first).await;
    postgres.swap(&site.swap_spec(&target, &first).await, &first).await.unwrap();
    let comment = site.comment("app");
    site.psql("app", "DROP TABLE new; CREATE TABLE old (n int); ALTER TABLE old OWNER TO owner");
    site.filled_shadow(&target, &second).await;
    let spec = site.swap_spec(&target, &second).await;
    postgres.swap(&spec, &second).await.unwrap();
    let now = site.comment("app");
    assert_eq!((now.marks.len(), &now.mark().unwrap().run), (1, &second));
    postgres.swap_back(&spec, &second).await.unwrap();
    assert_eq!(site.comment("app"), comment);
}
