use crate::world::{Keep, World, columns, endpoint, keep, name};
use restage_core::facts::Identity;
use restage_core::provider::{Filled, OnMissing, TableFilled, Verified, Waits};
use restage_core::schema::Column;
use restage_lab::Major;
use restage_pgcopy::copy::checksum::checksum_sql;
use restage_pgcopy::stop::Stop;
use restage_pgcopy::verify::{self, Shortcomings};
use restage_pgcopy::{Error, Kind, Result};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;

const SCHEMA: &str = "
CREATE TABLE users (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text UNIQUE, name text, age numeric CHECK (age > 0));
CREATE TABLE roles (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users, role text);
CREATE TABLE down (id int PRIMARY KEY); CREATE SEQUENCE below INCREMENT -1; ALTER SEQUENCE below OWNED BY down.id;
CREATE TABLE days (day date PRIMARY KEY, n int) PARTITION BY RANGE (day); CREATE TABLE days_24 PARTITION OF days FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM users";
const ROWS: &str = "
INSERT INTO users (email, name, age) SELECT 'user ' || n, 'name ' || n, n FROM generate_series(1, 30) n; INSERT INTO roles (user_id, role) SELECT id, 'reader' FROM users;
INSERT INTO down SELECT nextval('below') FROM generate_series(1, 5); INSERT INTO days SELECT date '2024-01-01' + n, n FROM generate_series(1, 9) n; REFRESH MATERIALIZED VIEW counted";
const OURS: &str = "INSERT INTO users (email, name, age) VALUES ('user 2', 'name 2', 2), ('own', 'Own', 3); INSERT INTO roles (id, user_id, role) VALUES (101, 1, 'tester'), (102, 2, 'tester')";

/// What a copy would have said of production, the users' names masked.
async fn filled(world: &World) -> Filled {
    let schema = world.schema("production").await;
    let source = world.reader("production").await;
    let mut tables = BTreeMap::new();
    for (name, facts) in schema.tables.iter().filter(|(_, facts)| facts.has_own_rows()) {
        let masked: Vec<_> = if name.name == "users" { columns(&["name"]) } else { vec![] };
        let unmasked: Vec<Column> = facts.written_columns().filter(|column| !masked.contains(&column.name)).cloned().collect();
        let sum = source.reader().query("sum", &checksum_sql(name, &unmasked), &[]).await.unwrap()[0].get(0);
        let rows: i64 =
            source.reader().query("count", &format!("SELECT count(*) FROM ONLY {}", name.sql()), &[]).await.unwrap()[0].get(0);
        let rows = u64::try_from(rows).unwrap();
        tables.insert(
            name.clone(),
            TableFilled {
                rows_read: rows,
                rows_written: rows,
                rows_found: None,
                bytes: 0,
                seconds: 0.0,
                masked,
                checksum: Some(sum),
            },
        );
    }
    Filled {
        snapshot_at: "2024-01-01T00:00:00Z".parse().unwrap(),
        source: Identity { system: "1".into(), oid: 1 },
        tables,
        large_objects: 0,
        seconds: BTreeMap::new(),
        waits: Waits::default(),
        advice: vec![],
        notes: vec![],
    }
}

async fn rows(world: &World, filled: &Filled) -> Result<Verified> {
    let shadow = endpoint(&world.cluster, "shadow");
    let parallel = verify::rows(&shadow, filled, NonZeroUsize::new(3).unwrap(), &Stop::never()).await;
    let serial = verify::rows_within(&world.writer("shadow").await, filled, &Stop::never()).await;
    assert_eq!(parallel.as_ref().ok(), serial.as_ref().ok());
    parallel
}

async fn whole(world: &World, keeps: &[Keep]) -> Result<Verified> {
    let (shadow, target) = (world.reader("shadow").await, world.reader("preprod").await);
    verify::whole(&shadow, &target, &world.tables(keeps).await, &Shortcomings::default(), &Stop::never()).await
}

fn differs(found: Result<Verified>, words: &str) {
    let error: Error = found.unwrap_err();
    assert_eq!(error.kind, Kind::Mismatch, "{error:?}");
    assert!(error.message.contains(words), "{error} does not say {words}");
}

#[tokio::test]
async fn a_faithful_copy_passes_on_every_version_and_a_lost_or_changed_row_does_not() {
    for major in Major::ALL {
        let world = World::on(major, SCHEMA, ROWS, "");
        let said = filled(&world).await;
        world.shadow("UPDATE users SET name = 'masked'");
        let found = rows(&world, &said).await.unwrap();
        assert_eq!((found.tables, found.rows, found.checksums), (4, 74, 4), "{major}");
        world.shadow("UPDATE users SET age = age + 0.0000001 WHERE id = 7");
        differs(rows(&world, &said).await, "content of `users`");
        let mut counts_only = said.clone();
        counts_only.tables.values_mut().for_each(|table| table.checksum = None);
        assert_eq!(rows(&world, &counts_only).await.unwrap().checksums, 0);
        world.shadow("DELETE FROM roles WHERE id = 3");
        differs(rows(&world, &counts_only).await, "`roles` should have 30 rows and has 29");
    }
}

