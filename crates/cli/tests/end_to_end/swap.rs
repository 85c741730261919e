//! The swap under load: clients are without the database for less than two seconds, and what will not go is ended.

use crate::look::Both;
use crate::people::{SCENARIO, add_testers, people, rights, rights_of_both};
use crate::play::{await_that, exit};
use crate::truth::Truth;
use crate::world::{APP, World};
use restage_lab::{Cluster, SUPERUSER};
use std::io::Write;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a swap may take from clients that keep connecting.
const OUTAGE_LIMIT: Duration = Duration::from_secs(2);
const CLIENTS: usize = 3;

#[test]
fn clients_that_keep_connecting_are_without_it_for_less_than_two_seconds() {
    let world = World::drifted();
    let truth = Truth::of(&world);
    let stop = AtomicBool::new(false);
    let gaps: Vec<Duration> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| longest_gap(&world.preprod, &stop))).collect();
        let run = world.restage(&["run", "preprod", "--yes"]);
        stop.store(true, Ordering::Release);
        run.ends(exit::DONE);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    truth.holds_in(&world);
    assert!(gaps.iter().all(|gap| *gap < OUTAGE_LIMIT), "{gaps:?}");
    let said = world.restage(&["show", "--output", "json"]).json()["outage_seconds"].as_f64().unwrap();
    assert!(said > 0.0 && said < OUTAGE_LIMIT.as_secs_f64(), "{said}");
}

/// Connects again and again; a gap lasts from the first refusal to the next success.
fn longest_gap(server: &Cluster, stop: &AtomicBool) -> Duration {
    let (mut longest, mut since): (Duration, Option<Instant>) = (Duration::ZERO, None);
    while !stop.load(Ordering::Acquire) || since.is_some() {
        let tried = Instant::now();
        if server.psql(APP, "select count(*) from public.users").is_ok() {
            longest = longest.max(since.take().map_or(Duration::ZERO, |since| since.elapsed()));
        } else {
            since.get_or_insert(tried);
            assert!(
                tried.elapsed() < Duration::from_mins(1) && since.unwrap().elapsed() < Duration::from_mins(1),
                "the database is gone"
            );
        }
    }
    longest
}

/// A session that stays in a transaction.
struct Idle {
    session: Child,
}

impl Idle {
    fn new(server: &Cluster, user: &str) -> Self {
        let mut client = server.client("psql");
        client.args(["-X", "-q", "-d", APP]).env("PGUSER", user).env("PGAPPNAME", "idle");
        let mut session = client.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        session.stdin.as_mut().unwrap().write_all(b"begin; select count(*) from public.users;\n").unwrap();
        await_that("the session is idle in its transaction", || idle(server) == "1");
        Self { session }
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        // It ends with its session, which may have been ended by the swap already.
        let _ = self.session.kill();
        let _ = self.session.wait();
    }
}

fn idle(server: &Cluster) -> String {
    let sessions = "select count(*) from pg_stat_activity where application_name = 'idle' and state = 'idle in transaction'";
    server.psql("postgres", sessions).unwrap()
}

/// A role that the application uses; sessions of a superuser could only be ended by a superuser.
fn application(world: &World) -> &'static str {
    world.preprod.psql("postgres", "create role application login in role pg_read_all_data").unwrap();
    "application"
}

#[test]
fn a_session_idle_in_its_transaction_is_ended_after_the_drain() {
    let world = people();
    add_testers(&world);
    world.scenario("people", &SCENARIO.replace("drain: 0s", "drain: 1s, within: 20s"));
    let wanted = rights_of_both(&world);
    let session = Idle::new(&world.preprod, application(&world));
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE).says("refreshed");
    assert_eq!(idle(&world.preprod), "0");
    drop(session);
    assert_eq!(rights(&world.preprod), wanted);
    let swapped = &world.restage(&["show", "--output", "json"]).json()["swapped"];
    // Sessions that are just leaving may be ended with it.
    assert!(swapped["sessions_ended"].as_u64().unwrap() >= 1, "{swapped:#}");
}

