//! One run per target at a time, whoever asks and wherever from; the leases of the dead are taken over.

use crate::look::{Both, nothing_is_at_work};
use crate::people::{SCENARIO, add_testers, people, rights, rights_of_both};
use crate::play::{Playing, await_that, exit};
use crate::world::World;

/// A scenario that is at work until `go-on` is there.
fn busy(world: &World) {
    let run = "      before-swap: [{ run: { command: 'touch begun; until test -e go-on; do sleep 0.05; done' } }]\n      swap:";
    world.scenario("people", &SCENARIO.replace("      swap:", run));
}

fn begun(world: &World) -> Playing {
    let run = world.start(&["run", "people", "--yes"]);
    await_that("its command has begun", || world.path("project/scenarios/begun").exists());
    run
}

#[test]
fn a_second_run_on_one_target_is_refused_whichever_store_it_uses() {
    let world = people();
    add_testers(&world);
    busy(&world);
    let (before, wanted) = (Both::of(&world), rights_of_both(&world));
    let first = begun(&world);
    world.restage(&["run", "people", "--yes"]).ends(exit::REFUSED).fails_with("R0215");
    let elsewhere = world.path("another-store").display().to_string();
    world.restage(&["--store", &elsewhere, "run", "people", "--yes"]).ends(exit::REFUSED).fails_with("R0215");
    world.restage(&["plan", "people"]).ends(exit::DONE).says("at work right now");
    before.preprod_is_as_before(&world);
    world.write("scenarios/go-on", "");
    first.finish().ends(exit::DONE).says("refreshed");
    assert_eq!(rights(&world.preprod), wanted);
    nothing_is_at_work(&world);
}

#[test]
fn the_lease_of_a_dead_process_is_taken_over_at_once() {
    let world = people();
    add_testers(&world);
    busy(&world);
    let wanted = rights_of_both(&world);
    begun(&world).kill();
    world.restage(&["show"]).ends(exit::DONE).says("cut off").says("As far as");
    let target = world.restage(&["show", "--output", "json"]).json()["target"].clone();
    assert!(target.as_str().unwrap().starts_with("the target"), "{target}");
    // What the dead one had at work goes on by itself; a second run stands beside it.
    world.restage(&["plan", "people"]).ends(exit::DONE).says("is not at work");
    world.write("scenarios/go-on", "");
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE).says("refreshed");
    assert_eq!(rights(&world.preprod), wanted);
    let runs = world.restage(&["runs", "--output", "json"]).json();
    assert_eq!((&runs[0]["status"], &runs[1]["status"]), (&"refreshed".into(), &"running".into()));
    let dead = runs[1]["run"].as_str().unwrap().to_owned();
    world.restage(&["undo", &dead]).ends(exit::DONE);
    assert_eq!(rights(&world.preprod), wanted, "undoing the dead run touched what another run made");
}

#[test]
fn two_at_once_on_one_run_are_one_driver_and_one_who_asks() {
    let world = people();
    add_testers(&world);
    busy(&world);
    let wanted = rights_of_both(&world);
    let first = begun(&world);
    world.restage(&["resume"]).ends(exit::DONE).says("Driven by").says("has heard");
    world.restage(&["approve"]).ends(exit::USAGE).fails_with("R0408");
    world.write("scenarios/go-on", "");
    first.finish().ends(exit::DONE).says("refreshed");
    assert_eq!(rights(&world.preprod), wanted);
}

#[test]
fn the_log_is_followed_while_the_run_is_at_work() {
    let world = people();
    busy(&world);
    let text = std::fs::read_to_string(world.path("project/scenarios/people.yaml")).unwrap();
    world.scenario("people", &text.replace("touch begun;", "echo it begins; touch begun;"));
    let run = begun(&world);
    let logs = world.start(&["logs", "--follow"]);
    await_that("the first words are there", || logs.so_far().contains("it begins"));
    world.write("scenarios/go-on", "");
    run.finish().ends(exit::DONE);
    logs.finish().ends(exit::DONE);
}
