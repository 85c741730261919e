//! Whatever is wrong beforehand is refused beforehand: with a code, a help, and nothing touched.

use crate::look::Both;
use crate::people::{SCENARIO, people, people_between, people_on};
use crate::play::{Played, Playing, exit};
use crate::world::{APP, DEMO, World, reached};
use restage_lab::dataset::{PREPROD_OWNER, PREPROD_SERVICE, PRODUCTION_OWNER, PRODUCTION_READER};
use restage_lab::{Cluster, Config, Installation, Major, Pooler, Pooling, SUPERUSER};
use std::fs;
use std::net::TcpListener;

/// Plans and runs; expects both to be refused with that code.
#[track_caller]
fn refused(world: &World, scenario: &str, code: &str) -> Played {
    world.restage(&["plan", scenario]).ends(exit::REFUSED).fails_with(code);
    world.restage(&["run", scenario, "--yes"]).ends(exit::REFUSED).fails_with(code)
}

#[test]
fn wrong_passwords_and_unreachable_servers_are_told_with_the_address() {
    let world = people();
    let before = Both::of(&world);
    let source = reached(&world.production.url(APP, PRODUCTION_READER.user), "PRODUCTION_PASSWORD");
    let target = reached(&world.preprod.url(APP, PREPROD_OWNER.user), "PREPROD_PASSWORD");
    let wrong = |of: &str, variable: &str| of.replace(variable, "WRONG_PASSWORD");

    world.environments(&wrong(&source, "PRODUCTION_PASSWORD"), &target);
    refused(&world, "people", "R0302").says("production_reader");
    world.environments(&source, &wrong(&target, "PREPROD_PASSWORD"));
    refused(&world, "people", "R0302").says("preprod_owner");
    world.environments(&source.replace("/app\"", "/nothing\""), &target);
    refused(&world, "people", "R0301").says("nothing");

    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    world.environments(&source, &target.replace(&format!("127.0.0.1:{}", world.preprod.port()), &nobody.to_string()));
    refused(&world, "people", "R0301").says(&nobody.to_string());
    world.environments(&source.replace("127.0.0.1", "no-such-host.invalid"), &target);
    refused(&world, "people", "R0301").says("no-such-host.invalid");
    world.environments(&source.replace("/app\"", "/app?sslmode=require\""), &target);
    refused(&world, "people", "R0301").says("sslmode");

    world.environments(&source, &target.replace("PREPROD_PASSWORD", "NEVER_SET"));
    refused(&world, "people", "R0106").says("NEVER_SET");
    before.nothing_was_touched(&world);
}

#[test]
fn a_connection_pooler_before_either_server_is_told_with_its_address() {
    let world = people();
    let before = Both::of(&world);
    let source = reached(&world.production.url(APP, PRODUCTION_READER.user), "PRODUCTION_PASSWORD");
    let target = reached(&world.preprod.url(APP, PREPROD_OWNER.user), "PREPROD_PASSWORD");
    let before_production = Pooler::start(&world.production, Pooling::Transaction).unwrap();
    let before_preprod = Pooler::start(&world.preprod, Pooling::Transaction).unwrap();
    let through =
        |of: &str, cluster: &Cluster, pooler: &Pooler| of.replace(&cluster.port().to_string(), &pooler.port().to_string());
    let told = |port: u16| format!("`app` at `127.0.0.1:{port}` is reached through a connection pooler");

    world.environments(&through(&source, &world.production, &before_production), &target);
    refused(&world, "people", "R0311").says(&told(before_production.port())).says("the server's own address and port");
    world.environments(&source, &through(&target, &world.preprod, &before_preprod));
    refused(&world, "people", "R0311").says(&told(before_preprod.port()));
    // The sessions that they hold open are none of restage's.
    drop((before_production, before_preprod));
    before.nothing_was_touched(&world);
}

