//! Bad input and failing statements: what is said, where, and what is left.

use std::fmt::Write as _;

use restage_lab::Cluster;
use restage_migrate::Kind;
use restage_migrate::runner::Left;

use crate::world::{World, place};

#[tokio::test]
async fn a_failing_statement_is_named_with_all_that_the_server_says_and_leaves_nothing() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a (id int PRIMARY KEY);\n");
    world.write("V2__b.sql", "-- a comment\nINSERT INTO a VALUES (1);\n\nINSERT INTO a\n  VALUES (2),\n  (1);\nDROP TABLE a;");
    let error = world.refused().await;
    assert_eq!(
        error.message,
        "`V2__b.sql` failed at statement 2 of 3, on line 4: duplicate key value violates unique constraint \"a_pkey\" \
         (SQLSTATE 23505); nothing of it is left"
    );
    assert_eq!((error.kind, place(&error)), (Kind::Failed, ("V2__b.sql".into(), Some(4))));
    let failure = error.failure().unwrap();
    assert_eq!((failure.statement, failure.statements, failure.left), (2, 3, Left::Nothing));
    assert_eq!(failure.sqlstate.as_deref(), Some("23505"));
    assert_eq!(failure.detail.as_deref(), Some("Key (id)=(1) already exists."));
    assert_eq!(world.sql("SELECT count(*) FROM a"), "0");
    assert_eq!(world.history(), ["1 SQL 1 V1__a.sql"]);

    // The server's position is in the midst of a statement, behind characters of several bytes.
    world.write("V2__b.sql", "SELECT 1;\n\nSELECT 'ééé',\n  'é',\n  missing\nFROM a;");
    let error = world.refused().await;
    assert_eq!(place(&error), ("V2__b.sql".into(), Some(5)));
    assert!(error.message.contains("statement 2 of 2, on line 5: column \"missing\" does not exist"), "{}", error.message);

    world.write("V2__b.sql", "DO $$ BEGIN\n RAISE EXCEPTION 'no' USING HINT = 'do better', DETAIL = 'none';\nEND $$");
    let error = world.refused().await;
    let failure = error.failure().unwrap();
    assert_eq!((failure.hint.as_deref(), failure.detail.as_deref()), (Some("do better"), Some("none")));
    assert!(failure.context.as_deref().unwrap().contains("line 2 at RAISE"));
    assert_eq!(error.help.as_deref(), Some("correct the script, then run again; the server says: do better"));

    world.write("V2__b.sql", "SELECT 1;\nCOPY a FROM STDIN;\n1\nnone\n\\.\n");
    let error = world.refused().await;
    assert!(error.message.contains("statement 2 of 2, on line 2: invalid input syntax for type integer"), "{}", error.message);
    assert_eq!(world.history().len(), 1);
}

#[tokio::test]
async fn what_only_the_commit_finds_leaves_nothing() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write(
        "V1__a.sql",
        "CREATE TABLE a (id int PRIMARY KEY, up int REFERENCES a DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO a VALUES (1, 2);",
    );
    let error = world.refused().await;
    assert!(error.message.starts_with("`V1__a.sql` failed at the end of its transaction: insert or update"), "{}", error.message);
    assert!(error.message.ends_with("nothing of it is left"));
    assert!(!world.has("a") && world.history().is_empty());
}

#[tokio::test]
async fn a_broken_connection_is_no_failure_of_the_script() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a ();\nSELECT pg_terminate_backend(pg_backend_pid());");
    let error = world.refused().await;
    assert_eq!((error.kind, error.failure().unwrap().left), (Kind::Connection, Left::Nothing));
    assert!(!world.has("a"));
}

#[tokio::test]
async fn a_connection_that_breaks_at_the_commit_leaves_all_or_nothing_and_says_so() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write(
        "V1__a.sql",
        "CREATE TABLE a (id int);\n\
         CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; \
         END $$;\n\
         CREATE CONSTRAINT TRIGGER die AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die();\n\
         INSERT INTO a VALUES (1);",
    );
    let error = world.refused().await;
    assert_eq!((error.kind, error.failure().unwrap().left), (Kind::Connection, Left::AllOrNothing));
    assert!(error.message.ends_with("whether it was committed is not known"), "{}", error.message);
}