#[test]
fn a_session_that_may_not_be_ended_keeps_the_old_database_in_use_until_it_goes() {
    let world = people();
    add_testers(&world);
    world.scenario("people", &SCENARIO.replace("drain: 0s", "drain: 0s, within: 1s"));
    let (before, wanted) = (Both::of(&world), rights_of_both(&world));
    let session = Idle::new(&world.preprod, SUPERUSER);
    world.restage(&["run", "people", "--yes"]).ends(exit::HELD).says("R0403").says("postgres");
    before.preprod_is_as_before(&world);
    world.preprod.psql(APP, "select 1").unwrap();
    drop(session);
    await_that("the session has gone", || idle(&world.preprod) == "0");
    world.restage(&["resume"]).ends(exit::DONE).says("refreshed");
    assert_eq!(rights(&world.preprod), wanted);
    world.restage(&["undo"]).ends(exit::DONE);
    before.nothing_was_touched(&world);
}

#[test]
fn sessions_and_rows_that_came_after_the_swap_do_not_keep_undo_from_working() {
    let world = people();
    add_testers(&world);
    let before = Both::of(&world);
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE);
    world.in_preprod("insert into bookings values (9000, null, 'made after the swap')");
    let session = Idle::new(&world.preprod, application(&world));
    world.restage(&["undo"]).ends(exit::DONE);
    assert_eq!(idle(&world.preprod), "0");
    drop(session);
    before.nothing_was_touched(&world);
}

#[test]
fn what_the_target_got_while_a_run_was_held_is_not_lost_by_its_swap() {
    let world = people();
    add_testers(&world);
    world.scenario("people", &SCENARIO.replace("drain: 0s", "drain: 0s, within: 1s"));
    let session = Idle::new(&world.preprod, SUPERUSER);
    world.restage(&["run", "people", "--yes"]).ends(exit::HELD).says("R0403");
    drop(session);
    await_that("the session has gone", || idle(&world.preprod) == "0");

    world.in_preprod("insert into users values (md5('late')::uuid, 'late', 'late@preprod.example.com')");
    world.restage(&["resume"]).ends(exit::HELD).says("R0402").says("`users`");
    world.in_preprod("delete from users where username = 'late'; create table late (id int)");
    world.restage(&["resume"]).ends(exit::HELD).says("R0214");
    world.in_preprod("drop table late");
    world.restage(&["resume"]).ends(exit::DONE).says("refreshed");
}

#[test]
fn what_a_transaction_commits_while_the_swap_waits_for_it_is_not_lost() {
    let world = people();
    add_testers(&world);
    world.scenario("people", &SCENARIO.replace("drain: 0s", "drain: 30s"));
    std::thread::scope(|scope| {
        let late =
            "begin; insert into users values (md5('late')::uuid, 'late', 'late@preprod.example.com'); select pg_sleep(8); commit";
        let session = scope.spawn(|| world.preprod.psql(APP, late).unwrap());
        await_that("the transaction is open", || {
            world.preprod.psql("postgres", "select count(*) from pg_stat_activity where wait_event = 'PgSleep'").unwrap() == "1"
        });
        world.restage(&["run", "people", "--yes"]).ends(exit::HELD).says("R0402").says("`users`");
        session.join().unwrap();
    });
    assert_eq!(world.preprod.psql(APP, "select count(*) from users where username = 'late'").unwrap(), "1");
    let wanted = rights_of_both(&world);
    world.restage(&["undo"]).ends(exit::DONE);
    world.restage(&["run", "people", "--yes"]).ends(exit::DONE);
    assert_eq!(rights(&world.preprod), wanted);
    assert_eq!(world.preprod.psql(APP, "select count(*) from users where username = 'late'").unwrap(), "1");
}
