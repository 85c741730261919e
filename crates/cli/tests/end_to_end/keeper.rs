//! A copy that is cut off is gone on with in its own snapshot, for as long as that is kept; and nobody keeps it for longer.

use crate::look::{Both, made_by_runs, nothing_is_at_work, processes};
use crate::people::people;
use crate::play::{Playing, await_that, exit};
use crate::world::World;
use restage_lab::dataset::PRODUCTION_READER;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;

/// Slow enough to be cut off in the middle.
const SLOW: &str = "scenario: slow
title: Copy slowly
from: production
to: preprod
stages:
  - copy-database:
      database: app
      migrations: { require: any }
      deltas: drop
      workers: 1
      limits: { source-rate: 1500kB }
";
/// The larger one comes first.
const LARGE: &str = "create table first (id int primary key, filling text default repeat('x', 150));
    insert into first select generate_series(1, 15000);
    create table second (id int primary key, filling text default repeat('x', 100));
    insert into second select generate_series(1, 15000);
    analyze";
/// What production does meanwhile.
const CHANGES: &str = "delete from first where id > 10; update second set filling = 'later'; insert into second values (0)";
const GONE_ON: &str = "it was gone on with in the snapshot of";
/// What tells whether rows were written again.
const WRITTEN: &str = "select min(xmin::text) || max(xmin::text) || count(*) from first";

/// A run that is at the second table, and the shadow.
fn begun() -> (World, Playing, String) {
    let world = people();
    world.in_production(LARGE);
    world.scenario("slow", SLOW);
    let run = world.start(&["run", "slow", "--yes"]);
    await_that("there is a shadow", || !made_by_runs(&world).is_empty());
    let shadow = made_by_runs(&world).remove(0);
    await_that("the first table is there", || {
        let there = "select count(*) from restage_ledger.finished where done like '%\"first\"%'";
        world.preprod.psql(&shadow, there).is_ok_and(|count| count == "1")
    });
    (world, run, shadow)
}

/// What the second table is in preprod: how many rows, and how many as they were first.
fn second(world: &World) -> String {
    world.in_preprod("select count(*) || ' ' || count(*) filter (where filling <> 'later') || ' ' || min(id) from second")
}

fn jobs(world: &World) -> usize {
    fs::read_dir(world.store().join("jobs")).map_or(0, Iterator::count)
}

fn goes_on(world: &World, shadow: &str) {
    let keeper = processes(world);
    assert_eq!(keeper.len(), 1, "one process keeps the snapshot");
    for file in ["cmdline", "environ"] {
        let content = String::from_utf8(fs::read(format!("/proc/{}/{file}", keeper[0])).unwrap()).unwrap();
        assert!(!content.contains(PRODUCTION_READER.password), "{content}");
    }
    let written = world.preprod.psql(shadow, WRITTEN).unwrap();
    world.in_production(CHANGES);
    world.restage(&["resume"]).ends(exit::DONE).says(GONE_ON);
    assert_eq!(world.in_preprod(WRITTEN), written, "the first table was not copied again");
    assert_eq!(second(world), "15000 15000 1");
    assert_eq!(world.in_preprod("select to_regnamespace('restage_ledger') is null"), "t");
    nothing_is_at_work(world);
    assert_eq!(jobs(world), 0);
}

#[test]
fn a_killed_copy_is_gone_on_with_in_its_snapshot() {
    let (world, run, shadow) = begun();
    run.kill();
    goes_on(&world, &shadow);
}

#[test]
fn an_interrupted_copy_is_gone_on_with_in_its_snapshot() {
    let (world, run, shadow) = begun();
    run.signal(Signal::INT);
    run.finish().ends(exit::CANCELLED);
    goes_on(&world, &shadow);
}

#[test]
fn without_its_keeper_a_killed_copy_begins_anew() {
    let (world, run, _) = begun();
    run.kill();
    let keeper = processes(&world);
    kill_process(Pid::from_raw(keeper[0].cast_signed()).unwrap(), Signal::KILL).unwrap();
    world.in_production(CHANGES);
    world.restage(&["resume"]).ends(exit::DONE).keeps_quiet_of(GONE_ON);
    assert_eq!((world.in_preprod("select count(*) from first"), second(&world)), ("10".into(), "15001 1 0".into()));
    nothing_is_at_work(&world);
}

#[test]
fn taking_a_killed_copy_back_ends_its_keeper() {
    let (world, run, _) = begun();
    let before = Both::of(&world);
    run.kill();
    assert_eq!(processes(&world).len(), 1);
    world.restage(&["undo"]).ends(exit::DONE);
    assert_eq!(processes(&world), [] as [u32; 0], "it has ended when the command has");
    assert_eq!(jobs(&world), 0);
    before.nothing_was_touched(&world);
}
