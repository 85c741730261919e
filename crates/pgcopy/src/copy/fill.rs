//! The story of a copy.

use super::advice::Before;
use super::capacity::Capacity;
use super::clear::{OtherDatabase, clear, is_empty};
use super::finish::Helpers;
use super::inherited::Inherited;
use super::ledger::{self, Header, Ledger};
use super::prepared::Prepared;
use super::snapshot::{self, Keeping, Reading};
use super::statements::{Runner, Transaction};
use super::tally::Tally;
use super::{Route, session};
use crate::archive::{self, Archive, Archives, Entry};
use crate::connect::{Endpoint, SourceClient, TargetClient};
use crate::facts::{schema_digest, unreadable};
use crate::mask::MaskKey;
use crate::reporter::Reporter;
use crate::stop::Stop;
use crate::tools::Tools;
use crate::{Kind, Result};
use jiff::Timestamp;
use restage_core::facts::Identity;
use restage_core::provider::{Carried, Filled};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often progress is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// How long a copy that is to stop may take to end its statements; longer than to cancel them on both servers, one after the other.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// What a copy takes besides its two ends.
pub struct Filling<'a> {
    /// Which tables and rows, with their masks.
    pub carried: &'a Carried,
    /// Who keeps the snapshot.
    pub keeping: Keeping<'a>,
    /// What the database to be replaced hands down; nothing for a plain copy.
    pub inherited: &'a Inherited,
    /// What masks are keyed with; needed when there are any.
    pub mask_key: Option<&'a MaskKey>,
    /// PostgreSQL's own programs, the same as when the plan was made.
    pub tools: &'a Tools,
    /// The structures that were read before.
    pub archives: &'a Archives,
    /// Ends it early.
    pub stop: &'a Stop,
    /// Hears of progress.
    pub reporter: &'a dyn Reporter,
}

/// Fills a database, which is emptied first if an earlier attempt left something, with what is carried over from another. What an
/// earlier attempt has finished in the same snapshot stays; nobody else may be at work in the database then.
///
/// Dropped or stopped before its end, nothing goes on working on either server; the target is half-filled then.
pub async fn fill(route: &Route, filling: &Filling<'_>) -> Result<Filled> {
    let tally = Arc::new(Tally::new());
    let started = Instant::now();
    let work = async {
        let keeper = Keeper::open(&route.source, filling).await?;
        let target = session::target(route).await?;
        let other = OtherDatabase::look(&target, &keeper.identity).await?;
        let runner = Runner::new(&target, Transaction::None, filling.stop);
        let mut capacity = Capacity::look(keeper.client.reader(), target.reader(), filling).await?;
        let mut notes = std::mem::take(&mut capacity.notes);
        let helpers = Helpers::Sessions { route, most: capacity.workers };
        let (prepared, left) = start(&keeper, &other, filling, capacity.streams, &tally).await?;
        notes.extend(left.into_iter().chain(prepared.told()));
        tally.spent("looking", started);
        let job = prepared.begin(&runner, filling, capacity).await?;
        let before = Before::look(target.reader()).await?;
        let working = Arc::new(job).run(route, &keeper.snapshot, filling.stop);
        let mut done = tally.streams().watch(keeper.client.reader(), target.reader(), working).await?;
        done.notes.splice(0..0, notes);
        let mut filled = prepared.finish(&keeper, &target, &runner, filling, done, helpers).await?;
        filled.advice = before.advice(target.reader(), &tally).await?;
        Ok(filled)
    };
    telling(filling, &tally, Box::pin(work)).await
}

/// Fills the database of a session that is in a transaction, which stays open; on an error it can only be rolled back.
///
/// The database must be empty but for what [`super::clear_within`] leaves, and for temporary tables.
pub async fn fill_within(source: &Endpoint, target: &TargetClient, filling: &Filling<'_>) -> Result<Filled> {
    let tally = Arc::new(Tally::new());
    let work = async {
        let keeper = Keeper::open(source, filling).await?;
        OtherDatabase::look(target, &keeper.identity).await?;
        session::ready(target).await?;
        let runner = Runner::new(target, Transaction::Open, filling.stop);
        let capacity = Capacity::of_one_session();
        let prepared = Prepared::make(&keeper, target, filling, capacity.streams, None, &tally).await?;
        let job = prepared.begin(&runner, filling, capacity).await?;
        let done = Box::pin(job.run_within(&keeper.client, target, filling.stop)).await?;
        prepared.finish(&keeper, target, &runner, filling, done, Helpers::None).await
    };
    telling(filling, &tally, Box::pin(work)).await
}

