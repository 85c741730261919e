//! The queue: whose messages it has, how these migrators ended, and whether they live.

use super::exits::{meaning, next_after};
use super::history::is_in_use;
use super::life::{Life, Verdict};
use super::symptoms::{Observed, QueueSeen};
use super::{Finding, Fix, NextCommand, Notes, Purge, Severity, next};
use crate::provider::queue::Sight;
use crate::signal::{ExitStatus, Followed, MISSED_HEARTBEATS, State};
use crate::words::plural;

/// Messages in no known format that are quoted.
const QUOTED: usize = 3;
/// The greatest part of such a message that is quoted, in characters.
const QUOTED_CHARS: usize = 80;

pub(super) fn look(notes: &mut Notes<'_>) {
    let queue = match &notes.symptoms.queue {
        Observed::NotAsked => return,
        Observed::Failed(failure) => {
            let finding = "the queue could not be looked at, so that nobody knows whether it has messages".into();
            return notes.unchecked("queue", finding, failure);
        }
        Observed::Seen(queue) => queue,
    };
    if queue.peeked.is_empty() {
        return notes.check("queue", format!("`{}` is empty", queue.name));
    }
    let total = queue.peeked.count.total().max(queue.peeked.messages.len() as u64);
    let migrators = queue.following().migrators(notes.symptoms.now);
    let of = if migrators.is_empty() { "nobody that is known".into() } else { plural(migrators.len() as u64, "migrator") };
    notes.check("queue", format!("`{}` has {} of {of}", queue.name, plural(total, "message")));
    let lives: Vec<(Followed, Life)> = migrators
        .into_iter()
        .map(|migrator| {
            let life = Life::of(&migrator, notes.symptoms);
            (migrator, life)
        })
        .collect();
    let doubts = doubts(queue, &lives, notes);
    let purge = Purging { queue, total, doubts };
    // Purging once is enough: the fix stands with the first finding that is about messages.
    let mut fix = purge.fix(notes);
    for (migrator, life) in &lives {
        let fix = fix.take();
        notes.find(of_migrator(migrator, life, &purge, fix, notes));
    }
    unseen(&purge, &mut fix, notes);
}

/// Deleting the messages, and what speaks against it.
struct Purging<'a> {
    queue: &'a QueueSeen,
    total: u64,
    doubts: Vec<&'static str>,
}

impl Purging<'_> {
    fn fix(&self, notes: &Notes<'_>) -> Option<Fix> {
        let may = self.doubts.is_empty() || notes.consent.purge == Purge::Anybodys;
        may.then(|| Fix::PurgeQueue { queue: self.queue.name.clone(), messages: self.total })
    }

    /// The command that deletes them, as far as it may be used.
    fn command(&self, notes: &Notes<'_>) -> NextCommand {
        if self.doubts.is_empty() {
            return notes.fixing("", "deletes the messages, after which a migrator can be deployed");
        }
        notes.fixing(" --purge-anyway", format!("deletes the messages although {}", self.doubts.join(" and ")))
    }
}

