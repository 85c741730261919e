//! Scripts of migrations that restage applies itself: to a copy before its swap, and to preprod as it is.

use crate::look::{Both, rows};
use crate::people::{SCENARIO, add_testers, people, rights, rights_of_both};
use crate::play::exit;
use crate::world::World;
use restage_migrate::checksum::Checksum;

/// What both have applied already, thrice.
const CHANGE: &str = "select 1;\n";
/// What preprod's next version of the application does to the database.
pub(crate) const ROOMS: &str = "create table rooms (id int primary key, name text not null);
insert into rooms values (1, 'from the migration; there are others');
alter table users add column phone text not null default 'none';
alter table bookings add column room int references rooms;
";
const ONLY_MIGRATE: &str = "scenario: migrate\nfrom: production\nto: preprod\nstages:\n  - migrate: { database: app, scripts: ";

/// Both databases with the history of three scripts, which are there together with the next one.
pub(crate) fn with_scripts(world: World) -> World {
    for version in 1..=3 {
        world.write(&format!("scenarios/migrations/V{version}__change.sql"), CHANGE);
    }
    world.write("scenarios/migrations/V4__rooms.sql", ROOMS);
    let recorded = format!("update flyway_schema_history set checksum = {}", Checksum::of_text(CHANGE));
    world.in_production(&recorded);
    world.in_preprod(&recorded);
    world
}

/// Both databases with their scripts, one of which is pending, and the scenario `migrate`.
pub(crate) fn to_migrate() -> World {
    let world = with_scripts(people());
    world.scenario("migrate", &format!("{ONLY_MIGRATE}migrations }}\n"));
    world
}

/// A preprod that has the next version and uses it.
fn ahead() -> World {
    let world = with_scripts(people());
    add_testers(&world);
    world.in_preprod(ROOMS);
    world.in_preprod(&format!(
        "insert into flyway_schema_history values (4, '4', 'rooms', 'SQL', 'V4__rooms.sql', {}, 'x', now(), 1, true);
         update users set phone = '07700 900001' where username = 'tester'; insert into rooms values (2, 'added by a tester')",
        Checksum::of_text(ROOMS)
    ));
    world.scenario("people", &SCENARIO.replace("      keep:", "      migrations: { apply: migrations }\n      keep:"));
    world
}

#[test]
fn a_copy_of_an_older_production_is_brought_to_preprods_version_before_it_is_swapped_in() {
    let world = ahead();
    let (before, wanted) = (Both::of(&world), rights_of_both(&world));
    world.restage(&["plan", "people"]).ends(exit::DONE).says("apply the migration `V4__rooms.sql`");
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE).says("refreshed").says("1 migration applied, now at version 4");
    before.production_is_as_before(&world);
    assert_eq!(rights(&world.preprod), wanted);
    let recorded = "select installed_rank, description, script, checksum, success from flyway_schema_history where version = '4'";
    assert_eq!(rows(&world.preprod, recorded), [format!("4|rooms|V4__rooms.sql|{}|t", Checksum::of_text(ROOMS))]);
    assert_eq!(rows(&world.preprod, "select phone from users where username in ('tester', 'user.1')"), ["07700 900001", "none"]);
    assert_eq!(rows(&world.preprod, "select * from rooms"), ["1|from the migration; there are others", "2|added by a tester"]);
    world.restage(&["undo"]).ends(exit::DONE);
    before.nothing_was_touched(&world);
}

#[test]
fn a_script_that_fails_on_the_copy_is_named_with_its_line_and_costs_preprod_nothing() {
    let world = ahead();
    world.write("scenarios/migrations/V5__broken.sql", "select 1;\nselect 2 / 0;\n");
    let before = Both::of(&world);
    let held = world.restage(&["run", "people", "--yes"]).ends(exit::HELD).says("R0316");
    held.says("V5__broken.sql:2").says("division by zero").says("nothing of it is left");
    world.restage(&["undo"]).ends(exit::DONE);
    before.nothing_was_touched(&world);
}

#[test]
fn a_script_that_was_edited_after_it_was_applied_is_refused_before_anything_is_copied() {
    let world = ahead();
    world.write("scenarios/migrations/V2__change.sql", "select 2;\n");
    let before = Both::of(&world);
    world.restage(&["run", "people", "--yes"]).ends(exit::REFUSED).fails_with("R0220").says("V2__change.sql");
    before.nothing_was_touched(&world);
}

#[test]
fn preprod_is_migrated_as_it_is_once_and_not_again() {
    let world = to_migrate();
    let before = Both::of(&world);
    let planned = world.restage(&["plan", "migrate"]).ends(exit::DONE).tells("undo leaves what");
    planned.tells("all but what undo leaves can be taken back").keeps_quiet_of("the old database");
    world.restage(&["run", "migrate", "--yes"]).ends(exit::DONE).says("V4__rooms.sql");
    before.production_is_as_before(&world);
    assert_eq!(rows(&world.preprod, "select name from rooms"), ["from the migration; there are others"]);
    world.restage(&["plan", "migrate"]).ends(exit::DONE).says("find all migrations applied");
    world.restage(&["run", "migrate", "--yes"]).ends(exit::DONE);
    assert_eq!(rows(&world.preprod, "select count(*) from flyway_schema_history"), ["4"]);
}

#[test]
fn a_database_that_is_not_what_the_models_say_holds_the_run() {
    let world = with_scripts(people());
    world.write("scenarios/models.yaml", "tables:\n  rooms:\n    columns:\n      id: bigint not null\n      seats: integer\n");
    world.scenario("migrate", &format!("{ONLY_MIGRATE}{{ locations: [migrations], models: models.yaml }} }}\n"));
    let held = world.restage(&["run", "migrate", "--yes"]).ends(exit::HELD).says("R0317");
    held.says("rooms.id").says("one more difference");
    world.write("scenarios/models.yaml", "tables:\n  rooms:\n    columns:\n      id: integer not null\n");
    world.restage(&["resume"]).ends(exit::DONE).says("compared with the models: 1 table");
}

#[test]
fn a_database_without_a_history_is_given_the_baseline_that_the_settings_name() {
    let world = with_scripts(people());
    world.in_preprod("drop table flyway_schema_history");
    let settings = "{ baselineOnMigrate: \"true\", baselineVersion: \"3\" }";
    world.scenario("migrate", &format!("{ONLY_MIGRATE}{{ locations: [migrations], settings: {settings} }} }}\n"));
    world.restage(&["plan", "migrate"]).ends(exit::DONE).says("apply the migration `V4__rooms.sql`");
    world.restage(&["run", "migrate", "--yes"]).ends(exit::DONE).says("1 migration applied, now at version 4");
    let history = "select version, type from flyway_schema_history order by installed_rank";
    assert_eq!(rows(&world.preprod, history), ["3|BASELINE", "4|SQL"]);
    world.restage(&["plan", "migrate"]).ends(exit::DONE).says("find all migrations applied");
}
