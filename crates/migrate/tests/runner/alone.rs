//! Scripts without a transaction: what is done is noted, and what went wrong is said at the next run.

use restage_lab::Cluster;
use restage_migrate::Kind;
use restage_migrate::runner::{GoOn, Left};

use crate::world::{World, place, scripts_of};

const NOTES: &str = "flyway_schema_history_unfinished";

/// Three statements that refuse a transaction, the second of which fails as long as rows are there twice.
const INDEXES: &str = "CREATE INDEX CONCURRENTLY one ON a (b);\n\
     CREATE UNIQUE INDEX CONCURRENTLY\n two ON a (b);\n\
     CREATE INDEX CONCURRENTLY three ON a (b);\n";

fn with_doubled_rows<'a>(cluster: &'a Cluster, database: &str) -> World<'a> {
    let world = World::new(cluster, database);
    world.write("V1__a.sql", "CREATE TABLE a (b int);\nINSERT INTO a VALUES (1), (1);");
    world.write("V2__b.sql", INDEXES);
    world
}

#[tokio::test]
async fn a_script_without_transaction_has_its_row_and_leaves_no_notes() {
    let cluster = Cluster::any().unwrap();
    for (database, transactional) in [("app", true), ("other", false)] {
        let mut world = with_doubled_rows(&cluster, database);
        world.settings.transactional_lock = transactional;
        world.write("V1__a.sql", "CREATE TABLE a (b int);");
        world.write("V3__c.sql", "CREATE TABLE c ();\nVACUUM a;\nCREATE TABLE d ();\nDISCARD ALL;");
        world.write("V3__c.sql.conf", "executeInTransaction=false");
        assert_eq!(world.applied().await, ["V1__a.sql", "V2__b.sql", "V3__c.sql"]);
        assert_eq!(world.history(), ["1 SQL 1 V1__a.sql", "2 SQL 2 V2__b.sql", "3 SQL 3 V3__c.sql"]);
        assert_eq!(world.sql("SELECT count(*) FROM pg_index WHERE indrelid = 'a'::regclass AND indisvalid"), "3");
        assert!(!world.has(NOTES));
    }
}

#[tokio::test]
async fn a_failure_says_what_is_done_and_nothing_runs_until_it_is_repaired() {
    let cluster = Cluster::any().unwrap();
    let world = with_doubled_rows(&cluster, "app");
    let error = world.refused().await;
    assert_eq!((error.kind, place(&error)), (Kind::Failed, ("V2__b.sql".into(), Some(2))));
    assert_eq!(error.failure().unwrap().left, Left::Statements { done: 1 });
    assert!(error.message.ends_with("(SQLSTATE 23505); statement 1 of 3 is done"), "{}", error.message);
    assert_eq!(world.history(), ["1 SQL 1 V1__a.sql", "2 SQL 2 V2__b.sql failed"]);

    let error = world.refused().await;
    assert_eq!(error.kind, Kind::Unfinished);
    assert!(
        error.message.contains("without a transaction and did not end: statement 1 of 3 is done, statement 2 on line 2 failed")
    );
    let (runner, scripts) = world.with_scripts().await.unwrap();
    let info = runner.info(&scripts).await.unwrap();
    assert_eq!(info.unfinished.as_ref().map(|unfinished| (unfinished.done, unfinished.line)), Some((1, Some(2))));
    assert_eq!(runner.plan_repair(&scripts).await.unwrap().dropped, info.unfinished);

    world.sql("DROP INDEX one, two; DELETE FROM a");
    let repaired = runner.repair(&scripts).await.unwrap();
    assert_eq!((repaired.changes.len(), repaired.dropped), (1, info.unfinished));
    assert!(!world.has(NOTES) && world.history().len() == 1);
    drop(runner);
    assert_eq!(world.applied().await, ["V2__b.sql"]);
}

#[tokio::test]
async fn a_script_can_be_gone_on_with_where_it_stopped() {
    let cluster = Cluster::any().unwrap();
    let world = with_doubled_rows(&cluster, "app");
    world.write("V3__c.sql", "CREATE TABLE c ();");
    world.refused().await;
    world.sql("DROP INDEX two; DELETE FROM a");
    for at in [0, 5] {
        let error = world.run_going_on(GoOn::At(at)).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unfinished, "{error:?}");
    }
    world.write("V2__b.sql", "SELECT 1;");
    let error = world.run_going_on(GoOn::At(2)).await.unwrap_err();
    assert!(error.message.contains("cannot be gone on with: its script has the checksum"), "{}", error.message);
    world.write("V2__b.sql", INDEXES);
    let ran = world.run_going_on(GoOn::At(2)).await.unwrap();
    assert_eq!(scripts_of(&ran), ["V2__b.sql", "V3__c.sql"]);
    assert_eq!(world.history(), ["1 SQL 1 V1__a.sql", "2 SQL 2 V2__b.sql", "3 SQL 3 V3__c.sql"]);
    assert_eq!(world.sql("SELECT count(*) FROM pg_index WHERE indrelid = 'a'::regclass AND indisvalid"), "3");
    assert!(!world.has(NOTES));
}

#[tokio::test]
async fn one_behind_the_last_statement_ends_a_script_that_was_finished_by_hand() {
    let cluster = Cluster::any().unwrap();
    let world = with_doubled_rows(&cluster, "app");
    world.refused().await;
    assert_eq!(scripts_of(&world.run_going_on(GoOn::At(4)).await.unwrap()), ["V2__b.sql"]);
    assert_eq!(world.history()[1], "2 SQL 2 V2__b.sql");
    assert_eq!(world.sql("SELECT to_regclass('three') IS NULL"), "t");
}

#[tokio::test]
async fn transactions_of_a_script_s_own_count_where_they_end() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "BEGIN;\nCREATE TABLE a ();\nCOMMIT;\nBEGIN;\nCREATE TABLE b ();\nSELECT 1 / 0;\nCOMMIT;");
    let error = world.refused().await;
    assert_eq!(error.failure().unwrap().left, Left::Statements { done: 3 });
    assert!(error.message.contains("statement 6 of 7, on line 6: division by zero"), "{}", error.message);
    assert!(world.has("a") && !world.has("b"));

    let world = World::new(&cluster, "other");
    world.write("V1__a.sql", "BEGIN;\nCREATE TABLE a ();\nSELECT 1 / 0;\nCOMMIT;");
    let error = world.refused().await;
    assert_eq!(error.failure().unwrap().left, Left::Nothing);
    assert!(!world.has("a") && !world.has(NOTES) && world.history().is_empty());
    world.write("V1__a.sql", "BEGIN;\nCREATE TABLE a ();");
    assert_eq!(world.applied().await, ["V1__a.sql"]);
    assert!(world.has("a"));
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_a_statement_in_doubt() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a ();\nSELECT pg_terminate_backend(pg_backend_pid());\nSELECT 3;");
    world.write("V1__a.sql.conf", "executeInTransaction=false");
    let error = world.refused().await;
    assert_eq!((error.kind, error.failure().unwrap().left), (Kind::Connection, Left::InDoubt { done: 1 }));
    let error = world.refused().await;
    assert!(error.message.ends_with("statement 1 of 3 is done, statement 2 on line 2 is in doubt"), "{}", error.message);
}
