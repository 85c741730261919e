use crate::place::endpoint;
use restage_core::schema::{
    ColumnName, ColumnPath, ColumnSource, Generated, Identity, Persistence, Schema, TableKind, TableName, TypeKind,
};
use restage_lab::{Cluster, Major};
use restage_pgcopy::{catalog, connect};
use std::time::{Duration, Instant};

async fn schema_of(cluster: &Cluster, database: &str) -> Schema {
    let client = connect::source(&endpoint(cluster, database)).await.unwrap();
    client.begin(None).await.unwrap();
    catalog::read(client.reader()).await.unwrap()
}

fn name(text: &str) -> TableName {
    TableName::parse(text).unwrap()
}

fn columns(names: &[&str]) -> Vec<ColumnName> {
    names.iter().map(|name| ColumnName((*name).to_owned())).collect()
}

const EVERYTHING: &str = r#"
CREATE ROLE clerk;
CREATE SCHEMA audit AUTHORIZATION clerk;
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN short AS varchar(5) NOT NULL;
CREATE DOMAIN shorter AS short CHECK (VALUE <> 'x');
CREATE TABLE people (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email varchar(120) COLLATE "C" NOT NULL UNIQUE,
    nick citext, feeling mood DEFAULT 'ok', code shorter, price numeric(10,2), tags text[],
    twice bigint GENERATED ALWAYS AS (id * 2) STORED,
    gone int,
    "Odd ""name" text CHECK ("Odd ""name" <> ''),
    CONSTRAINT pair CHECK (price > 0 OR email <> '')
);
ALTER TABLE people DROP COLUMN gone;
CREATE UNIQUE INDEX people_lower ON people (lower(email));
CREATE INDEX people_nick ON people (nick);
CREATE UNIQUE INDEX people_two ON people (nick, feeling) INCLUDE (price);
CREATE UNLOGGED TABLE cache (key text PRIMARY KEY, n serial);
CREATE TABLE audit.log (id int, at date, who bigint REFERENCES people (id)) PARTITION BY RANGE (at);
CREATE TABLE audit.log_2024 PARTITION OF audit.log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST ((who % 2));
CREATE TABLE audit.log_2024_odd PARTITION OF audit.log_2024 FOR VALUES IN (1);
CREATE VIEW adults AS SELECT p.id, l.at FROM people p JOIN audit.log l ON l.who = p.id;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM adults;
CREATE SEQUENCE down INCREMENT -1;
CREATE PUBLICATION news FOR TABLE people;
CREATE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watcher ON ddl_command_end EXECUTE FUNCTION noted();
GRANT SELECT ON people TO clerk;
"#;

#[tokio::test]
async fn every_version_shows_its_structure() {
    for major in Major::ALL {
        let cluster = Cluster::start(major).unwrap();
        cluster.create_database("app").unwrap();
        cluster.psql("app", EVERYTHING).unwrap();
        let schema = schema_of(&cluster, "app").await;
        people_are_read(&schema);
        partitions_are_read(&schema);
        others_are_read(&schema);
    }
}

fn people_are_read(schema: &Schema) {
    let people = &schema.tables[&name("people")];
    let kinds: Vec<(&str, &TypeKind)> = people.columns.iter().map(|column| (column.name.0.as_str(), &column.kind)).collect();
    let mood = TypeKind::Enum { labels: vec!["sad".into(), "ok".into(), "happy".into()] };
    let text = |max_chars| TypeKind::Text { max_chars };
    assert_eq!(
        kinds,
        [
            ("id", &TypeKind::Integer { bytes: 8 }),
            ("email", &text(Some(120))),
            ("nick", &text(None)),
            ("feeling", &mood),
            ("code", &text(Some(5))),
            ("price", &TypeKind::Numeric { precision: Some(10), scale: Some(2) }),
            ("tags", &TypeKind::Other),
            ("twice", &TypeKind::Integer { bytes: 8 }),
            ("Odd \"name", &text(None)),
        ]
    );
    let source = |column: &str| people.column(&ColumnName(column.into())).unwrap().source;
    assert_eq!(
        (source("id"), source("twice"), source("email")),
        (ColumnSource::Identity(Identity::Always), ColumnSource::Generated(Generated::Stored), ColumnSource::Written)
    );
    let definition = |column: &str| people.column(&ColumnName(column.into())).unwrap().definition();
    assert_eq!(definition("twice"), "\"twice\" bigint GENERATED ALWAYS AS ((id * 2)) STORED");
    let numbering =
        "SEQUENCE NAME public.people_id_seq START WITH 1 INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 CACHE 1 NO CYCLE";
    assert_eq!(definition("id"), format!("\"id\" bigint GENERATED ALWAYS AS IDENTITY ({numbering})"));
    assert_eq!(definition("email"), "\"email\" character varying(120) COLLATE pg_catalog.\"C\" NOT NULL");
    assert!(people.column(&ColumnName("code".into())).unwrap().not_null);
    assert_eq!(people.column(&ColumnName("code".into())).unwrap().type_name, "public.shorter");
    assert_eq!(people.primary_key, Some(columns(&["id"])));
    assert_eq!(people.unique, [columns(&["email"]), columns(&["nick", "feeling"])]);
    let checks: Vec<_> = people.checks.iter().map(|check| (check.name.as_str(), check.columns.clone())).collect();
    assert_eq!(checks, [("pair", columns(&["email", "price"])), ("people_Odd \"name_check", columns(&["Odd \"name"]))]);
}

