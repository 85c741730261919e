//! Streams of rows, and what they wait for: a server at work, or the wire.
//!
//! A stream knows which side it waits for, and not whether that side is at work or its bytes are on their way. Both servers are
//! therefore asked every now and then what the stream's sessions wait for there. Where rows are awaited here that the source's
//! session waits to send, or room, and the target's session waits to read, the wire is what is slow, with both its ends. Of the
//! time that streams wait for a side, the wire has as large a part as it has of what was found.

use crate::Result;
use crate::connect::{Reader, SourceClient, TargetClient};
use restage_core::provider::Waits;
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::future::{Future, pending};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;

/// How often the servers are asked.
const SAMPLE_EVERY: Duration = Duration::from_millis(500);
/// Fewer waits that were looked at tell nothing of all of them.
const LEAST_SAMPLES: u32 = 4;

/// What rows wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Side {
    /// The next rows.
    Source,
    /// Room for them.
    Target,
}

/// All streams of a copy.
#[derive(Debug, Default)]
pub(super) struct Streams(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    open: BTreeMap<u64, Open>,
    opened: u64,
    source: Waiting,
    target: Waiting,
}

/// A stream with the processes of its sessions, and what it waits for.
#[derive(Debug)]
struct Open {
    source: Option<i32>,
    target: Option<i32>,
    awaits: Option<Side>,
}

/// All waiting for one side.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    time: Duration,
    found: u32,
    found_on_wire: u32,
}

/// The rows of a table, or of a part of one, on their way.
pub(super) struct Stream<'a> {
    streams: &'a Streams,
    number: u64,
}

/// How long streams have waited, all in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Waited {
    pub(super) source: Duration,
    pub(super) target: Duration,
    /// If it is told apart from the servers.
    pub(super) wire: Option<Wire>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wire {
    pub(super) from_source: Duration,
    pub(super) to_target: Duration,
}

/// What a stream was seen to wait for: which one, what for, and the process that serves it there.
#[derive(Clone, Copy, Debug)]
struct Awaited {
    stream: u64,
    side: Side,
    process: i32,
}

