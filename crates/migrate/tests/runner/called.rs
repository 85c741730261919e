//! Callbacks: in which order they run, in which transactions, and what their failures do.

use restage_lab::Cluster;
use restage_migrate::Kind;
use restage_migrate::callbacks::Event;

use crate::world::{World, place};

/// Each callback writes its event down, if the table for it is there.
fn with_callbacks<'a>(cluster: &'a Cluster, database: &str) -> World<'a> {
    let world = World::new(cluster, database);
    world.sql("CREATE SCHEMA log; CREATE TABLE log.calls (id serial, event text, at text)");
    for event in Event::ALL {
        let id = event.id();
        world.write(
            &format!("{id}.sql"),
            format!("INSERT INTO log.calls (event, at) VALUES ('{id}', current_setting('search_path'));"),
        );
    }
    world
}

fn calls(world: &World<'_>) -> String {
    let calls = world.sql("SELECT event FROM log.calls ORDER BY id");
    world.sql("DELETE FROM log.calls");
    calls.lines().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn callbacks_run_in_flyways_order() {
    let cluster = Cluster::any().unwrap();
    let mut world = with_callbacks(&cluster, "app");
    world.settings.schemas = vec!["made".into()];
    world.write("V1__a.sql", "CREATE TABLE a ();\nSELECT 1;");
    world.write("R__b.sql", "SELECT 2;");
    world.run().await.unwrap();
    assert_eq!(
        calls(&world),
        "afterConnect beforeValidate afterValidate createSchema beforeCreateSchema beforeMigrate \
         beforeEachMigrate beforeEachMigrateStatement afterEachMigrateStatement beforeEachMigrateStatement \
         afterEachMigrateStatement afterEachMigrate afterVersioned beforeRepeatables \
         beforeEachMigrate beforeEachMigrateStatement afterEachMigrateStatement afterEachMigrate \
         afterMigrateApplied afterMigrate afterMigrateOperationFinish"
    );
    world.run().await.unwrap();
    assert_eq!(
        calls(&world),
        "afterConnect beforeValidate afterValidate beforeMigrate afterVersioned afterMigrate afterMigrateOperationFinish"
    );
    let (runner, scripts) = world.with_scripts().await.unwrap();
    runner.info(&scripts).await.unwrap();
    assert_eq!(calls(&world), "afterConnect beforeInfo afterInfo afterInfoOperationFinish");
    runner.validate(&scripts).await.unwrap();
    assert_eq!(calls(&world), "afterConnect beforeValidate afterValidate afterInfoOperationFinish");
    runner.repair(&scripts).await.unwrap();
    assert_eq!(calls(&world), "afterConnect beforeRepair afterRepair afterInfoOperationFinish");
    assert_eq!(runner.baseline(&scripts).await.unwrap_err().kind, Kind::Invalid);
    assert_eq!(calls(&world), "afterConnect beforeBaseline afterBaselineError");
}

#[tokio::test]
async fn callbacks_of_failures_run_after_what_failed_was_rolled_back() {
    let cluster = Cluster::any().unwrap();
    let world = with_callbacks(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a ();\nSELECT 1 / 0;");
    world.refused().await;
    assert_eq!(
        calls(&world),
        "afterConnect beforeValidate afterValidate beforeMigrate \
         afterEachMigrateStatementError afterEachMigrateError afterMigrateError"
    );
    world.write("V1__a.sql", "CREATE TABLE a ();");
    world.run().await.unwrap();
    calls(&world);
    world.write("V1__a.sql", "CREATE TABLE a (b int);");
    world.refused().await;
    assert_eq!(calls(&world), "afterConnect beforeValidate afterValidateError");
    world.write("V1__a.sql", "CREATE TABLE a ();");
    world.write("U1__a.sql", "SELECT 1 / 0;");
    let (runner, scripts) = world.with_scripts().await.unwrap();
    runner.undo(&scripts, None).await.unwrap_err();
    assert_eq!(calls(&world), "afterConnect beforeUndo afterEachUndoStatementError afterEachUndoError afterUndoError");
}

#[tokio::test]
async fn a_callback_within_a_migration_shares_its_transaction() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a ();");
    world.write("afterEachMigrate.sql", "CREATE TABLE called ();\nSELECT 1 / 0;");
    let error = world.refused().await;
    assert_eq!((error.kind, place(&error)), (Kind::Failed, ("afterEachMigrate.sql".into(), Some(2))));
    assert!(!world.has("a") && !world.has("called") && world.history().is_empty());

    world.write("afterEachMigrate.sql", "CREATE TABLE called ();");
    world.write("afterMigrateError.sql", "SELECT broken");
    world.write("V1__a.sql", "SELECT 1 / 0;");
    let error = world.refused().await;
    assert!(error.message.contains("division by zero"), "{}", error.message);
    let heard = world.ear.heard();
    assert!(heard.iter().any(|word| word.starts_with("CallbackFailed afterMigrateError.sql")), "{heard:?}");
}

#[tokio::test]
async fn a_callback_that_cannot_be_read_stops_a_run_before_it_begins() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a ();");
    world.write("afterMigrate.sql", "SELECT 1;\nSELECT 'a");
    let error = world.refused().await;
    assert_eq!((error.kind, place(&error)), (Kind::Unterminated, ("afterMigrate.sql".into(), Some(2))));
    assert!(!world.has("a"));
}
