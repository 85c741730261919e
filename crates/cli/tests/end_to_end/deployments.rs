//! Deployments that are followed by messages: every branch of the runbook, from its broken state to a deployment that succeeds.

use crate::look::rows;
use crate::migrated::{ROOMS, with_scripts};
use crate::people::people;
use crate::play::{Playing, await_that, exit};
use crate::world::World;
use jiff::{SignedDuration, Timestamp};
use restage_core::provider::Queues;
use restage_core::provider::queue::{LocalQueue, Outgoing, Queue};
use restage_core::signal::{
    ExitStatus, Format, HeartbeatSeconds, HostName, MigrationStage, MigratorId, ProcessId, Progress, SchemaVersion, ScriptStage,
    Signal, Writer,
};
use restage_lab::aws::{ACCESS_KEY, ACCOUNT, Aws, REGION, SECRET_KEY};
use restage_migrate::checksum::Checksum;
use restage_providers::clock::SystemClock;
use restage_store::Store;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

const HEAD: &str =
    "scenario: deploy\nfrom: production\nto: preprod\nstages:\n  - migrate:\n      database: app\n      scripts: migrations\n";
const LOCAL: &str = "      signals: { queue: { local: preprod-migrator }, heartbeat: 1s }\n      record: { file: version }\n";
/// A migrator that begins, and ends with the exit code that it is told.
const COMMAND: &str =
    "      command: \"rm -f go; mkfifo go; touch begun; read code < go; [ $code != kill ] || kill -9 $$; exit $code\"\n";

/// Somebody who migrates, as the queue hears it.
struct Voice {
    writer: Writer,
    migrator: MigratorId,
}

impl Voice {
    /// Promises to be heard every second.
    fn of(pid: u64) -> Self {
        let migrator = MigratorId { host: HostName("db-migrator".into()), pid: ProcessId(pid), started: Timestamp::now() };
        Self { writer: Writer::new(migrator.clone(), Format::Current, Some(HeartbeatSeconds(1))), migrator }
    }
    fn says(&mut self, world: &World, progress: Progress) {
        let signal = self.writer.progress(progress, Timestamp::now());
        self.send(world, &signal.unwrap());
    }
    fn ends(&mut self, world: &World, status: ExitStatus) {
        let signal = self.writer.end(status, Timestamp::now());
        self.send(world, &signal.unwrap());
    }
    fn send(&self, world: &World, signal: &Signal) {
        let message = Outgoing::of(signal, &self.migrator, Timestamp::now());
        in_queue(world, async |queues, queue| queues.send(queue, &message).await.unwrap());
    }
}

fn in_queue<T>(world: &World, act: impl AsyncFnOnce(&dyn Queues, &Queue) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(world.store()).await.unwrap();
        act(&store.queues(Arc::new(SystemClock)), &Queue::Local(LocalQueue::parse("preprod-migrator").unwrap())).await
    })
}

fn messages(world: &World) -> u64 {
    in_queue(world, async |queues, queue| queues.count(queue).await.unwrap().total())
}

fn purge(world: &World) {
    in_queue(world, async |queues, queue| queues.purge(queue).await.unwrap());
}

fn deploying(keys: &str) -> World {
    let world = with_scripts(people());
    world.scenario("deploy", &format!("{HEAD}{keys}"));
    world
}

fn version(world: &World) -> Option<String> {
    fs::read_to_string(world.path("project/scenarios/version")).ok().map(|text| text.trim().to_owned())
}

/// Starts a run, and waits until its command has begun.
fn begun(world: &World, words: &[&str]) -> Playing {
    let begun = world.path("project/scenarios/begun");
    let _ = fs::remove_file(&begun);
    let run = world.start(words);
    await_that("the command has begun", || begun.exists());
    run
}

/// The command ends so.
fn let_it_end(world: &World, code: &str) {
    fs::write(world.path("project/scenarios/go"), format!("{code}\n")).unwrap();
}

/// What a migrator does to preprod that is not restage.
fn migrate_elsewhere(world: &World) {
    world.in_preprod(&format!(
        "{ROOMS} insert into flyway_schema_history values (4, '4', 'rooms', 'SQL', 'V4__rooms.sql', {}, 'x', now(), 1, true)",
        Checksum::of_text(ROOMS)
    ));
}

