//! What goes wrong in the middle: the run is held with a reason, the old preprod stays in use, and undo cleans up.

use crate::look::{Both, made_by_runs, nothing_is_at_work};
use crate::people::{SCENARIO, add_testers, people, people_on, rights, rights_of_both};
use crate::play::exit;
use crate::world::{APP, World, reached};
use restage_lab::dataset::{PREPROD_OWNER, PRODUCTION_READER};
use restage_lab::{Cluster, Config, Installation};

fn before_swap(sql: &str) -> String {
    SCENARIO
        .replace("      swap:", &format!("      before-swap: [{{ sql: {{ database: app, statement: \"{sql}\" }} }}]\n      swap:"))
}

/// Expects a held run with that code and a runbook, a preprod in use as before, and an undo that cleans up.
#[track_caller]
fn held(world: &World, before: &Both, code: &str, words: &str) {
    let said = world.restage(&["run", "people", "--yes"]).ends(exit::HELD).says(code).says(words);
    nothing_is_at_work(world);
    before.production_is_as_before(world);
    let shown =
        world.restage(&["show"]).ends(exit::DONE).says("cause").says("evidence").says("restage resume").says("restage undo");
    assert!(shown.out.contains("in use as before"), "how the target stands is not told\n{shown}\n{said}");
    let report = world.restage(&["show", "--output", "json"]).json();
    assert_eq!(report["status"], "held");
    assert!(report["runbook"]["next"].as_array().unwrap().len() >= 2);
}

#[test]
fn a_full_disk_holds_the_run_and_undo_frees_what_it_took() {
    let small = Config { free_bytes: Some(56 << 20), ..Config::of(Installation::any().unwrap()) };
    let world = people_on(Cluster::any().unwrap(), small.start().unwrap());
    add_testers(&world);
    world.in_production("create table big as select n as id, repeat(md5(n::text), 30) as line from generate_series(1, 100000) n; alter table big add primary key (id)");
    let before = Both::of(&world);
    held(&world, &before, "R0303", "disk");
    assert_eq!(made_by_runs(&world).len(), 1);
    world.restage(&["undo"]).ends(exit::DONE);
    before.nothing_was_touched(&world);
    // Without what does not fit, the same target is refreshed.
    let wanted = rights_of_both(&world);
    world.scenario("people", &SCENARIO.replace("      swap:", "      without-rows: [big]\n      swap:"));
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE);
    assert_eq!(rights(&world.preprod), wanted);
}

#[test]
fn a_disk_that_is_too_small_is_seen_beforehand_where_the_server_is_on_this_machine() {
    let small = Config { free_bytes: Some(56 << 20), ..Config::of(Installation::any().unwrap()) };
    let world = people_on(Cluster::any().unwrap(), small.start().unwrap());
    world.in_production("create table big as select n as id, repeat(md5(n::text), 30) as line from generate_series(1, 100000) n");
    world.preprod.psql("postgres", &format!("grant pg_read_all_settings to {}", PREPROD_OWNER.user)).unwrap();
    let (folder, port) = (world.preprod.socket_dir(), world.preprod.port());
    let socket = format!("postgresql://{}@:{port}/{APP}?host={}", PREPROD_OWNER.user, folder.display());
    let source = reached(&world.production.url(APP, PRODUCTION_READER.user), "PRODUCTION_PASSWORD");
    world.environments(&source, &reached(&socket, "PREPROD_PASSWORD"));
    world.restage(&["plan", "people"]).ends(exit::REFUSED).says("R0212").says("MB free");
    world.scenario("people", &SCENARIO.replace("      swap:", "      without-rows: [big]\n      swap:"));
    world.restage(&["plan", "people"]).ends(exit::DONE);
}

