use crate::place::{as_role, endpoint, tools};
use restage_core::facts::{DatabaseFacts, MigrationTool, ObjectKind, ObjectName, TrialVerdict};
use restage_core::mask::Mask;
use restage_core::provider::{RowsTaken, TableTaken};
use restage_core::schema::{ColumnName, TableName};
use restage_lab::{Cluster, Major};
use restage_pgcopy::Kind;
use restage_pgcopy::archive::{self, Archives};
use restage_pgcopy::connect;
use restage_pgcopy::connect::Endpoint;
use restage_pgcopy::facts::{Masks, gather_database, try_conditions, try_masks};
use restage_pgcopy::stop::Stop;
use restage_pgcopy::tools::Tools;

async fn facts_of(cluster: &Cluster, endpoint: &Endpoint) -> DatabaseFacts {
    let client = connect::source(endpoint).await.unwrap();
    gather_database(&client, &Archives::default(), &tools(cluster), &Stop::never()).await.unwrap()
}

const APP: &str = "
CREATE ROLE owner LOGIN PASSWORD 'pw'; CREATE ROLE other; CREATE ROLE reader LOGIN PASSWORD 'pw';
CREATE TABLE people (id serial PRIMARY KEY, email text CHECK (email LIKE '%@%')); ALTER TABLE people OWNER TO owner;
INSERT INTO people (email) SELECT 'p' || n || '@x.org' FROM generate_series(1, 500) n; ANALYZE people;
CREATE TABLE secret (id int); ALTER TABLE secret OWNER TO other;
CREATE TABLE guarded (id int); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
SELECT lo_create(0);
GRANT SELECT ON people, people_id_seq, guarded TO reader;
";

#[tokio::test]
async fn every_version_tells_who_it_is_and_what_it_has() {
    for major in Major::ALL {
        let cluster = Cluster::start(major).unwrap();
        cluster.create_database("app").unwrap();
        cluster.psql("app", APP).unwrap();
        let facts = facts_of(&cluster, &endpoint(&cluster, "app")).await;
        assert_eq!(facts.identity.system, cluster.system_identifier().unwrap().to_string());
        assert_eq!(
            facts.identity.oid.to_string(),
            cluster.psql("app", "SELECT oid FROM pg_database WHERE datname = 'app'").unwrap()
        );
        assert_eq!((facts.major(), facts.in_recovery), (major.number(), false));
        assert_eq!((facts.encoding.as_str(), facts.locale.as_str(), facts.owner.as_str()), ("UTF8", "C.UTF-8", "postgres"));
        assert!(facts.privileges.superuser && facts.privileges.create_database && facts.privileges.unreadable.is_empty());
        assert!(facts.server_roles.contains("reader") && facts.available_extensions.contains("citext"));
        let people = facts.estimates.tables[&TableName::new("public", "people")];
        assert!(people.rows == 500 && people.bytes > 0 && people.index_bytes > 0, "{people:?}");
        assert_eq!((facts.estimates.large_objects, facts.estimates.free_bytes), (1, None));
        assert!(facts.estimates.bytes > 1 << 20 && facts.estimates.connections >= 1 && facts.estimates.max_connections == 100);
        let listed = |kind: &str, name: &str| {
            facts.objects.contains_key(&ObjectName { kind: kind.into(), schema: "public".into(), name: name.into() })
        };
        assert!(listed("TABLE", "people") && listed("FUNCTION", "f(integer)") && listed("CONSTRAINT", "people people_pkey"));
        assert!(facts.objects.keys().all(|object| object.kind != ObjectKind::Acl));
    }
}

#[tokio::test]
async fn what_a_role_may_not_do_is_told() {
    let cluster = Cluster::any().unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", APP).unwrap();
    let facts = facts_of(&cluster, &as_role(&cluster, "app", "reader", "pw")).await;
    let secret = TableName::new("public", "secret");
    assert!(facts.privileges.unreadable.contains(&secret) && facts.schema.tables.contains_key(&secret));
    // `pg_dump` locks every table that it dumps, which takes the right to read it.
    assert!(!facts.objects.keys().any(|object| object.name == "secret"), "{:?}", facts.objects);
    cluster.psql("app", "DROP TABLE secret").unwrap();
    let facts = facts_of(&cluster, &as_role(&cluster, "app", "reader", "pw")).await;
    let privileges = facts.privileges;
    assert!(!privileges.superuser && !privileges.create_database && !privileges.owns_database && !privileges.signal_backends);
    assert_eq!(privileges.unreadable, [TableName::new("public", "guarded")].into());
    assert_eq!(privileges.foreign_owners, ["owner".to_owned(), "postgres".to_owned()].into());
}

