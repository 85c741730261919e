//! Objects of every kind.

use crate::world::{World, keep, name};
use restage_core::provider::KeptTable;
use restage_lab::Major;
use restage_pgcopy::Kind;
use restage_pgcopy::delta::{self, Restoration};
use restage_pgcopy::keep::{self as engine, Follow};
use restage_pgcopy::stop::Stop;
use std::collections::BTreeSet;

const SCHEMA: &str = "
CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE);
CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users, kind int);
CREATE VIEW names AS SELECT email FROM users";
const ROWS: &str = "INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 5) n; INSERT INTO orders SELECT n, n, n % 3 FROM generate_series(1, 5) n";
const DRIFT: &str = r#"
CREATE SCHEMA "Odd s"; CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE SEQUENCE tickets START 7; SELECT nextval('tickets');
CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE kinds (id serial PRIMARY KEY, title text NOT NULL, feeling mood DEFAULT 'ok', CONSTRAINT titled CHECK (title <> ''));
INSERT INTO kinds (title) SELECT 'kind ' || n FROM generate_series(1, 9) n; INSERT INTO kinds VALUES (0, 'none'); DELETE FROM kinds WHERE id > 7;
CREATE TABLE "Odd s"."T t" (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind int REFERENCES kinds ON DELETE CASCADE, twice int GENERATED ALWAYS AS (kind * 2) STORED, raw bytea);
INSERT INTO "Odd s"."T t" (kind, raw) VALUES (1, '\x00ff'), (2, NULL); CREATE INDEX "i i" ON "Odd s"."T t" (shout(kind::text));
COMMENT ON TABLE "Odd s"."T t" IS 'odd'; COMMENT ON INDEX "Odd s"."i i" IS 'odder';
ALTER TABLE "Odd s"."T t" ENABLE ROW LEVEL SECURITY; CREATE POLICY pp ON "Odd s"."T t" USING (kind > 0);
CREATE TRIGGER tr BEFORE INSERT ON "Odd s"."T t" FOR EACH ROW EXECUTE FUNCTION noted();
CREATE TABLE part (id int PRIMARY KEY, at text) PARTITION BY RANGE (id); CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (1) TO (10);
CREATE TABLE part_2 PARTITION OF part DEFAULT; CREATE INDEX ON part (at); INSERT INTO part VALUES (1, 'a'), (99, 'b');
CREATE TABLE log (line text); INSERT INTO log VALUES ('x'), ('x');
ALTER TABLE orders ADD number serial, ADD feeling mood NOT NULL DEFAULT 'ok', ADD shouted text GENERATED ALWAYS AS (shout('a' || kind)) STORED;
ALTER TABLE orders ADD FOREIGN KEY (kind) REFERENCES kinds; CREATE INDEX orders_by_feeling ON orders (feeling); COMMENT ON COLUMN orders.feeling IS 'mood';
CREATE TRIGGER watch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION noted();
CREATE VIEW grouped AS SELECT users.id, users.email, count(*) FROM users JOIN orders ON user_id = users.id GROUP BY users.id;
CREATE VIEW felt AS SELECT grouped.*, (SELECT max(feeling) FROM orders) AS felt FROM grouped;
CREATE MATERIALIZED VIEW stored AS SELECT * FROM felt; CREATE UNIQUE INDEX ON stored (id);
CREATE ROLE clerk; CREATE ROLE tester; GRANT USAGE ON SCHEMA public, "Odd s" TO clerk; ALTER TABLE kinds OWNER TO clerk; ALTER VIEW felt OWNER TO clerk;
GRANT SELECT ON "Odd s"."T t", felt TO tester; GRANT UPDATE (feeling) ON orders TO tester; GRANT USAGE ON SEQUENCE tickets TO tester;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO tester"#;

/// What the shadow must have of preprod's definitions: all but what concerns production's rows.
async fn definitions(world: &World, database: &str) -> BTreeSet<String> {
    let entries = world.archive(database).await.entries;
    let counts = entries.iter().filter(|entry| entry.kind != "DATABASE" && entry.kind != "DEFAULT ACL");
    counts.map(|entry| format!("{} {} {}", entry.label(), entry.owner, entry.sql)).collect()
}