fn completed(version: &str) -> Progress {
    Progress::Migrating(MigrationStage {
        stage: ScriptStage::Completed,
        migration_file: Some("V4__rooms.sql".into()),
        version: Some(SchemaVersion(version.into())),
    })
}

#[test]
fn whatever_a_migrator_left_is_told_and_once_it_is_purged_the_deployment_succeeds() {
    let world = deploying(LOCAL);
    let refused = |state: &str| {
        let refused = world.restage(&["run", "deploy", "--yes"]).ends(exit::REFUSED).fails_with("R0219");
        refused.says("Queue preprod-migrator has messages.").says("on `db-migrator`").says(state);
        assert_eq!((version(&world), rows(&world.preprod, "select 1 where to_regclass('rooms') is not null")), (None, vec![]));
        purge(&world);
    };
    for (status, said) in [(ExitStatus::Success, "exit status 0"), (ExitStatus::MigrationFailed, "exit status 2")] {
        let mut voice = Voice::of(5046);
        voice.says(&world, Progress::Started);
        voice.ends(&world, status);
        refused(said);
    }
    let alive = MigratorId { host: HostName("db-migrator".into()), pid: ProcessId(7), started: Timestamp::now() };
    let mut voice = Voice { writer: Writer::new(alive.clone(), Format::Current, Some(HeartbeatSeconds(3_600))), migrator: alive };
    voice.says(&world, Progress::Started);
    refused("alive as far as one can know");
    let mut voice = Voice::of(8);
    voice.says(&world, Progress::Started);
    let heard = Timestamp::now();
    await_that("three heartbeats did not come", || Timestamp::now().duration_since(heard) > SignedDuration::from_secs(4));
    refused("presumed dead since");

    world.restage(&["run", "deploy", "--yes"]).ends(exit::DONE).says("ended with exit status 0");
    assert_eq!((version(&world).as_deref(), messages(&world)), (Some("4"), 0));
    world.restage(&["plan", "deploy"]).ends(exit::DONE).says("version 4").says("find all migrations applied");
}

#[test]
fn what_was_recorded_is_recorded_again_when_the_run_is_undone() {
    let world = deploying(LOCAL);
    world.write("scenarios/version", "3\n");
    world.restage(&["run", "deploy", "--yes"]).ends(exit::DONE);
    assert_eq!(version(&world).as_deref(), Some("4"));
    world.restage(&["undo"]).ends(exit::DONE);
    assert_eq!((version(&world).as_deref(), messages(&world)), (Some("3"), 0));
    world.write("scenarios/version", "4\n");
    world.restage(&["plan", "deploy"]).ends(exit::DONE);
}

#[test]
fn a_script_that_fails_is_told_in_the_queue_with_its_exit_status() {
    let world = deploying(LOCAL);
    world.write("scenarios/migrations/V5__broken.sql", "select 2 / 0;\n");
    world.restage(&["run", "deploy", "--yes"]).ends(exit::HELD).says("R0316");
    assert!(messages(&world) > 0);
    world.restage(&["plan", "deploy"]).ends(exit::REFUSED).fails_with("R0219").says("ended with exit status 2");
    world.restage(&["undo"]).ends(exit::DONE);
    assert_eq!((version(&world), messages(&world)), (None, 0));
}

#[test]
fn a_command_is_followed_to_its_last_message_and_believed_by_the_history() {
    let world = deploying(&format!("{COMMAND}{LOCAL}"));
    let run = begun(&world, &["run", "deploy", "--yes"]);
    let mut voice = Voice::of(5046);
    voice.says(&world, Progress::Started);
    migrate_elsewhere(&world);
    voice.says(&world, completed("4"));
    voice.ends(&world, ExitStatus::Success);
    // What its migrator says counts, and not how the command ends.
    let_it_end(&world, "7");
    run.finish().ends(exit::DONE).says("the migrator ended well at version 4").says("ended with exit code 7");
    assert_eq!((version(&world).as_deref(), messages(&world)), (Some("4"), 0));
    world.restage(&["plan", "deploy"]).ends(exit::DONE).says("nothing is done");
}

