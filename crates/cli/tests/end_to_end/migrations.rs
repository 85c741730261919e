//! Migrations are compared by identity, and a preprod ahead of production gets its own before the swap.

use crate::look::{Both, rows};
use crate::people::{SCENARIO, add_testers, people, rights, rights_of_both};
use crate::play::exit;
use crate::world::World;

/// What preprod's next version of the application does to the database.
const MIGRATION: &str = "begin;
create table rooms (id int primary key, name text not null);
insert into rooms values (1, 'from the migration');
alter table users add column phone text not null default 'none';
alter table bookings add column room int references rooms;
insert into flyway_schema_history values (4, '4', 'rooms', 'SQL', 'V4__rooms.sql', 4000, 'x', now(), 1, true);
commit;
";

/// A preprod that runs the next version and uses it.
fn ahead() -> World {
    let world = people();
    add_testers(&world);
    world.in_preprod(MIGRATION);
    world.in_preprod(
        "update users set phone = '07700 900001' where username = 'tester'; insert into rooms values (2, 'added by a tester')",
    );
    world
}

fn require(text: &str, rest: &str) -> String {
    SCENARIO.replace("      keep:", &format!("      migrations: {{ require: {text} }}\n{rest}      keep:"))
}

#[test]
fn a_preprod_ahead_of_production_is_refused_by_name_unless_told_otherwise() {
    let world = ahead();
    let before = Both::of(&world);
    world.restage(&["run", "people", "--yes"]).ends(exit::REFUSED).fails_with("R0205").says("that only the target has: `4`");
    world.scenario("people", &require("target-ahead", ""));
    world.restage(&["run", "people", "--yes"]).ends(exit::REFUSED).fails_with("R0205").says("before-swap");
    before.nothing_was_touched(&world);
}

#[test]
fn a_production_ahead_of_preprod_is_refused_even_where_preprod_may_be_ahead() {
    let world = people();
    world.in_production(MIGRATION);
    let before = Both::of(&world);
    let migrate = "      before-swap: [{ run: { command: \"true\" } }]\n";
    world.scenario("people", &require("target-ahead", migrate));
    world.restage(&["run", "people", "--yes"]).ends(exit::REFUSED).fails_with("R0205").says("that only production has: `4`");
    before.nothing_was_touched(&world);
}

#[test]
fn the_shadow_is_migrated_by_a_command_before_it_is_swapped_in() {
    let world = ahead();
    world.write("scenarios/migration.sql", MIGRATION);
    let migrate = "      before-swap:\n        - run: { command: [psql, -X, -v, ON_ERROR_STOP=1, -f, migration.sql] }\n";
    world.scenario("people", &require("target-ahead", migrate));
    let (before, wanted) = (Both::of(&world), rights_of_both(&world));
    world.restage(&["plan", "people"]).ends(exit::DONE).says("ahead of production by `4`");
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE).says("refreshed");
    before.production_is_as_before(&world);
    assert_eq!(rights(&world.preprod), wanted);
    assert_eq!(rows(&world.preprod, "select count(*) from flyway_schema_history where version = '4' and success"), ["1"]);
    assert_eq!(rows(&world.preprod, "select phone from users where username in ('tester', 'user.1')"), ["07700 900001", "none"]);
    assert_eq!(rows(&world.preprod, "select * from rooms"), ["1|from the migration", "2|added by a tester"]);
    assert_eq!(rows(&world.preprod, "select count(*) from bookings where room is null"), ["200"]);
    world.restage(&["logs"]).ends(exit::DONE).says("CREATE TABLE");
    world.restage(&["undo"]).ends(exit::DONE);
    before.nothing_was_touched(&world);
}

#[test]
fn a_migration_that_fails_holds_the_run_and_leaves_preprod_in_use() {
    let world = ahead();
    world.write("scenarios/migration.sql", "select 1 / 0");
    let migrate = "      before-swap:\n        - run: { command: [psql, -X, -v, ON_ERROR_STOP=1, -f, migration.sql] }\n";
    world.scenario("people", &require("target-ahead", migrate));
    let (before, wanted) = (Both::of(&world), rights_of_both(&world));
    world.restage(&["run", "people", "--yes"]).ends(exit::HELD).says("R0307").says("division by zero");
    world.write("scenarios/migration.sql", MIGRATION);
    world.restage(&["resume"]).ends(exit::DONE).says("refreshed");
    assert_eq!(rights(&world.preprod), wanted);
    world.restage(&["undo"]).ends(exit::DONE);
    before.nothing_was_touched(&world);
}

#[test]
fn any_difference_is_accepted_where_it_is_asked_for() {
    let world = ahead();
    world.scenario("people", &require("any", ""));
    let wanted = rights_of_both(&world);
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE);
    assert_eq!(rights(&world.preprod), wanted);
}

#[test]
fn a_history_under_another_name_is_compared_when_it_is_named() {
    let world = people();
    let before = Both::of(&world);
    world.scenario("people", &SCENARIO.replace("      keep:", "      migrations: { history: no_such_table }\n      keep:"));
    world.restage(&["run", "people", "--yes"]).ends(exit::REFUSED).fails_with("R0208").says("no_such_table");
    before.nothing_was_touched(&world);
    let rename = "alter table flyway_schema_history rename to schema_version";
    world.in_production(rename);
    world.in_preprod(rename);
    world.in_preprod("update schema_version set checksum = 1 where installed_rank = 2");
    world.scenario("people", &SCENARIO.replace("      keep:", "      migrations: { history: schema_version }\n      keep:"));
    world.restage(&["run", "people", "--yes"]).ends(exit::REFUSED).fails_with("R0205").says("other content");
}
