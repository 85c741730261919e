//! Scripts that nobody should write, and what must be said of them.

use restage_lab::Cluster;
use restage_migrate::Kind;
use restage_migrate::runner::{GoOn, Left, Next};

use crate::world::{World, place};

const NOTES: &str = "flyway_schema_history_unfinished";

#[tokio::test]
async fn a_commit_behind_a_hint_ends_the_transaction() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a ();\n/*+ hint */ COMMIT;\nSELECT 1 / 0;");
    let error = world.refused().await;
    assert!(world.has("a"));
    assert_eq!(error.failure().unwrap().left, Left::Statements { done: 2 }, "{}", error.message);
}

#[tokio::test]
async fn another_encoding_of_the_client_is_refused_before_anything() {
    let cluster = Cluster::any().unwrap();
    for (number, sql) in
        ["SET client_encoding = 'LATIN1'", "set session client_encoding to latin1", "SET NAMES 'LATIN1'"].iter().enumerate()
    {
        let world = World::new(&cluster, &format!("app{number}"));
        world.write("V1__good.sql", "CREATE TABLE good (a text);");
        world.write("V2__a.sql", format!("SELECT 1;\n{sql};\nINSERT INTO good VALUES ('é');"));
        let error = world.refused().await;
        assert_eq!((error.kind, place(&error)), (Kind::Encoding, ("V2__a.sql".into(), Some(2))), "{error:?}");
        assert!(!world.has("good"));
        world.write(
            "V2__a.sql",
            "SET client_encoding = 'UTF8';\nSET client_encoding TO utf8;\nSET NAMES 'utf-8';\nINSERT INTO good VALUES ('é');",
        );
        world.run().await.unwrap();
        assert_eq!(world.sql("SELECT a FROM good"), "é");
    }
}

#[tokio::test]
async fn a_command_of_psql_is_refused_before_anything() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    for text in ["SELECT 1;\n\\restrict abc\nSELECT 2;", "SELECT 1;\n\\i other.sql", "SELECT 1;\n\\connect a"] {
        world.write("V1__good.sql", "CREATE TABLE good ();");
        world.write("V2__a.sql", text);
        let error = world.refused().await;
        assert_eq!(place(&error), ("V2__a.sql".into(), Some(2)), "{error:?}");
        assert!(error.message.contains("psql"), "{}", error.message);
        assert!(!world.has("good"));
    }
}

#[tokio::test]
async fn a_character_that_no_server_takes_is_an_error_with_its_line() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "SELECT 1;\nSELECT 'a\0b';\nSELECT 3;");
    let error = world.refused().await;
    assert_eq!(place(&error), ("V1__a.sql".into(), Some(2)));
    assert!(world.history().is_empty());
}

#[tokio::test]
async fn rows_that_a_script_asks_for_are_an_error_of_the_script() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a AS SELECT generate_series(1, 100000) AS b;\nCOPY a TO STDOUT;\nSELECT 3;");
    let error = world.refused().await;
    assert_eq!((error.kind, place(&error)), (Kind::Failed, ("V1__a.sql".into(), Some(2))));
    assert!(!world.has("a"));
}

#[tokio::test]
async fn a_callback_that_fails_before_the_first_statement_leaves_no_migration_behind() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a ();\nCREATE TABLE b ();");
    world.write("V1__a.sql.conf", "executeInTransaction=false");
    for callback in ["beforeEachMigrate.sql", "beforeEachMigrateStatement.sql"] {
        world.write(callback, "SELECT 1 / 0;");
        let error = world.refused().await;
        assert_eq!(place(&error).0, callback);
        assert!(!world.has(NOTES) && world.history().is_empty(), "{:?}", world.history());
        world.remove(callback);
    }
    world.run().await.unwrap();
}

