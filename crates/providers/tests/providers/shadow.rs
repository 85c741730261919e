//! Shadows: made like their target, found again, dropped, and never confused with what is somebody else's.

use crate::site::{Site, named, origin, run_id, until};
use restage_core::Code;
use restage_core::environment::DatabaseAddress;
use restage_core::provider::{Databases, Gone, Own, Stay};
use restage_lab::Major;
use restage_pgcopy::connect::WATCH_CLIENT;
use restage_providers::postgres::Role;
use rustix::process::{Pid, Signal, kill_process};

/// A target with everything that a database can have besides content.
fn furnish(site: &Site, owner: &str, create: &str) {
    site.psql("postgres", &format!("CREATE DATABASE app OWNER {owner} TEMPLATE template0 {create}"));
    site.psql(
        "postgres",
        r#"
        COMMENT ON DATABASE app IS 'the app''s own \ database';
        ALTER DATABASE app SET work_mem TO '7MB';
        ALTER DATABASE app SET search_path TO "$user", public, "odd, name";
        ALTER DATABASE app CONNECTION LIMIT 17;
        REVOKE ALL ON DATABASE app FROM PUBLIC;
        GRANT CONNECT ON DATABASE app TO reader;
        GRANT CONNECT, CREATE ON DATABASE app TO maker WITH GRANT OPTION;
        "#,
    );
    site.psql("app", &format!("SET ROLE {owner}; CREATE SCHEMA own; CREATE TABLE own.t (n int)"));
}

/// Everything that must be the same, as text.
fn properties(site: &Site, database: &str) -> String {
    // Comparing the settings as a set: their order means nothing.
    let sql = format!(
        "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype, \
         to_jsonb(d) ->> 'datlocprovider', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'), \
         to_jsonb(d) ->> 'daticurules', spcname, \
         (SELECT string_agg(coalesce(a.grantee::regrole::text, '') || a.privilege_type || a.is_grantable, ' ' ORDER BY a.grantee, a.privilege_type) \
            FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) a), \
         (SELECT string_agg(setrole::regrole::text || s, ' ' ORDER BY setrole, s) FROM pg_db_role_setting, unnest(setconfig) s WHERE setdatabase = d.oid) \
         FROM pg_database d JOIN pg_tablespace s ON s.oid = dattablespace WHERE datname = '{database}'"
    );
    site.psql("postgres", &sql)
}

fn site(major: Major) -> Site {
    let site = Site::start(major);
    site.role("owner", "CREATEDB");
    site.role("reader", "");
    site.role("maker", "");
    site
}

/// What only a superuser can take over.
fn furnish_more(site: &Site, owner: &str) {
    site.psql("postgres", "ALTER DATABASE app SET app.mode TO 'it''s'");
    site.psql("postgres", &format!("ALTER ROLE {owner} IN DATABASE app SET lock_timeout TO '3s'"));
    site.psql("postgres", "ALTER ROLE reader IN DATABASE app SET work_mem TO '2MB'");
}

