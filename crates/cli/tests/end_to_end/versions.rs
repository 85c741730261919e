//! PostgreSQL 14 to 18 as source and target, a newer target included, and a hot standby as the source.

use crate::look::Both;
use crate::people::{add_testers, people, people_between, rights, rights_of_both};
use crate::play::exit;
use crate::truth::Truth;
use crate::world::{APP, World, reached};
use restage_lab::dataset::{PREPROD_OWNER, PRODUCTION_READER};
use restage_lab::{Cluster, Major};

#[track_caller]
fn refreshes(source: Major, target: Major) {
    let world = World::drifted_between(source, target);
    let (before, truth) = (Both::of(&world), Truth::of(&world));
    world.restage(&["run", "preprod", "--yes"]).ends(exit::DONE).says("refreshed");
    truth.holds_in(&world);
    before.production_is_as_before(&world);
    world.restage(&["undo"]).ends(exit::DONE);
    before.nothing_was_touched(&world);
}

#[test]
fn from_14_to_14() {
    refreshes(Major::V14, Major::V14);
}

#[test]
fn from_14_to_18() {
    refreshes(Major::V14, Major::V18);
}

#[test]
fn from_15_to_16() {
    refreshes(Major::V15, Major::V16);
}

#[test]
fn from_16_to_17() {
    refreshes(Major::V16, Major::V17);
}

#[test]
fn from_17_to_18() {
    refreshes(Major::V17, Major::V18);
}

#[test]
fn from_18_to_18() {
    refreshes(Major::V18, Major::V18);
}

#[test]
fn an_older_target_is_refused() {
    let world = people_between(Major::V18, Major::V14);
    let before = Both::of(&world);
    world.restage(&["run", "people", "--yes"]).ends(exit::REFUSED).fails_with("R0203").says("14").says("18");
    before.nothing_was_touched(&world);
}

#[test]
fn a_hot_standby_is_a_source_like_any_other() {
    let world = people();
    add_testers(&world);
    world.in_production("create unlogged table cache (id int); insert into cache values (1)");
    let (before, wanted) = (Both::of(&world), rights_of_both(&world));
    let standby = Cluster::standby_of(&world.production).unwrap();
    standby.await_replay_of(&world.production).unwrap();
    let source = reached(&standby.url(APP, PRODUCTION_READER.user), "PRODUCTION_PASSWORD");
    world.environments(&source, &reached(&world.preprod.url(APP, PREPROD_OWNER.user), "PREPROD_PASSWORD"));
    world.restage(&["plan", "people"]).ends(exit::DONE).says("standby").says("cache");
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE).says("refreshed");
    assert_eq!(rights(&world.preprod), wanted);
    assert_eq!(world.preprod.psql(APP, "select count(*) from cache").unwrap(), "0");
    before.production_is_as_before(&world);
    world.restage(&["undo"]).ends(exit::DONE);
    before.nothing_was_touched(&world);
}
