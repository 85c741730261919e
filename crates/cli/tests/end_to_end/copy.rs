//! `restage copy`: one database into another, by their addresses alone.

use crate::look::{Both, made_by_runs, nothing_is_left, rows};
use crate::people::people;
use crate::play::{Played, Playing, await_that, exit};
use crate::world::{APP, World};
use restage_lab::dataset::{PREPROD_OWNER, PRODUCTION_READER};
use rustix::process::{Pid, Signal, kill_process};

const BOOKINGS: &str = "select id, created_by, note from bookings";

/// The people's production, and an empty database `fresh` on preprod's server.
fn world() -> World {
    let world = people();
    world.preprod.psql("postgres", &format!("create database fresh owner {}", PREPROD_OWNER.user)).unwrap();
    world.preprod.psql("fresh", &format!("alter schema public owner to {}", PREPROD_OWNER.user)).unwrap();
    world
}

fn copy(world: &World, target: &str, options: &[&str]) -> Played {
    let (source, target) = (world.production.url(APP, PRODUCTION_READER.user), world.preprod.url(target, PREPROD_OWNER.user));
    let mut command = world.command(&[&["copy", &source, &target], options].concat());
    command.env("RESTAGE_SOURCE_PASSWORD", PRODUCTION_READER.password).env("RESTAGE_TARGET_PASSWORD", PREPROD_OWNER.password);
    command.env("RESTAGE_MASK_SECRET", crate::world::MASK_KEY);
    Playing::start(command, &world.path("said")).finish()
}

#[test]
fn an_empty_database_is_filled_and_nothing_is_left_beside_it() {
    let world = world();
    let before = Both::of(&world);
    world.write("masks.yaml", "- { column: users.email, with: email }\n- column: accounts.login\n  with: hash\n");
    let limits = ["--workers", "2", "--source-connections", "2", "--source-rate", "100MB", "--index-memory", "64MB"];
    copy(&world, "fresh", &[&["--mask", "masks.yaml", "--checksums", "--without-rows", "flyway_*"], &limits[..]].concat())
        .ends(exit::DONE);
    let report = world.restage(&["show", "--output", "json"]).json();
    assert!(report["copying"]["rows"].as_f64().unwrap() > 0.0 && report["undo_until"].is_null(), "{report}");
    let told = report["lines"].to_string();
    assert!(told.contains("workers: 1 instead of 2, `source-connections` allows no more"), "{told}");
    let expected = |step: &serde_json::Value| step["expected_seconds"].as_f64().is_some();
    let waited: f64 = report["waits"].as_object().unwrap().values().filter_map(serde_json::Value::as_f64).sum();
    assert!(waited > 0.0 && report["steps"].as_array().unwrap().iter().any(expected), "{report}");
    let in_both = |query: &str| -> [Vec<String>; 2] {
        let all = |cluster: &restage_lab::Cluster, database: &str| {
            let mut lines: Vec<String> = cluster.psql(database, query).unwrap().lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        [all(&world.production, APP), all(&world.preprod, "fresh")]
    };
    let [theirs, ours] = in_both(BOOKINGS);
    assert_eq!((theirs.len(), &theirs), (200, &ours));
    let [theirs, ours] = in_both("select username, email from users");
    assert!(theirs.len() == ours.len() && theirs.iter().all(|user| !ours.contains(user)), "{ours:?}");
    assert_eq!(world.preprod.psql("fresh", "select count(*) from flyway_schema_history").unwrap(), "0");
    let databases = || rows(&world.preprod, "select datname from pg_database where not datistemplate");
    await_that("the server has dropped the empty database", || databases().len() == 3);
    world.restage(&["retire", "last"]).ends(exit::DONE).says("0 old databases");
    before.nothing_was_touched(&world);
}

#[test]
fn nobody_waits_for_the_checkpoint_with_which_the_empty_database_is_dropped() {
    let world = world();
    let asked = "select pid from pg_stat_activity where backend_type = 'checkpointer'";
    let checkpointer = Pid::from_raw(world.preprod.psql("postgres", asked).unwrap().trim().parse().unwrap()).unwrap();
    kill_process(checkpointer, Signal::STOP).unwrap();
    let copied = copy(&world, "fresh", &[]);
    let before = made_by_runs(&world);
    kill_process(checkpointer, Signal::CONT).unwrap();
    copied.ends(exit::DONE).says("still dropping the empty database");
    assert_eq!(before.len(), 1, "{before:?}");
    await_that("the server has dropped the empty database", || made_by_runs(&world).is_empty());
}

#[test]
fn what_a_database_holds_is_replaced_only_if_asked_for_and_can_be_had_back() {
    let world = world();
    world.in_preprod("create table own (id int)");
    let before = Both::of(&world);
    copy(&world, APP, &[]).fails_with("R0217").says("is not empty").says("--replace");
    copy(&world, APP, &["--replace"]).says("--yes");
    before.nothing_was_touched(&world);
    copy(&world, APP, &["--replace", "--yes"]).ends(exit::DONE);
    assert_eq!(world.preprod.psql(APP, "select to_regclass('own') is null").unwrap(), "t");
    assert_eq!(made_by_runs(&world).len(), 1);
    let mut undo = world.command(&["undo"]);
    undo.env("RESTAGE_TARGET_PASSWORD", PREPROD_OWNER.password).env("RESTAGE_SOURCE_PASSWORD", PRODUCTION_READER.password);
    Playing::start(undo, &world.path("said")).finish().ends(exit::DONE);
    before.nothing_was_touched(&world);
}

#[test]
fn what_cannot_be_copied_is_told_before_anything_is_touched() {
    let world = world();
    let before = Both::of(&world);
    copy(&world, "fresh", &["--only", "no_such_table"]).says("no_such_table");
    copy(&world, "fresh", &["--only", "a.b.c"]).says("a.b.c");
    copy(&world, "fresh", &["--mask", "nowhere.yaml"]).fails_with("R0104").says("nowhere.yaml");
    world.write("masks.yaml", "- { column: users.emial, with: email }\n");
    copy(&world, "fresh", &["--mask", "masks.yaml"]).says("emial");
    copy(&world, "nowhere", &[]).says("nowhere");
    world.preprod.psql("fresh", "select lo_create(4711)").unwrap();
    copy(&world, "fresh", &[]).fails_with("R0217").says("1 large objects");
    for (database, words) in [("template1", "is a template"), ("postgres", "tools of the server")] {
        world.preprod.psql("postgres", &format!("alter database {database} owner to {}", PREPROD_OWNER.user)).unwrap();
        copy(&world, database, &[]).fails_with("R0217").says(words);
    }
    let source = world.production.url(APP, PRODUCTION_READER.user);
    let with_password = source.replace('@', ":secret-in-a-url@");
    world.restage(&["copy", &with_password, &source]).ends(exit::USAGE).keeps_quiet_of("secret-in-a-url");
    world.restage(&["copy", &source, &source]).says("this is also the address");
    before.nothing_was_touched(&world);
    nothing_is_left(&world);
}
