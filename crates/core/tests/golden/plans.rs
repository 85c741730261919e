//! Whole plans.

use super::case::Case;
use crate::facts::{self, add_table, column, integer, name, text};
use restage_core::facts::CopyFacts;
use restage_core::schema::TableKind;

#[test]
fn the_standard_swap() {
    let keys = "keep:
  - { table: users, on-conflict: keep-target }
  - user_roles
mask:
  - { column: people.email, with: email }
  - { column: people.full_name, with: name }
unmasked: [people.born]
before-swap:
  - sql: { database: app, file: scrub.sql }";
    Case::copying(keys).is_planned("standard-swap");
}

#[test]
fn a_copy_of_an_older_production_that_is_migrated_before_the_swap() {
    let ahead = |facts: &mut CopyFacts| {
        let mut theirs = facts::history(&["1", "2", "3", "4"]);
        theirs.applied[3].checksum = Some("4".into());
        facts.target.migrations = vec![theirs];
    };
    let keys = "migrations: { apply: migrations }\nbefore-swap: [{ sql: { database: app, file: scrub.sql } }]";
    Case::copying(keys).but(ahead).is_planned("migrated-before-the-swap");
}

#[test]
fn migrations_of_the_target_itself() {
    let scenario = "scenario: refresh
from: production
to: preprod
stages:
  - migrate:
      database: app
      scripts: { locations: [db/migration], config: [flyway.conf], settings: { table: schema_version }, models: models.yaml }
      within: 20m
  - migrate: { database: app, scripts: [db/migration, db/seed] }
";
    Case::of(scenario).is_planned("migrate");
}

#[test]
fn in_place() {
    Case::copying("keep: [users]\nreplace: in-place").is_planned("in-place");
}

#[test]
fn every_other_stage() {
    let scenario = "scenario: refresh
title: Refresh everything
from: production
to: preprod
on-failure: undo
limits: { concurrent-steps: 2, run-within: 3h }
stages:
  - approve: { message: Refresh now?, distinct: true }
  - run: { command: ./stop, undo: ./start }
  - scenario: copying
  - parallel:
      - sql: { database: app, statement: \"insert into banner values ('fresh')\", undo: delete from banner }
      - run: { command: [kubectl, rollout, restart, deploy/app], directory: ops }
  - check-http: { url: \"https://preprod.example/health\", contains: UP }
  - wait-for: { sql: { database: app, query: select 1 } }
  - wait-for: { tcp: \"preprod.example:443\" }
";
    let copying = "scenario: copying
from: production
to: preprod
stages:
  - copy-database: { database: app, deltas: drop, retain: 2h, swap: { drain: 10s, within: 20s } }
";
    Case::of(scenario).beside("copying", copying).is_planned("every-other-stage");
}

#[test]
fn what_is_said_of_a_partitioned_table_holds_for_every_partition_below_it() {
    let facts = |facts: &mut CopyFacts| {
        for (table, kind, above) in [
            ("log", TableKind::Partitioned, None),
            ("log_2024", TableKind::Partitioned, Some("log")),
            ("log_2024_odd", TableKind::Ordinary, Some("log_2024")),
            ("event", TableKind::Ordinary, None),
            ("login", TableKind::Ordinary, None),
            ("cache", TableKind::Partitioned, None),
            ("cache_1", TableKind::Ordinary, Some("cache")),
            ("old", TableKind::Partitioned, None),
            ("old_1", TableKind::Ordinary, Some("old")),
        ] {
            add_table(&mut facts.source, table, vec![column("id", integer()), column("email", text())], vec![]);
            let table = facts.source.schema.tables.get_mut(&name(table)).unwrap();
            (table.kind, table.partition_of) = (kind, above.map(name));
        }
        facts.source.schema.tables.get_mut(&name("login")).unwrap().inherits = vec![name("event")];
    };
    let keys = "mask: [{ column: log.email, with: email }, { column: event.email, with: hash }]
rows: [{ table: log, where: id < 1000 }]
without-rows: [cache]
without: [old]";
    let plan = serde_json::to_value(Case::copying(keys).but(facts).plan().unwrap()).unwrap();
    let tables = plan["steps"].as_array().unwrap().iter().find_map(|step| step["step"].pointer("/carried/tables")).unwrap();
    assert_eq!(tables["log_2024_odd"], serde_json::json!({ "rows": { "where": "id < 1000" }, "masks": { "email": "email" } }));
    assert_eq!(tables["login"], serde_json::json!({ "rows": "all", "masks": { "email": "hash" } }));
    assert_eq!(tables["cache_1"], serde_json::json!({ "rows": "none" }));
    assert_eq!((&tables["old"], &tables["old_1"]), (&serde_json::Value::Null, &serde_json::Value::Null));
}
