//! A refresh in place: everything in one transaction of one session.

use crate::place::{Plain, assert_same, dump, endpoint};
use crate::whole::EVERYTHING;
use restage_core::provider::Filled;
use restage_lab::Cluster;
use restage_pgcopy::connect::TargetClient;
use restage_pgcopy::copy::{self, Inherited};
use restage_pgcopy::{Kind, Result, archive, connect};

const OLD: &str = "
CREATE TABLE people (id int PRIMARY KEY, email text); INSERT INTO people VALUES (1, 'old@x');
CREATE TABLE own (id int REFERENCES people); INSERT INTO own VALUES (1); CREATE VIEW seen_by AS SELECT * FROM people;
CREATE SCHEMA audit; CREATE EXTENSION hstore SCHEMA audit; CREATE TYPE mood AS ENUM ('x'); SELECT lo_create(5);
CREATE FUNCTION double(i int) RETURNS int LANGUAGE sql AS 'SELECT 3'; GRANT SELECT ON people TO PUBLIC;
";

/// Replaces the content of `old`, all but the end of the transaction.
async fn refresh(cluster: &Cluster, client: &TargetClient) -> Result<Filled> {
    let (source, mut plain) = (endpoint(cluster, "app"), Plain::onto(cluster));
    let facts = plain.facts(&source).await;
    let before = archive::dump(&plain.tools, &endpoint(cluster, "old"), None, &plain.stop).await?;
    client.run("begin", "BEGIN").await?;
    copy::clear_within(client, &facts.identity, &before, &plain.stop).await?;
    plain.inherited = Inherited::from_archive(&before);
    copy::fill_within(&source, client, &plain.filling(&copy::everything(&facts))).await
}

fn arrange() -> Cluster {
    let cluster = Cluster::any().unwrap();
    cluster.create_database("app").unwrap();
    cluster.create_database("old").unwrap();
    cluster.psql("app", EVERYTHING).unwrap();
    cluster.psql("old", OLD).unwrap();
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn others_see_the_old_content_until_all_of_the_new_is_there() {
    let cluster = arrange();
    let client = connect::target(&endpoint(&cluster, "old")).await.unwrap();
    let filled = refresh(&cluster, &client).await.unwrap();
    // The tables are locked; their catalog entries are as they were.
    let tables = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'";
    assert_eq!(cluster.psql("old", tables).unwrap(), "own people");
    client.run("commit", "COMMIT").await.unwrap();
    assert_eq!(filled.tables.len(), 18);
    let options = ["--no-privileges", "--no-publications"];
    let dumps = ["app", "old"].map(|database| dump(&cluster, database, cluster.major(), &options));
    assert_same(&dumps[0], &dumps[1]);
    assert_eq!(cluster.psql("old", "SELECT has_table_privilege('public', 'people', 'SELECT')").unwrap(), "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_at_the_end_leaves_the_old_content() {
    let cluster = arrange();
    let before = cluster.dump("old").unwrap();
    cluster
        .psql("app", "CREATE TABLE hen_house (hen int); ALTER TABLE hen_house ADD FOREIGN KEY (hen) REFERENCES hen NOT VALID")
        .unwrap();
    cluster.psql("app", "CREATE FUNCTION fails() RETURNS int LANGUAGE plpgsql AS 'BEGIN IF EXISTS (SELECT FROM public.hen_house) THEN RAISE division_by_zero; END IF; RETURN 1; END'").unwrap();
    cluster.psql("app", "CREATE MATERIALIZED VIEW risky AS SELECT fails(); SET session_replication_role = replica; INSERT INTO hen_house VALUES (1)").unwrap();
    let client = connect::target(&endpoint(&cluster, "old")).await.unwrap();
    let error = refresh(&cluster, &client).await.unwrap_err();
    assert!(error.message.contains("refresh `MATERIALIZED VIEW public.risky`"), "{error}");
    drop(client);
    assert_same(&before, &cluster.dump("old").unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_itself_is_never_emptied() {
    let cluster = arrange();
    let before = cluster.dump("app").unwrap();
    let (source, plain) = (endpoint(&cluster, "app"), Plain::onto(&cluster));
    let facts = plain.facts(&source).await;
    let archive = archive::dump(&plain.tools, &source, None, &plain.stop).await.unwrap();
    let client = connect::target(&source).await.unwrap();
    client.run("begin", "BEGIN").await.unwrap();
    let error = copy::clear_within(&client, &facts.identity, &archive, &plain.stop).await.unwrap_err();
    assert_eq!(error.kind, Kind::SameDatabase);
    client.run("commit", "COMMIT").await.unwrap();
    assert_same(&before, &cluster.dump("app").unwrap());
}