#[tokio::test]
async fn a_definition_that_differs_has_another_digest_and_an_owner_makes_no_difference() {
    let cluster = Cluster::any().unwrap();
    for (database, body) in [("one", "SELECT 1"), ("two", "SELECT 2")] {
        cluster.create_database(database).unwrap();
        let make = format!(
            "CREATE TABLE t (id int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS '{body}'; GRANT SELECT ON t TO PUBLIC"
        );
        cluster.psql(database, &make).unwrap();
    }
    cluster.psql("two", "CREATE ROLE somebody; ALTER TABLE t OWNER TO somebody; REVOKE ALL ON t FROM PUBLIC").unwrap();
    let (one, two) = (facts_of(&cluster, &endpoint(&cluster, "one")).await, facts_of(&cluster, &endpoint(&cluster, "two")).await);
    let differing: Vec<&str> = one
        .objects
        .iter()
        .filter(|(name, digest)| two.objects.get(*name) != Some(digest))
        .map(|(name, _)| name.kind.word())
        .collect();
    assert_eq!((differing, one.objects.len()), (vec!["FUNCTION"], two.objects.len()));
}

#[tokio::test]
async fn a_standby_tells_that_it_is_one() {
    let primary = Cluster::any().unwrap();
    primary.create_database("app").unwrap();
    primary.psql("app", APP).unwrap();
    let standby = Cluster::standby_of(&primary).unwrap();
    primary.psql("app", "INSERT INTO people (email) VALUES ('late@x.org')").unwrap();
    standby.await_replay_of(&primary).unwrap();
    let (ours, theirs) =
        (facts_of(&standby, &endpoint(&standby, "app")).await, facts_of(&primary, &endpoint(&primary, "app")).await);
    assert!(ours.in_recovery && ours.estimates.replay_lag_seconds.is_some());
    assert_eq!((ours.identity, ours.objects, ours.schema), (theirs.identity, theirs.objects, theirs.schema));
}

#[tokio::test]
async fn slots_and_prepared_transactions_of_the_database_are_told() {
    let settings = [("wal_level", "logical"), ("max_prepared_transactions", "2")];
    let config = restage_lab::Config {
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..restage_lab::Config::of(restage_lab::Installation::any().unwrap())
    };
    let cluster = config.start().unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", "SELECT pg_create_logical_replication_slot('feed', 'pgoutput')").unwrap();
    cluster.psql("app", "CREATE TABLE t (); BEGIN; INSERT INTO t DEFAULT VALUES; PREPARE TRANSACTION 'halfway'").unwrap();
    let facts = facts_of(&cluster, &endpoint(&cluster, "app")).await;
    assert_eq!((facts.logical_slots, facts.prepared_transactions), (["feed".to_owned()].into(), ["halfway".to_owned()].into()));
}

const HISTORIES: &str = include_str!("histories.sql");

