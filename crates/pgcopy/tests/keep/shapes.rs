//! Tables of every shape.

use crate::world::{Keep, World, endpoint, keep, name};
use restage_core::provider::{KeptTable, OnMissing, RowsTaken, TableTaken};
use restage_lab::Major;
use restage_pgcopy::Kind;
use restage_pgcopy::connect::{self, Endpoint};
use restage_pgcopy::stop::Stop;
use std::collections::BTreeMap;

fn kept(found: u64, added: u64, same: u64) -> KeptTable {
    KeptTable { found, added, same, ..KeptTable::default() }
}

#[tokio::test]
async fn the_users_triggers_stay_silent_and_are_as_they_were_afterwards() {
    for major in [Major::V14, Major::V18] {
        let schema = "
            CREATE TABLE log (line text);
            CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.log VALUES (TG_NAME); RETURN NEW; END';
            CREATE TABLE users (id int PRIMARY KEY, day date NOT NULL DEFAULT '2024-01-01');
            CREATE TRIGGER plain AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION noted();
            CREATE TRIGGER always AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION noted();
            CREATE TRIGGER off AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION noted();
            CREATE TRIGGER \"Replica only\" AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION noted();
            CREATE CONSTRAINT TRIGGER late AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION noted();
            ALTER TABLE users ENABLE ALWAYS TRIGGER always, DISABLE TRIGGER off, ENABLE REPLICA TRIGGER \"Replica only\";
            CREATE TABLE events (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
            CREATE TABLE events_a PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
            CREATE TABLE events_b PARTITION OF events DEFAULT PARTITION BY RANGE (day);
            CREATE TABLE events_c PARTITION OF events_b DEFAULT;
            CREATE TRIGGER parted AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION noted();
            CREATE TRIGGER leaf AFTER INSERT ON events_a FOR EACH ROW EXECUTE FUNCTION noted();
            ALTER TABLE events_c DISABLE TRIGGER parted";
        let ours = "INSERT INTO users SELECT n FROM generate_series(1, 9) n;
            INSERT INTO events SELECT n, date '2024-12-28' + n FROM generate_series(1, 9) n";
        let world = World::on(major, schema, "", ours);
        let triggers = "SELECT string_agg(tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text, ', ' ORDER BY tgrelid, tgname) FROM pg_trigger WHERE NOT tgisinternal";
        let before = world.shadow(triggers);
        let done = world.keep(&[keep("users"), keep("events")]).await;
        assert_eq!((&done["users"], &done["events"]), (&kept(9, 9, 0), &kept(9, 9, 0)));
        assert_eq!(world.shadow("SELECT string_agg(line, ',') FROM log"), "", "{major}");
        assert_eq!(world.shadow(triggers), before, "{major}");
        assert_eq!(world.shadow("SELECT count(*) FROM events_c"), "6");
    }
}

#[tokio::test]
async fn tables_that_refer_to_each_other_in_a_circle_are_kept() {
    let schema = "
        CREATE TABLE users (id int PRIMARY KEY, team int, backup int NOT NULL DEFAULT 1);
        CREATE TABLE teams (id int PRIMARY KEY, lead int NOT NULL REFERENCES users);
        ALTER TABLE users ADD FOREIGN KEY (team) REFERENCES teams, ADD FOREIGN KEY (backup) REFERENCES teams DEFERRABLE";
    let rows = |from: i32| {
        format!(
            "BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO users SELECT n, NULL, n FROM generate_series({from}, {from} + 4) n;
            INSERT INTO teams SELECT id, id FROM users; UPDATE users SET team = id; COMMIT"
        )
    };
    let world = World::new(schema, &rows(1), &rows(3));
    let done = world.keep(&[keep("users"), keep("teams")]).await;
    assert_eq!((&done["users"], &done["teams"]), (&kept(5, 2, 3), &kept(5, 2, 3)));
    assert_eq!(
        world.shadow("SELECT count(*) FROM users u JOIN teams t ON t.id = u.team AND t.lead = u.id AND u.backup = t.id"),
        "7"
    );
}

#[tokio::test]
async fn a_row_that_both_have_may_be_made_to_refer_to_a_row_that_only_the_target_has() {
    let schema = "CREATE TABLE teams (id int PRIMARY KEY, name text UNIQUE); CREATE TABLE users (id int PRIMARY KEY, team int NOT NULL REFERENCES teams, name text REFERENCES teams (name))";
    let world = World::new(
        schema,
        "INSERT INTO teams VALUES (1, 'one'); INSERT INTO users VALUES (1, 1, 'one')",
        "INSERT INTO teams VALUES (1, 'one'), (2, 'two'); INSERT INTO users VALUES (1, 2, 'two')",
    );
    let done = world.keep(&[keep("teams"), keep("users").target_wins()]).await;
    assert_eq!(done["users"], KeptTable { found: 1, kept_target: 1, ..KeptTable::default() });
    assert_eq!(world.shadow("SELECT team, name FROM users"), "2|two");
}

#[tokio::test]
async fn a_role_without_a_number_of_its_own_is_known_by_whose_it_is() {
    let schema = "
        CREATE EXTENSION citext;
        CREATE TABLE users (id int PRIMARY KEY, email citext UNIQUE);
        CREATE TABLE profiles (user_id int PRIMARY KEY REFERENCES users, text text);
        CREATE TABLE photos (id int PRIMARY KEY, profile int NOT NULL REFERENCES profiles (user_id), text text)";
    let theirs = "INSERT INTO users VALUES (1, 'Alice@x'), (2, 'bob@x'); INSERT INTO profiles VALUES (1, 'A'), (2, 'B'); INSERT INTO photos VALUES (1, 1, 'of A')";
    let ours = "INSERT INTO users VALUES (1, 'bob@x'), (2, 'alice@X'), (3, 'new@x'); INSERT INTO profiles VALUES (1, 'B'), (2, 'A'), (3, 'N');
        INSERT INTO photos VALUES (1, 2, 'of A'), (7, 3, 'of N'), (8, 1, 'of B')";
    let keeps = [keep("users").matched(&["email"]).renumber(), keep("profiles"), keep("photos")];
    let world = World::new(schema, theirs, ours);
    let found = world.compare(&keeps).await.unwrap();
    let numbers = |table: &str| {
        let facts = &found[&name(table)].facts;
        (facts.target_only, facts.same, facts.conflicts, facts.collisions)
    };
    assert_eq!((numbers("users"), numbers("profiles"), numbers("photos")), ((1, 2, 0, 0), (1, 2, 0, 0), (2, 1, 0, 0)), "{found:?}");
    let done = world.keep(&keeps).await;
    assert_eq!((&done["users"], &done["profiles"], &done["photos"]), (&kept(3, 1, 2), &kept(3, 1, 2), &kept(3, 2, 1)));
    let all =
        "SELECT string_agg(lower(email::text) || ' ' || p.text || ' ' || coalesce(f.text, ''), ', ' ORDER BY lower(email::text))
        FROM users JOIN profiles p ON p.user_id = users.id LEFT JOIN photos f ON f.profile = p.user_id";
    assert_eq!(world.shadow(all), world.sql("preprod", all));
}

#[tokio::test]
async fn rows_without_any_key_are_kept_as_often_as_they_are() {
    let schema = "CREATE TABLE log (line text, at point)";
    let rows = "INSERT INTO log VALUES ('a', '(1,2)'), ('a', '(1,2)'), ('b', NULL)";
    let world =
        World::new(schema, rows, "INSERT INTO log VALUES ('a', '(1,2)'), ('a', '(1,2)'), ('a', '(1,2)'), ('c', NULL), ('c', NULL)");
    let done = world.keep(&[keep("log")]).await;
    assert_eq!(done["log"], kept(5, 3, 2));
    assert_eq!(world.shadow("SELECT string_agg(line, '' ORDER BY line) FROM log"), "aaabcc");
}

#[tokio::test]
async fn what_must_be_unique_and_is_not_is_told_beforehand_and_refused() {
    let schema = "CREATE TABLE users (id int PRIMARY KEY, username text UNIQUE, badge int, UNIQUE (badge))";
    let world = World::new(
        schema,
        "INSERT INTO users VALUES (1, 'ada', 1), (2, 'bob', 2)",
        "INSERT INTO users VALUES (9, 'ada', 9), (2, 'bob', NULL)",
    );
    let found = world.compare(&[keep("users").target_wins()]).await.unwrap();
    let clashes = &found[&name("users")].clashes;
    assert_eq!(
        (clashes.len(), clashes[0].rows, clashes[0].columns[0].0.as_str(), clashes[0].examples[0].as_str()),
        (1, 1, "username", "9"),
        "{clashes:?}"
    );
    let error = world.carry(&[keep("users").target_wins()]).await.unwrap_err();
    assert_eq!(error.kind, Kind::Conflict);
    assert!(error.message.contains("`users`"), "{error}");
    assert_eq!(world.shadow("SELECT count(*) FROM users"), "2");
    // By user name they are one person, whose number is production's.
    let done = world.keep(&[keep("users").matched(&["username"]).target_wins()]).await;
    assert_eq!(done["users"], KeptTable { found: 2, kept_target: 2, ..KeptTable::default() });
    assert_eq!(world.shadow("SELECT string_agg(id || username || coalesce(badge, 0), ' ' ORDER BY id) FROM users"), "1ada9 2bob0");
}

#[tokio::test]
async fn columns_that_do_not_tell_rows_apart_are_refused_for_matching() {
    let schema = "CREATE TABLE users (id int PRIMARY KEY, email text, name text)";
    let twice = "INSERT INTO users VALUES (1, 'a', 'x'), (2, 'a', 'y')";
    let once = "INSERT INTO users VALUES (3, 'a', 'z')";
    let by_email = || -> Keep { keep("users").matched(&["email"]) };
    for (theirs, ours) in [(twice, once), (once, twice)] {
        let world = World::new(schema, theirs, ours);
        assert_eq!(world.compare(&[by_email()]).await.unwrap_err().kind, Kind::Unfit);
        assert_eq!(world.carry(&[by_email()]).await.unwrap_err().kind, Kind::Unfit);
    }
    let world = World::new(schema, once, once);
    assert_eq!(world.compare(&[by_email().masked(&["email"])]).await.unwrap_err().kind, Kind::Unfit);
    assert_eq!(world.carry(&[by_email().masked(&["email"])]).await.unwrap_err().kind, Kind::Unfit);
    // NULL tells nothing: the primary key speaks then.
    let world = World::new(
        schema,
        "INSERT INTO users VALUES (1, NULL, 'x'), (2, NULL, 'y')",
        "INSERT INTO users VALUES (1, NULL, 'x'), (3, NULL, 'z')",
    );
    assert_eq!(world.keep(&[by_email()]).await["users"], kept(2, 1, 1));
    let world = World::new(schema, "INSERT INTO users VALUES (1, 'a', 'x')", "INSERT INTO users VALUES (1, NULL, 'y')");
    let error = world.carry(&[by_email().renumber()]).await.unwrap_err();
    assert_eq!(error.kind, Kind::Conflict, "{error}");
}

#[tokio::test]
async fn rows_of_production_that_are_not_taken_do_not_count() {
    let schema = "CREATE TABLE teams (id int PRIMARY KEY); CREATE TABLE users (id int PRIMARY KEY, team int REFERENCES teams);
        CREATE TABLE visits (team int, day date) PARTITION BY LIST (team);
        CREATE TABLE visits_1 PARTITION OF visits FOR VALUES IN (1); CREATE TABLE visits_2 PARTITION OF visits FOR VALUES IN (2)";
    let rows = "INSERT INTO teams VALUES (1), (2); INSERT INTO users VALUES (1, 1), (2, 2); INSERT INTO visits VALUES (1, '2024-01-01'), (2, '2024-01-01'), (2, '2025-01-01')";
    let world = World::new(schema, rows, rows);
    let taken = |table: &str, rows| (name(table), TableTaken { rows, ..TableTaken::default() });
    let some = BTreeMap::from([
        taken("teams", RowsTaken::Where("id < 2 -- only the first".into())),
        taken("users", RowsTaken::Where("users.id = 1 OR false".into())),
        taken("visits_2", RowsTaken::Where("day < '2025-01-01'".into())),
    ]);
    let found = world.compare_taking(&[keep("users"), keep("visits")], &some).await.unwrap();
    let users = &found[&name("users")].facts;
    assert_eq!((users.same, users.target_only), (1, 1), "{users:?}");
    assert_eq!((users.dangling[0].rows, users.dangling[0].examples[0].as_str()), (1, "2"));
    let visits = &found[&name("visits")].facts;
    assert_eq!((visits.same, visits.target_only), (2, 1), "{visits:?}");
    let none = BTreeMap::from([taken("teams", RowsTaken::None)]);
    let found = world.compare_taking(&[keep("users").target_wins()], &none).await.unwrap();
    assert_eq!(found[&name("users")].facts.dangling.len(), 0, "rows that are the same bring nothing along");
}

#[tokio::test]
async fn a_value_that_production_does_not_allow_is_refused_and_nothing_is_left() {
    let world = World::new(
        "CREATE TABLE users (id int PRIMARY KEY, name text)",
        "",
        "INSERT INTO users VALUES (1, 'ok'), (2, 'far too long')",
    );
    world.shadow("ALTER TABLE users ALTER name TYPE varchar(5)");
    let error = world.carry(&[keep("users")]).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unfit, "{error:?}");
    world.shadow("ALTER TABLE users ALTER name TYPE text; ALTER TABLE users ADD CHECK (length(name) < 5)");
    let error = world.carry(&[keep("users")]).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unfit, "{error:?}");
    assert!(!format!("{error:?}").contains("far too long"));
    assert_eq!(world.shadow("SELECT count(*) FROM users"), "0");
}

