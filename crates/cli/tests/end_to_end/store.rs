//! The store is believed only as far as it can be: damage and newer forms are refused, and nothing is lost.

use crate::look::Both;
use crate::people::people;
use crate::play::exit;
use crate::world::World;
use rusqlite::Connection;
use std::fs;

fn database(world: &World) -> Connection {
    Connection::open(world.store().join("restage.db")).unwrap()
}

#[test]
fn a_damaged_journal_is_refused_and_the_databases_are_left_alone() {
    let world = people();
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE);
    let after = Both::of(&world);
    let events: i64 = database(&world).query_row("select count(*) from events", [], |row| row.get(0)).unwrap();
    for damage in [
        "update events set event = replace(event, '\"step\":0', '\"step\":1') where seq = 2",
        "delete from events where seq = 3",
        "delete from events where seq = (select max(seq) from events)",
        "update events set event = '{' where seq = 1",
    ] {
        let copy = fs::read(world.store().join("restage.db")).unwrap();
        assert!(database(&world).execute(damage, []).unwrap() > 0, "{damage}");
        for words in [&["show"][..], &["undo"], &["resume"], &["retire", "last", "--now"]] {
            let said = world.restage(words).fails_with("R0501");
            assert_ne!(said.status.code(), Some(exit::DONE));
        }
        fs::write(world.store().join("restage.db"), copy).unwrap();
    }
    assert_eq!(database(&world).query_row("select count(*) from events", [], |row| row.get::<_, i64>(0)).unwrap(), events);
    assert!(after == Both::of(&world), "a damaged journal led to something");
    world.restage(&["undo"]).ends(exit::DONE);
}

#[test]
fn a_run_in_a_damaged_journal_does_not_hide_the_others() {
    let world = people();
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE);
    world.restage(&["retire", "last", "--now"]).ends(exit::DONE);
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE);
    database(&world)
        .execute("update events set event = '{' where run = (select id from runs order by number limit 1)", [])
        .unwrap();
    world.restage(&["show"]).ends(exit::DONE).says("refreshed");
    world.restage(&["undo"]).ends(exit::DONE);
    world.restage(&["runs"]).says("undone").says("R0501");
}

#[test]
fn a_newer_store_is_refused_untouched() {
    let world = people();
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE);
    let after = Both::of(&world);
    database(&world).pragma_update(None, "user_version", 999).unwrap();
    let file = fs::read(world.store().join("restage.db")).unwrap();
    for words in [
        &["runs"][..],
        &["show"],
        &["undo"],
        &["resume"],
        &["retire"],
        &["run", "people", "--yes"],
        &["logs"],
        &["approve"],
        &["cancel"],
    ] {
        world.restage(words).ends(exit::USAGE).fails_with("R0502");
    }
    assert!(fs::read(world.store().join("restage.db")).unwrap() == file, "the store was changed");
    assert!(after == Both::of(&world));
}

#[test]
fn a_store_that_is_none_is_refused() {
    let world = people();
    let before = Both::of(&world);
    fs::write(world.path("file"), "not a folder").unwrap();
    let file = world.path("file").display().to_string();
    world.restage(&["runs", "--store", &file]).ends(exit::USAGE).fails_with("R0503");
    fs::create_dir(world.store()).unwrap();
    fs::write(world.store().join("restage.db"), "not a database, but long enough to look like one".repeat(100)).unwrap();
    world.restage(&["run", "people", "--yes"]).ends(exit::USAGE).fails_with("R0503");
    let strange = world.path("project").display().to_string();
    world.restage(&["runs", "--store", &strange]).ends(exit::USAGE).fails_with("R0503").says("environments.yaml");
    before.nothing_was_touched(&world);
}