#[test]
fn a_migrator_that_says_more_than_the_history_is_not_believed() {
    let world = deploying(&format!("{COMMAND}{LOCAL}"));
    let run = begun(&world, &["run", "deploy", "--yes"]);
    let mut voice = Voice::of(5046);
    voice.says(&world, Progress::Started);
    voice.says(&world, completed("4"));
    voice.ends(&world, ExitStatus::Success);
    let_it_end(&world, "0");
    run.finish().ends(exit::HELD).says("R0402").says("V4__rooms.sql");
    assert_eq!(version(&world), None);
}

#[test]
fn a_command_that_fails_or_dies_silently_is_told_and_runs_again_once_it_is_over() {
    let world = deploying(&format!("{COMMAND}{LOCAL}"));
    let run = begun(&world, &["run", "deploy", "--yes"]);
    let mut voice = Voice::of(5046);
    voice.says(&world, Progress::Started);
    voice.ends(&world, ExitStatus::ValidationFailed);
    run.finish().ends(exit::HELD).says("R0321").says("Migrator completed with exit status 3");

    let run = begun(&world, &["resume"]);
    let mut voice = Voice::of(5047);
    voice.says(&world, Progress::Started);
    let_it_end(&world, "kill");
    run.finish().ends(exit::HELD).says("R0322").says("there is no last message").says("process 5047");

    let run = begun(&world, &["resume"]);
    let mut voice = Voice::of(5048);
    voice.says(&world, Progress::Started);
    run.finish().ends(exit::HELD).says("R0322").says("presumed dead since").says("process 5048");

    let run = begun(&world, &["resume"]);
    let mut voice = Voice::of(5049);
    voice.says(&world, Progress::Started);
    migrate_elsewhere(&world);
    voice.ends(&world, ExitStatus::Success);
    let_it_end(&world, "0");
    run.finish().ends(exit::DONE);
    assert_eq!((version(&world).as_deref(), messages(&world)), (Some("4"), 0));
}

/// Asks what stands in for SQS, past the product.
fn ask(aws: &Aws, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(aws.endpoint().trim_start_matches("http://")).unwrap();
    // By this it knows which service is meant; it does not look at signatures.
    let scope = format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20260101/{REGION}/sqs/aws4_request, Signature=0");
    let (form, length) = ("application/x-www-form-urlencoded", body.len());
    let head = format!("Host: aws\r\nContent-Type: {form}\r\nContent-Length: {length}\r\nAuthorization: {scope}\r\n");
    write!(stream, "POST {path} HTTP/1.0\r\n{head}\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

#[test]
fn a_queue_in_sqs_and_a_record_in_ssm_serve_as_well() {
    let aws = Aws::start().unwrap_or_else(|error| panic!("{error}: {:?}", error.help()));
    ask(&aws, "/", "Action=CreateQueue&QueueName=preprod-migrator.fifo&Attribute.1.Name=FifoQueue&Attribute.1.Value=true");
    let place = format!("region: {REGION}, endpoint: \"{}\"", aws.endpoint());
    let signals = format!("      signals: {{ queue: {{ sqs: preprod-migrator.fifo, {place} }} }}\n");
    let world = deploying(&format!("{signals}      record: {{ parameter: /preprod/schema-version, {place} }}\n"));
    let restage = |words: &[&str]| {
        let mut command = world.command(words);
        command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
        Playing::start(command, &world.path("said")).finish()
    };
    let queue = format!("/{ACCOUNT}/preprod-migrator.fifo");
    let started = "%7B%22appStage%22%3A%22Started%22%2C%22messageId%22%3A1%2C%22pid%22%3A5046%7D";
    ask(&aws, &queue, &format!("Action=SendMessage&MessageGroupId=1&MessageDeduplicationId=1&MessageBody={started}"));
    restage(&["run", "deploy", "--yes"]).ends(exit::REFUSED).fails_with("R0219").says("process 5046").says("alive");
    ask(&aws, &queue, "Action=PurgeQueue");
    restage(&["run", "deploy", "--yes"]).ends(exit::DONE).says("says version 4").says("ended with exit status 0");
    restage(&["plan", "deploy"]).ends(exit::DONE).says("`/preprod/schema-version` says version 4");
    let wanted = "Action=GetQueueAttributes&AttributeName.1=ApproximateNumberOfMessages";
    assert!(ask(&aws, &queue, wanted).contains("<Value>0</Value>"));
}