#[tokio::test]
async fn a_callback_that_fails_behind_a_statement_does_not_make_a_failure_of_it() {
    let cluster = Cluster::any().unwrap();
    for (database, callback, done, line) in
        [("app", "afterEachMigrateStatement.sql", 1, Some(2)), ("other", "afterEachMigrate.sql", 2, None)]
    {
        let world = World::new(&cluster, database);
        world.write("V1__a.sql", "CREATE TABLE a ();\nCREATE TABLE b ();");
        world.write("V1__a.sql.conf", "executeInTransaction=false");
        world.write(callback, "SELECT 1 / 0;");
        let error = world.refused().await;
        let told = if done == 1 { "statement 1 of 2 is done" } else { "all its 2 statements are done" };
        assert!(error.message.ends_with(&format!("; of `V1__a.sql`, {told}")), "{}", error.message);
        let (runner, _) = world.with_scripts().await.unwrap();
        let unfinished = runner.unfinished().await.unwrap().unwrap();
        assert_eq!((unfinished.done, unfinished.line, unfinished.next), (done, line, Next::InDoubt), "{unfinished}");
    }
}

#[tokio::test]
async fn a_failure_within_a_transaction_of_its_own_is_told_where_to_go_on() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "BEGIN;\nCREATE TABLE a ();\nCOMMIT;\nBEGIN;\nCREATE TABLE b ();\nSELECT 1 / 0;\nCOMMIT;");
    world.refused().await;
    let error = world.refused().await;
    assert!(error.message.ends_with("statements 1 to 3 of 7 are done, statement 4 on line 4 failed"), "{}", error.message);
}

#[tokio::test]
async fn a_callback_within_a_transaction_leaves_nothing_and_says_so() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a ();");
    world.write("afterEachMigrate.sql", "CREATE TABLE called ();\nSELECT 1 / 0;");
    let error = world.refused().await;
    assert_eq!(error.failure().unwrap().left, Left::Nothing);
    assert!(error.message.ends_with("nothing of it is left"), "{}", error.message);
}

#[tokio::test]
async fn a_connection_that_breaks_at_a_commit_of_the_script_s_own_leaves_it_in_doubt() {
    let cluster = Cluster::any().unwrap();
    for (database, end, last) in [("app", "COMMIT;", 6), ("other", "", 5)] {
        let world = World::new(&cluster, database);
        world.write(
            "V1__a.sql",
            format!(
                "BEGIN;\n\
                 CREATE TABLE a (id int);\n\
                 CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); \
                 RETURN NULL; END $$;\n\
                 CREATE CONSTRAINT TRIGGER die AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die();\n\
                 INSERT INTO a VALUES (1);\n{end}"
            ),
        );
        let error = world.refused().await;
        assert_eq!(error.kind, Kind::Connection, "{error:?}");
        assert!(
            error.message.contains(&format!("none of its {last} statements is done, and statement 1 is in doubt")),
            "{}",
            error.message
        );
        let error = world.refused().await;
        assert!(error.message.ends_with("statement 1 on line 1 is in doubt"), "{}", error.message);
    }
}

#[tokio::test]
async fn what_only_a_commit_of_the_script_s_own_finds_leaves_nothing() {
    let cluster = Cluster::any().unwrap();
    for (database, end) in [("app", "COMMIT;"), ("other", "")] {
        let world = World::new(&cluster, database);
        world.write(
            "V1__a.sql",
            format!(
                "BEGIN;\nCREATE TABLE a (id int PRIMARY KEY, up int REFERENCES a DEFERRABLE INITIALLY DEFERRED);\n\
                 INSERT INTO a VALUES (1, 2);\n{end}"
            ),
        );
        world.refused().await;
        assert!(!world.has("a") && !world.has(NOTES) && world.history().is_empty(), "{:?}", world.history());
    }
}

#[tokio::test]
async fn going_on_where_nothing_stopped_is_refused() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a ();");
    let error = world.run_going_on(GoOn::At(2)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Setting);
    assert!(!world.has("a"));
}

#[tokio::test]
async fn a_callback_may_not_end_the_transaction_of_a_migration() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a ();\nSELECT 1 / 0;");
    for callback in ["beforeEachMigrate.sql", "beforeEachMigrateStatement.sql"] {
        world.write(callback, "SELECT 1;\nCOMMIT;");
        let error = world.refused().await;
        assert_eq!((error.kind, place(&error)), (Kind::Mixed, (callback.into(), Some(2))), "{error:?}");
        assert!(!world.has("a"));
        world.remove(callback);
    }
}

