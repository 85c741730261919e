//! Where no second database can be had: everything in one transaction, old or new and never half, and no way back after it.

use crate::look::{Both, looks, made_by_runs, nothing_is_at_work, nothing_is_left, same};
use crate::people::{SCENARIO, add_testers, people, rights, rights_of_both};
use crate::play::{await_that, exit};
use crate::truth::Truth;
use crate::world::{APP, DEMO, World};
use restage_lab::dataset::{PREPROD_OWNER, PRODUCTION_OWNER};
use std::io::Write;
use std::process::Stdio;

/// The demo's scenario without what belongs to a swap.
fn demo_in_place() -> String {
    let (text, _) = DEMO.split_once("      retain:").unwrap();
    text.replace("replace: swap", "replace: in-place")
}

fn people_in_place() -> String {
    SCENARIO.replace("      swap: { drain: 0s }", "      replace: in-place")
}

#[test]
fn an_owner_who_may_not_create_databases_refreshes_in_place() {
    let world = World::drifted();
    world.preprod.psql("postgres", "alter role preprod_owner nocreatedb").unwrap();
    world.restage(&["plan", "preprod"]).ends(exit::REFUSED).fails_with("R0204").says("createdb");
    world.scenario("preprod", &demo_in_place());
    let (before, truth) = (Both::of(&world), Truth::of(&world));
    world.restage(&["plan", "preprod"]).ends(exit::DONE).says("point of no return").says("no undo");

    world.restage(&["run", "preprod", "--yes"]).ends(exit::DONE).says("refreshed");
    truth.holds_in(&world);
    before.production_is_as_before(&world);
    nothing_is_left(&world);
    let refreshed = looks(&world.preprod, APP);
    world.restage(&["undo"]).ends(exit::REFUSED).fails_with("R0406");
    world.restage(&["cancel"]).fails_with("R0408");
    same("the refreshed preprod", &refreshed, &looks(&world.preprod, APP));
    assert_eq!(world.restage(&["show", "--output", "json"]).json()["status"], "refreshed");
}

#[test]
fn event_triggers_of_the_target_are_not_told_and_who_may_not_drop_them_is_refused() {
    let world = people();
    add_testers(&world);
    world.scenario("people", &people_in_place());
    let frozen = "create function frozen() returns event_trigger language plpgsql as $$ begin raise 'the schema is frozen'; end $$;
        alter function frozen() owner to {}; create event trigger frost on ddl_command_end execute function frozen()";
    world.production.psql(APP, &frozen.replace("{}", PRODUCTION_OWNER.user)).unwrap();
    world.preprod.psql(APP, &frozen.replace("{}", PREPROD_OWNER.user)).unwrap();
    let before = Both::of(&world);
    world.restage(&["plan", "people"]).ends(exit::REFUSED).says("R0204").says("`frost`");
    before.nothing_was_touched(&world);
    world.preprod.psql("postgres", &format!("alter role {} superuser", PREPROD_OWNER.user)).unwrap();
    let wanted = rights_of_both(&world);
    for _ in 0..2 {
        world.restage(&["run", "people", "--yes"]).ends(exit::DONE);
        assert_eq!(rights(&world.preprod), wanted);
        assert_eq!(world.preprod.psql(APP, "select evtenabled from pg_event_trigger").unwrap(), "O");
    }
}

#[test]
fn kept_rows_that_came_to_conflict_after_the_plan_leave_everything_as_it_was() {
    let world = people();
    add_testers(&world);
    let text = people_in_place()
        .replace("stages:", "stages:\n  - approve: { message: look }")
        .replace("on-conflict: keep-target", "on-conflict: refuse");
    world.scenario("people", &text);
    world.restage(&["run", "people", "--yes"]).ends(exit::WAITING);
    world.in_preprod("update users set email = 'changed@preprod.example.com' where username = 'user.2'");
    let before = Both::of(&world);
    world.restage(&["approve"]).ends(exit::HELD).says("R0209").says("`users`");
    before.nothing_was_touched(&world);
    world.restage(&["show"]).ends(exit::DONE).says("held");
    world.restage(&["undo"]).ends(exit::DONE);
    before.nothing_was_touched(&world);
}

#[test]
fn killed_in_the_middle_it_shows_the_old_content_and_resume_finishes() {
    let world = people();
    add_testers(&world);
    world.scenario("people", &people_in_place());
    let (before, wanted) = (Both::of(&world), rights_of_both(&world));

    kill_in_the_middle(&world);
    before.nothing_was_touched(&world);

    world.restage(&["show"]).ends(exit::DONE).says("cut off");
    world.restage(&["resume"]).ends(exit::DONE).says("refreshed");
    assert_eq!(rights(&world.preprod), wanted);
    before.production_is_as_before(&world);
    assert_eq!(made_by_runs(&world), [] as [String; 0]);
}

#[test]
fn killed_in_the_middle_undo_finds_nothing_to_take_back() {
    let world = people();
    world.scenario("people", &people_in_place());
    let before = Both::of(&world);
    kill_in_the_middle(&world);
    before.nothing_was_touched(&world);
    world.restage(&["undo"]).ends(exit::DONE).says("undone");
    before.nothing_was_touched(&world);
}

/// Kills a run while its transaction is under way: a reader of `bookings` keeps it from going on.
fn kill_in_the_middle(world: &World) {
    let mut reader = world.preprod.client("psql");
    let mut reader = reader.args(["-X", "-q", "-d", APP]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    reader.stdin.as_mut().unwrap().write_all(b"begin; select count(*) from bookings;\n").unwrap();
    let locks = |granted: &str| {
        let query = format!("select count(*) from pg_locks where {granted} and relation = 'bookings'::regclass");
        world.preprod.psql(APP, &query).unwrap()
    };
    await_that("the reader reads", || locks("granted") != "0");
    let run = world.start(&["run", "people", "--yes"]);
    await_that("the refresh waits for the reader", || locks("not granted") != "0");
    run.kill();
    reader.kill().unwrap();
    reader.wait().unwrap();
    nothing_is_at_work(world);
}