#[test]
fn missing_privileges_are_all_told_at_once_with_the_grant_that_is_missing() {
    let world = people();
    let source = reached(&world.production.url(APP, PRODUCTION_READER.user), "PRODUCTION_PASSWORD");
    let target = reached(&world.preprod.url(APP, PREPROD_OWNER.user), "PREPROD_PASSWORD");
    world.production.psql(APP, "revoke pg_read_all_data from production_reader").unwrap();
    world.in_production("grant usage on schema public to production_reader; grant select on users to production_reader");
    world.preprod.psql("postgres", "alter role preprod_owner nocreatedb").unwrap();
    world.preprod.psql(APP, "create table stranger (id int)").unwrap();
    let before = Both::of(&world);
    let said = refused(&world, "people", "R0204").says("bookings").says("pg_read_all_data").says("createdb").says("`postgres`");
    assert_eq!(said.err.matches("error[R0204]").count(), 3, "{said}");

    world.preprod.psql("postgres", "create role preprod_service login password 'lab-service-2Rb6' createdb").unwrap();
    world.preprod.psql(APP, "drop table stranger").unwrap();
    world.production.psql(APP, "grant pg_read_all_data to production_reader").unwrap();
    world.environments(
        &source,
        &target.replace(PREPROD_OWNER.user, PREPROD_SERVICE.user).replace("PREPROD_PASSWORD", "PREPROD_SERVICE_PASSWORD"),
    );
    refused(&world, "people", "R0204").says("does not own `app`");
    world.preprod.psql(APP, "create table stranger (id int)").unwrap();
    before.nothing_was_touched(&world);
}

#[test]
fn one_database_under_two_names_is_never_refreshed_from_itself() {
    let world = people();
    let before = Both::of(&world);
    let production = world.production.url(APP, PRODUCTION_READER.user);
    let the_same = world.production.url(APP, SUPERUSER).replace("127.0.0.1", "localhost");
    world.environments(&reached(&production, "PRODUCTION_PASSWORD"), &reached(&the_same, "SUPERUSER_PASSWORD"));
    refused(&world, "people", "R0202").says("localhost");

    // A standby of the target is the target as well.
    let standby = Cluster::standby_of(&world.preprod).unwrap();
    standby.await_replay_of(&world.preprod).unwrap();
    let target = reached(&world.preprod.url(APP, PREPROD_OWNER.user), "PREPROD_PASSWORD");
    world.environments(&reached(&standby.url(APP, SUPERUSER), "SUPERUSER_PASSWORD"), &target);
    refused(&world, "people", "R0202");
    drop(standby);
    before.nothing_was_touched(&world);
}

#[test]
fn production_is_never_a_target() {
    let world = people();
    let before = Both::of(&world);
    world.scenario("people", &SCENARIO.replace("from: production", "from: preprod").replace("to: preprod", "to: production"));
    for words in [&["check"][..], &["plan", "people"], &["run", "people", "--yes"]] {
        world.restage(words).ends(exit::USAGE).says("`production` is a production environment, which is never changed");
    }
    world.scenario("people", SCENARIO);
    let production = world.production.url(APP, PRODUCTION_OWNER.user);
    world.environments(&reached(&production, "PRODUCTION_OWNER_PASSWORD"), &reached(&production, "PRODUCTION_OWNER_PASSWORD"));
    world.restage(&["run", "people", "--yes"]).ends(exit::USAGE).says("address");
    before.nothing_was_touched(&world);
}