async fn looks_like_its_target(site: &Site, user: &str) {
    let (target, run) = (site.address("app", user), run_id("0000000001"));
    let spec = site.shadow_spec(&target, &run).await;
    let postgres = site.postgres();
    let shadow = postgres.ensure_shadow(&spec, &run).await.unwrap();
    let name = shadow.get().database.as_str();
    assert_eq!(name, "app_restage_0000000001");
    assert_eq!(properties(site, name), properties(site, "app"));
    let comment = site.comment(name);
    assert_eq!(comment.text, "the app's own \\ database");
    let mark = comment.mark().unwrap();
    assert_eq!((&mark.run, mark.of.as_str(), &mark.role), (&run, "app", &Role::Empty));
    assert_eq!(site.psql(name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'own'"), "0");
    let number = site.psql("postgres", &format!("SELECT datconnlimit > 999999 FROM pg_database WHERE datname = '{name}'"));
    assert_eq!(number, "t");
    // Once more changes nothing, and what belongs to another run is not found.
    assert_eq!(postgres.ensure_shadow(&spec, &run).await.unwrap(), shadow);
    assert_eq!(postgres.find_own(&spec.shadow, &run).await.unwrap(), Some(shadow.clone()));
    assert_eq!(postgres.find_own(&spec.shadow, &run_id("0000000002")).await.unwrap(), None);
    assert_eq!(postgres.ensure_dropped(shadow.clone(), Stay::ToTheEnd).await.unwrap(), Gone::Now);
    assert_eq!(postgres.ensure_dropped(shadow, Stay::UntilCertain).await.unwrap(), Gone::Now);
    assert_eq!(site.databases(), ["app"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_is_like_its_target_for_a_superuser_and_for_a_plain_owner() {
    for (major, create) in [
        (Major::V15, "ENCODING 'LATIN1' LOCALE 'C'"),
        (Major::V15, "LOCALE_PROVIDER icu ICU_LOCALE 'de' LOCALE 'C.UTF-8'"),
        (Major::V18, "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'"),
        (Major::V18, "LOCALE_PROVIDER icu ICU_LOCALE 'de' ICU_RULES '& a < b' LOCALE 'C.UTF-8'"),
        (Major::V14, ""),
    ] {
        let site = site(major);
        let has_icu = site.psql("postgres", "SELECT count(*) > 0 FROM pg_collation WHERE collname = 'de-x-icu'") == "t";
        if create.contains("icu") && !has_icu {
            continue; // not every build of the server has it
        }
        furnish(&site, "owner", create);
        looks_like_its_target(&site, "owner").await;
        furnish_more(&site, "owner");
        looks_like_its_target(&site, "postgres").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tablespace_is_taken_over() {
    let site = site(Major::V18);
    site.psql("postgres", "ALTER SYSTEM SET allow_in_place_tablespaces = on");
    site.psql("postgres", "SELECT pg_reload_conf()");
    site.psql("postgres", "CREATE TABLESPACE fast OWNER owner LOCATION ''");
    furnish(&site, "owner", "TABLESPACE fast");
    looks_like_its_target(&site, "owner").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_the_owner_makes_a_shadow_that_belongs_to_the_owner() {
    let site = site(Major::V18);
    furnish(&site, "owner", "");
    site.role("deputy", "CREATEDB");
    site.psql("postgres", "GRANT owner TO deputy");
    looks_like_its_target(&site, "deputy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_privilege_is_named_with_the_statement_that_grants_it() {
    let site = site(Major::V15);
    furnish(&site, "reader", "");
    let (target, run) = (site.address("app", "reader"), run_id("0000000001"));
    let spec = site.shadow_spec(&target, &run).await;
    let error = site.postgres().ensure_shadow(&spec, &run).await.unwrap_err();
    assert_eq!(error.code, Code::PrivilegeMissing);
    assert!(error.help.unwrap().contains("alter role \"reader\" createdb"));
    assert_eq!(site.databases(), ["app"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_of_the_shadows_name_is_refused_and_untouched() {
    let site = site(Major::V15);
    furnish(&site, "owner", "");
    let (target, run) = (site.address("app", "owner"), run_id("0000000001"));
    let spec = site.shadow_spec(&target, &run).await;
    let postgres = site.postgres();
    let other = run_id("0000000002");
    let theirs = postgres.ensure_shadow(&site.shadow_spec(&target, &other).await, &other).await.unwrap();
    for making in
        ["CREATE DATABASE app_restage_0000000001", "ALTER DATABASE app_restage_0000000002 RENAME TO app_restage_0000000001"]
    {
        site.psql("postgres", making);
        let error = postgres.ensure_shadow(&spec, &run).await.unwrap_err();
        assert_eq!(error.code, Code::ObjectNotOurs, "{making}");
        assert!(error.message.contains("app_restage_0000000001") && error.help.is_some());
        assert_eq!(postgres.find_own(&spec.shadow, &run).await.unwrap(), None);
        assert!(site.databases().contains(&"app_restage_0000000001".to_owned()));
        if making.starts_with("CREATE") {
            // Not even a proof from elsewhere makes it ours.
            let error = postgres.ensure_dropped(Own::tagged(spec.shadow.clone()), Stay::ToTheEnd).await.unwrap_err();
            assert_eq!(error.code, Code::ObjectNotOurs);
            site.psql("postgres", "DROP DATABASE app_restage_0000000001");
        }
    }
    assert_eq!(theirs.get().database.as_str(), "app_restage_0000000002");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_itself_is_never_dropped() {
    let site = site(Major::V15);
    furnish(&site, "owner", "");
    let target = site.address("app", "owner");
    let error = site.postgres().ensure_dropped(Own::tagged(target), Stay::ToTheEnd).await.unwrap_err();
    assert_eq!(error.code, Code::ObjectNotOurs);
    let live = format!("[restage run=0000000001 of=app at=2026-11-20T08:00:00Z as=live {}]", origin());
    site.psql("postgres", &format!("COMMENT ON DATABASE app IS '{live}'"));
    let error = site.postgres().ensure_dropped(Own::tagged(site.address("app", "owner")), Stay::ToTheEnd).await.unwrap_err();
    assert_eq!(error.code, Code::ObjectNotOurs);
    assert_eq!(site.databases(), ["app"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_left_by_a_crash_before_its_comment_is_taken_up() {
    let site = site(Major::V15);
    furnish(&site, "owner", "");
    let (target, run) = (site.address("app", "owner"), run_id("0000000001"));
    let spec = site.shadow_spec(&target, &run).await;
    let postgres = site.postgres();
    let shadow = postgres.ensure_shadow(&spec, &run).await.unwrap();
    let wanted = properties(&site, "app");
    site.psql(
        "postgres",
        "COMMENT ON DATABASE app_restage_0000000001 IS NULL; ALTER DATABASE app_restage_0000000001 RESET ALL; \
         GRANT CONNECT ON DATABASE app_restage_0000000001 TO PUBLIC",
    );
    assert_eq!(postgres.find_own(&spec.shadow, &run).await.unwrap(), Some(shadow.clone()));
    assert_eq!(postgres.ensure_shadow(&spec, &run).await.unwrap(), shadow);
    assert_eq!(properties(&site, "app_restage_0000000001"), wanted);
    assert_eq!(site.comment("app_restage_0000000001").mark().unwrap().role, Role::Empty);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_database_or_another_structure_than_planned_is_refused() {
    let site = site(Major::V15);
    furnish(&site, "owner", "");
    let (target, run) = (site.address("app", "owner"), run_id("0000000001"));
    let spec = site.shadow_spec(&target, &run).await;
    let postgres = site.postgres();
    let stale = |code: Code| assert_eq!(code, Code::PlanStale);
    site.psql("app", "CREATE VIEW v AS SELECT 1 AS n");
    stale(postgres.ensure_shadow(&spec, &run).await.unwrap_err().code);
    site.psql("app", "DROP VIEW v");
    site.psql("postgres", "ALTER DATABASE app RENAME TO app_elsewhere; ");
    stale(postgres.ensure_shadow(&spec, &run).await.unwrap_err().code);
    site.psql("postgres", "CREATE DATABASE app OWNER owner");
    stale(postgres.ensure_shadow(&spec, &run).await.unwrap_err().code);
    assert_eq!(site.databases(), ["app", "app_elsewhere"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_is_dropped_under_its_sessions_and_with_its_subscriptions() {
    let site = site(Major::V18);
    furnish(&site, "owner", "");
    let (target, run) = (site.address("app", "postgres"), run_id("0000000001"));
    let spec = site.shadow_spec(&target, &run).await;
    let postgres = site.postgres();
    let shadow = postgres.ensure_shadow(&spec, &run).await.unwrap();
    let name = shadow.get().database.as_str();
    site.psql(name, "CREATE SUBSCRIPTION s CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)");
    site.psql("postgres", &format!("ALTER DATABASE {name} IS_TEMPLATE true"));
    let session = site.servers().read(&DatabaseAddress { database: named(name), ..target.clone() }).await.unwrap();
    session.begin(None).await.unwrap();
    postgres.ensure_dropped(shadow, Stay::ToTheEnd).await.unwrap();
    assert_eq!(site.databases(), ["app"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_left_at_its_checkpoint_drops_the_database_to_the_end() {
    for major in Major::ALL {
        let site = site(major);
        furnish(&site, "owner", "");
        let (target, run) = (site.address("app", "owner"), run_id("0000000001"));
        let shadow = site.postgres().ensure_shadow(&site.shadow_spec(&target, &run).await, &run).await.unwrap();
        let found = site.psql("postgres", "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
        let checkpointer = Pid::from_raw(found.parse().unwrap()).unwrap();
        kill_process(checkpointer, Signal::STOP).unwrap();
        let left = site.postgres().ensure_dropped(shadow.clone(), Stay::UntilCertain).await;
        // Longer than a server takes to see that a client is gone.
        tokio::time::sleep(WATCH_CLIENT * 2).await;
        let during = site.databases();
        kill_process(checkpointer, Signal::CONT).unwrap();
        assert_eq!((left.unwrap(), during.len()), (Gone::Soon, 2), "{major:?}");
        let is_gone = || site.databases() == ["app"];
        until("the database is dropped", is_gone).await;
        assert_eq!(site.postgres().ensure_dropped(shadow, Stay::ToTheEnd).await.unwrap(), Gone::Now);
    }
}