#[test]
fn a_copy_that_is_not_what_it_should_be_is_not_swapped_in() {
    let world = people();
    add_testers(&world);
    world.in_production("create table tickets (id serial primary key); insert into tickets select from generate_series(1, 9)");
    let before = Both::of(&world);
    world.scenario("people", &before_swap("select setval('tickets_id_seq', 2)"));
    held(&world, &before, "R0402", "tickets");
    world.restage(&["undo"]).ends(exit::DONE);
    before.nothing_was_touched(&world);
    world.scenario("people", &before_swap("alter table bookings drop constraint bookings_created_by_fkey, add constraint doubtful check (note <> 'booking 7') not valid"));
    held(&world, &before, "R0402", "doubtful");
    world.restage(&["undo"]).ends(exit::DONE);
    before.nothing_was_touched(&world);
}

#[test]
fn a_statement_that_fails_holds_the_run_until_it_is_mended() {
    let world = people();
    add_testers(&world);
    let (before, wanted) = (Both::of(&world), rights_of_both(&world));
    world.in_preprod("create table switch (on_at timestamptz)");
    let before_switch = Both::of(&world);
    world.scenario("people", &before_swap("select 1 / (select count(*) from users where username like 'no%')"));
    held(&world, &before_switch, "R0304", "division by zero");
    // A plan is what was agreed to: editing the file does not change a run that is under way.
    world.scenario("people", &before_swap("select 1"));
    world.restage(&["resume"]).ends(exit::HELD).says("division by zero");
    world.restage(&["cancel"]).ends(exit::DONE).says("cancelled");
    before_switch.nothing_was_touched(&world);
    world.in_preprod("drop table switch");
    before.nothing_was_touched(&world);
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE);
    assert_eq!(rights(&world.preprod), wanted);
}

#[test]
fn a_held_run_goes_on_once_its_cause_is_mended() {
    let world = people();
    add_testers(&world);
    world.in_preprod("create function check_ready() returns int language sql as 'select 1 / 0'");
    let wanted = rights_of_both(&world);
    world.scenario("people", &format!("{SCENARIO}  - sql: {{ database: app, statement: \"select public.check_ready()\" }}\n"));
    world.restage(&["run", "people", "--yes"]).ends(exit::HELD).says("division by zero");
    // The swap is behind it, so the new database is in use, and the rest waits.
    assert_eq!(rights(&world.preprod), wanted);
    world.restage(&["show"]).ends(exit::DONE).says("the target shows the refreshed data");
    world.in_preprod("create or replace function check_ready() returns int language sql as 'select 1'");
    world.restage(&["resume"]).ends(exit::DONE).says("refreshed");
}

#[test]
fn a_server_that_goes_away_holds_the_run_and_resume_copies_anew() {
    let mut world = people();
    add_testers(&world);
    let (before, wanted) = (Both::of(&world), rights_of_both(&world));
    world.scenario("people", &SCENARIO.replace("      swap:", "      before-swap: [{ approve: { message: look } }]\n      swap:"));
    world.restage(&["run", "people", "--yes"]).ends(exit::WAITING);
    world.preprod.stop().unwrap();
    world.restage(&["approve"]).fails_with("R0301");
    world.preprod.start_again().unwrap();
    world.restage(&["approve"]).ends(exit::DONE).says("refreshed");
    assert_eq!(rights(&world.preprod), wanted);
    world.restage(&["undo"]).ends(exit::DONE);
    before.nothing_was_touched(&world);
}

#[test]
fn a_stranger_s_database_in_the_way_is_never_dropped() {
    let world = people();
    world.scenario("people", &SCENARIO.replace("stages:", "stages:\n  - approve: { message: look }"));
    let report = world.restage(&["run", "people", "--yes", "--output", "json"]).ends(exit::WAITING).json_lines().pop().unwrap();
    let shadow = format!("app_restage_{}", report["run"].as_str().unwrap());
    world.preprod.psql("postgres", &format!("create database {shadow} owner preprod_owner")).unwrap();
    world.preprod.psql(&shadow, "create table precious (id int)").unwrap();
    world.restage(&["approve"]).ends(exit::HELD).says("R0401").says(&shadow);
    world.restage(&["undo"]).ends(exit::DONE);
    assert_eq!(world.preprod.psql(&shadow, "select count(*) from precious").unwrap(), "0");
    assert_eq!(made_by_runs(&world), [shadow]);
    world.preprod.psql(APP, "select 1").unwrap();
}
