//! Where people decide: approvals, cancelling, and what a failed run does by itself.

use crate::look::{Both, made_by_runs, nothing_is_at_work, nothing_is_left};
use crate::people::{SCENARIO, add_testers, people, rights, rights_of_both};
use crate::play::{await_that, exit};
use crate::world::World;
use rustix::process::Signal;

fn gated(approve: &str) -> String {
    SCENARIO.replace("      swap:", &format!("      before-swap: [{{ approve: {approve} }}]\n      swap:"))
}

#[test]
fn a_gate_waits_without_a_process_and_anybody_may_let_it_pass() {
    let world = people();
    add_testers(&world);
    world.scenario("people", &gated("{ message: 'Is the copy good?' }"));
    let (before, wanted) = (Both::of(&world), rights_of_both(&world));
    let said =
        world.restage(&["run", "people", "--yes"]).ends(exit::WAITING).says("waiting for approval").says("Is the copy good?");
    assert!(said.out.contains("restage approve"), "{said}");
    nothing_is_at_work(&world);
    before.preprod_is_as_before(&world);
    world.restage(&["resume"]).ends(exit::WAITING);
    world.restage_as("grace", &["approve"]).ends(exit::DONE).says("refreshed");
    assert_eq!(rights(&world.preprod), wanted);
    let report = world.restage(&["show", "--output", "json"]).json();
    let gate = report["steps"].as_array().unwrap().iter().find(|step| !step["approved_by"].is_null()).unwrap();
    assert_eq!((&report["by"], &gate["approved_by"]), (&"ada".into(), &"grace".into()));
    world.restage(&["show"]).says("by grace");
    world.restage(&["approve"]).ends(exit::USAGE).fails_with("R0408");
}

#[test]
fn four_eyes_are_two_people() {
    let world = people();
    world.scenario("people", &gated("{ message: look, distinct: true }"));
    let before = Both::of(&world);
    world.restage(&["run", "people", "--yes"]).ends(exit::WAITING);
    world.restage(&["approve"]).ends(exit::USAGE).fails_with("R0602").says("ada");
    world.restage(&["show"]).says("waiting for approval");
    before.preprod_is_as_before(&world);
    world.restage_as("grace", &["approve"]).ends(exit::DONE);
    world.restage_as("grace", &["run", "people", "--yes"]).ends(exit::WAITING);
    world.restage_as("grace", &["approve"]).fails_with("R0602");
    world.restage(&["cancel"]).ends(exit::DONE);
}

#[test]
fn a_waiting_run_is_cancelled() {
    let world = people();
    world.scenario("people", &gated("{ message: look }"));
    let before = Both::of(&world);
    world.restage(&["run", "people", "--yes"]).ends(exit::WAITING);
    assert_eq!(made_by_runs(&world).len(), 1);
    world.restage(&["cancel"]).ends(exit::DONE).says("cancelled and undone");
    before.nothing_was_touched(&world);
    world.restage(&["approve"]).ends(exit::USAGE).fails_with("R0408");
}

/// A scenario that is at work until it is stopped; then it notes that it was taken back.
fn endless(world: &World) {
    let run = "      before-swap: [{ run: { command: 'touch begun; sleep 600', undo: 'touch taken-back' } }]\n      swap:";
    world.scenario("people", &SCENARIO.replace("      swap:", run));
}

#[test]
fn a_run_at_work_is_cancelled_from_another_terminal() {
    let world = people();
    endless(&world);
    let before = Both::of(&world);
    let run = world.start(&["run", "people", "--yes"]);
    await_that("its command has begun", || world.path("project/scenarios/begun").exists());
    world.restage(&["show"]).ends(exit::DONE).says("running").says("Driven by");
    world.restage_as("grace", &["cancel"]).ends(exit::DONE).says("has heard");
    run.finish().ends(exit::CANCELLED).says("cancelled by grace");
    assert!(world.path("project/scenarios/taken-back").exists());
    before.nothing_was_touched(&world);
    world.restage(&["show"]).says("cancelled and undone");
}

