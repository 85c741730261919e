//! Migrations that are followed: whole plans, and what forbids them.

use super::case::Case;
use restage_core::facts::{PendingFacts, QueueFacts};
use restage_core::provider::queue::{Count, Peeked, QueuedId, QueuedMessage};
use restage_core::signal::{ExitStatus, Format, HeartbeatSeconds, HostName, MigratorId, ProcessId, Progress, Signal, Writer};

const SECOND: i64 = 1_790_000_000;

fn moment(seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(SECOND + seconds).unwrap()
}

/// A stage of these keys beside `database` and `scripts`.
fn migrating(keys: &str) -> Case {
    let keys: String = keys.lines().map(|line| format!("      {line}\n")).collect();
    let head =
        "scenario: refresh\nfrom: production\nto: preprod\nstages:\n  - migrate:\n      database: app\n      scripts: migrations\n";
    Case::of(&format!("{head}{keys}"))
}

/// What a migrator has said that may have ended, an hour ago or a moment ago.
fn left(end: Option<ExitStatus>, seconds_ago: i64) -> QueueFacts {
    let migrator = MigratorId { host: HostName("db-migrator".into()), pid: ProcessId(5046), started: moment(0) };
    let mut writer = Writer::new(migrator, Format::Current, Some(HeartbeatSeconds(30)));
    let started = writer.progress(Progress::Started, moment(0));
    let last = end.and_then(|status| writer.end(status, moment(0)));
    found(started.into_iter().chain(last).map(|signal: Signal| signal.encode()), seconds_ago)
}

fn found(texts: impl Iterator<Item = String>, seconds_ago: i64) -> QueueFacts {
    let message = |(number, text): (u32, String)| QueuedMessage { id: QueuedId(number.to_string()), text, sent: moment(0) };
    let messages: Vec<QueuedMessage> = (0..).zip(texts).map(message).collect();
    let count = Count { waiting: messages.len() as u64, ..Count::default() };
    QueueFacts::of(&Peeked { messages, count }, moment(seconds_ago))
}

const FOLLOWED: &str = "signals: { queue: { local: preprod-migrator } }";
const COMMAND: &str = "command: [ssh, migrator, /opt/migrate]
env: { LEVEL: debug }
signals: { queue: { sqs: preprod-migrator.fifo, region: us-east-1 } }
record: { parameter: /preprod/schema-version, region: us-east-1 }
within: 2h";

#[test]
fn restage_itself_followed_and_recorded_in_a_file() {
    migrating(&format!("{FOLLOWED}\nrecord: {{ file: preprod.version }}")).is_planned("deploy-by-restage");
}

#[test]
fn a_command_followed_and_recorded_in_a_parameter() {
    migrating(COMMAND).recorded("3").is_planned("deploy-by-command");
}

#[test]
fn a_record_of_the_newest_version_needs_nothing_unless_always_is_written() {
    let nothing_pending = |pending: &mut PendingFacts| pending.pending.clear();
    migrating(COMMAND).recorded("5.0").pending(nothing_pending).is_planned("deploy-not-needed");
    migrating(&format!("{COMMAND}\nwhen: always")).recorded("5").pending(nothing_pending).is_planned("deploy-always");
}

#[test]
fn a_record_that_is_ahead_of_the_history_is_warned_of() {
    migrating(COMMAND).recorded("7").is_planned("deploy-record-ahead");
}

#[test]
fn messages_of_one_that_ended_well() {
    migrating(FOLLOWED).queue(left(Some(ExitStatus::Success), 3_600)).is_refused("queue-of-one-that-ended-well");
}

#[test]
fn messages_of_one_that_failed() {
    migrating(FOLLOWED).queue(left(Some(ExitStatus::MigrationFailed), 3_600)).is_refused("queue-of-one-that-failed");
}

#[test]
fn messages_of_one_that_is_alive() {
    migrating(FOLLOWED).queue(left(None, 20)).is_refused("queue-of-one-alive");
}

#[test]
fn messages_of_one_that_is_presumed_dead() {
    migrating(FOLLOWED).queue(left(None, 3_600)).is_refused("queue-of-one-dead");
}

#[test]
fn messages_that_nobody_can_read_or_see() {
    let odd = found(["hello".to_owned()].into_iter(), 0);
    migrating(FOLLOWED).queue(odd).is_refused("queue-of-something-else");
    let hidden = QueueFacts { count: Count { in_flight: 2, ..Count::default() }, ..QueueFacts::default() };
    migrating(FOLLOWED).queue(hidden).is_refused("queue-of-hidden-messages");
}
