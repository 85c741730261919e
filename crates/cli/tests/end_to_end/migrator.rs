//! A migrator as deployments see it: its exit status, its last line, its last message.

use crate::look::rows;
use crate::play::{Played, await_that};
use crate::world::{APP, World, reached};
use restage_lab::{Cluster, SUPERUSER};
use rusqlite::Connection;
use serde_json::Value;

/// The queue in restage's own store.
pub(crate) const QUEUE: &str = "preprod-migrator";

/// Two servers with an empty `app` each, and a folder `sql` with a first migration.
pub(crate) fn site() -> World {
    let world = World::on(Cluster::any().unwrap(), Cluster::any().unwrap());
    for cluster in [&world.production, &world.preprod] {
        cluster.create_database(APP).unwrap();
    }
    let address = |cluster: &Cluster| reached(&cluster.url(APP, SUPERUSER), "SUPERUSER_PASSWORD");
    world.environments(&address(&world.production), &address(&world.preprod));
    world.write("sql/V1__orders.sql", "create table orders (id int primary key, note text);\n");
    world
}

/// The words of a command of migrations on preprod.
pub(crate) fn words<'w>(command: &'w str, more: &[&'w str]) -> Vec<&'w str> {
    [&["migrate", command, "--database", "preprod/app", "--location", "sql"], more].concat()
}

/// Runs a command of migrations on preprod.
#[track_caller]
pub(crate) fn migrate(world: &World, command: &str, more: &[&str]) -> Played {
    world.restage(&words(command, more))
}

/// Runs a migrator that tells the local queue of itself, and expects how it ends: its exit status, its last line, and its last
/// message.
#[track_caller]
pub(crate) fn run(world: &World, status: i32, more: &[&str]) -> Played {
    let queue = format!("local:{QUEUE}");
    ends_with(migrate(world, "run", &[&["--signals", &queue], more].concat()), world, status)
}

/// Expects how a migrator that told the local queue of itself ended.
#[track_caller]
pub(crate) fn ends_with(played: Played, world: &World, status: i32) -> Played {
    let played = played.ends(status);
    assert_eq!(played.err.lines().last(), Some(format!("Migrator completed with exit status {status}").as_str()), "{played}");
    let last = messages(world).pop().unwrap_or_else(|| panic!("the queue is empty\n{played}"));
    let stage = if status == 0 { "Finished" } else { "Failed" };
    assert_eq!((last["appStage"].as_str(), last["exitCode"].as_i64()), (Some(stage), Some(status.into())), "{last}\n{played}");
    played
}

/// What is in the local queue, by the numbers of the messages.
pub(crate) fn messages(world: &World) -> Vec<Value> {
    let store = Connection::open(world.store().join("restage.db")).unwrap();
    let mut query = store.prepare("SELECT text FROM queue_messages WHERE queue = ? ORDER BY number").unwrap();
    let texts = query.query_map([QUEUE], |row| row.get::<_, String>(0)).unwrap();
    let mut messages: Vec<Value> = texts.map(|text| serde_json::from_str(&text.unwrap()).unwrap()).collect();
    messages.sort_by_key(|message| (message["migrator"]["started"].to_string(), message["messageId"].as_u64()));
    messages
}

/// What the history has.
pub(crate) fn history(world: &World) -> Vec<String> {
    rows(&world.preprod, "select version, success from flyway_schema_history order by installed_rank")
}

#[test]
fn a_migrator_tells_of_each_stage_and_of_its_success_with_the_version_it_observed() {
    let world = site();
    world.write("sql/V2__note.sql", "alter table orders add column paid boolean;\n");
    let played =
        run(&world, 0, &[]).says("found: there is no history yet").says("2 migrations applied; the schema is at version 2");
    assert_eq!(played.out.trim(), "2 migrations applied; the schema is at version 2");
    let messages = messages(&world);
    let stages: Vec<String> = messages.iter().map(stage_of).collect();
    let wanted = [
        "Started",
        "Connected",
        "BeforeValidate",
        "AfterValidate",
        "BeforeMigration",
        "Preparing V1__orders.sql",
        "Preparing V2__note.sql",
        "BeforeFile V1__orders.sql",
        "AfterFile V1__orders.sql",
        "Completed V1__orders.sql",
        "BeforeFile V2__note.sql",
        "AfterFile V2__note.sql",
        "Completed V2__note.sql",
        "AfterMigration",
        "Finished",
    ];
    assert_eq!(stages, wanted);
    let numbers: Vec<u64> = messages.iter().map(|message| message["messageId"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=15).collect::<Vec<_>>());
    assert_eq!((messages[0]["heartbeat"].as_u64(), messages[13]["migrationStage"]["version"].as_str()), (Some(30), Some("2")));
    run(&world, 0, &[]).says("nothing was to apply; the schema is at version 2");
}

fn stage_of(message: &Value) -> String {
    let stage = &message["migrationStage"];
    match (stage["stage"].as_str(), stage["migrationFile"].as_str()) {
        (Some(stage), Some(file)) => format!("{stage} {file}"),
        (Some(stage), None) => stage.to_owned(),
        _ => message["appStage"].as_str().unwrap().to_owned(),
    }
}

#[test]
fn the_older_format_says_how_it_ended_and_which_version_that_is() {
    let world = site();
    let queue = format!("local:{QUEUE}");
    let told = ["--signals", &queue, "--signal-format", "older", "--heartbeat", "0s"];
    migrate(&world, "run", &told).ends(0);
    let texts: Vec<Value> = messages(&world);
    let said: Vec<_> =
        texts.iter().map(|text| (text["code"].as_str(), text["status"].as_str(), text["schema_version"].as_str())).collect();
    assert_eq!(said, [(Some("(null)"), Some("0/0"), None), (Some("exited"), Some("0"), Some("1"))]);
}

#[test]
fn what_is_wrong_with_the_configuration_ends_with_1_and_names_all_of_it() {
    let world = site();
    world.write("broken.conf", "flyway.table=history\nflyway.grupo=true\n");
    world.write("models.yaml", "tables:\n  orders: { colums: {} }\n");
    let wrong = ["--config", "broken.conf", "--models", "models.yaml", "--set", "mixed=perhaps", "--password-from", "file:nowhere"];
    let played = run(&world, 1, &wrong);
    let played = played.says("broken.conf:2").says("flyway.grupo").says("flyway.mixed").says("colums").says("nowhere");
    played.says("`restage explain exit-1`").fails_with("R0106");
    assert_eq!(messages(&world).len(), 1, "it has not started");
}

#[test]
fn whatever_was_typed_wrongly_ends_with_1() {
    let world = site();
    for more in [["--signals", "sns:topic"], ["--heartbeat", "500ms"], ["--unknown", "x"], ["--set", "group"]] {
        let played = migrate(&world, "run", &more).ends(1);
        assert_eq!(played.err.lines().last(), Some("Migrator completed with exit status 1"), "{played}");
    }
    for words in [&["migrate", "--output", "json", "run", "--unknown"][..], &["-C", "migrate", "migrate", "run", "--unknown"]] {
        world.restage(words).ends(1).says("Migrator completed with exit status 1");
    }
    for command in ["run", "info"] {
        let json = world.restage(&["migrate", command, "--output", "json", "--unknown"]).ends(1).json();
        assert_eq!((json["exit"].as_i64(), json["errors"][0]["code"].as_str()), (Some(1), Some("R0101")), "{json}");
    }
    world.restage(&["migrate", "validate", "--unknown"]).ends(1).keeps_quiet_of("Migrator completed");
    world.restage(&["migrate", "run", "--database", "preprod/ap", "--location", "sql"]).ends(1).says("did you mean `app`?");
    world.restage(&["migrate", "run", "--location", "sql"]).ends(1).says("Migrator completed with exit status 1");
    let empty = ["migrate", "run", "--database", "preprod/app", "--location", "elsewhere"];
    world.restage(&empty).ends(1).says("there is no script of a migration in `filesystem:elsewhere`");
}

#[test]
fn a_login_that_the_server_refuses_or_a_database_that_is_missing_is_a_matter_of_the_configuration() {
    let world = site();
    run(&world, 1, &["--password-from", "env:WRONG_PASSWORD"]).fails_with("R0302").keeps_quiet_of("lab-nobodys-0Zz0");
    let url = world.preprod.url("nowhere", SUPERUSER);
    world.restage(&["migrate", "run", "--url", &url, "--location", "sql", "--password-from", "env:SUPERUSER_PASSWORD"]).ends(1);
    world.write("models.yaml", "tables: { orders: { columns: { id: integer } } }\n");
    for command in [&["snapshot"][..], &["validate", "--models", "models.yaml"]] {
        let wrong = [&["migrate"], command, &["--database", "preprod/app", "--password-from", "env:WRONG_PASSWORD"]].concat();
        world.restage(&wrong).ends(1).fails_with("R0302");
        let wrong = [&["migrate"], command, &["--url", &url, "--password-from", "env:SUPERUSER_PASSWORD"]].concat();
        world.restage(&wrong).ends(1).fails_with("R0301");
    }
}

#[test]
fn a_script_that_fails_ends_with_2_and_leaves_those_before_it_applied() {
    let world = site();
    world.write("sql/V2__broken.sql", "create table left_behind (id int);\nselect 1 / 0;\n");
    let played = run(&world, 2, &["--output", "json"]).says("V2__broken.sql:2").says("division by zero").fails_with("R0316");
    let json = played.json();
    assert_eq!(
        (json["exit"].as_i64(), json["applied"][0].as_str(), json["errors"][0]["code"].as_str()),
        (Some(2), Some("V1__orders.sql"), Some("R0316"))
    );
    assert_eq!(history(&world), ["1|t"]);
    assert_eq!(rows(&world.preprod, "select to_regclass('left_behind') is null"), ["t"]);
}

#[test]
fn history_and_scripts_that_disagree_end_with_2_and_each_is_named() {
    let world = site();
    world.write("sql/V2__note.sql", "select 2;\n");
    run(&world, 0, &[]);
    world.write("sql/V1__orders.sql", "select 'a development version';\n");
    world.write("sql/V2__note.sql", "select 'another';\n");
    let played = run(&world, 2, &["--output", "json"]).fails_with("R0220").says("V1__orders.sql").says("V2__note.sql");
    assert_eq!(played.json()["errors"].as_array().unwrap().len(), 2);
}

#[test]
fn a_schema_that_was_changed_out_of_band_ends_with_3() {
    let world = site();
    run(&world, 0, &[]);
    let models = world.restage(&["migrate", "snapshot", "--database", "preprod/app"]).ends(0).out;
    world.write("models.yaml", &models);
    run(&world, 0, &["--models", "models.yaml"]).says("compared with the models: 1 table");
    world.preprod.psql(APP, "alter table orders drop column note, add column memo text").unwrap();
    let played = run(&world, 3, &["--models", "models.yaml", "--output", "json"]).fails_with("R0317");
    let played = played.says("the column `orders.note` is missing").says("memo");
    assert_eq!(played.json()["after"].as_str(), Some("1"));
    migrate(&world, "validate", &["--models", "models.yaml"]).ends(3).says("orders.note");
}

#[test]
fn a_connection_that_breaks_ends_with_4() {
    let world = site();
    world.write("sql/V2__long.sql", "select pg_sleep(60);\n");
    let queue = format!("local:{QUEUE}");
    let playing = world.start(&words("run", &["--signals", &queue]));
    await_sleep(&world);
    world
        .preprod
        .psql(
            "postgres",
            "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()",
        )
        .unwrap();
    let played = playing.finish();
    ends_with(played, &world, 4);
    assert_eq!(history(&world), ["1|t"]);
}

#[test]
fn a_server_that_is_not_there_ends_with_4() {
    let mut world = site();
    world.preprod.stop().unwrap();
    run(&world, 4, &[]).fails_with("R0301");
}

/// Waits until the statement that takes long runs.
#[track_caller]
pub(crate) fn await_sleep(world: &World) {
    let query =
        "select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and state = 'active' and pid <> pg_backend_pid()";
    await_that("the long statement runs", || world.preprod.psql("postgres", query).unwrap().trim() == "1");
}

#[test]
fn production_is_changed_only_when_somebody_says_so() {
    let world = site();
    let production = ["migrate", "run", "--database", "production/app", "--location", "sql"];
    world.restage(&production).ends(1).says("there is nobody to ask").says("Migrator completed with exit status 1");
    assert_eq!(rows(&world.production, "select to_regclass('orders') is null"), ["t"]);
    world.restage(&[&production[..], &["--yes"]].concat()).ends(0);
    assert_eq!(rows(&world.production, "select to_regclass('orders') is null"), ["f"]);
}

#[test]
fn every_exit_status_has_a_page_that_explain_lists() {
    let world = site();
    let list = world.restage(&["explain"]).ends(0).out;
    for status in 0..=4 {
        let page = world.restage(&["explain", &format!("exit-{status}")]).ends(0).out;
        assert!(page.contains(&format!("Migrator completed with exit status {status}")), "{page}");
        assert!(list.contains(&format!("exit-{status}: ")), "{list}");
    }
}