#[test]
fn interrupted_at_the_terminal_a_run_stays_as_it_is_until_somebody_decides() {
    for signal in [Signal::INT, Signal::TERM] {
        let world = people();
        endless(&world);
        let before = Both::of(&world);
        let run = world.start(&["run", "people", "--yes"]);
        await_that("its command has begun", || world.path("project/scenarios/begun").exists());
        run.signal(signal);
        run.finish().ends(exit::CANCELLED).fails_with("R0404").says("restage resume").says("restage undo");
        before.preprod_is_as_before(&world);
        world.restage(&["undo"]).ends(exit::DONE);
        assert!(world.path("project/scenarios/taken-back").exists());
        before.nothing_was_touched(&world);
    }
}

#[test]
fn a_command_that_was_left_behind_is_found_again_and_not_run_twice() {
    let world = people();
    add_testers(&world);
    let run = "      before-swap: [{ run: { command: 'echo once >> begun; until test -e go-on; do sleep 0.05; done; echo its last words' } }]\n      swap:";
    world.scenario("people", &SCENARIO.replace("      swap:", run));
    let wanted = rights_of_both(&world);
    let run = world.start(&["run", "people", "--yes"]);
    await_that("its command has begun", || world.path("project/scenarios/begun").exists());
    run.kill();
    world.restage(&["show"]).says("cut off");
    let resume = world.start(&["resume"]);
    await_that("it is driven again", || world.restage(&["show"]).out.contains("Driven by"));
    world.write("scenarios/go-on", "");
    resume.finish().ends(exit::DONE).says("refreshed");
    assert_eq!(std::fs::read_to_string(world.path("project/scenarios/begun")).unwrap(), "once\n");
    world.restage(&["logs"]).says("its last words");
    assert_eq!(rights(&world.preprod), wanted);
}

#[test]
fn on_failure_undo_brings_the_old_database_back_after_the_swap() {
    let world = people();
    add_testers(&world);
    let text = SCENARIO.replace("stages:", "on-failure: undo\nstages:");
    world.scenario("people", &format!("{text}  - run: {{ command: 'echo the application does not start; exit 7' }}\n"));
    let before = Both::of(&world);
    world.restage(&["run", "people", "--yes"]).ends(exit::UNDONE).says("R0307").says("undone");
    before.nothing_was_touched(&world);
    world.restage(&["logs"]).says("the application does not start");
}

#[test]
fn on_failure_hold_waits_after_the_swap_and_undo_still_works() {
    let world = people();
    add_testers(&world);
    world.scenario("people", &format!("{SCENARIO}  - run: {{ command: 'test -e mended' }}\n"));
    let (before, wanted) = (Both::of(&world), rights_of_both(&world));
    world.restage(&["run", "people", "--yes"]).ends(exit::HELD).says("R0307");
    assert_eq!(rights(&world.preprod), wanted);
    world.restage(&["undo"]).ends(exit::DONE);
    before.nothing_was_touched(&world);
    world.restage(&["run", "people", "--yes"]).ends(exit::HELD);
    world.write("scenarios/mended", "");
    world.restage(&["resume"]).ends(exit::DONE).says("refreshed");
    world.restage(&["retire", "last", "--now"]).ends(exit::DONE);
    nothing_is_left(&world);
}

#[test]
fn a_run_that_cannot_be_taken_back_is_stuck_and_says_how_to_go_on() {
    let world = people();
    world.scenario("people", &format!("{SCENARIO}  - run: {{ command: 'touch done', undo: 'test -e may-be-undone' }}\n"));
    let before = Both::of(&world);
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE);
    world.restage(&["undo"]).ends(exit::STUCK).says("stuck").says("by hand").says("test -e may-be-undone");
    world.write("scenarios/may-be-undone", "");
    world.restage(&["undo"]).ends(exit::DONE).says("undone");
    before.nothing_was_touched(&world);
}
