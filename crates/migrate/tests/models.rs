//! Models of real databases, written, read and compared.

#![cfg(test)]

#[path = "models/place.rs"]
mod place;

use std::fmt::Write as _;

use place::{client, cluster};
use proptest::prelude::*;
use restage_core::document::Source;
use restage_core::schema::{
    Column, ColumnName, ColumnSource, ForeignKey, Persistence, Schema, Table, TableKind, TableName, TablePattern, TypeKind,
};
use restage_lab::{Cluster, Major};
use restage_migrate::models::{Models, Which, compare};
use restage_pgcopy::catalog;

const SHOP: &str = include_str!("models/shop.sql");
const PARTIAL: &str = include_str!("models/partial.yaml");

async fn schema(cluster: &Cluster) -> Schema {
    catalog::read(client(cluster).await.reader()).await.unwrap()
}

fn parsed(text: &str) -> Models {
    Models::parse(&Source::new("models.yaml", text)).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

fn golden(name: &str, text: &str) {
    insta::with_settings!({ snapshot_path => "models", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

/// The differences with what to do about each.
fn shown(models: &Models, schema: &Schema) -> String {
    let differences = compare(models, schema);
    let mut shown = String::new();
    for (line, error) in differences.to_string().lines().zip(&differences.found) {
        writeln!(shown, "{line}\n  {}", error.help.as_deref().unwrap()).unwrap();
    }
    assert_eq!(differences.is_none(), shown.is_empty());
    shown
}

#[tokio::test]
async fn a_snapshot_tells_a_person_what_there_is_and_every_change_since_is_named() {
    let cluster = cluster(SHOP);
    let before = schema(&cluster).await;
    let text = Models::of(&before, Which::Every).unwrap().to_string();
    golden("shop", &text);
    assert_eq!(shown(&parsed(&text), &before), "");
    cluster.psql("app", include_str!("models/out_of_band.sql")).unwrap();
    golden("shop_out_of_band", &shown(&parsed(&text), &schema(&cluster).await));
}

#[tokio::test]
async fn a_snapshot_of_some_tables_lets_others_come_and_go() {
    let cluster = cluster(SHOP);
    let billing = [TablePattern::parse("billing.order*").unwrap()];
    let models = Models::of(&schema(&cluster).await, Which::Matching(&billing)).unwrap();
    golden("shop_billing", &models.to_string());
    cluster.psql("app", "DROP TABLE events; CREATE TABLE billing.more (id int); ALTER TABLE billing.orders ADD more int").unwrap();
    let found = compare(&parsed(&models.to_string()), &schema(&cluster).await).to_string();
    assert_eq!(found, "models.yaml:16: the column `billing.orders.more`, `integer`, is not in the models\n");
}

#[tokio::test]
async fn what_partial_models_do_not_say_is_not_compared() {
    golden("partial", &shown(&parsed(PARTIAL), &schema(&cluster(SHOP)).await));
}

#[tokio::test]
async fn a_snapshot_of_nothing_is_refused() {
    let schema =
        schema(&cluster("CREATE TABLE databasechangeloglock (id int, locked bool, lockgranted date, lockedby text)")).await;
    let nothing = [TablePattern::parse("x").unwrap()];
    for which in [Which::Every, Which::Matching(&nothing)] {
        assert!(Models::of(&schema, which).unwrap_err().help.unwrap().contains("which database"));
    }
}

#[tokio::test]
async fn another_database_altogether_is_told_table_by_table() {
    let schema = schema(&cluster(SHOP)).await;
    let tables: String = (0..5_000).map(|number| format!("  customer{number}: {{}}\n")).collect();
    let found = compare(&parsed(&format!("tables:\n{tables}")), &schema);
    assert_eq!(found.found.len(), 5_000);
    assert_eq!(found.to_string().lines().next_back(), Some("models.yaml:5001: the table `customer4999` is missing"));
    assert!(found.found.iter().all(|error| error.help.as_deref().unwrap().starts_with("run the migration")));
}

#[tokio::test]
async fn a_view_is_no_table() {
    let schema = schema(&cluster("CREATE VIEW orders AS SELECT 1")).await;
    let found = compare(&parsed("tables: { orders: {} }"), &schema).to_string();
    assert_eq!(found, "models.yaml:1: `orders` is a view in the database and a table in the models\n");
}

#[tokio::test]
async fn every_type_of_every_version_survives_a_snapshot() {
    const TYPES: &str = include_str!("../../pgcopy/tests/copy/types.sql");
    const EVERYTHING: &str = include_str!("../../pgcopy/tests/copy/everything.sql");
    for (major, sql) in Major::ALL.into_iter().flat_map(|major| [(major, TYPES), (major, EVERYTHING)]) {
        let cluster = Cluster::start(major).unwrap();
        cluster.create_database("app").unwrap();
        cluster.psql("app", sql).unwrap();
        let schema = schema(&cluster).await;
        let text = Models::of(&schema, Which::Every).unwrap().to_string();
        let models = parsed(&text);
        assert_eq!(shown(&models, &schema), "", "{major:?}");
        assert_eq!(models.to_string(), text);
        assert!(models.tables.len() > 10, "{major:?}: {}", models.tables.len());
    }
}

#[test]
fn every_problem_of_a_file_is_reported_with_its_place() {
    let source = Source::new("models.yaml", include_str!("models/broken.yaml"));
    golden("broken", &Models::parse(&source).unwrap_err().to_string());
    let problem = |text: &str| Models::parse(&Source::new("models.yaml", text)).unwrap_err().to_string();
    golden("broken_wholly", &["", "tables: {}", "tables: [", "- x", "strict: yes\ntables: { a: {} }"].map(problem).join("\n\n"));
}

#[test]
fn json_is_read_as_well() {
    let json = "{\n\t\"strict\": true,\n\t\"tables\": {\n\t\t\"a\\u0062\": { \"columns\": { \"id\": \"numeric(10,2) not null\" }, \"unique\": [[\"id\"]] }\n\t}\n}\n";
    let yaml = "strict: true\ntables:\n  ab:\n    columns:\n      id: decimal(10, 2) NOT NULL\n    unique:\n      - [id]\n";
    assert_eq!(parsed(json).to_string(), parsed(yaml).to_string());
    assert!(parsed(json).to_string().ends_with("numeric(10,2) not null\n    unique:\n      - [id]\n"));
}

#[test]
fn a_difference_is_placed_where_a_file_has_no_indentation_too() {
    let models = parsed("{\"tables\": {\n\"a\": {},\n\"b\": {}}}");
    let found = compare(&models, &Schema::default()).to_string();
    assert_eq!(found, "models.yaml:2: the table `a` is missing\nmodels.yaml:3: the table `b` is missing\n");
}

#[test]
fn the_schema_for_editors_names_every_key() {
    golden("schema", &serde_json::to_string_pretty(&Models::schema()).unwrap());
}

#[test]
fn many_tables_are_no_problem() {
    let mut schema = Schema::default();
    for number in 0..5_000 {
        let columns = (0..30).map(|column| format!("column_{column}")).collect::<Vec<_>>();
        schema.tables.insert(TableName::new("public", format!("table_{number}")), table(&columns));
    }
    let text = Models::of(&schema, Which::Every).unwrap().to_string();
    assert!(compare(&parsed(&text), &schema).is_none());
}

fn table(columns: &[String]) -> Table {
    let column = |name: &String| Column {
        name: ColumnName(name.clone()),
        type_name: "character varying(50)".into(),
        collation: None,
        kind: TypeKind::Text { max_chars: Some(50) },
        not_null: false,
        default: None,
        source: ColumnSource::Written,
    };
    Table {
        kind: TableKind::Ordinary,
        partition_of: None,
        inherits: vec![],
        persistence: Persistence::Permanent,
        owner: "app".into(),
        columns: columns.iter().map(column).collect(),
        primary_key: None,
        unique: vec![],
        foreign_keys: vec![],
        checks: vec![],
        partition_key: vec![],
        extension_config: None,
    }
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_]{1,8}", "\\PC{1,8}", Just("null".to_owned()), Just("~".to_owned()), Just("1e5".to_owned())]
}

proptest! {
    #[test]
    fn whatever_names_tables_columns_and_types_have_a_snapshot_says_what_there_is(
        (schema_name, name, type_name) in (names(), names(), names()),
        columns in prop::collection::btree_set(names(), 1..5),
    ) {
        let columns: Vec<_> = columns.into_iter().collect();
        let mut one = table(&columns);
        let all: Vec<_> = columns.iter().cloned().map(ColumnName).collect();
        one.columns[0].type_name = format!("{}.{}", restage_core::schema::quote_identifier(&schema_name), restage_core::schema::quote_identifier(&type_name));
        one.primary_key = Some(all[..1].to_vec());
        one.columns[0].not_null = true;
        one.unique = vec![all.clone()];
        let name = TableName::new(schema_name, name);
        one.foreign_keys = vec![ForeignKey { name: "k".into(), columns: all.clone(), to: name.clone(), to_columns: all, definition: String::new() }];
        let schema = Schema { tables: [(name, one)].into(), ..Schema::default() };
        let text = Models::of(&schema, Which::Every).unwrap().to_string();
        let models = parsed(&text);
        prop_assert_eq!(compare(&models, &schema).to_string(), "");
        prop_assert_eq!(models.to_string(), text);
    }
}
