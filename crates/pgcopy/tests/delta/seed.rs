//! What goes wrong in the job that this replaces, and must not here.

use crate::world::{World, keep, name};
use restage_core::provider::KeptTable;

const SCHEMA: &str = "
CREATE TABLE users (id uuid PRIMARY KEY, name text NOT NULL, email text);
CREATE TABLE user_role_assignments (id uuid PRIMARY KEY, user_id uuid NOT NULL REFERENCES users, role text);
CREATE TABLE bookings (id int PRIMARY KEY, by uuid REFERENCES users)";
const THEIRS: &str = "
INSERT INTO users SELECT md5('user ' || n)::uuid, 'user ' || n FROM generate_series(1, 4) n;
INSERT INTO user_role_assignments SELECT md5('role ' || n)::uuid, md5('user ' || n)::uuid, 'reader' FROM generate_series(1, 4) n;
INSERT INTO bookings SELECT n, md5('user 1')::uuid FROM generate_series(1, 3) n";
const OURS: &str = "
INSERT INTO users SELECT md5('own ' || n)::uuid, 'own ' || n FROM generate_series(1, 3) n;
INSERT INTO user_role_assignments SELECT md5('own role ' || n)::uuid, md5('own ' || n)::uuid, 'tester' FROM generate_series(1, 3) n";
const WHO: &str =
    "SELECT string_agg(name || role, ',' ORDER BY name) FROM users u JOIN user_role_assignments r ON r.user_id = u.id";

async fn refreshed(drift: &str) -> World {
    let world = World::new(SCHEMA, THEIRS, &format!("{OURS};{drift}"));
    let keeps = [keep("users"), keep("user_role_assignments")];
    assert!(world.dangling(&keeps).await.is_empty());
    let (_, kept) = world.restore(&keeps).await.unwrap();
    let all = KeptTable { found: 3, added: 3, ..KeptTable::default() };
    assert_eq!((&kept.tables[&name("users")], &kept.tables[&name("user_role_assignments")]), (&all, &all));
    assert_eq!(world.shadow(WHO), "own 1tester,own 2tester,own 3tester,user 1reader,user 2reader,user 3reader,user 4reader");
    assert_eq!(world.shadow("SELECT count(*) FROM bookings"), "3");
    world
}

#[tokio::test]
async fn an_extra_view_on_a_table_of_production_comes_back_and_loses_nobody() {
    let world = refreshed("CREATE VIEW summary AS SELECT u.id, u.name, count(*) AS roles FROM users u JOIN user_role_assignments r ON r.user_id = u.id GROUP BY u.id").await;
    assert_eq!(world.shadow("SELECT count(*) FROM summary"), "7");
}

#[tokio::test]
async fn an_extra_table_that_refers_to_users_comes_back_and_no_role_changes_hands() {
    let world = refreshed("CREATE TABLE cases (id int PRIMARY KEY, owner uuid NOT NULL REFERENCES users); INSERT INTO cases SELECT n, md5('own ' || n)::uuid FROM generate_series(1, 3) n").await;
    assert_eq!(
        world.shadow("SELECT string_agg(c.id || name, ',' ORDER BY c.id) FROM cases c JOIN users u ON u.id = owner"),
        "1own 1,2own 2,3own 3"
    );
}

#[tokio::test]
async fn a_table_that_only_production_has_is_no_obstacle() {
    let world = refreshed("DROP TABLE bookings").await;
    assert_eq!(world.shadow("SELECT count(*) FROM bookings JOIN users ON users.id = by"), "3");
}

#[tokio::test]
async fn an_extra_column_on_users_comes_back_with_its_values() {
    let world =
        refreshed("ALTER TABLE users ADD persona text NOT NULL DEFAULT 'none'; UPDATE users SET persona = 'of ' || name").await;
    assert_eq!(
        world.shadow("SELECT string_agg(persona, ',' ORDER BY name) FROM users"),
        "of own 1,of own 2,of own 3,none,none,none,none"
    );
}