impl Streams {
    pub(super) fn open(&self, source: &SourceClient, target: &TargetClient) -> Stream<'_> {
        let mut state = self.state();
        state.opened += 1;
        let number = state.opened;
        state.open.insert(number, Open { source: source.process(), target: target.process(), awaits: None });
        Stream { streams: self, number }
    }

    pub(super) fn waited(&self) -> Waited {
        let state = self.state();
        if state.source.found + state.target.found < LEAST_SAMPLES {
            return Waited { source: state.source.time, target: state.target.time, wire: None };
        }
        let (source, from_source) = state.source.parts();
        let (target, to_target) = state.target.parts();
        Waited { source, target, wire: Some(Wire { from_source, to_target }) }
    }

    /// Does work, and tells meanwhile what streams wait for, as far as the servers say it. The session on the source may be in a
    /// transaction.
    pub(super) async fn watch<T>(&self, source: Reader<'_>, target: Reader<'_>, work: impl Future<Output = T>) -> T {
        let watching = async {
            // Whoever does not hear of it knows less, and copies no worse.
            let _ = self.sample(source, target).await;
            pending::<Infallible>().await
        };
        tokio::select! {
            biased;
            done = work => done,
            never = watching => match never {},
        }
    }

    async fn sample(&self, source: Reader<'_>, target: Reader<'_>) -> Result<()> {
        if !(may_ask(source).await? && may_ask(target).await?) {
            return Ok(());
        }
        let mut ticks = tokio::time::interval(SAMPLE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let awaited = self.awaited();
            let (of_source, of_target) =
                tokio::try_join!(events(source, Side::Source, &awaited), events(target, Side::Target, &awaited))?;
            self.count(&awaited, &of_source, &of_target);
        }
    }

    fn awaited(&self) -> Vec<Awaited> {
        let of = |(stream, open): (&u64, &Open)| {
            let side = open.awaits?;
            Some(Awaited { stream: *stream, side, process: open.process(side)? })
        };
        self.state().open.iter().filter_map(of).collect()
    }

    /// Counts what still waits as it did before both servers were asked.
    fn count(&self, awaited: &[Awaited], of_source: &HashMap<i32, String>, of_target: &HashMap<i32, String>) {
        let mut state = self.state();
        for Awaited { stream, side, process } in awaited {
            let goes_on = state.open.get(stream).is_some_and(|open| open.awaits == Some(*side));
            let events = if *side == Side::Source { of_source } else { of_target };
            if let Some(event) = events.get(process).filter(|_| goes_on) {
                let waiting = state.waiting(*side);
                waiting.found += 1;
                waiting.found_on_wire += u32::from(event == side.event_on_wire());
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream<'_> {
    /// Waits for rows.
    pub(super) async fn source<T>(&self, rows: impl Future<Output = T>) -> T {
        self.wait(Side::Source, rows).await
    }

    /// Waits for room.
    pub(super) async fn target<T>(&self, room: impl Future<Output = T>) -> T {
        self.wait(Side::Target, room).await
    }

    async fn wait<T>(&self, side: Side, work: impl Future<Output = T>) -> T {
        let started = Instant::now();
        self.streams.state().awaits(self.number, Some(side));
        let done = work.await;
        let mut state = self.streams.state();
        state.awaits(self.number, None);
        state.waiting(side).time += started.elapsed();
        done
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        self.streams.state().open.remove(&self.number);
    }
}

impl State {
    fn awaits(&mut self, stream: u64, side: Option<Side>) {
        if let Some(open) = self.open.get_mut(&stream) {
            open.awaits = side;
        }
    }

    fn waiting(&mut self, side: Side) -> &mut Waiting {
        match side {
            Side::Source => &mut self.source,
            Side::Target => &mut self.target,
        }
    }
}

impl Open {
    fn process(&self, side: Side) -> Option<i32> {
        match side {
            Side::Source => self.source,
            Side::Target => self.target,
        }
    }
}

impl Waiting {
    /// The server's part and the wire's.
    fn parts(self) -> (Duration, Duration) {
        let on_wire = if self.found == 0 { 0.0 } else { f64::from(self.found_on_wire) / f64::from(self.found) };
        let wire = self.time.mul_f64(on_wire);
        (self.time.saturating_sub(wire), wire)
    }
}

impl Side {
    /// What a session there waits for, as `pg_stat_activity` names it, when its client is waited for.
    fn event_on_wire(self) -> &'static str {
        match self {
            Self::Source => "ClientWrite",
            Self::Target => "ClientRead",
        }
    }
}

impl Waited {
    /// Seconds, for the receipt.
    pub(super) fn seconds(&self) -> Waits {
        Waits {
            source: self.source.as_secs_f64(),
            wire: self.wire.map(|wire| (wire.from_source + wire.to_target).as_secs_f64()),
            target: self.target.as_secs_f64(),
        }
    }
}

/// Asked before, for a refusal would end the snapshot.
async fn may_ask(server: Reader<'_>) -> Result<bool> {
    let sql = "SELECT has_function_privilege('pg_catalog.pg_stat_clear_snapshot()', 'EXECUTE') \
                 AND has_table_privilege('pg_catalog.pg_stat_activity', 'SELECT')";
    Ok(server.query("ask who may look at sessions", sql, &[]).await?[0].get(0))
}

/// What those processes wait for that are waited for on this side; nothing for one that is at work.
async fn events(server: Reader<'_>, side: Side, awaited: &[Awaited]) -> Result<HashMap<i32, String>> {
    let processes: Vec<String> =
        awaited.iter().filter(|awaited| awaited.side == side).map(|awaited| awaited.process.to_string()).collect();
    if processes.is_empty() {
        return Ok(HashMap::new());
    }
    // Within a transaction, the server says again what it has said before, unless it is told to forget.
    let sql = format!(
        "SELECT pg_stat_clear_snapshot(); SELECT pid, coalesce(wait_event, '') FROM pg_stat_activity WHERE pid IN ({})",
        processes.join(", ")
    );
    let rows = server.rows("look at sessions", &sql).await?;
    let event = |row: &tokio_postgres::SimpleQueryRow| Some((row.get(0)?.parse().ok()?, row.try_get(1).ok()??.to_owned()));
    Ok(rows.iter().filter_map(event).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(streams: &Streams, number: u64, awaits: Side) {
        let stream = Open { source: Some(10), target: Some(20), awaits: Some(awaits) };
        streams.state().open.insert(number, stream);
    }

    fn events(of: &[(i32, &str)]) -> HashMap<i32, String> {
        of.iter().map(|(process, event)| (*process, (*event).to_owned())).collect()
    }

    #[test]
    fn the_wire_has_its_part_of_what_was_found() {
        let streams = Streams::default();
        streams.state().source.time = Duration::from_secs(8);
        streams.state().target.time = Duration::from_secs(2);
        let all = Waited { source: Duration::from_secs(8), target: Duration::from_secs(2), wire: None };
        assert_eq!(streams.waited(), all);
        open(&streams, 1, Side::Source);
        for event in ["ClientWrite", "", "DataFileRead", "ClientRead"] {
            assert_eq!(streams.waited(), all);
            streams.count(&streams.awaited(), &events(&[(10, event)]), &events(&[(10, "ClientWrite"), (20, "ClientRead")]));
        }
        let wire = Wire { from_source: Duration::from_secs(2), to_target: Duration::ZERO };
        assert_eq!(streams.waited(), Waited { source: Duration::from_secs(6), wire: Some(wire), ..all });
        open(&streams, 1, Side::Target);
        streams.count(&streams.awaited(), &events(&[(10, "ClientWrite")]), &events(&[(20, "ClientRead")]));
        let Waits { source, wire, target } = streams.waited().seconds();
        assert_eq!((source, wire, target), (6.0, Some(4.0), 0.0));
    }

    #[test]
    fn only_what_goes_on_waiting_counts() {
        let streams = Streams::default();
        open(&streams, 1, Side::Source);
        open(&streams, 2, Side::Source);
        let before = streams.awaited();
        open(&streams, 1, Side::Target);
        streams.state().open.remove(&2);
        streams.count(&before, &events(&[(10, "ClientWrite")]), &HashMap::new());
        assert_eq!(streams.waited().wire, None);
    }
}