/// Tells progress while work goes on.
async fn telling<T>(filling: &Filling<'_>, tally: &Tally, work: impl Future<Output = Result<T>>) -> Result<T> {
    let reporter = filling.reporter;
    let mut work = std::pin::pin!(filling.stop.limit(STOP_LIMIT, work));
    let mut ticks = tokio::time::interval(PROGRESS_EVERY);
    loop {
        tokio::select! {
            biased;
            done = &mut work => {
                reporter.progress(tally.progress());
                return done;
            }
            _ = ticks.tick() => reporter.progress(tally.progress()),
        }
    }
}

/// Goes on where an earlier attempt in the same snapshot came to, or begins with an empty database; also gives notes on what could
/// not be emptied.
async fn start(
    keeper: &Keeper,
    other: &OtherDatabase<'_>,
    filling: &Filling<'_>,
    streams: usize,
    tally: &Arc<Tally>,
) -> Result<(Prepared, Vec<String>)> {
    let target = other.client();
    if let Keeping::Another(snapshot) = filling.keeping
        && let Some(ledger) = Ledger::read(target.reader(), snapshot).await?
    {
        let prepared = Prepared::make(keeper, target, filling, streams, ledger.sizes(), tally).await?;
        if ledger.is_about(&prepared.basis(filling)) {
            return Ok((prepared.going_on(ledger), vec![]));
        }
    }
    let left = empty(target, other, filling).await?;
    let prepared = Prepared::make(keeper, target, filling, streams, None, tally).await?;
    let is_in_the_way = |entry: &Entry| [&entry.schema, &entry.name].into_iter().any(|name| name == ledger::SCHEMA);
    let ledger = match filling.keeping {
        Keeping::Another(snapshot) if !keeper.archive.entries.iter().any(is_in_the_way) => {
            Ledger::begin(target, Header::new(snapshot, prepared.basis(filling), prepared.sizes())).await?
        }
        Keeping::Another(_) | Keeping::Itself => Ledger::default(),
    };
    Ok((prepared.going_on(ledger), left))
}

/// Drops whatever an earlier attempt left; returns notes on what could not be.
async fn empty(target: &TargetClient, other: &OtherDatabase<'_>, filling: &Filling<'_>) -> Result<Vec<String>> {
    if is_empty(target.reader()).await? {
        return Ok(vec![]);
    }
    let left = archive::dump(filling.tools, target.endpoint(), None, filling.stop).await?;
    clear(other, &Runner::new(target, Transaction::None, filling.stop), &left).await
}

/// The session that reads first, in the snapshot of all, and what was seen in it.
pub(super) struct Keeper {
    pub(super) client: SourceClient,
    pub(super) snapshot: String,
    pub(super) snapshot_at: Timestamp,
    pub(super) identity: Identity,
    pub(super) is_standby: bool,
    pub(super) archive: Arc<Archive>,
}

impl Keeper {
    async fn open(source: &Endpoint, filling: &Filling<'_>) -> Result<Self> {
        let tables = filling.carried.tables.keys().cloned().collect();
        let Reading { client, name: snapshot, taken_at, identity } =
            snapshot::read(source, &tables, filling.keeping, filling.stop).await?;
        let planned = &filling.carried.source_identity;
        if identity != *planned {
            let error =
                Kind::SchemaChanged.error(format!("{source} is the database {identity}, and the plan was made for {planned}"));
            return Err(error.help("check the address, then plan again"));
        }
        let hidden = unreadable(client.reader()).await?;
        let reading = filling.archives.within(&client, &snapshot, &hidden, filling.tools, filling.stop);
        let archive = client.guard(filling.stop, reading).await?;
        if schema_digest(&archive) != filling.carried.source_schema {
            let error = Kind::SchemaChanged.error(format!("the structure of {source} is not that of the plan"));
            return Err(error.help("plan again"));
        }
        let is_standby = client.query("ask for the server's role", "SELECT pg_is_in_recovery()", &[]).await?[0].get(0);
        Ok(Self { client, snapshot, snapshot_at: taken_at, identity, is_standby, archive })
    }
}
