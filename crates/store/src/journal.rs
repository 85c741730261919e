//! The journal of a run: append-only, one writer at a time, every event chained to the one before.

pub(crate) mod chain;

use crate::lease::{Fence, TargetLease};
use crate::runs;
use crate::store::Store;
use crate::trouble::Trouble;
use chain::Link;
use restage_core::name::RunId;
use restage_core::run::{Event, Journal, Seq};
use restage_core::{Code, Error, Result};
use rusqlite::{Connection, params};

/// A run's journal in the store.
#[derive(Clone, Debug)]
pub struct RunJournal {
    store: Store,
    run: RunId,
    fences: Vec<Fence>,
}

impl Store {
    /// The journal of that run; a run that was never saved shows with the first call.
    pub fn journal(&self, run: &RunId) -> RunJournal {
        RunJournal { store: self.clone(), run: run.clone(), fences: vec![] }
    }
}

impl RunJournal {
    /// From here on nothing is appended once one of these leases is another's, in the same transaction that appends.
    #[must_use]
    pub fn fenced<'a>(mut self, leases: impl IntoIterator<Item = &'a TargetLease>) -> Self {
        self.fences.extend(leases.into_iter().map(TargetLease::fence));
        self
    }

    /// The events from that place on, verified; none if the journal has not come so far.
    pub async fn read_from(&self, from: Seq) -> Result<Vec<Event>> {
        let run = self.run.clone();
        self.store.read(move |transaction| read(transaction, &run, from)).await
    }
}

#[async_trait::async_trait]
impl Journal for RunJournal {
    async fn append(&self, at: Seq, event: &Event) -> Result<()> {
        let (run, fences) = (self.run.clone(), self.fences.clone());
        let json = serde_json::to_string(event).expect("an event is plain data");
        self.store
            .write(move |transaction| {
                for fence in &fences {
                    fence.check(transaction)?;
                }
                append(transaction, &run, at, &json)
            })
            .await
    }

    async fn read(&self) -> Result<Vec<Event>> {
        self.read_from(Seq(0)).await
    }
}

fn append(connection: &Connection, run: &RunId, at: Seq, json: &str) -> Result<(), Trouble> {
    let head = head(connection, run)?;
    if head.next != at {
        return Err(overtaken(run, at, head.next).into());
    }
    let link = head.follow(json);
    connection.prepare_cached("INSERT INTO events (run, seq, event, digest) VALUES (?, ?, ?, ?)")?.execute(params![
        run.as_str(),
        at.0,
        json,
        link.digest
    ])?;
    connection.prepare_cached("UPDATE runs SET events = ?, head = ? WHERE id = ?")?.execute(params![
        link.next.0,
        link.digest,
        run.as_str()
    ])?;
    Ok(())
}

fn read(connection: &Connection, run: &RunId, from: Seq) -> Result<Vec<Event>, Trouble> {
    let head = head(connection, run)?;
    if from > head.next {
        return Ok(vec![]);
    }
    let mut link = link_before(connection, run, from)?;
    let mut statement =
        connection.prepare_cached("SELECT seq, event, digest FROM events WHERE run = ? AND seq >= ? ORDER BY seq")?;
    let mut rows = statement.query(params![run.as_str(), from.0])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let (seq, json) = (row.get::<_, u64>(0)?, row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?);
        let expected = link.next;
        if seq != expected.0 {
            return Err(corrupt(run, expected, "it is missing").into());
        }
        link = link.follow(json);
        if row.get_ref(2)?.as_bytes().map_err(rusqlite::Error::from)? != link.digest {
            return Err(corrupt(run, expected, "it is not as it was written").into());
        }
        events.push(serde_json::from_str(json).map_err(|error| corrupt(run, expected, "it is no event").because(error))?);
    }
    if link.next < head.next {
        return Err(corrupt(run, link.next, "it is missing").into());
    }
    if link != head {
        return Err(corrupt(run, head.next, "it was written by something else").into());
    }
    Ok(events)
}

/// Where the journal ends.
fn head(connection: &Connection, run: &RunId) -> Result<Link, Trouble> {
    runs::expect(connection, run)?;
    let mut statement = connection.prepare_cached("SELECT events, head FROM runs WHERE id = ?")?;
    Ok(statement.query_row([run.as_str()], |row| Ok(Link { next: Seq(row.get(0)?), digest: row.get(1)? }))?)
}

/// What the event at that place is chained to.
fn link_before(connection: &Connection, run: &RunId, at: Seq) -> Result<Link, Trouble> {
    let Some(before) = at.0.checked_sub(1) else {
        return Ok(Link { next: at, digest: chain::first(run) });
    };
    let mut statement = connection.prepare_cached("SELECT digest FROM events WHERE run = ? AND seq = ?")?;
    let mut rows = statement.query(params![run.as_str(), before])?;
    let Some(row) = rows.next()? else { return Err(corrupt(run, Seq(before), "it is missing").into()) };
    Ok(Link { next: at, digest: row.get(0)? })
}

fn overtaken(run: &RunId, at: Seq, next: Seq) -> Error {
    Code::LeaseLost
        .error(format!("another process drives run `{run}`: event {} is not the next one, {} is", at.0, next.0))
        .help(format!("let the other process go on, and watch it with `restage logs {run} --follow`"))
}

fn corrupt(run: &RunId, at: Seq, wrong: &str) -> Error {
    Code::JournalCorrupt
        .error(format!("the journal of run `{run}` is damaged at event {}: {wrong}", at.0))
        .help("restore the store's folder from a backup, or look at the run's target by hand; this run can no longer be resumed or undone from here")
}
