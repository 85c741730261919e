//! Which messages are of the same process.

use super::message::{Message, MessageNumber};
use super::migrator::{ProcessId, Sender};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How far the clocks of a queue's servers may be apart: closer messages say nothing about which came first.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(2);

type Messages<'m> = Vec<(&'m Message, Timestamp)>;

/// The messages of each process, in the order of their numbers.
pub(super) fn of(messages: Messages<'_>) -> BTreeMap<Sender, Messages<'_>> {
    let mut known: BTreeMap<Sender, Messages<'_>> = BTreeMap::new();
    let mut nameless: BTreeMap<ProcessId, Messages<'_>> = BTreeMap::new();
    for (message, at) in messages {
        match &message.migrator {
            Some(migrator) => known.entry(Sender::Migrator(migrator.clone())).or_default().push((message, at)),
            None => nameless.entry(message.pid).or_default().push((message, at)),
        }
    }
    for (pid, messages) in nameless {
        for (messages, nth) in one_by_one(messages).into_iter().zip(1..) {
            known.insert(Sender::Process { pid, nth }, messages);
        }
    }
    for messages in known.values_mut() {
        messages.sort_by_key(|(message, _)| (message.number, *message));
    }
    known
}

/// Tells processes of the same number apart: each begins to count at 1, after all that the one before it has said.
fn one_by_one(mut messages: Messages<'_>) -> Vec<Messages<'_>> {
    messages.sort_by_key(|(message, at)| (*at, message.number, *message));
    let mut processes: Vec<Messages<'_>> = Vec::new();
    for (message, at) in messages {
        let begins_anew = |process: &Messages<'_>| {
            let first_of_its_own = message.number == MessageNumber(1);
            let (before, before_at) = process.last().expect("a process has said something");
            first_of_its_own && before.number > message.number && at.duration_since(*before_at) > CLOCKS_APART
        };
        match processes.last_mut() {
            Some(process) if !begins_anew(process) => process.push((message, at)),
            _ => processes.push(vec![(message, at)]),
        }
    }
    processes
}