#[tokio::test]
async fn objects_of_every_kind_come_back_as_they_were() {
    for major in [Major::V14, Major::V15, Major::V18] {
        let world = World::on(major, SCHEMA, ROWS, &format!("{ROWS};{DRIFT}"));
        // They are already there when the deltas come, as the copy brings the target's default privileges.
        world.shadow("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO tester; GRANT USAGE ON SCHEMA public TO clerk");
        assert!(world.dangling(&[]).await.is_empty());
        let (restored, kept) = world.restore(&[]).await.unwrap();
        assert!(kept.tables.is_empty());
        let rows: Vec<(String, u64)> = restored.rows.iter().map(|(name, rows)| (name.to_string(), *rows)).collect();
        assert_eq!(rows, [("\"Odd s\".\"T t\"".into(), 2), ("kinds".into(), 8), ("log".into(), 2), ("part".into(), 2)]);
        let (made, wanted) = (definitions(&world, "shadow").await, definitions(&world, "preprod").await);
        let differ: Vec<&String> = made.symmetric_difference(&wanted).collect();
        assert!(differ.is_empty(), "{major}: {differ:#?}");
        for check in [
            "SELECT string_agg(t::text, ',' ORDER BY id) FROM \"Odd s\".\"T t\" t",
            "SELECT string_agg(t::text, ',' ORDER BY id) FROM kinds t",
            "SELECT string_agg(t::text || tableoid::regclass, ',' ORDER BY id) FROM part t",
            "SELECT string_agg(t::text, ',' ORDER BY id) FROM stored t",
            "SELECT last_value, is_called FROM tickets",
            "SELECT last_value, is_called FROM kinds_id_seq",
            "SELECT last_value, is_called FROM \"Odd s\".\"T t_id_seq\"",
            "SELECT count(*) FROM pg_constraint WHERE NOT convalidated",
            "SELECT string_agg(concat_ws(' ', id, feeling, shouted), ',' ORDER BY id) FROM orders",
        ] {
            assert_eq!(world.shadow(check), world.sql("preprod", check), "{check}");
        }
        assert_eq!(world.shadow("SELECT count(DISTINCT number) FROM orders"), "5");
        let once = world.cluster.dump("shadow").unwrap();
        world.restore(&[]).await.unwrap();
        assert_eq!(world.cluster.dump("shadow").unwrap(), once, "bringing back again changed something");
    }
}

