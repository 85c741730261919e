//! `diagnose --fix`: every branch of the runbook, from the broken state to a migration that runs.

use crate::ailing::{
    BOTH, DATABASE, GONE, LockHolder, QUEUE, diagnose, ended_with, ending_with, fix, in_aws, is_locked, is_well, left_in_queue,
    messages, restage_in_aws,
};
use crate::look::Both;
use crate::migrated::to_migrate;
use crate::play::{Playing, await_that, exit};
use crate::world::World;
use restage_lab::aws::{Aws, REGION};
use std::collections::BTreeSet;
use std::fs;

/// The last message of a migrator that says nothing of its end.
const STILL: &str = r#"{"appStage":"Migrating","messageId":3,"pid":5046}"#;
/// A migrator of another host that promises a heartbeat.
const PROMISING: &str = r#"{"appStage":"Migrating","messageId":1,"pid":7,"heartbeat":30,"migrator":{"host":"deploy-1.example","pid":7,"started":"2026-11-20T08:00:00Z"}}"#;

fn without_an_end(world: &World) {
    let texts = ending_with(STILL);
    messages(world, 0, &texts.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn messages_of_a_migrator_that_ended_well_are_deleted_and_the_next_one_runs() {
    let world = to_migrate();
    ended_with(&world, 0);
    let before = Both::of(&world);
    let found = diagnose(&world, &[&BOTH]).ends(exit::UNDONE).tells("exit status 0: it ended well").tells("5046");
    found.tells("would delete all messages").tells("3 messages");
    before.nothing_was_touched(&world);
    assert_eq!(left_in_queue(&world), 3, "a look takes nothing out");
    fix(&world, &[&BOTH]).ends(exit::DONE).tells("Done: delete all messages");
    is_well(&world, &[&BOTH]);
}

#[test]
fn a_failed_migration_is_shown_and_its_row_deleted_with_the_messages() {
    let world = to_migrate();
    ended_with(&world, 2);
    world.in_preprod("insert into flyway_schema_history values (4, '4', 'rooms', 'SQL', 'V4__rooms.sql', 7, 'x', now(), 1, false)");
    world.write(
        "migrator.log",
        "INFO migrate\nERROR: relation \"rooms\" is odd\n  at line 3\nMigrator completed with exit status 2\n",
    );
    let found =
        diagnose(&world, &[&BOTH, &["--log", "migrator.log"]]).ends(exit::UNDONE).tells("exit status 2: a migration failed");
    found.tells("`V4__rooms.sql` failed").tells("relation \"rooms\" is odd").tells("at line 3");
    fix(&world, &[&BOTH]).ends(exit::DONE).tells("delete the failed row of rank 4");
    is_well(&world, &[&BOTH]);
}

#[test]
fn parameters_that_are_missing_are_named_until_they_are_there() {
    let (world, aws) = (to_migrate(), Aws::start().unwrap());
    ended_with(&world, 1);
    let endpoint = aws.endpoint();
    let asked = ["--parameters", "/app/test/pipeline", "--parameter", "/app/test/key", "--region", REGION, "--endpoint", &endpoint];
    let found = restage_in_aws(&world, &[&["diagnose"], &BOTH, &asked]).ends(exit::UNDONE).tells("exit status 1");
    found.tells("below `/app/test/pipeline` are not in").tells("`/app/test/key` is not in").tells("arn:aws");
    in_aws(&aws, "AmazonSSM", "PutParameter", r#"{"Name":"/app/test/pipeline/x","Value":"1","Type":"String"}"#);
    in_aws(&aws, "AmazonSSM", "PutParameter", r#"{"Name":"/app/test/key","Value":"s3cret-word","Type":"SecureString"}"#);
    let fixed = restage_in_aws(&world, &[&["diagnose"], &BOTH, &asked, &["--fix", "--yes"]]).ends(exit::DONE);
    fixed.keeps_quiet_of("s3cret-word");
    is_well(&world, &[&BOTH]);
}

#[test]
fn messages_in_amazons_queue_are_looked_at_and_deleted() {
    let (world, aws) = (to_migrate(), Aws::start().unwrap());
    in_aws(&aws, "AmazonSQS", "CreateQueue", r#"{"QueueName":"app-test-migrator.fifo","Attributes":{"FifoQueue":"true"}}"#);
    let body = r#"{\"appStage\":\"Finished\",\"messageId\":1,\"pid\":1,\"exitCode\":0}"#;
    let url = format!("{}/{}/app-test-migrator.fifo", aws.endpoint(), restage_lab::aws::ACCOUNT);
    let group = r#""MessageGroupId":"a","MessageDeduplicationId":"a""#;
    in_aws(&aws, "AmazonSQS", "SendMessage", &format!(r#"{{"QueueUrl":"{url}","MessageBody":"{body}",{group}}}"#));
    let queue = format!("sqs:{url}");
    let asked = ["--queue", &queue, "--region", REGION];
    restage_in_aws(&world, &[&["diagnose"], &asked]).ends(exit::UNDONE).tells("exit status 0").tells("arn:aws");
    restage_in_aws(&world, &[&["diagnose"], &asked, &["--fix", "--yes"]]).ends(exit::DONE).tells("is empty");
}

#[test]
fn a_database_that_is_not_what_the_models_say_is_told_until_it_is() {
    let world = to_migrate();
    ended_with(&world, 3);
    world.restage(&["run", "migrate", "--yes"]).ends(exit::DONE);
    world.write("models.yaml", "tables:\n  rooms:\n    columns:\n      id: bigint not null\n");
    let asked = [&BOTH[..], &["--models", "models.yaml"]];
    diagnose(&world, &asked).ends(exit::UNDONE).tells("exit status 3: the models do not fit").tells("rooms.id");
    world.write("models.yaml", "tables:\n  rooms:\n    columns:\n      id: integer not null\n");
    fix(&world, &asked).ends(exit::DONE);
    is_well(&world, &[&BOTH]);
}

#[test]
fn a_living_migrator_keeps_its_messages_until_it_has_ended() {
    let world = to_migrate();
    without_an_end(&world);
    let migrator = LockHolder::start(&world);
    let found = fix(&world, &[&BOTH]).ends(exit::UNDONE).tells("messages of a migrator that is alive").tells("Flyway by JDBC");
    found.tells("nothing that can be fixed safely");
    assert!(left_in_queue(&world) == 3 && is_locked(&world.preprod), "it was disturbed");
    migrator.end(&world.preprod);
    fix(&world, &[&BOTH]).ends(exit::UNDONE).tells("nobody knows whether it lives");
    assert_eq!(left_in_queue(&world), 3, "what nobody knows is not taken for good");
    fix(&world, &[&BOTH, &GONE]).ends(exit::DONE).tells("exit status: 3: inactive");
    is_well(&world, &[&BOTH]);
}

#[test]
fn a_migrator_that_fell_silent_is_dead_and_its_messages_are_deleted() {
    let world = to_migrate();
    messages(&world, 10, &[PROMISING]);
    diagnose(&world, &[&BOTH]).ends(exit::UNDONE).tells("died without saying how it ended").tells("20 heartbeats did not come");
    fix(&world, &[&BOTH]).ends(exit::DONE);
    is_well(&world, &[&BOTH]);
}

#[test]
fn a_dead_migrators_session_is_ended_and_the_lock_is_free() {
    let world = to_migrate();
    let session = LockHolder::start(&world);
    without_an_end(&world);
    let fixed = fix(&world, &[&BOTH, &GONE]).ends(exit::DONE).tells("Done: end the session of process");
    fixed.tells("Done: delete all messages");
    assert!(!is_locked(&world.preprod));
    drop(session);
    is_well(&world, &[&BOTH]);
}

#[test]
fn messages_of_a_living_migrator_are_deleted_only_if_somebody_insists() {
    let world = to_migrate();
    messages(&world, 0, &[PROMISING]);
    fix(&world, &[&QUEUE]).ends(exit::UNDONE).tells("is alive");
    assert_eq!(left_in_queue(&world), 1);
    fix(&world, &[&QUEUE, &["--purge-anyway"]]).ends(exit::DONE);
    assert_eq!(left_in_queue(&world), 0);
}

#[test]
fn a_script_that_was_edited_is_told_with_both_checksums_and_taken_for_right_only_if_somebody_says_so() {
    let world = to_migrate();
    world.write("scenarios/migrations/V2__change.sql", "select 2;\n");
    let before = Both::of(&world);
    fix(&world, &[&DATABASE]).ends(exit::UNDONE).tells("was edited after it was applied").tells("checksum `");
    before.nothing_was_touched(&world);
    fix(&world, &[&DATABASE, &["--align-history"]]).ends(exit::DONE).tells("align rank 2");
    is_well(&world, &[&DATABASE]);
}

#[test]
fn a_location_that_does_not_exist_makes_no_row_look_out_of_band() {
    let world = to_migrate();
    let before = Both::of(&world);
    let words = ["--database", "preprod/app", "--align-history", "--location"];
    fix(&world, &[&words, &["scenarios/migration"]]).ends(exit::UNDONE).tells("scenarios/migration` does not exist");
    world.write("nothing/readme.txt", "");
    fix(&world, &[&words, &["nothing"]]).ends(exit::UNDONE).tells("there is not one script");
    before.nothing_was_touched(&world);
}

#[test]
fn a_row_that_was_applied_out_of_band_is_told_and_marked_as_deleted_only_if_somebody_says_so() {
    let world = to_migrate();
    world.in_preprod(
        "insert into flyway_schema_history values (4, '3.5', 'hotfix', 'SQL', 'V3.5__hotfix.sql', 7, 'bob', now(), 1, true),
         (5, '9', 'try', 'SQL', 'V9__try.sql', 8, 'bob', now(), 1, true)",
    );
    let found =
        diagnose(&world, &[&DATABASE]).ends(exit::UNDONE).tells("V3.5__hotfix.sql").tells("applied out of band").tells("`bob`");
    found.tells("`V9__try.sql`, was applied and is above all scripts: a development version");
    fix(&world, &[&DATABASE]).ends(exit::UNDONE);
    fix(&world, &[&DATABASE, &["--align-history"]]).ends(exit::DONE).tells("as deleted");
    is_well(&world, &[&DATABASE]);
}

#[test]
fn a_history_under_another_name_is_told_with_that_name() {
    let world = to_migrate();
    world.in_preprod("alter table flyway_schema_history rename to schema_version");
    let found = diagnose(&world, &[&DATABASE]).ends(exit::UNDONE).tells("has objects and no history `flyway_schema_history`");
    found.tells("schema_version").tells("restage migrate baseline");
    world.restage(&["run", "migrate", "--yes"]).ends(exit::REFUSED).fails_with("R0220").says("has objects but no history");
    world.in_preprod("alter table schema_version rename to flyway_schema_history");
    is_well(&world, &[&DATABASE]);
}

#[test]
fn a_script_without_a_transaction_that_did_not_end_is_told_with_its_statement() {
    let world = to_migrate();
    world.write("scenarios/migrations/V4__rooms.sql", "create table rooms (id int);\nselect 1 / 0;\n");
    world.write("scenarios/migrations/V4__rooms.sql.conf", "executeInTransaction=false\n");
    world.restage(&["run", "migrate", "--yes"]).ends(exit::HELD);
    world.restage(&["undo"]).ends(exit::DONE);
    let found = diagnose(&world, &[&DATABASE]).ends(exit::UNDONE).tells("was begun on `preprod/app` without a transaction");
    found.tells("statement 1 of 2 is done").tells("statement 2 on line 2 failed");
    world.in_preprod("drop table rooms");
    fix(&world, &[&DATABASE]).ends(exit::DONE).tells("delete the failed row");
    world.write("scenarios/migrations/V4__rooms.sql", "create table rooms (id int);\n");
    is_well(&world, &[&DATABASE]);
}

#[test]
fn what_a_killed_run_holds_is_given_back() {
    let world = to_migrate();
    world.write("scenarios/migrations/V4__rooms.sql", "select pg_sleep(600);\n");
    let run = world.start(&["run", "migrate", "--yes"]);
    let sleeps =
        "select count(*) from pg_stat_activity where query like '%pg_sleep(600)%' and state = 'active' and pid <> pg_backend_pid()";
    await_that("the migration is at work", || world.preprod.psql("postgres", sleeps).unwrap() == "1");
    let at_work = fix(&world, &[&DATABASE]).ends(exit::UNDONE).tells("works on the database").tells("a migrator works on");
    at_work.tells("nothing that can be fixed safely");
    run.kill();
    let sessions = "select count(*) from pg_stat_activity where application_name like 'restage%'";
    await_that("the server has noticed", || world.preprod.psql("postgres", sessions).unwrap() == "0");
    fix(&world, &[&DATABASE]).ends(exit::DONE).tells("was cut off").tells("Done: give back what run");
    world.write("scenarios/migrations/V4__rooms.sql", "create table rooms (id int);\n");
    is_well(&world, &[&DATABASE]);
}

#[test]
fn a_scenario_says_which_database_and_scripts_are_meant() {
    let world = to_migrate();
    diagnose(&world, &[&["migrate"]]).ends(exit::DONE).tells("4 scripts, pending: V4__rooms.sql");
    diagnose(&world, &[&["migrate", "--database", "production/app"]]).ends(exit::USAGE).fails_with("R0102");
}

/// A stage on preprod's `app`, followed in this queue.
fn stage(queue: &str, more: &str) -> String {
    format!("  - migrate: {{ database: app, scripts: migrations, signals: {{ queue: {queue} }}{more} }}\n")
}

fn followed(world: &World, stages: &[String]) {
    let head = "scenario: followed\nfrom: production\nto: preprod\nstages:\n";
    world.scenario("followed", &format!("{head}{}", stages.concat()));
}

#[test]
fn a_scenario_says_which_queue_is_meant_whoever_migrates() {
    let world = to_migrate();
    for more in ["", ", command: 'exit 1'"] {
        followed(&world, &[stage("{ local: test-migrator }", more)]);
        ended_with(&world, 0);
        world.restage(&["plan", "followed"]).ends(exit::REFUSED).fails_with("R0219");
        diagnose(&world, &[&["followed"]]).ends(exit::UNDONE).tells("3 messages of 1 migrator").tells("4 scripts");
        fix(&world, &[&["followed"]]).ends(exit::DONE).tells("Done: delete all messages");
        world.restage(&["plan", "followed"]).ends(exit::DONE);
    }
    followed(&world, &[stage("{ local: test-migrator }", "")]);
    world.restage(&["run", "followed", "--yes"]).ends(exit::DONE);
    diagnose(&world, &[&["followed"]]).ends(exit::DONE).tells("is empty").tells("none is pending");
}

#[test]
fn several_queues_of_a_scenario_are_named_with_what_chooses_among_them() {
    let world = to_migrate();
    let amazons = stage("{ sqs: app.fifo, region: eu-west-1, endpoint: 'http://127.0.0.1:9' }", "");
    followed(&world, &[stage("{ local: test-migrator }", ""), amazons]);
    let asked = diagnose(&world, &[&["followed"]]).ends(exit::USAGE).fails_with("R0102").tells("`--queue local:test-migrator`");
    asked.tells("`--queue sqs:app.fifo --region eu-west-1 --endpoint http://127.0.0.1:9`");
    ended_with(&world, 0);
    diagnose(&world, &[&["followed"], &QUEUE]).ends(exit::UNDONE).tells("3 messages of 1 migrator");
}

#[test]
fn a_scenarios_queue_at_amazon_is_looked_for_where_the_scenario_says_or_somebody_typed() {
    let (world, aws) = (to_migrate(), Aws::start().unwrap());
    in_aws(&aws, "AmazonSQS", "CreateQueue", r#"{"QueueName":"app.fifo","Attributes":{"FifoQueue":"true"}}"#);
    let endpoint = aws.endpoint();
    followed(&world, &[stage(&format!("{{ sqs: app.fifo, region: {REGION}, endpoint: '{endpoint}' }}"), "")]);
    restage_in_aws(&world, &[&["diagnose", "followed"]]).ends(exit::DONE).tells("`app.fifo` is empty").tells("arn:aws");
    followed(&world, &[stage("{ sqs: app.fifo, region: nowhere-1, endpoint: 'http://127.0.0.1:9' }", "")]);
    restage_in_aws(&world, &[&["diagnose", "followed"]]).ends(exit::UNDONE).tells("the queue could not be looked at");
    let typed = ["--region", REGION, "--endpoint", &endpoint];
    restage_in_aws(&world, &[&["diagnose", "followed"], &typed]).ends(exit::DONE).tells("`app.fifo` is empty");
}

/// What a person puts in place of the words in capitals.
const FILLED: [(&str, &str); 4] =
    [("ENVIRONMENT/NAME", "preprod/app"), ("FOLDER", "scenarios/migrations"), ("FILE", "some.file"), ("PATH", "/some/path")];

/// Expects that every next command of restage is one that it understands.
#[track_caller]
fn can_be_typed(world: &World, words: &[&str]) {
    let found = diagnose(world, &[words, &["--output", "json"]]).ends(exit::UNDONE);
    let findings = found.json()["findings"].as_array().unwrap().clone();
    let next = findings.iter().flat_map(|finding| finding["next"].as_array().unwrap().clone());
    let commands = next.map(|next| next["command"].as_str().unwrap().to_owned()).filter(|command| command.starts_with("restage "));
    let commands: BTreeSet<String> = commands.collect();
    assert!(!commands.is_empty(), "{found}");
    for command in commands {
        let command = FILLED.iter().fold(command, |command, (word, value)| command.replace(word, value));
        let typed = command.replacen("restage", env!("CARGO_BIN_EXE_restage"), 1);
        let mut shell = std::process::Command::new("sh");
        let known = world.command(&[]);
        shell.args(["-c", &typed]).env_clear().envs(known.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.current_dir(world.path("project"));
        let played = Playing::start(shell, &world.path("said")).finish();
        played.keeps_quiet_of("Usage:").keeps_quiet_of("error[R0102]");
    }
}

#[test]
fn every_next_command_is_one_that_can_be_typed() {
    let world = to_migrate();
    let scenario = stage("{ local: test-migrator }", "");
    followed(&world, &[scenario]);
    world.write("models.yaml", "tables:\n  rooms:\n    columns:\n      id: bigint not null\n");
    world.write("some.file", "tables: {}\n");
    for status in 0..=4 {
        ended_with(&world, status);
        can_be_typed(&world, &QUEUE);
        can_be_typed(&world, &BOTH);
        can_be_typed(&world, &["followed"]);
        can_be_typed(&world, &[&BOTH[..], &["--models", "models.yaml", "--log", "some.file"]].concat());
        let no_database = ["--database", "production/app", "--location", "nowhere"];
        can_be_typed(&world, &[&QUEUE[..], &no_database].concat());
        fix(&world, &[&QUEUE]).ends(exit::DONE);
    }
    messages(&world, 0, &[STILL]);
    can_be_typed(&world, &QUEUE);
    world.in_production("update flyway_schema_history set success = false where version = '3'");
    can_be_typed(&world, &["--database", "production/app", "--location", "scenarios/migrations"]);
}

#[test]
fn a_scenarios_database_is_compared_with_models_that_are_typed() {
    let world = to_migrate();
    world.write("models.yaml", "tables:\n  rooms:\n    columns:\n      id: bigint not null\n");
    diagnose(&world, &[&["migrate", "--models", "models.yaml"]]).ends(exit::UNDONE).tells("models.yaml:2: the table `rooms`");
}

#[test]
fn what_cannot_be_looked_at_is_a_finding_and_no_silence() {
    let world = to_migrate();
    let words = [&DATABASE[..], &["--log", "no-such.log", "--host-command", "exit 255", "--queue", "sqs:q", "--region", REGION]];
    let closed = ["--endpoint", "http://127.0.0.1:9"];
    let found = restage_in_aws(&world, &[&["diagnose"], &words.concat(), &closed]).ends(exit::UNDONE);
    let found =
        found.tells("the queue could not be looked at").tells("AWS does not say who asks").tells("the log could not be read");
    found.tells("could not be asked whether it lives");
    let mut wrong = world.command(&["diagnose", "--database", "preprod/app"]);
    wrong.env("PREPROD_PASSWORD", "lab-nobodys-0Zz0");
    let refused = crate::play::Playing::start(wrong, &world.path("said")).finish().ends(exit::UNDONE);
    refused.tells("the database could not be looked at").tells("R0302");
}

#[test]
fn production_is_looked_at_and_never_changed() {
    let world = to_migrate();
    world.in_production("update flyway_schema_history set success = false where version = '3'");
    let before = Both::of(&world);
    let words = ["--database", "production/app", "--location", "scenarios/migrations", "--align-history"];
    fix(&world, &[&words]).ends(exit::UNDONE).tells("`V3__change.sql` failed").tells("a diagnosis never changes production");
    before.nothing_was_touched(&world);
}

#[test]
fn what_was_fixed_is_told_with_who_when_why_and_how_it_ended() {
    let world = to_migrate();
    diagnose(&world, &[&["--history"]]).ends(exit::DONE).tells("Nothing was fixed yet");
    ended_with(&world, 0);
    fix(&world, &[&QUEUE]).ends(exit::DONE);
    let history = diagnose(&world, &[&["--history"]]).ends(exit::DONE).tells("by ada: delete all messages of the queue");
    history.tells("done at 20").tells("exit status 0").tells("restage diagnose --queue local:test-migrator");
    let json = diagnose(&world, &[&["--history", "--output", "json"]]).ends(exit::DONE).json();
    assert_eq!(json[0]["by"], "ada");
    assert_eq!(json[0]["fix"], serde_json::json!({ "fix": "purge-queue", "queue": "test-migrator", "messages": 3 }));
    assert_eq!(json[0]["ended"]["outcome"], "done");
}

#[test]
fn programs_are_shown_checks_findings_and_fixes() {
    let world = to_migrate();
    ended_with(&world, 4);
    let json = diagnose(&world, &[&QUEUE, &["--output", "json"]]).ends(exit::UNDONE).json();
    assert_eq!(json["checks"][0], serde_json::json!({ "what": "queue", "seen": "`test-migrator` has 3 messages of 1 migrator" }));
    let finding = &json["findings"][0];
    assert_eq!((finding["severity"].as_str(), finding["fix"]["fix"].as_str()), (Some("blocking"), Some("purge-queue")));
    assert_eq!(finding["next"][0]["command"], "restage diagnose --queue local:test-migrator --log FILE");
    let fixed = fix(&world, &[&QUEUE, &["--output", "json"]]).ends(exit::DONE).json();
    assert_eq!((fixed["findings"].as_array().map(Vec::len), fixed["fixes"][0]["outcome"].as_str()), (Some(0), Some("done")));
}

#[test]
fn nothing_is_fixed_without_somebody_who_agrees() {
    let world = to_migrate();
    ended_with(&world, 0);
    diagnose(&world, &[&QUEUE, &["--fix"]]).ends(exit::USAGE).fails_with("R0408").tells("add `--yes`");
    assert_eq!(left_in_queue(&world), 3);
    diagnose(&world, &[&["--yes"]]).ends(exit::USAGE);
    diagnose(&world, &[]).ends(exit::USAGE);
    diagnose(&world, &[&["--queue", "somewhere"]]).ends(exit::USAGE).tells("write sqs:NAME");
    diagnose(&world, &[&["--database", "preprod/ap"]]).ends(exit::USAGE).fails_with("R0102");
    assert!(fs::metadata(world.store()).is_ok());
}
