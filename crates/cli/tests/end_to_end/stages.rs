//! The other stages, each on its own: what they do, wait for, say, and take back.

use crate::people::people;
use crate::play::{await_that, exit};
use crate::world::{APP, World};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A scenario of these stages, called `stages`.
fn stages(world: &World, stages: &str) {
    world.scenario("stages", &format!("scenario: stages\nfrom: production\nto: preprod\nstages:\n{stages}"));
}

/// Answers HTTP requests on a port of its own: with 503 so many times, then with 200; other paths are not found.
fn page(refusals: u32) -> (SocketAddr, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, asked) = (listener.local_addr().unwrap(), Arc::new(AtomicU32::new(0)));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut request = [0; 4096];
            let length = connection.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let status = match count.fetch_add(1, Ordering::SeqCst) {
                _ if !request.starts_with("GET /health ") => "404 Not Found",
                nth if nth < refusals => "503 Service Unavailable",
                _ => "200 OK",
            };
            let body = "status: up";
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            // A client that has gone away asks again.
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    (address, asked)
}

#[test]
fn sql_runs_whole_or_not_at_all_and_is_taken_back() {
    let world = people();
    world.write("scenarios/mark.sql", "create table marked (by text); insert into marked values ('file'), ('twice');");
    stages(
        &world,
        "  - sql: { database: app, file: mark.sql, undo: drop table marked }
  - sql: { database: app, statement: \"insert into marked values ('statement')\" }\n",
    );
    world.restage(&["plan", "stages"]).ends(exit::DONE).says("undo leaves");
    world.restage(&["run", "stages", "--yes"]).ends(exit::DONE);
    assert_eq!(world.preprod.psql(APP, "select count(*) from marked").unwrap(), "3");
    world.restage(&["undo"]).ends(exit::DONE);
    assert_eq!(world.preprod.psql(APP, "select to_regclass('marked')").unwrap(), "");

    stages(
        &world,
        "  - sql: { database: app, statement: \"create table half (id int); insert into half values ('x')\", undo: drop table half }\n",
    );
    world.restage(&["run", "stages", "--yes"]).ends(exit::HELD).says("R0304");
    assert_eq!(world.preprod.psql(APP, "select to_regclass('half')").unwrap(), "");
    world.restage(&["undo"]).ends(exit::DONE);

    stages(&world, "  - sql: { database: app, statement: select pg_sleep(600), within: 1s }\n");
    world.restage(&["run", "stages", "--yes"]).ends(exit::HELD).says("R0309");
    let asleep = "select count(*) from pg_stat_activity where query like '%pg_sleep%' and application_name like 'restage%'";
    await_that("the server has given it up", || world.preprod.psql(APP, asleep).unwrap() == "0");
}

#[test]
fn a_command_has_its_folder_variables_and_deadline_and_its_words_are_kept() {
    let world = people();
    std::fs::create_dir(world.path("project/scenarios/sub")).unwrap();
    stages(
        &world,
        "  - run: { command: 'pwd; echo $COLOUR; echo to stderr >&2; printf no-newline', directory: sub, env: { COLOUR: green } }
  - run: { command: [sh, -c, 'echo \"$0 $1\" > ran', one, 'two words'], undo: 'rm ran' }\n",
    );
    world.restage(&["run", "stages", "--yes"]).ends(exit::DONE);
    let folder = world.path("project/scenarios/sub").canonicalize().unwrap().display().to_string();
    world.restage(&["logs"]).says(&folder).says("green").says("to stderr").says("no-newline");
    assert_eq!(std::fs::read_to_string(world.path("project/scenarios/ran")).unwrap(), "one two words\n");
    world.restage(&["undo"]).ends(exit::DONE);
    assert!(!world.path("project/scenarios/ran").exists());

    stages(&world, "  - run: { command: 'sleep 600 & sleep 600', within: 1s }\n");
    world.restage(&["run", "stages", "--yes"]).ends(exit::HELD).says("R0309");
    await_that("what it started is gone", || crate::look::processes(&world).is_empty());
    stages(&world, "  - run: { command: [restage-no-such-program] }\n");
    world.restage(&["run", "stages", "--yes"]).ends(exit::HELD).says("R0307").says("restage-no-such-program");
}

#[test]
fn a_page_is_asked_until_it_answers_as_it_should() {
    let world = people();
    let (address, asked) = page(3);
    stages(
        &world,
        &format!("  - check-http: {{ url: 'http://{address}/health', contains: 'status: up', every: 100ms, within: 30s }}\n"),
    );
    world.restage(&["run", "stages", "--yes"]).ends(exit::DONE).says("answers 200");
    assert_eq!(asked.load(Ordering::SeqCst), 4);

    for (stage, seen) in [
        ("url: 'http://ADDRESS/elsewhere'", "404"),
        ("url: 'http://ADDRESS/health', contains: well", "200"),
        ("url: 'http://ADDRESS/health', status: 204", "200"),
    ] {
        stages(
            &world,
            &format!("  - check-http: {{ {}, every: 100ms, within: 1s }}\n", stage.replace("ADDRESS", &address.to_string())),
        );
        world.restage(&["run", "stages", "--yes"]).ends(exit::HELD).says("R0308").says(seen);
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    stages(&world, &format!("  - check-http: {{ url: 'http://{nobody}/', every: 100ms, within: 1s }}\n"));
    world.restage(&["run", "stages", "--yes"]).ends(exit::HELD).says("R0308");
}

#[test]
fn each_condition_is_waited_for_and_a_deadline_ends_the_waiting() {
    let world = people();
    let later = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    stages(
        &world,
        &format!(
            "  - wait-for: {{ sql: {{ database: app, query: \"select note from bookings where id = 5000\", returns: ready }}, every: 100ms, within: 1m }}
  - wait-for: {{ sql: {{ database: app, query: select 1 }}, every: 100ms }}
  - wait-for: {{ tcp: '{later}', every: 100ms, within: 1m }}
  - wait-for: {{ file: flag, every: 100ms, within: 1m }}
  - wait-for: {{ command: test -e other, every: 100ms, within: 1m }}\n"
        ),
    );
    let mut run = world.start(&["run", "stages", "--yes"]);
    let done = |number: usize| world.restage(&["show", "--output", "json"]).out.matches("\"state\": \"done\"").count() == number;
    await_that("it waits for the query", || world.restage(&["show", "--output", "json"]).out.contains("\"running\""));
    world.in_preprod("insert into bookings values (5000, null, 'not yet')");
    assert!(!run.has_ended() && done(0));
    world.in_preprod("update bookings set note = 'ready' where id = 5000");
    await_that("both queries were answered", || done(2));
    let _listener = TcpListener::bind(later).unwrap();
    await_that("the port was open", || done(3));
    world.write("scenarios/flag", "");
    await_that("the file was there", || done(4));
    world.write("scenarios/other", "");
    run.finish().ends(exit::DONE);

    for condition in [
        "file: never",
        "command: exit 1",
        "tcp: '127.0.0.1:1'",
        "sql: { database: app, query: select 1 where false }",
        "sql: { database: app, query: select 1, returns: '2' }",
    ] {
        stages(&world, &format!("  - wait-for: {{ {condition}, every: 100ms, within: 1s }}\n"));
        world.restage(&["run", "stages", "--yes"]).ends(exit::HELD).says("R0308");
    }
    stages(&world, "  - wait-for: { sql: { database: app, query: \"delete from bookings returning 1\" }, within: 1s }\n");
    world.restage(&["run", "stages", "--yes"]).ends(exit::HELD).says("read-only");
    assert_eq!(world.preprod.psql(APP, "select count(*) from bookings").unwrap(), "201");
}

#[test]
fn stages_side_by_side_are_at_work_together() {
    let world = people();
    // Each waits for the other, so that one after the other would never end.
    let meet = |own: &str, other: &str| {
        format!("run: {{ command: 'touch {own}; until test -e {other}; do sleep 0.02; done', within: 30s }}")
    };
    stages(
        &world,
        &format!(
            "  - parallel:\n      - {}\n      - {}\n  - run: {{ command: 'test -e one && test -e two && touch both' }}\n",
            meet("one", "two"),
            meet("two", "one")
        ),
    );
    world.restage(&["plan", "stages"]).ends(exit::DONE).says("beside the step above");
    world.restage(&["run", "stages", "--yes"]).ends(exit::DONE);
    assert!(world.path("project/scenarios/both").exists());

    stages(
        &world,
        "  - parallel:\n      - run: { command: 'echo failed; exit 1' }\n      - run: { command: 'sleep 0.3; touch finished', undo: 'rm finished' }\n  - run: { command: touch never }\n",
    );
    world.restage(&["run", "stages", "--yes"]).ends(exit::HELD).says("R0307");
    assert!(world.path("project/scenarios/finished").exists() && !world.path("project/scenarios/never").exists());
    world.restage(&["undo"]).ends(exit::DONE);
    assert!(!world.path("project/scenarios/finished").exists());
}

#[test]
fn a_scenario_runs_another_one_and_answers_reach_both() {
    let world = people();
    let inner = "scenario: inner\nfrom: production\nto: preprod\nprompts:\n  word: { pattern: '[a-z]+' }\nstages:\n  \
        - sql: { database: app, statement: \"create table {{ word }} ()\", undo: \"drop table {{ word }}\" }\n";
    world.scenario("inner", inner);
    stages(&world, "  - run: { command: touch first }\n  - scenario: inner\n  - run: { command: touch last }\n");
    world.restage(&["run", "stages", "--yes"]).ends(exit::USAGE).says("`word` has no answer");
    world.restage(&["run", "stages", "--yes", "--set", "word=A;B"]).ends(exit::USAGE).says("does not fit the pattern");
    world.restage(&["run", "stages", "--yes", "--set", "word=answered"]).ends(exit::DONE);
    assert_eq!(world.preprod.psql(APP, "select count(*) from answered").unwrap(), "0");
    assert!(world.path("project/scenarios/last").exists());
    world.restage(&["undo"]).ends(exit::DONE);
    assert_eq!(world.preprod.psql(APP, "select to_regclass('answered')").unwrap(), "");
    stages(&world, "  - scenario: stages\n");
    world.restage(&["check"]).ends(exit::USAGE).says("runs itself");
}

#[test]
fn the_whole_run_has_a_deadline() {
    let world = people();
    world.scenario(
        "stages",
        "scenario: stages\nfrom: production\nto: preprod\nlimits: { run-within: 1m, concurrent-steps: 1 }\nstages:\n  - run: { command: 'true', within: 1s }\n",
    );
    let plan = world.restage(&["plan", "stages", "--output", "json"]).ends(exit::DONE).json();
    assert_eq!(plan["plan"]["limits"]["run_within"], "1m");
    let began = std::time::Instant::now();
    world.restage(&["run", "stages", "--yes"]).ends(exit::DONE);
    assert!(began.elapsed() < Duration::from_secs(30));
}
