use crate::world::{World, keep, name};
use restage_core::provider::KeptTable;
use restage_lab::Major;

const USERS: &str = "
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE users (id uuid PRIMARY KEY, name text NOT NULL, feeling mood, score numeric(6, 2), tags text[], data json,
    shout text GENERATED ALWAYS AS (upper(name)) STORED);
CREATE TABLE roles (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id uuid NOT NULL REFERENCES users, role text NOT NULL,
    UNIQUE (user_id, role))";
const THEIRS: &str = "
INSERT INTO users SELECT md5('user ' || n)::uuid, 'user ' || n, 'ok', n, ARRAY['a'], '{\"n\": 1}' FROM generate_series(1, 50) n;
INSERT INTO roles (user_id, role) SELECT id, 'reader' FROM users ORDER BY name";

#[tokio::test]
async fn every_version_keeps_the_targets_own_rows() {
    for major in Major::ALL {
        let ours = format!("{THEIRS};
            INSERT INTO users (id, name, feeling, score, tags, data) SELECT md5('own ' || n)::uuid, E'own\\t' || n || ' \"ü\\\\', 'sad', n + 0.5, ARRAY['x', NULL, 'y,z'], '{{\"a\": [1]}}'
            FROM generate_series(1, 20) n;
            INSERT INTO roles (user_id, role) SELECT id, 'tester' FROM users WHERE feeling = 'sad'");
        let world = World::on(major, USERS, THEIRS, &ours);
        let facts = world.compare(&[keep("users"), keep("roles")]).await.unwrap();
        let users = &facts[&name("users")].facts;
        assert_eq!((users.found, users.target_only, users.same, users.conflicts, users.collisions), (70, 20, 50, 0, 0), "{major}");
        let kept = world.keep(&[keep("users"), keep("roles")]).await;
        assert_eq!(kept["users"], KeptTable { found: 70, added: 20, same: 50, ..KeptTable::default() });
        assert_eq!(kept["roles"], KeptTable { found: 70, added: 20, same: 50, ..KeptTable::default() });
        let all = "SELECT md5(string_agg(u::text || r::text, ',' ORDER BY u.id)) FROM users u JOIN roles r ON r.user_id = u.id";
        assert_eq!(world.shadow(all), world.sql("preprod", all));
        assert_eq!(world.shadow("INSERT INTO roles (user_id, role) SELECT id, 'new' FROM users LIMIT 1 RETURNING id"), "71");
    }
}
