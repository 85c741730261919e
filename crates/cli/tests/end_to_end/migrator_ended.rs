//! Migrators that are ended from outside, in the middle and several at once.

use crate::look::rows;
use crate::migrator::{QUEUE, await_sleep, ends_with, history, messages, migrate, run, site, words};
use crate::play::{Playing, await_that};
use crate::world::World;
use rustix::process::{Pid, Signal, kill_process};

/// A script in a transaction that takes long once it has done something.
const LONG: &str = "create table half (id int);\nselect pg_sleep(60);\n";
/// One that no transaction allows: its second statement waits for whoever holds a snapshot.
const CONCURRENTLY: &str =
    "create index concurrently first on orders (id);\nvacuum orders;\ncreate index concurrently second on orders (note);\n";

/// Expects that no session of the migrator is left on the server, which notices that a client is gone within a second.
#[track_caller]
fn sessions_are_gone(world: &World) {
    let query = "select count(*) from pg_stat_activity where application_name like 'restage%'";
    await_that("the sessions of the migrator are gone", || rows(&world.preprod, query) == ["0"]);
}

#[test]
fn a_migrator_that_is_told_to_end_rolls_back_and_says_so() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let world = site();
        world.write("sql/V2__long.sql", LONG);
        let queue = format!("local:{QUEUE}");
        let playing = world.start(&words("run", &["--signals", &queue, "--output", "json"]));
        await_sleep(&world);
        playing.signal(signal);
        let played = ends_with(playing.finish(), &world, 4).fails_with("R0404").says("nothing of it is left");
        assert_eq!(played.json()["applied"].as_array().unwrap().len(), 1);
        sessions_are_gone(&world);
        assert_eq!(history(&world), ["1|t"]);
        assert_eq!(rows(&world.preprod, "select to_regclass('half') is null"), ["t"]);
    }
}

#[test]
fn of_a_killed_migration_in_a_transaction_nothing_is_left_and_the_next_run_says_so() {
    let world = site();
    world.write("sql/V2__long.sql", LONG);
    let queue = format!("local:{QUEUE}");
    let playing = world.start(&words("run", &["--signals", &queue]));
    await_sleep(&world);
    playing.kill();
    let last = messages(&world).pop().unwrap();
    assert_eq!(
        (last["appStage"].as_str(), last["exitCode"].as_i64()),
        (Some("Migrating"), None),
        "nobody can tell that it was killed"
    );
    sessions_are_gone(&world);
    world.write("sql/V2__long.sql", "create table half (id int);\n");
    let found = run(&world, 0, &[]).says("found: the schema is at version 1; nothing is left half done; to apply: V2__long.sql");
    found.says("1 migration applied");
}

#[test]
fn of_a_killed_migration_without_a_transaction_the_next_run_names_the_statement_and_can_go_on() {
    let world = site();
    world.write("sql/V2__indexes.sql", CONCURRENTLY);
    run(&world, 0, &["--target", "1"]);
    // Whoever holds a lock on the table lets the first statement wait.
    let mut blocking = world.preprod.client("psql");
    blocking.args(["-X", "-q", "-d", "app", "-c", "begin; lock table orders in row exclusive mode; select pg_sleep(60)"]);
    let mut blocker = blocking.stdout(std::process::Stdio::null()).spawn().unwrap();
    await_sleep(&world);
    let playing = world.start(&words("run", &[]));
    let waits = "select count(*) from pg_stat_activity where query like 'create index%' and wait_event_type = 'Lock'";
    await_that("the first statement waits", || rows(&world.preprod, waits) == ["1"]);
    playing.kill();
    blocker.kill().unwrap();
    blocker.wait().unwrap();
    world
        .preprod
        .psql(
            "postgres",
            "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()",
        )
        .unwrap();
    sessions_are_gone(&world);
    let refused = run(&world, 2, &[]).fails_with("R0407").says("V2__indexes.sql");
    refused.says("none of its 3 statements is done").says("is in doubt");
    migrate(&world, "info", &[]).ends(0).says("restage migrate repair").says("Failed");
    world.preprod.psql("app", "drop index if exists first").unwrap();
    run(&world, 0, &["--go-on-at", "1"]).says("the schema is at version 2");
    assert_eq!(rows(&world.preprod, "select count(*) from pg_index where indisvalid and indrelid = 'orders'::regclass"), ["3"]);
}

#[test]
fn of_two_migrators_one_works_and_the_other_waits_or_gives_up_by_its_limit_and_names_the_first() {
    let world = site();
    world.write("sql/V2__long.sql", LONG);
    let first = world.start(&words("run", &[]));
    await_sleep(&world);
    let refused = run(&world, 2, &["--set", "lockRetryCount=2"]).fails_with("R0215").says("is held by process");
    let refused = refused.says("pg_terminate_backend").says("the history (attempt 1)");
    assert_eq!(refused.err.matches("waiting for").count(), 1, "who waits tells of it now and then\n{refused}");
    migrate(&world, "info", &[]).ends(0).says("The lock of the history is held by process");
    let second = world.start(&words("run", &[]));
    await_that("the second waits", || second.so_far().contains("which holds the lock of the history"));
    first.signal(Signal::TERM);
    first.finish().ends(4);
    await_sleep(&world);
    second.signal(Signal::TERM);
    second.finish().ends(4);
    sessions_are_gone(&world);
}

#[test]
fn a_migrator_gives_signs_of_life_while_a_statement_takes_long() {
    let world = site();
    world.write("sql/V2__long.sql", LONG);
    let queue = format!("local:{QUEUE}");
    let playing = world.start(&words("run", &["--signals", &queue, "--heartbeat", "1s"]));
    await_sleep(&world);
    await_that("it was heard twice", || {
        messages(&world).iter().filter(|message| message["heartbeat"].as_u64() == Some(1)).count() >= 3
    });
    playing.signal(Signal::TERM);
    ends_with(playing.finish(), &world, 4);
}

#[test]
fn a_migrator_under_nohup_outlives_its_terminal() {
    let world = site();
    world.write("sql/V2__short.sql", "select pg_sleep(60);\n");
    let mut ignoring = std::process::Command::new("sh");
    let restage = world.command(&words("run", &[]));
    let typed = restage.get_args().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ");
    ignoring.args(["-c", &format!("trap '' HUP; exec {} {typed}", env!("CARGO_BIN_EXE_restage"))]).env_clear();
    ignoring.envs(restage.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(world.path("project"));
    let mut playing = Playing::start(ignoring, &world.path("said"));
    await_sleep(&world);
    playing.signal(Signal::HUP);
    migrate(&world, "info", &[]).ends(0).says("The lock of the history is held by process");
    assert!(!playing.has_ended(), "it was hung up");
    playing.signal(Signal::TERM);
    playing.finish().ends(4);
}

#[test]
fn a_migrator_that_is_told_to_end_does_so_though_the_server_hangs() {
    let world = site();
    world.write("sql/V2__long.sql", LONG);
    let queue = format!("local:{QUEUE}");
    let playing = world.start(&words("run", &["--signals", &queue]));
    await_sleep(&world);
    let asked = "select pid from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()";
    let backend = Pid::from_raw(world.preprod.psql("postgres", asked).unwrap().trim().parse().unwrap()).unwrap();
    kill_process(backend, Signal::STOP).unwrap();
    playing.signal(Signal::TERM);
    let played = playing.finish();
    kill_process(backend, Signal::CONT).unwrap();
    ends_with(played, &world, 4).fails_with("R0404").says("the server did not answer");
    sessions_are_gone(&world);
    assert_eq!(history(&world), ["1|t"]);
}
