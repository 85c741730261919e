//! What is unusual and right all the same: odd names, flaws that production has itself, busy servers, empty databases.

use crate::look::{Both, looks, rows, same};
use crate::people::{SCENARIO, add_testers, people, rights, rights_of_both};
use crate::play::{await_that, exit};
use crate::world::{APP, World, reached};
use restage_lab::dataset::{PREPROD_OWNER, PRODUCTION_READER};
use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A session that keeps a table of production to itself until it is dropped.
struct Lock {
    session: Child,
}

impl Lock {
    fn on(world: &World, table: &str) -> Self {
        let mut client = world.production.client("psql");
        client.args(["-X", "-q", "-d", APP]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut session = client.spawn().unwrap();
        let lock = format!("begin; lock table {table} in access exclusive mode;\n");
        session.stdin.as_mut().unwrap().write_all(lock.as_bytes()).unwrap();
        let held = format!(
            "select count(*) from pg_locks where relation = '{table}'::regclass and mode = 'AccessExclusiveLock' and granted"
        );
        await_that("the table is locked", || world.production.psql(APP, &held).unwrap() == "1");
        Self { session }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.session.kill().unwrap();
        self.session.wait().unwrap();
    }
}

#[test]
fn names_of_every_kind_are_only_names() {
    let world = people();
    add_testers(&world);
    let name = "App \"x\" ü'$1;--";
    let quoted = format!("\"{}\"", name.replace('"', "\"\""));
    for cluster in [&world.production, &world.preprod] {
        cluster.psql("postgres", &format!("alter database {APP} rename to {quoted}")).unwrap();
        cluster
            .psql(
                name,
                "create schema \"Select\"; create table \"Select\".\"Table \"\"1\"\" ;\" (\"Order By\" int primary key, \"ü\" text);
                 insert into \"Select\".\"Table \"\"1\"\" ;\" select n, 'row ' || n from generate_series(1, 9) n;
                 create view \"Select\".\"a.b\" as select * from \"Select\".\"Table \"\"1\"\" ;\"",
            )
            .unwrap();
        let owner = cluster.psql(name, "select datdba::regrole from pg_database where datname = current_database()").unwrap();
        for object in ["schema \"Select\"", "table \"Select\".\"Table \"\"1\"\" ;\"", "table \"Select\".\"a.b\""] {
            cluster.psql(name, &format!("alter {object} owner to {owner}")).unwrap();
        }
    }
    world.preprod.psql(name, "update \"Select\".\"Table \"\"1\"\" ;\" set ü = 'drifted'").unwrap();
    world.environments(
        &reached(&world.production.url(name, PRODUCTION_READER.user), "PRODUCTION_PASSWORD"),
        &reached(&world.preprod.url(name, PREPROD_OWNER.user), "PREPROD_PASSWORD"),
    );
    let (production, before) = (looks(&world.production, name), looks(&world.preprod, name));
    let stage = "      before-swap: [{ run: { command: 'psql -XAtc \"select current_database()\"' } }]\n      swap:";
    world.scenario("people", &SCENARIO.replace("      swap:", stage));
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE).says("refreshed");
    world.restage(&["logs"]).says("App \"x\" ü'$1;--_restage_");
    assert_eq!(world.preprod.psql(name, "select count(*) from \"Select\".\"a.b\" where ü like 'row %'").unwrap(), "9");
    same("production", &production, &looks(&world.production, name));
    world.restage(&["undo"]).ends(exit::DONE);
    same("preprod", &before, &looks(&world.preprod, name));
}

#[test]
fn flaws_that_production_has_itself_are_copied_and_do_not_stop_a_refresh() {
    let world = people();
    add_testers(&world);
    world.in_production(
        "alter table bookings add constraint short check (length(note) < 5) not valid;
         create table tickets (id serial primary key); insert into tickets values (100);
         create materialized view unfilled as select 1 as one with no data",
    );
    let wanted = rights_of_both(&world);
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE).says("refreshed");
    assert_eq!(rights(&world.preprod), wanted);
    assert_eq!(rows(&world.preprod, "select convalidated from pg_constraint where conname = 'short'"), ["f"]);
    world.in_preprod("insert into tickets default values");
}

#[test]
fn a_table_that_production_has_locked_is_waited_for_and_the_plan_has_a_deadline() {
    let world = people();
    add_testers(&world);
    let (before, wanted) = (Both::of(&world), rights_of_both(&world));
    let lock = Lock::on(&world, "bookings");
    let said = world.restage(&["plan", "people"]);
    assert_ne!(said.status.code(), Some(exit::DONE), "{said}");
    assert!(said.err.contains("error[R0"), "{said}");
    let run = world.start(&["run", "people", "--yes"]);
    let waits = "select count(*) from pg_locks where not granted";
    await_that("it waits for the lock", || world.production.psql(APP, waits).unwrap() != "0");
    drop(lock);
    run.finish().ends(exit::DONE).says("refreshed");
    assert_eq!(rights(&world.preprod), wanted);
    before.production_is_as_before(&world);
}

#[test]
fn a_copy_at_work_is_cancelled_within_seconds() {
    let world = people();
    world.scenario("people", &SCENARIO.replace("stages:", "stages:\n  - approve: { message: look }"));
    let before = Both::of(&world);
    world.restage(&["run", "people", "--yes"]).ends(exit::WAITING);
    let lock = Lock::on(&world, "bookings");
    let run = world.start(&["approve"]);
    let waits = "select count(*) from pg_locks where not granted";
    await_that("the copy waits for the lock", || world.production.psql(APP, waits).unwrap() != "0");
    let since = Instant::now();
    world.restage_as("grace", &["cancel"]).ends(exit::DONE);
    run.finish().ends(exit::CANCELLED).says("cancelled by grace");
    assert!(since.elapsed() < Duration::from_secs(20), "cancelling took {:?}", since.elapsed());
    drop(lock);
    before.nothing_was_touched(&world);
}

#[test]
fn an_empty_production_is_never_taken_for_a_success() {
    let world = people();
    add_testers(&world);
    world.in_production("drop table flyway_schema_history, users, user_roles, accounts, account_roles, bookings cascade");
    let before = Both::of(&world);
    world.scenario("people", "scenario: people\nfrom: production\nto: preprod\nstages:\n  - copy-database: { database: app, migrations: { require: any } }\n");
    world.restage(&["run", "people", "--yes"]).ends(exit::REFUSED).fails_with("R0208");
    before.nothing_was_touched(&world);
}

#[test]
fn too_short_a_key_for_masks_is_refused() {
    let world = people();
    let before = Both::of(&world);
    let text = SCENARIO.replace("stages:", "mask-secret: { env: SHORT }\nstages:");
    world.scenario("people", &text.replace("      swap:", "      mask: [{ column: bookings.note, with: text }]\n      swap:"));
    let mut command = world.command(&["run", "people", "--yes"]);
    command.env("SHORT", "15 bytes, short");
    let said = crate::play::Playing::start(command, &world.path("said")).finish();
    assert!(said.err.contains("R0106") && said.err.contains("16"), "{said}");
    before.production_is_as_before(&world);
    before.preprod_is_as_before(&world);
}
