//! SQL that happens once or not at all, whatever happens to restage.

use crate::proxy::{Cut, Proxy};
use crate::site::{Site, finish, job, perform, run_id, until};
use restage_core::Code;
use restage_core::environment::{DatabaseAddress, Endpoint};
use restage_core::provider::{Fate, Jobs, SqlDone, SqlSpec, Watch, Work};
use restage_lab::Major;
use restage_providers::jobs::{LocalJobs, NoOutput};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const RUN: &str = "0000000001";

struct Bench {
    site: Site,
    folder: TempDir,
}

impl Bench {
    fn new(major: Major) -> Self {
        let site = Site::start(major);
        site.role("owner", "");
        site.psql("postgres", "CREATE DATABASE app OWNER owner");
        site.psql("app", "CREATE SCHEMA own AUTHORIZATION owner; ALTER DATABASE app SET search_path TO own");
        site.psql("app", "SET ROLE owner; CREATE TABLE own.t (n int PRIMARY KEY)");
        Self { site, folder: tempfile::tempdir().unwrap() }
    }
    /// Jobs as a process sees them that has just been started.
    fn jobs(&self) -> LocalJobs {
        LocalJobs::new(self.folder.path(), self.site.postgres(), Arc::new(NoOutput))
    }
    fn address(&self) -> DatabaseAddress {
        self.site.address("app", "owner")
    }
    fn work(&self, statement: &str) -> Work {
        Work::Sql(SqlSpec { address: self.address(), statement: statement.into() })
    }
    fn rows(&self) -> String {
        self.site.psql("app", "SELECT string_agg(n::text, ' ' ORDER BY n) FROM own.t")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_run_with_the_databases_own_settings_and_their_rows_are_counted() {
    let bench = Bench::new(Major::V15);
    let (jobs, name) = (bench.jobs(), job(&run_id(RUN), 0));
    let work = bench.work("INSERT INTO t SELECT generate_series(1, 3); -- three\nUPDATE t SET n = n + 10 WHERE n > 1; SELECT * FROM t; DO $$ BEGIN END $$;");
    let done: SqlDone = perform(&jobs, &name, &work).await.unwrap();
    assert_eq!((done.rows, bench.rows().as_str()), (8, "1 12 13"));
    assert_eq!(jobs.fate(&name).await.unwrap(), Fate::Happened);
    // Nobody runs it a second time, in this process or the next.
    let again: SqlDone = perform(&jobs, &name, &work).await.unwrap();
    let later: SqlDone = perform(&bench.jobs(), &name, &work).await.unwrap();
    assert_eq!((again, later, bench.rows().as_str()), (SqlDone { rows: 8 }, SqlDone { rows: 8 }, "1 12 13"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_leaves_nothing_and_is_told_with_the_servers_words() {
    let bench = Bench::new(Major::V15);
    let (jobs, name) = (bench.jobs(), job(&run_id(RUN), 0));
    for (statement, said) in [
        ("INSERT INTO t VALUES (1); INSERT INTO t VALUES (1)", "duplicate key"),
        ("INSERT INTO t VALUES (1); SELECT nothing", "column \"nothing\" does not exist"),
        ("INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2)", "`COMMIT`"),
        ("INSERT INTO t VALUES (1); COPY t FROM STDIN", ""),
    ] {
        let error = perform::<SqlDone>(&jobs, &name, &bench.work(statement)).await.unwrap_err();
        assert_eq!(error.code, Code::QueryFailed, "{statement}: {}", error.message);
        assert!(error.message.contains(said) && error.help.is_some(), "{}", error.message);
        assert_eq!((bench.rows().as_str(), jobs.fate(&name).await.unwrap()), ("", Fate::Never), "{statement}");
    }
    perform::<SqlDone>(&jobs, &name, &bench.work("INSERT INTO t VALUES (5)")).await.unwrap();
    assert_eq!(bench.rows(), "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_the_statement_on_the_server() {
    let bench = Bench::new(Major::V15);
    let (jobs, name) = (bench.jobs(), job(&run_id(RUN), 0));
    jobs.start(&name, &bench.work("INSERT INTO t VALUES (1); SELECT pg_sleep(600)")).await.unwrap();
    let at_work =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'restage 0000000001-0' AND query LIKE '%pg_sleep%'";
    until("the statement runs", || bench.site.psql("postgres", at_work) == "1").await;
    assert!(matches!(jobs.watch(&name, Duration::from_millis(1)).await.unwrap(), Watch::Running(_)));
    jobs.stop(&name).await.unwrap();
    assert_eq!(bench.site.psql("app", "SELECT count(*) FROM pg_locks WHERE relation = 'own.t'::regclass"), "0");
    assert_eq!((bench.rows().as_str(), jobs.fate(&name).await.unwrap()), ("", Fate::Never));
    jobs.stop(&job(&run_id(RUN), 9)).await.unwrap();
    assert_eq!(jobs.fate(&job(&run_id(RUN), 9)).await.unwrap(), Fate::Never);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_whose_owner_is_gone_is_ended_before_its_fate_is_told() {
    let bench = Bench::new(Major::V18);
    let name = job(&run_id(RUN), 0);
    let dying = bench.jobs();
    dying.start(&name, &bench.work("INSERT INTO t VALUES (1); SELECT pg_sleep(600)")).await.unwrap();
    let open = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'restage 0000000001-0' AND query LIKE '%pg_sleep%'";
    until("the statement runs", || bench.site.psql("postgres", open) == "1").await;
    // The process that started it is still connected, as one behind a broken network would be.
    let next = bench.jobs();
    assert_eq!(next.fate(&name).await.unwrap(), Fate::Never);
    assert_eq!(bench.site.psql("postgres", open), "0");
    assert!(finish::<SqlDone>(&dying, &name).await.is_err());
    assert_eq!(bench.rows(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_any_death_it_has_happened_once_or_never() {
    let bench = Bench::new(Major::V15);
    let (mut never, mut happened) = (0, 0);
    for cut in [Cut::Before, Cut::After] {
        for at in 0..100 {
            let name = job(&run_id(RUN), if cut == Cut::Before { at } else { at + 100 });
            let value = name.as_str().rsplit_once('-').unwrap().1.to_owned();
            let proxy = Proxy::cutting(bench.site.cluster.port(), i64::from(at), cut).await;
            let endpoint = Endpoint::Tcp { host: "127.0.0.1".into(), port: proxy.port() };
            let address = DatabaseAddress { endpoint, ..bench.address() };
            let statement = format!("INSERT INTO t VALUES ({value})");
            let dying = bench.jobs();
            let work = Work::Sql(SqlSpec { address, statement: statement.clone() });
            let died = tokio::select! {
                biased;
                () = proxy.cut() => true,
                done = perform::<SqlDone>(&dying, &name, &work) => {
                    done.unwrap();
                    false
                }
            };
            drop(dying);
            // The next process knows the server by its real address.
            let work = bench.work(&statement);
            let file = bench.folder.path().join(name.as_str()).join("work.json");
            std::fs::write(file, serde_json::to_vec(&work).unwrap()).unwrap();
            let is_there = || bench.rows().split(' ').any(|row| row == value);
            match bench.jobs().fate(&name).await.unwrap() {
                Fate::Never => never += 1,
                Fate::Happened => happened += 1,
                Fate::Unknown => panic!("nobody knows after {at}"),
            }
            assert_eq!(bench.jobs().fate(&name).await.unwrap() == Fate::Happened, is_there(), "death {cut:?} {at}");
            let done: SqlDone = perform(&bench.jobs(), &name, &work).await.unwrap();
            assert!(done.rows == 1 && is_there());
            if !died {
                break;
            }
        }
    }
    assert!(never > 5 && happened > 2, "{never} {happened}");
}