/// Each is refused before anything runs, the good script before it included.
async fn refused_before_anything(world: &World<'_>, kind: Kind, file: &str, line: Option<usize>) -> String {
    world.write("V1__good.sql", "CREATE TABLE good ();");
    let error = world.refused().await;
    assert_eq!((error.kind, place(&error)), (kind, (file.to_owned(), line)), "{error:?}");
    assert!(error.help.is_some() && !world.has("good"));
    error.message
}

#[tokio::test]
async fn a_version_that_is_there_twice_is_refused() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V2__a.sql", "");
    world.write("V2.0__b.sql", "");
    let message = refused_before_anything(&world, Kind::Duplicate, "V2__a.sql", None).await;
    assert!(message.contains("V2.0__b.sql"), "{message}");
}

#[tokio::test]
async fn a_broken_name_is_refused_if_names_are_validated() {
    let cluster = Cluster::any().unwrap();
    let mut world = World::new(&cluster, "app");
    world.settings.validate_migration_naming = true;
    world.write("V2_a.sql", "");
    refused_before_anything(&world, Kind::BrokenName, "V2_a.sql", None).await;
}

#[tokio::test]
async fn bytes_that_are_no_utf_8_are_refused() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V2__a.sql", b"SELECT 1;\nSELECT '\xe9';\n");
    refused_before_anything(&world, Kind::Encoding, "V2__a.sql", Some(2)).await;
}

#[tokio::test]
async fn a_quote_that_does_not_end_is_refused() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V2__a.sql", "SELECT 1;\n\nSELECT 'a;\n");
    refused_before_anything(&world, Kind::Unterminated, "V2__a.sql", Some(3)).await;
}

#[tokio::test]
async fn a_placeholder_without_value_is_refused() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V2__a.sql", "SELECT 1;\nSELECT '${none}';\n");
    let message = refused_before_anything(&world, Kind::Placeholder, "V2__a.sql", Some(2)).await;
    assert!(message.contains("`${none}`"), "{message}");
}

#[tokio::test]
async fn statements_that_do_not_go_together_are_refused() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V2__a.sql", "CREATE TABLE a (b int);\nCREATE INDEX CONCURRENTLY ON a (b);\n");
    refused_before_anything(&world, Kind::Mixed, "V2__a.sql", Some(2)).await;
}

#[tokio::test]
async fn a_script_that_changed_is_found_before_anything_runs() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a ();");
    world.write("V2__b.sql", "CREATE TABLE b ();");
    world.run().await.unwrap();
    world.write("V1__a.sql", "CREATE TABLE a (b int);");
    world.write("V2__b.sql", "CREATE TABLE b (b int);");
    world.write("V3__c.sql", "CREATE TABLE c ();");
    let error = world.refused().await;
    assert_eq!((error.kind, error.disagreements().len()), (Kind::Invalid, 2));
    assert!(!world.has("c"));
    let (runner, scripts) = world.with_scripts().await.unwrap();
    assert_eq!(runner.plan_repair(&scripts).await.unwrap().changes.len(), 2);
    assert_eq!(runner.repair(&scripts).await.unwrap().changes.len(), 2);
    drop(runner);
    world.remove("V2__b.sql");
    let (runner, scripts) = world.with_scripts().await.unwrap();
    assert_eq!(runner.repair(&scripts).await.unwrap().changes.len(), 1);
    drop(runner);
    assert_eq!(world.applied().await, ["V3__c.sql"]);
    assert_eq!(world.history()[2..], ["3 DELETE 2 V2__b.sql", "4 SQL 3 V3__c.sql"]);
}

#[tokio::test]
async fn a_script_of_a_hundred_megabytes_runs() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    let mut text = String::from("CREATE TABLE a (id int, filling text);\nCOPY a FROM STDIN;\n");
    let filling = "x".repeat(1000);
    for number in 0..100_000 {
        writeln!(text, "{number}\t{filling}").unwrap();
    }
    text += "\\.\n";
    for _ in 0..30 {
        writeln!(text, "INSERT INTO a VALUES (-1, '{}');", "y".repeat(100_000)).unwrap();
    }
    assert!(text.len() > 100_000_000);
    world.write("V1__a.sql", &text);
    assert_eq!(world.applied().await, ["V1__a.sql"]);
    assert_eq!(world.sql("SELECT count(*), sum(length(filling)) FROM a"), "100030|103000000");
}