#[tokio::test]
async fn a_repair_of_something_else_keeps_the_notes_on_what_stopped() {
    let cluster = Cluster::any().unwrap();
    let mut world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a ();\nSELECT 1 / 0;");
    world.write("V1__a.sql.conf", "executeInTransaction=false");
    world.refused().await;
    world.settings.cherry_pick = vec!["5".into()];
    {
        let (runner, scripts) = world.with_scripts().await.unwrap();
        let planned = runner.plan_repair(&scripts).await.unwrap();
        assert!(planned.changes.is_empty() && planned.dropped.is_none(), "{planned:?}");
        assert_eq!(runner.repair(&scripts).await.unwrap(), planned);
        assert_eq!(runner.unfinished().await.unwrap().unwrap().done, 1);
    }
    world.settings.cherry_pick.clear();
    let (runner, scripts) = world.with_scripts().await.unwrap();
    assert!(runner.repair_only(&scripts, &[]).await.unwrap().dropped.is_none());
    assert!(runner.unfinished().await.unwrap().is_some());
    assert!(runner.repair(&scripts).await.unwrap().dropped.is_some() && !world.has(NOTES));
}

#[tokio::test]
async fn a_login_that_a_script_takes_ends_with_it() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.sql("CREATE ROLE other; GRANT CREATE ON SCHEMA public TO other");
    world.write("V1__a.sql", "SET SESSION AUTHORIZATION other;\nCREATE TABLE a ();");
    world.write("V2__b.sql", "CREATE TABLE b ();");
    world.run().await.unwrap();
    let owners = world.sql("SELECT tablename, tableowner FROM pg_tables WHERE tablename IN ('a', 'b') ORDER BY 1");
    assert_eq!(owners, "a|other\nb|postgres");
}

#[tokio::test]
async fn names_with_odd_characters_are_kept_as_they_are() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.sql("ALTER DATABASE app SET standard_conforming_strings = off");
    let name = |version: u32| format!("V{version}__it's \"odd\" \\ %s \n$1 ;--é😀.sql");
    world.write(&name(1), "CREATE TABLE a ();");
    world.write(&name(2), "CREATE TABLE b ();");
    world.write(&format!("{}.conf", name(2)), "executeInTransaction=false");
    assert_eq!(world.applied().await, [name(1), name(2)]);
    assert!(world.applied().await.is_empty());
    assert_eq!(world.sql("SELECT script FROM flyway_schema_history ORDER BY 1"), format!("{}\n{}", name(1), name(2)));
}

#[tokio::test]
async fn a_callback_that_fails_at_its_commit_is_named() {
    let cluster = Cluster::any().unwrap();
    for (database, text) in [("app", "{}"), ("other", "BEGIN;\n{}")] {
        let world = World::new(&cluster, database);
        let deferred =
            "CREATE TABLE b (id int PRIMARY KEY, up int REFERENCES b DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO b VALUES (1, 2);";
        world.write("beforeMigrate.sql", text.replace("{}", deferred));
        world.write("V1__a.sql", "CREATE TABLE a ();");
        let error = world.refused().await;
        assert_eq!((error.kind, place(&error).0.as_str()), (Kind::Failed, "beforeMigrate.sql"), "{error:?}");
        assert!(error.message.contains("at the end of its transaction") && !world.has("a") && !world.has("b"), "{}", error.message);
    }
}

#[tokio::test]
async fn a_failure_in_a_group_says_what_became_of_the_others() {
    let cluster = Cluster::any().unwrap();
    let mut world = World::new(&cluster, "app");
    world.settings.group = true;
    world.write("V1__a.sql", "CREATE TABLE a ();");
    world.write("V2__b.sql", "SELECT 1 / 0;");
    let error = world.refused().await;
    assert!(error.message.ends_with("nothing of it is left, as of the whole group of 2 scripts"), "{}", error.message);
    assert!(!world.has("a") && world.history().is_empty());
}

#[tokio::test]
async fn an_encoding_that_a_function_sets_harms_neither_the_history_nor_the_next_script() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__é.sql", "CREATE TABLE a (b text);\nSELECT set_config('client_encoding', 'LATIN1', false);");
    world.write("V2__b.sql", "INSERT INTO a VALUES ('é');");
    world.run().await.unwrap();
    assert_eq!(world.sql("SELECT b FROM a"), "é");
    assert_eq!(world.history(), ["1 SQL 1 V1__é.sql", "2 SQL 2 V2__b.sql"]);
}
