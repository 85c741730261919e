//! `kill -9` in the midst of a migration: the next run says what it finds.

use std::process::{Child, Command, Stdio};

use restage_lab::{Cluster, SUPERUSER, SUPERUSER_PASSWORD};
use restage_migrate::Kind;
use restage_migrate::runner::{Cx, GoOn, Next, Runner, Silent, SystemClock};
use restage_migrate::settings::Settings;
use restage_pgcopy::stop::Stop;

use crate::applied::until;
use crate::world::{World, endpoint};

const PORT: &str = "RESTAGE_TEST_KILLED_PORT";
const LOCATION: &str = "RESTAGE_TEST_KILLED_LOCATION";

/// The migrator that is killed: this test in a process of its own. Without its variables it does nothing.
#[tokio::test]
async fn migrator_that_is_killed() {
    let (Ok(port), Ok(location)) = (std::env::var(PORT), std::env::var(LOCATION)) else { return };
    let settings = Settings { locations: vec![location.parse().unwrap()], lock_retry_count: 0, ..Settings::default() };
    let endpoint = endpoint(port.parse().unwrap(), "app", SUPERUSER, SUPERUSER_PASSWORD);
    let stop = Stop::never();
    let cx = Cx { settings: &settings, reporter: &Silent, clock: &SystemClock, stop: &stop, environment: "test" };
    let runner = Runner::connect(&endpoint, cx).await.unwrap();
    runner.run(&runner.scripts().unwrap(), GoOn::Refused).await.unwrap();
}

fn start(world: &World<'_>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "killed::migrator_that_is_killed"]);
    command.env(PORT, world.cluster.port().to_string()).env(LOCATION, world.folder.path());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Not those who ask this.
const SLEEPS: &str = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND application_name = 'restage'";
const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'restage'";

/// Kills a migrator when it sleeps, and waits until the server has noticed.
async fn kill(world: &World<'_>) {
    let mut child = start(world);
    until(world, SLEEPS, "1").await;
    child.kill().unwrap();
    child.wait().unwrap();
    until(world, SESSIONS, "0").await;
}

#[tokio::test]
async fn a_killed_migration_in_a_transaction_left_nothing() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a ();");
    world.write("V2__b.sql", "CREATE TABLE b ();\nSELECT pg_sleep(600);\nCREATE TABLE c ();");
    kill(&world).await;
    assert!(world.has("a") && !world.has("b"));
    assert_eq!(world.history(), ["1 SQL 1 V1__a.sql"]);
    world.write("V2__b.sql", "CREATE TABLE b ();");
    assert_eq!(world.applied().await, ["V2__b.sql"]);
}

#[tokio::test]
async fn a_killed_migration_without_transaction_is_found_with_its_statement() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a ();");
    world.write("V2__b.sql", "CREATE TABLE b ();\nVACUUM a;\n\nDO $$ BEGIN\n PERFORM pg_sleep(600); END $$;\nCREATE TABLE c ();");
    world.write("V2__b.sql.conf", "executeInTransaction=false");
    kill(&world).await;
    // What a real Flyway refuses to go on from.
    assert_eq!(world.history(), ["1 SQL 1 V1__a.sql", "2 SQL 2 V2__b.sql failed"]);
    let error = world.refused().await;
    assert_eq!(error.kind, Kind::Unfinished);
    assert!(error.message.starts_with("`V2__b.sql` was begun at 2"), "{}", error.message);
    assert!(error.message.ends_with("statements 1 to 2 of 4 are done, statement 3 on line 4 is in doubt"), "{}", error.message);
    let (runner, scripts) = world.with_scripts().await.unwrap();
    let unfinished = runner.unfinished().await.unwrap().unwrap();
    assert_eq!((unfinished.done, unfinished.statements, unfinished.line, unfinished.next), (2, 4, Some(4), Next::InDoubt));
    assert_eq!(unfinished.version, Some("2".parse().unwrap()));
    runner.repair(&scripts).await.unwrap();
    drop(runner);
    world.sql("DROP TABLE b");
    world.write("V2__b.sql", "CREATE TABLE b ();");
    assert_eq!(world.applied().await, ["V2__b.sql"]);
}

#[tokio::test]
async fn a_killed_migration_is_gone_on_with_where_it_is_said() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write(
        "V1__a.sql",
        "CREATE TABLE a ();\nSELECT CASE WHEN to_regclass('go') IS NULL THEN pg_sleep(600) END;\nCREATE TABLE c ();",
    );
    world.write("V1__a.sql.conf", "executeInTransaction=false");
    kill(&world).await;
    world.sql("CREATE TABLE go ()");
    let ran = world.run_going_on(GoOn::At(2)).await.unwrap();
    assert_eq!(ran.after, Some("1".parse().unwrap()));
    assert!(world.has("c"));
    assert_eq!(world.history(), ["1 SQL 1 V1__a.sql"]);
}

#[tokio::test]
async fn a_killed_transaction_of_a_script_s_own_left_nothing_and_is_gone_on_with_from_its_beginning() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write(
        "V1__a.sql",
        "BEGIN;\nCREATE TABLE a ();\nCOMMIT;\nBEGIN;\nCREATE TABLE b ();\n\
         SELECT CASE WHEN to_regclass('go') IS NULL THEN pg_sleep(600) END;\nCOMMIT;",
    );
    kill(&world).await;
    assert!(world.has("a") && !world.has("b"));
    let error = world.refused().await;
    assert!(error.message.ends_with("statements 1 to 3 of 7 are done, statement 4 on line 4 is in doubt"), "{}", error.message);
    world.sql("CREATE TABLE go ()");
    world.run_going_on(GoOn::At(4)).await.unwrap();
    assert!(world.has("b"));
    assert_eq!(world.history(), ["1 SQL 1 V1__a.sql"]);
}
