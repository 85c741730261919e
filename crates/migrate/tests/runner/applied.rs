//! What a run applies and what it says of it.

use std::time::{Duration, Instant};

use restage_lab::Cluster;
use restage_migrate::runner::GoOn;
use restage_migrate::state::State;
use restage_migrate::{Kind, version::Version};
use restage_pgcopy::connect;
use restage_pgcopy::stop::stop;

use crate::world::{World, place, scripts_of, told};

#[tokio::test]
async fn a_run_applies_what_is_pending_and_says_each_stage() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__people.sql", "CREATE TABLE people (id int PRIMARY KEY, name text);\nINSERT INTO people VALUES (1, 'one');");
    world.write("V2__more.sql", "COPY people FROM STDIN;\n2\ttwo\n3\tthr\\tee\n\\.\nANALYZE people;");
    world.write("R__views.sql", "CREATE OR REPLACE VIEW names AS SELECT name FROM people;");
    let ran = world.run().await.unwrap_or_else(|error| panic!("{}", told(&error)));
    assert_eq!(scripts_of(&ran), ["V1__people.sql", "V2__more.sql", "R__views.sql"]);
    assert_eq!((ran.before, ran.after), (None, Some("2".parse().unwrap())));
    assert_eq!(world.sql("SELECT * FROM people ORDER BY id"), "1|one\n2|two\n3|thr\tee");
    assert_eq!(world.history(), ["1 SQL 1 V1__people.sql", "2 SQL 2 V2__more.sql", "3 SQL R__views.sql"]);
    assert_eq!(
        world.ear.heard(),
        [
            "Connected",
            "BeforeValidate",
            "AfterValidate",
            "BeforeMigration",
            "Preparing V1__people.sql",
            "Preparing V2__more.sql",
            "Preparing R__views.sql",
            "BeforeFile V1__people.sql",
            "AfterFile V1__people.sql",
            "Completed V1__people.sql",
            "BeforeFile V2__more.sql",
            "AfterFile V2__more.sql",
            "Completed V2__more.sql",
            "BeforeFile R__views.sql",
            "AfterFile R__views.sql",
            "Completed R__views.sql",
            "AfterMigration",
        ]
    );
    assert_eq!(world.applied().await, Vec::<String>::new());
    world.write("R__views.sql", "CREATE OR REPLACE VIEW names AS SELECT name, id FROM people;");
    assert_eq!(world.applied().await, ["R__views.sql"]);

    let (runner, scripts) = world.with_scripts().await.unwrap();
    let info = runner.info(&scripts).await.unwrap();
    let states = info.states(&scripts, &world.settings).unwrap();
    let states: Vec<_> = states.migrations.iter().map(|migration| migration.state).collect();
    assert_eq!(states, [State::Success, State::Success, State::Superseded, State::Success]);
    assert_eq!((info.holder, info.unfinished), (None, None));
    assert!(runner.validate(&scripts).await.unwrap().is_empty());
}

#[tokio::test]
async fn targets_groups_and_skipping_do_as_they_say() {
    let cluster = Cluster::any().unwrap();
    let mut world = World::new(&cluster, "app");
    for number in 1..=4 {
        world.write(&format!("V{number}__a.sql"), format!("CREATE TABLE t{number} ();"));
    }
    world.settings.target = "1".parse().unwrap();
    assert_eq!(world.applied().await, ["V1__a.sql"]);
    world.settings.target = "next".parse().unwrap();
    assert_eq!(world.applied().await, ["V2__a.sql"]);
    world.settings.target = "latest".parse().unwrap();
    world.settings.skip_executing_migrations = true;
    assert_eq!(world.applied().await, ["V3__a.sql", "V4__a.sql"]);
    assert!(world.has("t2") && !world.has("t3"));
    world.settings.skip_executing_migrations = false;

    world.settings.group = true;
    world.write("V5__a.sql", "CREATE TABLE t5 ();");
    world.write("R__a.sql", "SELECT 1 / 0");
    let error = world.refused().await;
    assert_eq!((error.kind, place(&error).0), (Kind::Failed, "R__a.sql".into()));
    assert!(!world.has("t5") && world.history().len() == 4);
    world.write("R__a.sql", "CREATE VIEW v AS SELECT 1");
    assert_eq!(world.applied().await, ["V5__a.sql", "R__a.sql"]);
    world.write("V6__a.sql", "CREATE TABLE t6 ();");
    world.write("V7__a.sql", "VACUUM t5;");
    let error = world.refused().await;
    assert_eq!((error.kind, place(&error).0), (Kind::Mixed, "V7__a.sql".into()));
    assert!(!world.has("t6"));
    world.settings.mixed = true;
    assert_eq!(world.applied().await, ["V6__a.sql", "V7__a.sql"]);
}