fn partitions_are_read(schema: &Schema) {
    let (log, year, odd) = (name("audit.log"), name("audit.log_2024"), name("audit.log_2024_odd"));
    assert_eq!(schema.tables[&log].kind, TableKind::Partitioned);
    assert_eq!(schema.tables[&log].partition_key, columns(&["at"]));
    assert_eq!(schema.tables[&year].kind, TableKind::Partitioned);
    assert_eq!(schema.tables[&year].partition_key, columns(&["who", "at"]));
    assert_eq!(schema.tables[&odd].kind, TableKind::Ordinary);
    assert_eq!((&schema.tables[&year].partition_of, &schema.tables[&odd].partition_of), (&Some(log.clone()), &Some(year)));
    assert_eq!(schema.row_tables(&log), std::slice::from_ref(&odd));
    assert_eq!(schema.tables[&odd].partition_key, columns(&["at", "who"]));
    let keys = &schema.tables[&log].foreign_keys;
    assert_eq!((keys.len(), &keys[0].to, &keys[0].to_columns), (1, &name("people"), &columns(&["id"])));
    assert_eq!(schema.tables[&odd].foreign_keys, []);
}

fn others_are_read(schema: &Schema) {
    assert_eq!(schema.tables[&name("cache")].persistence, Persistence::Unlogged);
    assert_eq!(schema.views[&name("adults")].reads, [name("people"), name("audit.log")].into());
    assert!(schema.views[&name("counted")].materialized);
    let owned = |table: &str, column: &str| Some(ColumnPath { table: name(table), column: ColumnName(column.into()) });
    assert_eq!(schema.sequences[&name("people_id_seq")].owned_by, owned("people", "id"));
    assert_eq!(schema.sequences[&name("cache_n_seq")].owned_by, owned("cache", "n"));
    let down = &schema.sequences[&name("down")];
    assert_eq!((down.ascending, &down.owned_by, down.persistence), (false, &None, Persistence::Permanent));
    let indexes: Vec<String> = schema.indexes.keys().map(ToString::to_string).collect();
    assert_eq!(indexes, ["people_lower", "people_nick", "people_two"]);
    assert!(schema.extensions.contains_key("citext") && schema.namespaces.contains("audit"));
    assert!(schema.roles.contains("clerk") && schema.roles.contains("postgres"));
    assert!(schema.publications.contains("news") && schema.event_triggers.contains("watcher"));
}

#[tokio::test]
async fn a_source_session_cannot_write() {
    let cluster = Cluster::any().unwrap();
    let client = connect::source(&endpoint(&cluster, "postgres")).await.unwrap();
    let error = client.reader().rows("create a table", "CREATE TABLE t ()").await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("25006"), "{error:?}");
}

#[tokio::test]
async fn ten_thousand_tables_take_seconds() {
    let cluster = Cluster::any().unwrap();
    cluster.create_database("wide").unwrap();
    // In several transactions, for the lock table is small.
    for part in 0..20 {
        let make = format!(
            "DO $$ BEGIN FOR n IN {} .. {} LOOP EXECUTE format('CREATE TABLE t%s (id serial PRIMARY KEY, a text, b int CHECK (b > 0))', n); \
             END LOOP; END $$",
            part * 500,
            part * 500 + 499
        );
        cluster.psql("wide", &make).unwrap();
    }
    let started = Instant::now();
    let schema = schema_of(&cluster, "wide").await;
    assert_eq!(schema.tables.len(), 10_000);
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}