#[tokio::test]
async fn a_table_that_a_migration_made_in_the_copy_takes_the_targets_rows() {
    let world = World::new(SCHEMA, ROWS, &format!("{ROWS};{DRIFT}"));
    world.shadow("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE kinds (id serial PRIMARY KEY, title text NOT NULL, feeling mood DEFAULT 'ok', CONSTRAINT titled CHECK (title <> ''));
        INSERT INTO kinds (title) VALUES ('kind 1'), ('the migration said so'), ('kind 3'); ALTER TABLE orders ADD feeling mood NOT NULL DEFAULT 'ok'");
    let (restored, _) = world.restore(&[]).await.unwrap();
    assert_eq!(restored.rows[&name("kinds")], 8);
    let rows = "SELECT string_agg(id || title, ',' ORDER BY id) FROM kinds";
    assert_eq!(world.shadow(rows), world.sql("preprod", rows));
    assert_eq!(world.shadow("SELECT nextval('kinds_id_seq')"), "10");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_name_and_nothing_is_left() {
    let production = format!("{ROWS}; INSERT INTO orders VALUES (9, 1, 42)");
    let world = World::new(
        SCHEMA,
        &production,
        &format!(
            "{ROWS};{DRIFT}; CREATE TABLE visits (id int PRIMARY KEY, user_id int REFERENCES users); INSERT INTO users VALUES (77, 'own'); INSERT INTO visits VALUES (1, 1), (2, 77), (3, 77)"
        ),
    );
    let before = world.cluster.dump("shadow").unwrap();
    let found: Vec<(String, u64, Vec<String>)> =
        world.dangling(&[]).await.into_iter().map(|found| (found.constraint, found.rows, found.examples)).collect();
    assert_eq!(found, [("visits_user_id_fkey".into(), 2, vec!["77".into()]), ("orders_kind_fkey".into(), 1, vec!["42".into()])]);
    let error = world.restore(&[]).await.unwrap_err();
    assert_eq!(error.kind, Kind::Dangling);
    assert!(error.message.contains("FK CONSTRAINT public.orders orders_kind_fkey"), "{error}");
    assert_eq!(world.cluster.dump("shadow").unwrap(), before);

    let world = World::new(SCHEMA, ROWS, &format!("{ROWS}; CREATE VIEW v AS SELECT kind FROM orders"));
    world.shadow("ALTER TABLE orders DROP kind");
    let error = world.restore(&[]).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unfit);
    assert!(error.message.contains("VIEW public.v"), "{error}");
}

/// The target's own tables refer to kept users, whose numbers change, and to each other, and a kept table refers to one of them.
const OWN: &str = "
CREATE TABLE teams (id int PRIMARY KEY, lead int NOT NULL REFERENCES users);
CREATE TABLE scenarios (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner int NOT NULL REFERENCES users ON DELETE CASCADE, UNIQUE (owner));
CREATE TABLE runs (scenario int REFERENCES scenarios, by int REFERENCES users, at text);
CREATE MATERIALIZED VIEW leads AS SELECT email, team.id FROM teams team JOIN users ON users.id = lead;
ALTER TABLE users ADD team int REFERENCES teams";
const OWN_ROWS: &str = "
INSERT INTO users VALUES (1, 'user 2'), (2, 'user 1'), (3, 'own 3'), (4, 'own 4'), (88, 'own 88');
INSERT INTO teams VALUES (1, 3), (2, 1); UPDATE users SET team = 1 WHERE id < 4; INSERT INTO scenarios (owner) VALUES (1), (2), (3), (88);
INSERT INTO runs VALUES (1, 2, 'a'), (3, 3, 'b'), (3, 3, 'b'); REFRESH MATERIALIZED VIEW leads";
const WHOSE: &str = "SELECT (SELECT string_agg(s.id || email, ',' ORDER BY s.id) FROM scenarios s JOIN users u ON u.id = owner) || '/' ||
    (SELECT string_agg(scenario || email || at, ',' ORDER BY scenario) FROM runs JOIN users u ON u.id = by) || '/' ||
    (SELECT string_agg(team || email, ',' ORDER BY email) FROM users) || '/' || (SELECT string_agg(email || id, ',' ORDER BY id) FROM leads)";

#[tokio::test]
async fn the_targets_own_tables_follow_kept_rows_to_their_new_keys() {
    let world = World::new(SCHEMA, ROWS, &format!("{OWN};{OWN_ROWS}"));
    let keeps = [keep("users").matched(&["email"]).renumber()];
    let (restored, kept) = world.restore(&keeps).await.unwrap();
    assert!(restored.rows.is_empty(), "{restored:?}");
    assert_eq!(kept.tables[&name("users")], KeptTable { found: 5, added: 3, same: 2, renumbered: 2, ..KeptTable::default() });
    assert_eq!(
        (kept.tables[&name("scenarios")].added, kept.tables[&name("runs")].added, kept.tables[&name("teams")].added),
        (4, 3, 2)
    );
    assert_eq!(world.shadow(WHOSE), world.sql("preprod", WHOSE));
    assert_eq!(world.shadow("SELECT count(*) FROM pg_constraint WHERE NOT convalidated"), "0");
    let once = world.cluster.dump("shadow").unwrap();
    world.restore(&keeps).await.unwrap();
    assert_eq!(world.cluster.dump("shadow").unwrap(), once, "bringing back again changed something");
}

#[tokio::test]
async fn in_one_transaction_they_do_so_too() {
    let world = World::new(
        SCHEMA,
        ROWS,
        &format!("{OWN};{OWN_ROWS}; CREATE TABLE alone (id serial PRIMARY KEY, n int); INSERT INTO alone (n) VALUES (5), (6)"),
    );
    let before = world.sql("preprod", WHOSE);
    let (deltas, schema, archive) = (world.deltas().await, world.schema("preprod").await, world.archive("preprod").await);
    let tables = world.joined(&[keep("users").matched(&["email"]).renumber()], &deltas, Follow::All).await;
    let kept = tables.iter().map(|table| table.plan.table.clone()).collect();
    let client = world.writer("preprod").await;
    client.run("begin", "BEGIN").await.unwrap();
    let standings = delta::standings(client.reader(), &schema, &deltas).await.unwrap();
    engine::set_aside(&client, &tables).await.unwrap();
    client.run("fill", &format!("DROP SCHEMA public CASCADE; CREATE SCHEMA public; SET LOCAL search_path = public; {SCHEMA}; {ROWS}; SET LOCAL search_path = ''")).await.unwrap();
    let what = Restoration { archive: &archive, schema: &schema, deltas: &deltas, kept: &kept };
    delta::restore_structure(&client, what, &standings, &Stop::never()).await.unwrap();
    let kept = engine::carry_aside(&client, &tables, &deltas, &Stop::never()).await.unwrap();
    client.run("commit", "COMMIT").await.unwrap();
    assert_eq!(world.sql("preprod", WHOSE), before);
    assert_eq!(kept.tables[&name("alone")].added, 2);
    assert_eq!(world.sql("preprod", "INSERT INTO alone (n) VALUES (7) RETURNING id"), "3");
    assert_eq!(world.sql("preprod", "SELECT count(*) FROM users"), "8");
}