#[tokio::test]
async fn each_tools_history_is_recognised_by_its_table() {
    let cluster = Cluster::any().unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", HISTORIES).unwrap();
    let facts = facts_of(&cluster, &endpoint(&cluster, "app")).await;
    let found: Vec<_> = facts
        .migrations
        .iter()
        .map(|history| {
            let applied = history.applied.iter().map(|one| (one.id.as_str(), one.checksum.as_deref(), one.success));
            (history.tool, history.table.to_string(), applied.collect::<Vec<_>>())
        })
        .collect();
    let expected = [
        (
            MigrationTool::Prisma,
            "_prisma_migrations".to_owned(),
            vec![("20240101_init", Some("abc"), true), ("20240301_half", Some("ghi"), false)],
        ),
        (MigrationTool::Sqlx, "_sqlx_migrations".to_owned(), vec![("20240101", Some("0aff"), true)]),
        (MigrationTool::Alembic, "alembic_version".to_owned(), vec![("ae1027a6acf", None, true)]),
        (
            MigrationTool::Liquibase,
            "databasechangelog".to_owned(),
            vec![("db/a.xml::1::ann", Some("9:aa"), true), ("db/a.xml::2::ann", Some("9:bb"), false)],
        ),
        (
            MigrationTool::Django,
            "django_migrations".to_owned(),
            vec![("auth.0001_initial", None, true), ("shop.0001_initial", None, true)],
        ),
        (MigrationTool::Knex, "knex_migrations".to_owned(), vec![("2024_users.js", None, true)]),
        (
            MigrationTool::Flyway,
            "ops.\"Flyway history\"".to_owned(),
            vec![("1", Some("11"), true), ("3", Some("33"), false), ("R__views.sql", Some("55"), true)],
        ),
        (MigrationTool::Rails, "schema_migrations".to_owned(), vec![("20240101120000", None, true)]),
    ];
    for history in &expected {
        assert!(found.contains(history), "{history:?} in {found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[tokio::test]
async fn histories_are_recognised_as_other_versions_and_settings_of_the_tools_make_them() {
    let cluster = Cluster::any().unwrap();
    cluster.create_database("app").unwrap();
    cluster.psql("app", include_str!("histories_of_other_versions.sql")).unwrap();
    let facts = facts_of(&cluster, &endpoint(&cluster, "app")).await;
    let shown = facts.migrations.iter().map(|history| {
        let applied = history.applied.iter().map(|one| {
            let checksum = one.checksum.as_deref().map(|sum| format!("={sum}")).unwrap_or_default();
            format!(" {}{checksum}{}", one.id, if one.success { "" } else { "!" })
        });
        format!("{} {}:{}\n", history.tool, history.table, applied.collect::<String>())
    });
    let expected = "\
knex changes: b.js a.ts
Alembic billing_alembic: a1 b2
Flyway schema_version: 1 1.1=7
sqlx app_migrations: 1=01 2=02!
Rails shop_schema_migrations: 20240101120000
Rails rails4.schema_migrations: 20110102 20120102
Django django3.django_migrations: auth.0001_initial
Liquibase liquibase2.databasechangelog: a.xml::1::ann
Liquibase liquibase5.databasechangelog: a.xml::1::ann=9:aa
Prisma prisma._prisma_migrations: 0_init=aa 1_more=cc
";
    let sorted = |lines: &str| {
        let mut lines: Vec<_> = lines.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&shown.collect::<String>()), sorted(expected));
    let kept = facts.schema.tables.iter().filter(|(name, table)| MigrationTool::keeping(name, table).is_some());
    let beside: Vec<_> =
        kept.map(|(name, _)| name).filter(|name| !facts.migrations.iter().any(|one| one.table == **name)).collect();
    let names: Vec<_> = beside.into_iter().map(ToString::to_string).collect();
    assert_eq!(names, ["liquibase2.databasechangeloglock", "changes_lock", "knex_migrations_lock", "shop_ar_internal_metadata"]);
}

#[tokio::test]
async fn masks_are_tried_against_checks_and_domains() {
    let cluster = Cluster::any().unwrap();
    cluster.create_database("app").unwrap();
    let make = "CREATE DOMAIN code AS text CONSTRAINT code_form CHECK (VALUE ~ '^[A-Z]+$'); \
         CREATE TABLE t (good text CONSTRAINT filled CHECK (good <> ''), bad text CONSTRAINT colour CHECK (bad IN ('red', 'blue')), \
                         coded code, pair int, CONSTRAINT two CHECK (good <> '' OR pair > 0), \
                         phone text CONSTRAINT uk CHECK (phone LIKE '+44%'), shaped text CONSTRAINT shape CHECK (shaped ~ '^[0-9]{3}$'), \
                         gone int CONSTRAINT present CHECK (gone IS NOT NULL), none text CONSTRAINT unseen CHECK (none ~ '^x')); \
         INSERT INTO t (phone, shaped, gone) SELECT '+44 123 ' || n, 100 + n, n FROM generate_series(1, 50) n";
    cluster.psql("app", make).unwrap();
    let client = connect::source(&endpoint(&cluster, "app")).await.unwrap();
    let facts = gather_database(&client, &Archives::default(), &tools(&cluster), &Stop::never()).await.unwrap();
    let with = |column: &str, mask: Mask| (ColumnName(column.into()), mask);
    let fixed = |column: &str| with(column, Mask::Fixed("x".into()));
    let shaped = [with("phone", Mask::Phone), with("shaped", Mask::Digits), with("gone", Mask::Null), with("none", Mask::Digits)];
    let columns = [fixed("good"), fixed("bad"), fixed("coded")].into_iter().chain(shaped);
    let masks: Masks = [(TableName::new("public", "t"), columns.collect())].into();
    let trials = try_masks(&client, &facts.schema, &masks).await.unwrap();
    let verdict = |constraint: &str| trials.iter().find(|trial| trial.constraint == constraint).unwrap().verdict.clone();
    let refused = |sample: &str| TrialVerdict::Refuses(sample.into());
    assert_eq!((verdict("colour"), verdict("code_form"), verdict("filled")), (refused("x"), refused("x"), TrialVerdict::Passes));
    assert_eq!(
        (verdict("two"), verdict("unseen"), verdict("shape")),
        (TrialVerdict::Unknown, TrialVerdict::Unknown, TrialVerdict::Passes)
    );
    assert!(matches!(verdict("uk"), TrialVerdict::Refuses(fake) if fake.len() > 6), "a fake number has another country");
    assert_eq!((verdict("present"), trials.len()), (refused("NULL"), 8));
}

#[tokio::test]
async fn large_values_are_not_held_to_try_a_mask() {
    let cluster = Cluster::any().unwrap();
    cluster.create_database("app").unwrap();
    let make = "CREATE TABLE t (body text CONSTRAINT lower CHECK (body = lower(body))); \
         INSERT INTO t SELECT repeat('x', 70000) FROM generate_series(1, 3)";
    cluster.psql("app", make).unwrap();
    let client = connect::source(&endpoint(&cluster, "app")).await.unwrap();
    let facts = gather_database(&client, &Archives::default(), &tools(&cluster), &Stop::never()).await.unwrap();
    let masks: Masks = [(TableName::new("public", "t"), [(ColumnName("body".into()), Mask::Text)].into())].into();
    let verdicts = async || try_masks(&client, &facts.schema, &masks).await.unwrap().remove(0).verdict;
    assert_eq!(verdicts().await, TrialVerdict::Unknown);
    cluster.psql("app", "INSERT INTO t VALUES ('small')").unwrap();
    assert_eq!(verdicts().await, TrialVerdict::Passes);
}

const LARGE_OBJECTS: &str = "
CREATE ROLE keeper; CREATE ROLE team; CREATE ROLE member LOGIN PASSWORD 'pw' IN ROLE keeper, team;
CREATE ROLE reader LOGIN PASSWORD 'pw' IN ROLE pg_read_all_data; CREATE ROLE lax LOGIN PASSWORD 'pw';
ALTER ROLE lax SET lo_compat_privileges = on;
SELECT lo_create(id) FROM generate_series(1, 6) id;
ALTER LARGE OBJECT 2 OWNER TO keeper; ALTER LARGE OBJECT 6 OWNER TO keeper;
GRANT SELECT ON LARGE OBJECT 3 TO team; GRANT SELECT ON LARGE OBJECT 4 TO PUBLIC; GRANT UPDATE ON LARGE OBJECT 5 TO member;
REVOKE ALL ON LARGE OBJECT 6 FROM keeper;
";

#[tokio::test]
async fn large_objects_that_a_role_may_not_read_are_counted_as_the_server_counts_them() {
    for major in Major::ALL {
        let cluster = Cluster::start(major).unwrap();
        cluster.create_database("app").unwrap();
        cluster.psql("app", LARGE_OBJECTS).unwrap();
        for (role, hidden) in [("member", 3), ("lax", 0)] {
            let endpoint = as_role(&cluster, "app", role, "pw");
            assert_eq!(facts_of(&cluster, &endpoint).await.privileges.unreadable_large_objects, hidden, "{role} on {major:?}");
            assert_eq!(refused_large_objects(&endpoint).await, hidden, "{role} on {major:?}");
        }
        let reader = as_role(&cluster, "app", "reader", "pw");
        let counted = facts_of(&cluster, &reader).await.privileges.unreadable_large_objects;
        assert_eq!(counted, refused_large_objects(&reader).await, "pg_read_all_data on {major:?}");
        let all = facts_of(&cluster, &endpoint(&cluster, "app")).await;
        assert_eq!(all.privileges.unreadable_large_objects, 0, "a superuser on {major:?}");
    }
}

/// How many of the six the server itself refuses to read.
async fn refused_large_objects(endpoint: &Endpoint) -> u64 {
    let client = connect::source(endpoint).await.unwrap();
    let mut refused = 0;
    for id in 1..=6 {
        let read = client.reader().rows("read", &format!("SELECT lo_get({id})")).await;
        refused += u64::from(read.is_err_and(|error| error.kind == Kind::PermissionDenied));
    }
    refused
}

#[tokio::test]
async fn conditions_are_tried_without_reading_rows() {
    let cluster = Cluster::any().unwrap();
    cluster.create_database("app").unwrap();
    let make = "CREATE SCHEMA shop; CREATE TABLE shop.carts (id int, owner int); CREATE TABLE people (id int); \
         CREATE TABLE secret (id int); CREATE TABLE parts (id int) PARTITION BY LIST (id); \
         CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1); INSERT INTO shop.carts VALUES (0, 1); \
         CREATE ROLE reader LOGIN PASSWORD 'pw'; GRANT USAGE ON SCHEMA shop TO reader; GRANT SELECT ON shop.carts, people, parts_1 TO reader";
    cluster.psql("app", make).unwrap();
    let client = connect::source(&as_role(&cluster, "app", "reader", "pw")).await.unwrap();
    let facts = gather_database(&client, &Archives::default(), &tools(&cluster), &Stop::never()).await.unwrap();
    let attempt = async |table: &str, condition: &str| {
        let taken = TableTaken { rows: RowsTaken::Where(condition.into()), ..TableTaken::default() };
        try_conditions(&client, &facts, &[(TableName::parse(table).unwrap(), taken)].into()).await
    };
    attempt("shop.carts", "owner IN (SELECT id FROM people) AND id IN (SELECT id FROM carts) -- both paths").await.unwrap();
    // It would fail on the row, and on being run at all.
    attempt("shop.carts", "1 / id > 0 AND pg_sleep(600) IS NULL").await.unwrap();
    attempt("parts_1", "id > 0").await.unwrap();
    for (table, condition, kind) in [
        ("shop.carts", "owner <", Kind::Query),
        ("shop.carts", "ownr = 1", Kind::Query),
        ("shop.carts", "owner", Kind::Query),
        ("shop.carts", "true); COMMIT; SELECT (1", Kind::Query),
        ("people", "id IN (SELECT id FROM carts)", Kind::Missing),
        ("people", "id IN (SELECT id FROM secret)", Kind::PermissionDenied),
    ] {
        let error = attempt(table, condition).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(&format!("the condition in `rows:` for `{table}`")) && error.help.is_some(), "{error}");
    }
    attempt("people", "id > 0").await.unwrap();
}

/// A `pg_dump` that notes each time it is run.
fn counting_tools(cluster: &Cluster, folder: &std::path::Path) -> Tools {
    use std::os::unix::fs::PermissionsExt;
    let (program, real) = (folder.join("pg_dump"), tools(cluster).pg_dump);
    let script = format!("#!/bin/sh\necho run >> '{}'\nexec '{}' \"$@\"\n", folder.join("runs").display(), real.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    Tools { pg_dump: program, ..tools(cluster) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_structure_is_read_once_until_anything_in_it_changes() {
    for major in [Major::V14, Major::V18] {
        let cluster = Cluster::start(major).unwrap();
        cluster.create_database("app").unwrap();
        cluster.psql("app", "CREATE TABLE one (id int); CREATE ROLE somebody").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (archives, tools) = (Archives::default(), counting_tools(&cluster, folder.path()));
        let client = connect::source(&endpoint(&cluster, "app")).await.unwrap();
        let changes = [
            "SELECT 1",
            "INSERT INTO one VALUES (1); VACUUM ANALYZE one; CREATE DATABASE other",
            "ALTER TABLE one ADD more text",
            "COMMENT ON TABLE one IS 'said'",
            "GRANT SELECT ON one TO somebody",
            "ALTER ROLE somebody RENAME TO someone",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'",
            "DROP TABLE one",
        ];
        let mut runs = Vec::new();
        for change in changes {
            for statement in change.split("; ") {
                cluster.psql("app", statement).unwrap();
            }
            let known = archives.now(&client, &tools, &Stop::never()).await.unwrap();
            let fresh = archive::dump(&tools, client.endpoint(), None, &Stop::never()).await.unwrap();
            assert_eq!(known.entries, fresh.entries, "{change}");
            runs.push(std::fs::read_to_string(folder.path().join("runs")).unwrap().lines().count());
        }
        // Each round reads once for the comparison.
        assert_eq!(runs, [2, 3, 5, 7, 9, 11, 13, 15, 17]);
    }
}
