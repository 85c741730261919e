//! Conditions on databases.

use crate::site::{Site, named};
use restage_core::Code;
use restage_core::provider::{Condition, Look, Probes};
use restage_lab::Major;
use restage_providers::probes::LocalProbes;

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_looked_at_read_only_and_as_its_users_see_the_database() {
    let site = Site::start(Major::V15);
    site.psql("postgres", "CREATE DATABASE app; ALTER DATABASE app SET search_path TO own");
    site.psql("app", "CREATE SCHEMA own; CREATE TABLE own.t (n int)");
    let probes = LocalProbes::new(site.servers()).unwrap();
    let address = site.address("app", "postgres");
    let look = async |query: &str, returns: Option<&str>| {
        let condition = Condition::Sql { address: address.clone(), query: query.into(), returns: returns.map(str::to_owned) };
        probes.look(&condition).await
    };
    assert_eq!(look("SELECT count(*) > 0 FROM t", Some("t")).await.unwrap(), Look::NotYet("it returns `f`".into()));
    site.psql("app", "INSERT INTO own.t VALUES (1)");
    assert_eq!(look("SELECT count(*) > 0 FROM t;", Some("t")).await.unwrap(), Look::Holds("it returns `t`".into()));
    assert!(
        matches!(look("SELECT 1 FROM later", None).await.unwrap(), Look::NotYet(why) if why.contains("\"later\" does not exist"))
    );
    assert!(matches!(look("DELETE FROM t", None).await.unwrap(), Look::NotYet(why) if why.contains("read-only transaction")));
    assert_eq!(look("COMMIT; DELETE FROM t", None).await.unwrap_err().code, Code::QueryFailed);
    assert_eq!(site.psql("app", "SELECT count(*) FROM own.t"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_yet_is_waited_for_and_a_wrong_password_is_not() {
    let site = Site::start(Major::V15);
    site.role("app", "");
    site.set_password("app", "wrong-secret-word");
    let probes = LocalProbes::new(site.servers()).unwrap();
    let condition = |address| Condition::Sql { address, query: "SELECT 1".into(), returns: None };
    let missing = site.address("postgres", "postgres").named(named("later"));
    assert!(matches!(probes.look(&condition(missing)).await.unwrap(), Look::NotYet(why) if why.contains("later")));
    assert_eq!(probes.look(&condition(site.address("postgres", "app"))).await.unwrap_err().code, Code::LoginRefused);
}
