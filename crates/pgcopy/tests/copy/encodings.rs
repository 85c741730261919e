//! Text arrives whatever the servers store it in.

use crate::compared::{Database, Journey};
use crate::place::tools;
use restage_lab::Cluster;
use restage_pgcopy::Kind;
use restage_pgcopy::archive::Archives;
use restage_pgcopy::connect;
use restage_pgcopy::facts::gather_database;
use restage_pgcopy::stop::Stop;

/// Every letter that LATIN1 has, in names, in what belongs to objects, and in rows.
const LATIN: &str = "
CREATE TYPE \"größe\" AS ENUM ('klein', 'groß');
CREATE TYPE \"maß\" AS (\"länge\" int, name text);
CREATE TABLE \"straßen\" (\"größe\" \"größe\" DEFAULT 'groß', name text DEFAULT 'ü' CHECK (name <> 'ÿ'), kurz char(3), maß maß, doc jsonb, tags text[],
    worte tsvector, n name, CONSTRAINT \"nicht ø\" CHECK (kurz <> 'ø'));
COMMENT ON TABLE \"straßen\" IS 'Übersicht';
CREATE FUNCTION \"wörter\"() RETURNS text LANGUAGE sql AS $$ SELECT 'schön' $$;
CREATE VIEW \"schöne\" AS SELECT * FROM \"straßen\" WHERE name = 'schön';
INSERT INTO \"straßen\" SELECT 'klein', chr(n), chr(n), ROW(n, chr(n))::maß, jsonb_build_object(chr(n), chr(n)), ARRAY[chr(n), NULL], to_tsvector('simple', 'a' || chr(n)), chr(n)
    FROM generate_series(161, 254) n WHERE n <> 248;
INSERT INTO \"straßen\" (name) SELECT repeat('é', n) FROM unnest(ARRAY[1, 262144, 262145, 524288, 524289, 1000000, 1048576, 1048577]) n;
CREATE INDEX \"über\" ON \"straßen\" (\"größe\", kurz);
";

/// Bytes that are text in no encoding that anybody said.
const BYTES: &str = "CREATE TABLE bytes (id int PRIMARY KEY, value text, kind \"char\");
    INSERT INTO bytes SELECT n, decode(to_hex(n), 'hex')::text || convert_from(decode(to_hex(n), 'hex'), 'SQL_ASCII'), 'x' FROM generate_series(128, 255) n;
    INSERT INTO bytes VALUES (1, repeat(convert_from('\\xe9', 'SQL_ASCII'), 3000000), ''), (2, convert_from('\\xc3a9', 'SQL_ASCII'), NULL)";

fn create(database: &Database<'_>, encoding: &str) {
    database.create(&format!("ENCODING '{encoding}' LOCALE 'C'"));
}

/// From a database of one encoding, filled by this SQL, to one of another.
fn arranged<'a>(cluster: &'a Cluster, from: &str, to: &str, sql: &str) -> Journey<'a> {
    let journey = Journey::between(cluster, cluster);
    create(&journey.from, from);
    journey.from.psql(sql);
    create(&journey.to, to);
    journey
}

async fn text_arrives(from: &str, to: &str) {
    let cluster = Cluster::any().unwrap();
    arranged(&cluster, from, to, LATIN).faithful().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_arrives_between_servers_of_one_other_encoding() {
    text_arrives("LATIN1", "LATIN1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_arrives_in_utf8_from_another_encoding() {
    text_arrives("LATIN1", "UTF8").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_arrives_in_another_encoding_that_has_its_letters() {
    text_arrives("UTF8", "LATIN1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn utf8_arrives_where_and_whence_no_encoding_is_known() {
    let cluster = Cluster::any().unwrap();
    let ascii =
        "CREATE TABLE words (w text, j jsonb); INSERT INTO words SELECT 'é𝄞' || n, '{\"ß\": 1}' FROM generate_series(1, 100) n";
    let journey = arranged(&cluster, "SQL_ASCII", "UTF8", ascii);
    journey.faithful().await;
    let back = Journey { from: journey.to, to: Database { cluster: &cluster, name: "back" } };
    create(&back.to, "SQL_ASCII");
    back.faithful().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_no_known_encoding_arrive_as_they_are() {
    let cluster = Cluster::any().unwrap();
    let journey = arranged(&cluster, "SQL_ASCII", "SQL_ASCII", BYTES);
    let filled = journey.fill(&journey.carried().await).await.unwrap_or_else(|error| panic!("{}", crate::compared::told(&error)));
    journey.verify(&filled).await.unwrap();
    let bytes = "SELECT string_agg(md5(value || id::text), '' ORDER BY id) FROM bytes";
    assert_eq!(journey.from.psql(bytes), journey.to.psql(bytes));
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_the_target_cannot_hold_is_refused_with_its_table() {
    let cluster = Cluster::any().unwrap();
    let journey = arranged(&cluster, "SQL_ASCII", "UTF8", BYTES);
    let error = journey.fill(&journey.carried().await).await.unwrap_err();
    assert!(error.sqlstate() == Some("22021") && error.message.contains("`bytes` of `copy`"), "{}", crate::compared::told(&error));
    let greek = Journey { from: Database { cluster: &cluster, name: "greek" }, to: Database { cluster: &cluster, name: "latin" } };
    create(&greek.from, "UTF8");
    greek.from.psql("CREATE TABLE letters (l text); INSERT INTO letters VALUES ('ω')");
    create(&greek.to, "LATIN1");
    let error = greek.fill(&greek.carried().await).await.unwrap_err();
    assert!(
        error.sqlstate() == Some("22P05") && error.message.contains("`letters` of `latin`"),
        "{}",
        crate::compared::told(&error)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_no_known_encoding_are_refused_and_not_guessed() {
    let cluster = Cluster::any().unwrap();
    let make = "DO $$ BEGIN EXECUTE format('CREATE TABLE %I ()', convert_from('\\xe9', 'SQL_ASCII')); END $$";
    let journey = arranged(&cluster, "SQL_ASCII", "SQL_ASCII", make);
    let client = connect::source(&journey.from.endpoint()).await.unwrap();
    let error = gather_database(&client, &Archives::default(), &tools(&cluster), &Stop::never()).await.unwrap_err();
    assert_eq!((error.kind, error.sqlstate()), (Kind::Query, Some("22021")), "{error}");
}
