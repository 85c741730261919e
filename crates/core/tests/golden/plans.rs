//! Whole plans.

use super::case::Case;

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