#[test]
fn what_a_scenario_names_must_be_there_and_masks_must_fit() {
    let world = World::drifted();
    let before = Both::of(&world);
    for (was, is, code, words) in [
        ("table: users,", "table: usres,", "R0208", "usres"),
        ("column: people.email,", "column: people.e_mail,", "R0207", "people.e_mail"),
        ("column: people.email,", "column: persons.email,", "R0208", "persons"),
        ("match: [login]", "match: [log_in]", "R0207", "accounts.log_in"),
        ("people.phone, with: phone", "people.phone, with: email", "R0206", "holds 20 characters"),
        ("people.first_name, with: first-name", "people.first_name, with: null", "R0206", "NOT NULL"),
        ("people.national_number, with: digits", "people.postcode, with: hash", "R0206", "postcode"),
        ("people.national_number, with: digits", "people.reference, with: name", "R0206", "unique"),
        ("people.national_number, with: digits", "people.full_name, with: name", "R0206", "generated"),
        ("people.national_number, with: digits", "people.date_of_birth, with: email", "R0206", "date"),
        ("deltas: restore", "deltas: restore\n      without: [no_such_*]", "R0208", "no_such_*"),
        ("deltas: restore", "deltas: restore\n      only: [no_such_*, '*.*']", "R0208", "no_such_*"),
        ("deltas: restore", "deltas: restore\n      without-rows: [people]", "R0218", "people"),
    ] {
        let text = DEMO.replacen("people.postcode, users.email", "users.email", usize::from(is.contains("postcode")));
        let text = if is.contains("date_of_birth") {
            text.replace("- { column: people.date_of_birth, with: { date-shift: { days: 60 } } }", "")
        } else {
            text
        };
        assert!(text.contains(was), "{was}");
        world.scenario("preprod", &text.replacen(was, is, 1));
        world.restage(&["plan", "preprod"]).ends(exit::REFUSED).fails_with(code).says(words);
    }
    // Several things wrong are told together.
    world.scenario("preprod", &DEMO.replace("table: users,", "table: usres,").replace("people.email,", "people.e_mail,"));
    refused(&world, "preprod", "R0208").fails_with("R0207").says("refused for");
    before.nothing_was_touched(&world);
}

#[test]
fn wrong_usage_and_wrong_files_are_told_before_anything_is_looked_at() {
    let world = people();
    let before = Both::of(&world);
    world.restage(&["plan", "poeple"]).ends(exit::USAGE).fails_with("R0102").says("people");
    world.restage(&["run", "people"]).ends(exit::USAGE).fails_with("R0408").says("--yes");
    world.restage(&["plan", "people", "--set", "nothing"]).ends(exit::USAGE).fails_with("R0103");
    world.restage(&["plan", "people", "--set", "table=x"]).ends(exit::USAGE).says("there is no prompt `table`");
    world.restage(&["pln", "people"]).ends(exit::USAGE).says("plan");
    world.restage(&["explain", "R9999"]).ends(exit::USAGE).fails_with("R0105");
    world.restage(&["show"]).ends(exit::USAGE).fails_with("R0504");
    world.restage(&["retire", "--now"]).ends(exit::USAGE);

    let folder = world.path("project/scenarios/folder.yaml");
    fs::create_dir(&folder).unwrap();
    world.restage(&["check"]).ends(exit::USAGE).fails_with("R0104").says("is not a file");
    fs::remove_dir(&folder).unwrap();

    let asks = SCENARIO.replace("stages:", "prompts:\n  reason: { title: Why }\nstages:");
    world.scenario("people", &asks);
    world.restage(&["check"]).ends(exit::DONE);
    world.restage(&["run", "people", "--yes"]).ends(exit::USAGE).says("the prompt `reason` has no answer");
    world.restage(&["plan", "people", "--set", "reason=drift"]).ends(exit::DONE);

    world.scenario(
        "people",
        &SCENARIO.replace("database: app", "databse: app\n      kep: []").replace("swap: {", "swap: { drian: 1s,"),
    );
    let said = world.restage(&["check"]).ends(exit::USAGE).says("databse").says("did you mean").says("kep").says("drian");
    assert!(said.err.contains("people.yaml:"), "no place is told\n{said}");

    world.scenario("people", &format!("{SCENARIO}  - sql: {{ database: app, file: missing.sql }}\n"));
    world.restage(&["plan", "people"]).ends(exit::USAGE).fails_with("R0104").says("missing.sql");
    let place = world.path("project/environments.yaml");
    fs::remove_file(&place).unwrap();
    world.restage(&["check"]).ends(exit::USAGE).fails_with("R0104").says("environments.yaml");
    fs::create_dir(&place).unwrap();
    world.restage(&["plan", "people"]).ends(exit::USAGE).fails_with("R0104").says("environments.yaml");
    world.restage(&["-C", "/nowhere", "check"]).ends(exit::USAGE).fails_with("R0104").says("/nowhere");
    world.restage(&["init"]).ends(exit::USAGE).fails_with("R0104").says("is there already");
    before.nothing_was_touched(&world);
}