#[tokio::test]
async fn an_undo_takes_back_and_what_was_undone_can_be_applied_again() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    for number in 1..=3 {
        world.write(&format!("V{number}__a.sql"), format!("CREATE TABLE t{number} ();"));
        world.write(&format!("U{number}__a.sql"), format!("DROP TABLE t{number};"));
    }
    world.run().await.unwrap();
    let (runner, scripts) = world.with_scripts().await.unwrap();
    let undone = runner.undo(&scripts, None).await.unwrap();
    assert_eq!((scripts_of(&undone), undone.after), (vec!["U3__a.sql".to_owned()], Some("2".parse().unwrap())));
    let undone = runner.undo(&scripts, Some(&Version::parse("0").unwrap())).await.unwrap();
    assert_eq!(scripts_of(&undone), ["U2__a.sql", "U1__a.sql"]);
    assert!(!world.has("t1"));
    assert_eq!(world.applied().await, ["V1__a.sql", "V2__a.sql", "V3__a.sql"]);
    assert_eq!(world.history()[3..6], ["4 UNDO_SQL 3 U3__a.sql", "5 UNDO_SQL 2 U2__a.sql", "6 UNDO_SQL 1 U1__a.sql"]);
}

#[tokio::test]
async fn scripts_run_as_an_application_would_and_leave_nothing_of_their_session_to_the_next() {
    let cluster = Cluster::any().unwrap();
    let mut world = World::new(&cluster, "app");
    world.sql(
        "CREATE ROLE owner; CREATE ROLE app LOGIN PASSWORD 'app' IN ROLE owner; CREATE SCHEMA other AUTHORIZATION app; \
         GRANT CREATE ON SCHEMA public TO app, owner; GRANT ALL ON DATABASE app TO app, owner; \
         ALTER ROLE app SET search_path = other, public; ALTER ROLE app SET statement_timeout = '77s'; \
         ALTER ROLE app SET idle_in_transaction_session_timeout = '50ms'; ALTER ROLE app SET standard_conforming_strings = off",
    );
    world.user = Some(("app".into(), "app".into()));
    world.settings.init_sql = Some("SET ROLE app; SET work_mem = '5MB'".into());
    world.write(
        "V1__a\\'b.sql",
        "CREATE TABLE seen AS SELECT current_user::text AS who, current_setting('statement_timeout') AS timeout, \
         current_setting('work_mem') AS memory, current_setting('search_path') AS path, \
         current_setting('application_name') AS application, '${flyway:user} ${flyway:table} ${flyway:timestamp}' AS placeholders;\n\
         SET search_path = ''; SET ROLE owner; DISCARD PLANS;",
    );
    world.write("V2__b.sql", "INSERT INTO seen SELECT current_user, 'x', 'y', current_setting('search_path');");
    assert_eq!(world.applied().await.len(), 2);
    assert_eq!(
        world.sql("SELECT * FROM other.seen ORDER BY timeout"),
        "app|77s|5MB|other, public|restage|app flyway_schema_history 2026-01-31 10:11:12\napp|x|y|other, public||"
    );
    let rows = world.sql("SELECT installed_by, description FROM other.flyway_schema_history ORDER BY 2");
    assert_eq!(rows, "app|a\\'b\napp|b");
}

#[tokio::test]
async fn a_run_that_is_stopped_leaves_nothing_of_the_migration_it_was_at() {
    let cluster = Cluster::any().unwrap();
    let mut world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE t1 ();");
    world.write("V2__b.sql", "CREATE TABLE t2 ();\nSELECT pg_sleep(600);");
    let (stopper, stop) = stop();
    world.stop = stop;
    let run = world.run();
    let stopping = async {
        until(&world, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'", "1").await;
        stopper.stop();
    };
    let (ran, ()) = tokio::join!(run, stopping);
    let error = ran.unwrap_err();
    assert_eq!(error.kind, Kind::Interrupted);
    assert!(error.message.contains("`V2__b.sql` was stopped at statement 2 of 2, on line 2"), "{}", error.message);
    assert!(error.message.ends_with("nothing of it is left"), "{}", error.message);
    assert!(world.has("t1") && !world.has("t2") && world.history().len() == 1);
}

/// Returns when a query has this answer, which it must have within [`PATIENCE`].
pub(crate) async fn until(world: &World<'_>, sql: &str, answer: &str) {
    let started = Instant::now();
    while world.sql(sql) != answer {
        assert!(started.elapsed() < PATIENCE, "`{sql}` is still not `{answer}`");
        tokio::task::yield_now().await;
    }
}

/// How long a test waits for what must happen soon.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn five_hundred_small_migrations_cost_little_beyond_their_statements() {
    const NUMBER: u32 = 500;
    /// Far above what is aimed at, for other tests run meanwhile; what it was is printed.
    const LIMIT: Duration = Duration::from_millis(10);
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    for number in 1..=NUMBER {
        world.write(&format!("V{number}__a.sql"), format!("CREATE TABLE t{number} ();"));
    }
    let (runner, scripts) = world.with_scripts().await.unwrap();
    let started = Instant::now();
    assert_eq!(runner.run(&scripts, GoOn::Refused).await.unwrap().applied.len(), 500);
    let ours = started.elapsed();

    let twin = World::new(&cluster, "twin");
    let session = connect::plain(&twin.endpoint()).await.unwrap();
    let started = Instant::now();
    for number in 1..=NUMBER {
        for sql in ["BEGIN", &format!("CREATE TABLE t{number} ()"), "COMMIT"] {
            session.run("run", sql).await.unwrap();
        }
    }
    let statements = started.elapsed();
    let beyond = ours.saturating_sub(statements) / NUMBER;
    println!("{:?} for each migration, of which its statements are {:?}", ours / NUMBER, statements / NUMBER);
    assert!(beyond < LIMIT, "{beyond:?} for each migration beyond its statements");
}
