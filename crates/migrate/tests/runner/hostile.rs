//! Scripts that nobody should write, and what must be said of them.

use restage_lab::Cluster;
use restage_migrate::Kind;
use restage_migrate::runner::Left;

use crate::world::{World, place};

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
