//! How histories begin: schemas, baselines, and what is refused.

use restage_lab::Cluster;
use restage_migrate::Kind;

use crate::world::World;

#[tokio::test]
async fn missing_schemas_are_created_and_the_first_row_says_so() {
    let cluster = Cluster::any().unwrap();
    let mut world = World::new(&cluster, "app");
    world.settings.schemas = vec!["one".into(), "t\"wo".into()];
    world.write("V1__a.sql", "CREATE TABLE a AS SELECT current_setting('search_path') AS path, '${flyway:schemas}' AS s;");
    let ran = world.run().await.unwrap();
    assert_eq!(ran.created_schemas, ["one", "t\"wo"]);
    assert_eq!(world.sql("SELECT * FROM one.a"), "\"one\",\"$user\", public|one,t\"wo");
    assert_eq!(
        world.sql("SELECT installed_rank, type, description, script, version IS NULL FROM one.flyway_schema_history ORDER BY 1"),
        "0|SCHEMA|<< Flyway Schema Creation >>|\"one\",\"t\"\"wo\"|t\n1|SQL|a|V1__a.sql|f"
    );
}

#[tokio::test]
async fn the_placeholder_of_schemas_has_those_that_are_set_as_with_flyway() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.write("V1__a.sql", "CREATE TABLE a AS SELECT '[${flyway:schemas}]' AS schemas, '${flyway:defaultSchema}' AS first;");
    world.run().await.unwrap();
    assert_eq!(world.sql("SELECT * FROM a"), "[]|public");
}

#[tokio::test]
async fn schemas_that_are_not_to_be_created_are_not() {
    let cluster = Cluster::any().unwrap();
    let mut world = World::new(&cluster, "app");
    world.settings.schemas = vec!["one".into()];
    world.settings.create_schemas = false;
    let error = world.refused().await;
    assert_eq!(error.kind, Kind::Database);
    assert_eq!(world.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'one'"), "0");
}

#[tokio::test]
async fn a_filled_schema_is_refused_unless_it_may_be_baselined() {
    let cluster = Cluster::any().unwrap();
    let mut world = World::new(&cluster, "app");
    world.sql("CREATE TABLE mine ()");
    world.write("V1__a.sql", "CREATE TABLE a ();");
    world.write("V2__b.sql", "CREATE TABLE b ();");
    let error = world.refused().await;
    assert_eq!(
        (error.kind, error.message.as_str()),
        (Kind::Invalid, "the schema has objects but no history `flyway_schema_history`")
    );
    assert!(!world.has("flyway_schema_history"));
    world.settings.baseline_on_migrate = true;
    let ran = world.run().await.unwrap();
    assert_eq!(ran.baseline, Some("1".parse().unwrap()));
    assert_eq!(world.history(), ["1 BASELINE 1 << Flyway Baseline >>", "2 SQL 2 V2__b.sql"]);
    assert!(!world.has("a") && world.has("b"));
}

#[tokio::test]
async fn objects_of_extensions_do_not_fill_a_schema() {
    let cluster = Cluster::any().unwrap();
    let world = World::new(&cluster, "app");
    world.sql("CREATE EXTENSION citext");
    world.write("V1__a.sql", "CREATE TABLE a ();");
    assert_eq!(world.applied().await, ["V1__a.sql"]);
}

#[tokio::test]
async fn a_baseline_is_given_once_and_to_no_history_that_has_begun() {
    let cluster = Cluster::any().unwrap();
    let mut world = World::new(&cluster, "app");
    world.settings.baseline_version = "7".parse().unwrap();
    world.settings.schemas = vec!["made".into()];
    let (runner, scripts) = world.with_scripts().await.unwrap();
    let first = runner.baseline(&scripts).await.unwrap();
    assert_eq!((first.had_it, first.created_schemas), (false, vec!["made".to_owned()]));
    assert!(runner.baseline(&scripts).await.unwrap().had_it);
    let rows = world.sql("SELECT installed_rank, type, version FROM made.flyway_schema_history ORDER BY 1");
    assert_eq!(rows, "1|BASELINE|7\n2|SCHEMA|");

    let mut other = World::new(&cluster, "other");
    other.write("V1__a.sql", "CREATE TABLE a ();");
    other.run().await.unwrap();
    other.settings.baseline_version = "7".parse().unwrap();
    let (runner, scripts) = other.with_scripts().await.unwrap();
    assert_eq!(runner.baseline(&scripts).await.unwrap_err().kind, Kind::Invalid);
}

#[tokio::test]
async fn a_search_path_without_schema_is_refused() {
    let cluster = Cluster::any().unwrap();
    let mut world = World::new(&cluster, "app");
    world.settings.init_sql = Some("SET search_path = ''".into());
    let error = world.runner().await.err().unwrap();
    assert_eq!(error.kind, Kind::Setting);
}