#[test]
fn a_plan_that_is_no_longer_true_is_not_run() {
    let world = people();
    let digest =
        |world: &World| world.restage(&["plan", "people", "--output", "json"]).json()["digest"].as_str().unwrap().to_owned();
    let first = digest(&world);
    assert_eq!(digest(&world), first, "the same world gives the same plan");
    world.in_preprod("insert into bookings values (1000, null, 'rows do not decide')");
    assert_eq!(digest(&world), first);
    world.in_preprod("create table another (id int primary key)");
    assert_ne!(digest(&world), first, "a table decides");
    let before = Both::of(&world);
    for stale in [first.as_str(), &first[..12], "deadbeef", "", &digest(&world)[..4]] {
        world.restage(&["run", "people", "--yes", "--plan", stale]).ends(exit::REFUSED).fails_with("R0214");
    }
    before.nothing_was_touched(&world);
    assert_eq!(world.restage(&["runs", "--output", "json"]).json(), serde_json::json!([]));
}

#[test]
fn a_world_that_changed_while_a_run_waited_holds_it_with_nothing_touched() {
    let world = people();
    world.scenario("people", &SCENARIO.replace("stages:", "stages:\n  - approve: { message: look }"));
    for change in [World::in_preprod, World::in_production] {
        world.restage(&["run", "people", "--yes"]).ends(exit::WAITING);
        change(&world, "create table came_later (id int primary key)");
        let before = Both::of(&world);
        world.restage(&["approve"]).ends(exit::HELD).says("R0214");
        world.restage(&["show"]).ends(exit::DONE).says("restage undo");
        world.restage(&["undo"]).ends(exit::DONE);
        before.nothing_was_touched(&world);
    }
}

#[test]
fn an_extension_that_the_target_s_server_lacks_is_named() {
    // Only here can a server be given an extension that others lack, without touching what all of them share.
    let folder = tempfile::tempdir().unwrap();
    let extension = folder.path().join("extension");
    fs::create_dir(&extension).unwrap();
    fs::write(extension.join("lab_only.control"), "default_version = '1'\nrelocatable = true\n").unwrap();
    fs::write(extension.join("lab_only--1.sql"), "create function lab_only() returns int language sql as 'select 1';").unwrap();
    open_to_all(folder.path());
    let mut config = Config::of(Installation::find(Major::V18).unwrap());
    config.settings = vec![("extension_control_path".into(), format!("$system:{}", folder.path().display()))];
    let world = people_on(config.start().unwrap(), Cluster::start(Major::V18).unwrap());
    world.production.psql(APP, "create extension lab_only").unwrap();
    let before = Both::of(&world);
    refused(&world, "people", "R0213").says("lab_only");
    before.nothing_was_touched(&world);
}

/// The server runs as another user where the tests run as root.
fn open_to_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn without_pg_dump_of_a_fitting_version_the_plan_says_so() {
    // Debian's programs are always looked for, so this needs a version that they do not have.
    let debian = std::path::Path::new("/usr/lib/postgresql/18");
    let world = people_between(Major::V18, Major::V18);
    let mut command = world.command(&["plan", "people"]);
    command.env("RESTAGE_POSTGRES_HOME", "/nowhere").env("PATH", "/nowhere");
    let said = Playing::start(command, &world.path("said")).finish();
    if !debian.exists() {
        said.ends(exit::REFUSED).fails_with("R0306").says("pg_dump");
    }
}