#[tokio::test]
async fn what_the_copy_itself_said_is_not_taken_on_trust() {
    let world = World::new(SCHEMA, ROWS, "");
    let said = filled(&world).await;
    let changed = |change: fn(&mut TableFilled)| {
        let mut said = said.clone();
        change(said.tables.get_mut(&name("down")).unwrap());
        said
    };
    differs(rows(&world, &changed(|table| table.rows_read += 1)).await, "of `down`, 6 rows were read and 5 written");
    differs(
        rows(
            &world,
            &changed(|table| {
                table.rows_read += 1;
                table.rows_written += 1;
            }),
        )
        .await,
        "should have 6 rows and has 5",
    );
    differs(rows(&world, &changed(|table| table.rows_found = Some(4))).await, "`down` should have 5 rows and has 4");
    differs(rows(&world, &Filled { tables: BTreeMap::new(), ..said.clone() }).await, "no table was copied");
    world.shadow("DROP TABLE down");
    differs(rows(&world, &said).await, "`down` was copied and is not there");
}

#[tokio::test]
async fn a_sound_shadow_passes_with_all_kept_rows() {
    for major in [Major::V14, Major::V18] {
        let world = World::on(major, SCHEMA, ROWS, OURS);
        let keeps = [keep("users").matched(&["email"]).renumber(), keep("roles").missing(OnMissing::Refuse)];
        differs(whole(&world, &keeps).await, "1 of 2 kept rows of `users`");
        world.keep(&keeps).await;
        let found = whole(&world, &keeps).await.unwrap();
        assert_eq!((found.kept_rows, found.sequences), (4, 3), "{major}");
        assert!(found.constraints >= 6, "{found:?}");
        let client = world.writer("shadow").await;
        assert_eq!(verify::whole_within(&client, &Shortcomings::default(), &Stop::never()).await.unwrap().sequences, 3);
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_the_shadow_is_found() {
    let world = World::new(SCHEMA, ROWS, OURS);
    let keeps = [keep("users").matched(&["email"]).renumber(), keep("roles")];
    world.keep(&keeps).await;
    let wrong = [
        (
            "ALTER TABLE roles ADD CONSTRAINT later CHECK (id > 0) NOT VALID",
            "the constraint later of public.roles",
            "ALTER TABLE roles DROP CONSTRAINT later",
        ),
        (
            "ALTER TABLE roles ADD CONSTRAINT leads FOREIGN KEY (id) REFERENCES users NOT VALID",
            "the constraint leads",
            "ALTER TABLE roles DROP CONSTRAINT leads",
        ),
        ("SELECT setval('users_id_seq', 4)", "`users_id_seq` stands at 4, behind", "SELECT setval('users_id_seq', 99)"),
        (
            "SELECT setval('roles_id_seq', 102, false)",
            "stands at 102, behind 102 in its column `roles.id`",
            "SELECT setval('roles_id_seq', 102)",
        ),
        ("SELECT setval('below', -4)", "the sequence `below` stands at -4, behind -5", "SELECT setval('below', -5)"),
        (
            "REFRESH MATERIALIZED VIEW counted WITH NO DATA",
            "the materialized view public.counted",
            "REFRESH MATERIALIZED VIEW counted",
        ),
        ("CREATE TABLE restage_kept_0 ()", "left over", "DROP TABLE restage_kept_0"),
        ("CREATE INDEX of_days ON ONLY days (n)", "the index public.of_days", "DROP INDEX of_days"),
        (
            "UPDATE users SET email = 'gone' WHERE email = 'own'",
            "1 of 2 kept rows of `users`",
            "UPDATE users SET email = 'own' WHERE email = 'gone'",
        ),
        (
            "DELETE FROM roles WHERE id = 101",
            "1 of 2 kept rows of `roles`",
            "INSERT INTO roles VALUES (101, (SELECT id FROM users WHERE email = 'user 2'), 'tester')",
        ),
        (
            "UPDATE roles SET user_id = 1 WHERE id = 101",
            "1 kept rows of `roles` refer to other rows than on the target: 101",
            "UPDATE roles SET user_id = 2 WHERE id = 101",
        ),
    ];
    for (wrong, says, right) in wrong {
        world.shadow(wrong);
        differs(whole(&world, &keeps).await, says);
        world.shadow(right);
        whole(&world, &keeps).await.unwrap();
    }
}

#[tokio::test]
async fn what_production_itself_lacks_is_accepted_and_rows_left_out_on_purpose_are_not_missed() {
    let world = World::new(SCHEMA, ROWS, &format!("{OURS}; CREATE TABLE extra (id int PRIMARY KEY)"));
    let keeps = [keep("users").matched(&["email"]).renumber(), keep("roles").missing(OnMissing::Drop)];
    for database in ["production", "shadow"] {
        world.sql(database, "ALTER TABLE roles ADD CONSTRAINT later CHECK (id > 0) NOT VALID; ALTER TABLE roles ADD kind int");
        world.sql(database, "CREATE TABLE kinds (id int PRIMARY KEY); ALTER TABLE roles ADD FOREIGN KEY (kind) REFERENCES kinds");
    }
    world.sql("preprod", "ALTER TABLE roles ADD kind int; UPDATE roles SET kind = 5 WHERE id = 102");
    let kept = world.keep(&keeps).await;
    assert_eq!((kept["roles"].added, kept["roles"].dropped), (1, 1));
    let (shadow, target) = (world.reader("shadow").await, world.reader("preprod").await);
    let accepted = verify::shortcomings(world.reader("production").await.reader()).await.unwrap();
    let tables = world.tables(&keeps).await;
    let found = verify::whole(&shadow, &target, &tables, &accepted, &Stop::never()).await.unwrap();
    assert_eq!(found.kept_rows, 3);
    differs(verify::whole(&shadow, &target, &tables, &Shortcomings::default(), &Stop::never()).await, "the constraint later");
    world.shadow("DELETE FROM roles WHERE id = 101");
    differs(verify::whole(&shadow, &target, &tables, &accepted, &Stop::never()).await, "1 of 2 kept rows of `roles`");
}