fn doubts(queue: &QueueSeen, lives: &[(Followed, Life)], notes: &Notes<'_>) -> Vec<&'static str> {
    let has = |verdict| lives.iter().any(|(_, life)| life.verdict == verdict);
    let holder_lives = notes.symptoms.lock().is_some_and(|session| {
        let life = Life::of_holder(session, notes.symptoms);
        life.verdict != Verdict::Dead
    });
    let runs = !holder_lives && is_in_use(notes.symptoms);
    let doubts = [
        (has(Verdict::Alive), "a migrator lives that sent some"),
        (has(Verdict::Unknown), "nobody knows whether a migrator lives that sent some"),
        (holder_lives && !has(Verdict::Alive), "somebody holds the lock of the history"),
        // It may be about to start the next migrator, whose first messages would go with the old ones.
        (runs && !has(Verdict::Alive), "a run of restage works on the database"),
        (queue.following().unknown().next().is_some(), "some are in no known format"),
        (queue.peeked.sight() == Sight::Part, "not all of them could be seen"),
    ];
    doubts.into_iter().filter_map(|(holds, doubt)| holds.then_some(doubt)).collect()
}

fn of_migrator(migrator: &Followed, life: &Life, purge: &Purging<'_>, fix: Option<Fix>, notes: &Notes<'_>) -> Finding {
    let name = &purge.queue.name;
    let who = &migrator.sender;
    let (finding, next) = match (&migrator.state, life.verdict) {
        (State::Ended { status, .. }, _) => {
            let finding = match status {
                ExitStatus::Success => {
                    format!(
                        "the queue `{name}` still has messages of a migrator that ended with exit status 0: {}",
                        meaning(*status)
                    )
                }
                _ => format!(
                    "the queue `{name}` has messages of a migrator that ended with exit status {}: {}",
                    status.number(),
                    meaning(*status)
                ),
            };
            let mut commands = next_after(*status, notes);
            commands.push(purge.command(notes));
            (finding, commands)
        }
        (State::EndedWithoutCode { .. }, _) => {
            let finding =
                format!("the queue `{name}` has messages of a migrator that failed and did not say with which exit status");
            let mut commands = next_after(ExitStatus::Unexpected, notes);
            commands.push(purge.command(notes));
            (finding, commands)
        }
        (_, Verdict::Alive) => {
            let finding = format!("the queue `{name}` has messages of a migrator that is alive");
            let wait = next(&notes.symptoms.command, "again, once it has ended; or stop it on its host: `systemctl stop`");
            (finding, vec![wait])
        }
        (_, Verdict::Dead) => {
            let finding = format!("the queue `{name}` has messages of a migrator that died without saying how it ended");
            (finding, vec![purge.command(notes)])
        }
        (_, Verdict::Unknown) => {
            let finding = format!("the queue `{name}` has messages of a migrator of which nobody knows whether it lives");
            (finding, find_out(migrator, purge, notes))
        }
    };
    let mut evidence = vec![format!("{who}: {}", heard(migrator))];
    evidence.extend(life.signs.iter().cloned());
    if migrator.missing > 0 {
        evidence.push(format!("{} of its messages were not seen", migrator.missing));
    }
    Finding { severity: Severity::Blocking, finding, evidence, next, fix }
}

/// Commands that tell whether a migrator lives.
fn find_out(migrator: &Followed, purge: &Purging<'_>, notes: &Notes<'_>) -> Vec<NextCommand> {
    let mut commands = Vec::new();
    if let (State::Running { .. }, Some(period)) = (&migrator.state, migrator.heartbeat) {
        let seconds = period.0.saturating_mul(MISSED_HEARTBEATS);
        let does = format!("again, in {seconds} s: by then it was heard, or has missed {MISSED_HEARTBEATS} heartbeats and is dead");
        commands.push(next(&notes.symptoms.command, does));
    }
    if !notes.symptoms.host.is_asked() {
        let option = "--host-command 'ssh HOST systemctl is-active SERVICE'";
        commands.push(notes.again_with(option, "asks its host whether it lives"));
    }
    if !notes.symptoms.database.is_asked() {
        commands.push(notes.again_with("--database ENVIRONMENT/NAME", "looks whether a session migrates the database"));
    }
    commands.push(purge.command(notes));
    commands
}

fn heard(migrator: &Followed) -> String {
    let last = format!("heard last at {:.0}", migrator.last);
    let version = migrator.version.as_ref().map_or_else(String::new, |version| format!(", schema at version {version}"));
    match &migrator.state {
        State::Running { reached, .. } | State::Silent { reached, .. } => format!("{reached}, {last}{version}"),
        State::Ended { status, .. } => format!("{status}, {last}{version}"),
        State::EndedWithoutCode { .. } => format!("Failed, {last}{version}"),
        State::Nothing => last,
    }
}

/// Messages that nobody could read, and those that could not be seen.
fn unseen(purge: &Purging<'_>, fix: &mut Option<Fix>, notes: &mut Notes<'_>) {
    let (queue, name) = (purge.queue, &purge.queue.name);
    let following = queue.following();
    let unknown: Vec<_> = following.unknown().collect();
    if !unknown.is_empty() {
        let mut evidence: Vec<String> =
            unknown.iter().take(QUOTED).map(|(text, at)| format!("sent at {at:.0}: {}", quoted(text))).collect();
        if unknown.len() > QUOTED {
            evidence.push(format!("and {} more", unknown.len() - QUOTED));
        }
        let finding = format!("the queue `{name}` has {} in no known format", plural(unknown.len() as u64, "message"));
        let next = vec![purge.command(notes)];
        notes.find(Finding { severity: Severity::Blocking, finding, evidence, next, fix: fix.take() });
    }
    if queue.peeked.sight() == Sight::Part {
        let count = queue.peeked.count;
        let evidence = vec![format!(
            "the queue counts {} waiting, {} received by somebody else and {} delayed; {} were seen",
            count.waiting,
            count.in_flight,
            count.delayed,
            queue.peeked.messages.len()
        )];
        let finding = format!("not all messages of the queue `{name}` could be seen, and one of them may say more");
        let next = vec![next(&notes.symptoms.command, "again, in a minute: what others have received comes back")];
        notes.find(Finding { severity: Severity::Unchecked, finding, evidence, next, fix: fix.take() });
    }
}

fn quoted(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= QUOTED_CHARS { line } else { format!("{}…", line.chars().take(QUOTED_CHARS).collect::<String>()) }
}