#[tokio::test]
async fn a_broken_reference_does_not_come_to_mean_another_person() {
    let schema = "CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE); CREATE TABLE roles (id int PRIMARY KEY, user_id int, role text)";
    let world = World::new(
        schema,
        "INSERT INTO users VALUES (5, 'eve')",
        "INSERT INTO users VALUES (1, 'ann'); INSERT INTO roles VALUES (1, 5, 'admin')",
    );
    for database in ["production", "preprod", "shadow"] {
        world.sql(database, "ALTER TABLE roles ADD FOREIGN KEY (user_id) REFERENCES users NOT VALID");
    }
    let keeps = |policy| [keep("users").matched(&["email"]), keep("roles").missing(policy)];
    assert_eq!(world.carry(&keeps(OnMissing::Refuse)).await.unwrap_err().kind, Kind::Dangling);
    let done = world.keep(&keeps(OnMissing::SetNull)).await;
    assert_eq!((done["roles"].nulled, world.shadow("SELECT user_id IS NULL FROM roles").as_str()), (1, "t"));
}

#[tokio::test]
async fn policies_that_bind_the_owner_neither_hide_nor_refuse_rows() {
    let schema = "CREATE TABLE users (id int PRIMARY KEY, name text)";
    let world = World::new(schema, "INSERT INTO users VALUES (1, 'a'), (2, 'b')", "INSERT INTO users VALUES (1, 'a'), (3, 'c')");
    world.shadow(
        "CREATE ROLE app LOGIN; GRANT ALL ON SCHEMA public TO app; ALTER TABLE users OWNER TO app;
         CREATE POLICY none ON users USING (false); ALTER TABLE users ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    );
    let tables = world.tables(&[keep("users")]).await;
    let (target, shadow) = (world.reader("preprod").await, Endpoint { user: "app".into(), ..endpoint(&world.cluster, "shadow") });
    let done =
        restage_pgcopy::keep::carry(&target, &connect::target(&shadow).await.unwrap(), &tables, &[], &Stop::never()).await.unwrap();
    assert_eq!(done.tables[&name("users")], kept(2, 1, 1));
    assert_eq!(
        world.shadow("SELECT relforcerowsecurity, (SELECT count(*) FROM users) FROM pg_class WHERE relname = 'users'"),
        "t|3"
    );
}
