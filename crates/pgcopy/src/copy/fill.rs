//! The story of a copy.

use super::advice::Before;
use super::capacity::Capacity;
use super::clear::{OtherDatabase, clear, is_empty};
use super::done::Done;
use super::finish::{Finish, Helpers};
use super::inherited::Inherited;
use super::keys::Keys;
use super::ledger::{self, Header, Ledger, Sizes};
use super::owners::Owners;
use super::pace::Pace;
use super::schedule::{Schedule, Structure, TableWork, Work};
use super::selection::Selection;
use super::snapshot::{self, Keeping, Reading};
use super::statements::{Failure, Runner, Statement, Transaction, making};
use super::table::{Formats, TableCopies, compile_masks, table_copies};
use super::tally::Tally;
use super::workers::{Agenda, Job};
use super::{Route, parts, sequences, session, statistics};
use crate::archive::{self, Archive, Archives, Entry, EntryId};
use crate::connect::{Endpoint, Reader, SourceClient, TargetClient};
use crate::facts::{schema_digest, table_estimates, unreadable};
use crate::mask::MaskKey;
use crate::reporter::Reporter;
use crate::stop::Stop;
use crate::tools::Tools;
use crate::{Kind, Result, catalog};
use jiff::Timestamp;
use restage_core::facts::{Identity, TableEstimate};
use restage_core::provider::{Carried, Filled};
use restage_core::schema::{Schema, TableName};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often progress is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

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
        let prepared = start(&keeper, &other, filling, capacity.streams, &tally).await?;
        notes.extend(prepared.ledger.told(&prepared.copies.tables));
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
    telling(filling.reporter, &tally, Box::pin(work)).await
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
    telling(filling.reporter, &tally, Box::pin(work)).await
}

/// Tells progress while work goes on.
async fn telling<T>(reporter: &dyn Reporter, tally: &Tally, work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut work = std::pin::pin!(work);
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

/// Goes on where an earlier attempt in the same snapshot came to, or begins with an empty database.
async fn start(
    keeper: &Keeper,
    other: &OtherDatabase<'_>,
    filling: &Filling<'_>,
    streams: usize,
    tally: &Arc<Tally>,
) -> Result<Prepared> {
    let target = other.client();
    if let Keeping::Another(snapshot) = filling.keeping
        && let Some(ledger) = Ledger::read(target.reader(), snapshot).await?
    {
        let prepared = Prepared::make(keeper, target, filling, streams, ledger.sizes(), tally).await?;
        if ledger.is_about(&prepared.basis(filling)) {
            return Ok(Prepared { ledger: Arc::new(ledger), ..prepared });
        }
    }
    empty(target, other, filling).await?;
    let prepared = Prepared::make(keeper, target, filling, streams, None, tally).await?;
    let is_in_the_way = |entry: &Entry| [&entry.schema, &entry.name].into_iter().any(|name| name == ledger::SCHEMA);
    let ledger = match filling.keeping {
        Keeping::Another(snapshot) if !keeper.archive.entries.iter().any(is_in_the_way) => {
            Ledger::begin(target, Header::new(snapshot, prepared.basis(filling), prepared.sizes())).await?
        }
        Keeping::Another(_) | Keeping::Itself => Ledger::default(),
    };
    Ok(Prepared { ledger: Arc::new(ledger), ..prepared })
}

/// Drops whatever an earlier attempt left.
async fn empty(target: &TargetClient, other: &OtherDatabase<'_>, filling: &Filling<'_>) -> Result<()> {
    if is_empty(target.reader()).await? {
        return Ok(());
    }
    let left = archive::dump(filling.tools, target.endpoint(), None, filling.stop).await?;
    clear(other, &Runner::new(target, Transaction::None, filling.stop), &left).await.map(drop)
}

/// The session that reads first, in the snapshot of all, and what was seen in it.
struct Keeper {
    client: SourceClient,
    snapshot: String,
    snapshot_at: Timestamp,
    identity: Identity,
    is_standby: bool,
    archive: Arc<Archive>,
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

/// Everything that is known before the first object is made.
struct Prepared {
    schema: Arc<Schema>,
    selection: Selection,
    copies: TableCopies,
    /// Whether rows name tables, which must all be there before any row.
    rows_name_objects: bool,
    masks: BTreeMap<TableName, crate::mask::MaskSet>,
    parents: BTreeMap<TableName, TableName>,
    estimates: BTreeMap<TableName, TableEstimate>,
    owners: Arc<Owners>,
    keys: Keys,
    tally: Arc<Tally>,
    known_by_indexes: HashSet<TableName>,
    source_is_standby: bool,
    /// How large they are, if there are any.
    large_object_bytes: Option<u64>,
    /// What of it is finished.
    ledger: Arc<Ledger>,
}

impl Prepared {
    async fn make(
        keeper: &Keeper,
        target: &TargetClient,
        filling: &Filling<'_>,
        streams: usize,
        sizes: Option<&Sizes>,
        tally: &Arc<Tally>,
    ) -> Result<Self> {
        let source = keeper.client.reader();
        let schema = catalog::read(source).await?;
        let parents = schema.parents();
        let estimates = match sizes {
            Some(sizes) => sizes.estimates.clone(),
            None => table_estimates(source).await?,
        };
        let formats = Formats::read(source, target.major()).await?;
        let mut copies = table_copies(&schema, filling.carried, &formats, &estimates, keeper.is_standby)?;
        let masks = compile_masks(source, &mut copies.tables, filling.mask_key).await?;
        let large_object_bytes = if let Some(sizes) = sizes {
            sizes.split(&mut copies.tables);
            sizes.large_object_bytes
        } else {
            let known = copies.tables.iter().filter_map(|table| estimates.get(&table.name));
            let index_bytes = known.map(|estimate| estimate.index_bytes).sum();
            parts::split(source, &mut copies.tables, index_bytes, streams).await?;
            large_object_bytes(source).await?
        };
        let rows = copies.tables.iter().filter_map(|table| estimates.get(&table.name)).map(|estimate| estimate.rows).sum();
        tally.expect(rows, copies.tables.iter().map(|table| table.bytes).sum());
        let mut selection = Selection::of(&keeper.archive, filling.carried)?;
        selection.fit_to(target.reader()).await?;
        Ok(Self {
            selection,
            keys: Keys::read(source).await?,
            known_by_indexes: statistics::known_by_indexes(source).await?,
            source_is_standby: keeper.is_standby,
            rows_name_objects: formats.rows_name_objects,
            owners: Arc::new(Owners::read(target.reader()).await?),
            tally: Arc::clone(tally),
            large_object_bytes,
            ledger: Arc::default(),
            schema: Arc::new(schema),
            copies,
            masks,
            parents,
            estimates,
        })
    }

    fn sizes(&self) -> Sizes {
        Sizes::new(self.estimates.clone(), &self.copies.tables, self.large_object_bytes)
    }

    /// The digest of all that the copy's steps follow from.
    fn basis(&self, filling: &Filling<'_>) -> String {
        let Self { schema, selection, copies, rows_name_objects, parents, keys, source_is_standby, .. } = self;
        // In an order.
        let known: BTreeSet<&TableName> = self.known_by_indexes.iter().collect();
        let seen = (known, source_is_standby, self.sizes());
        let mask_key = filling.mask_key.map(MaskKey::fingerprint);
        let asked = (filling.carried, filling.inherited, mask_key);
        ledger::digest(&(asked, seen, schema, selection, copies, rows_name_objects, parents, keys))
    }

    /// Makes what comes before rows, and the job of the workers.
    async fn begin(&self, runner: &Runner<'_>, filling: &Filling<'_>, capacity: Capacity) -> Result<Job> {
        let started = Instant::now();
        self.tally.doing("make schemas, types, functions and tables");
        let tables = self.tables();
        let apart = tables.iter().filter(|table| table.is_small() && !self.rows_name_objects);
        let small = apart.map(|table| table.name.clone()).collect();
        let structure = Structure::of(&self.selection.before_rows, &self.selection.with_rows, &small);
        let statements: Vec<Statement> = structure.first.iter().map(|entry| making(entry, Failure::Fatal)).collect();
        runner.recording(&self.ledger, "structure").run(&statements).await?;
        self.tally.spent("structure", started);
        self.tally.doing("copy rows and make indexes");
        Ok(Job {
            tables: self.copies.tables.clone(),
            masks: self.masks.clone(),
            schema: Arc::clone(&self.schema),
            verify: filling.carried.verify,
            owners: Arc::clone(&self.owners),
            tally: Arc::clone(&self.tally),
            pace: Pace::new(filling.carried.limits.source_rate),
            capacity,
            ledger: Arc::clone(&self.ledger),
            progress: Agenda::new(self.schedule(tables, &structure)),
        })
    }

    /// Those with rows to copy come first, in their order.
    fn tables(&self) -> Vec<TableWork> {
        let work = |name: &TableName, has_rows, parts| {
            let (bytes, index_bytes) = self.estimates.get(name).map_or((0, 0), |estimate| (estimate.bytes, estimate.index_bytes));
            TableWork { name: name.clone(), bytes, index_bytes, has_rows, parts }
        };
        let with_rows = self.copies.tables.iter().map(|table| work(&table.name, true, table.parts.len()));
        with_rows.chain(self.copies.empty.iter().map(|name| work(name, false, 1))).collect()
    }

    fn schedule(&self, tables: Vec<TableWork>, structure: &Structure) -> Schedule {
        let made = self.selection.before_rows.iter();
        let table_ids: HashMap<EntryId, TableName> = made.filter_map(|entry| Some((entry.id, entry.table()?))).collect();
        Schedule::of(&Work {
            tables,
            structure: &structure.with_rows,
            entries: &self.selection.with_rows,
            keys: &self.keys,
            table_ids: &table_ids,
            parents: &self.parents,
            known_by_indexes: &self.known_by_indexes,
            sequences: &self.sequences(),
            large_object_bytes: self.large_object_bytes,
        })
    }

    /// Every sequence that is there and whose rows can be read, with the table that it belongs to and all below that. An identity
    /// column's is made with its table and not listed by itself.
    fn sequences(&self) -> Vec<(TableName, BTreeSet<TableName>)> {
        let made = self.selection.before_rows.iter();
        let listed: HashSet<TableName> = made.map(|entry| TableName::new(&entry.schema, &entry.name)).collect();
        let readable = sequences::readable(&self.schema, self.source_is_standby);
        let owned = readable.map(|(name, sequence)| (name, sequence.owned_by.as_ref().map(|column| &column.table)));
        let made = owned.filter(|(name, owner)| listed.contains(*name) || owner.is_some_and(|table| listed.contains(table)));
        let below = self.schema.children();
        let family = |owner: &TableName| {
            let (mut found, mut open) = (BTreeSet::new(), vec![owner]);
            while let Some(table) = open.pop() {
                if found.insert(table.clone()) {
                    open.extend(below.get(table).into_iter().flatten().copied());
                }
            }
            found
        };
        made.map(|(name, owner)| (name.clone(), owner.map(family).unwrap_or_default())).collect()
    }

    async fn finish(
        &self,
        keeper: &Keeper,
        target: &TargetClient,
        runner: &Runner<'_>,
        filling: &Filling<'_>,
        done: Done,
        helpers: Helpers<'_>,
    ) -> Result<Filled> {
        if let Some(lost) = self.copies.tables.iter().find(|table| !done.tables.contains_key(&table.name)) {
            return Err(Kind::Mismatch.error(format!("nobody has copied the rows of `{}`", lost.name)).help("copy again"));
        }
        let started = Instant::now();
        self.tally.doing("make triggers, grants and the rest");
        let finish = Finish {
            source: keeper.client.reader(),
            target,
            runner,
            selection: &self.selection,
            inherited: filling.inherited,
            owners: &self.owners,
            large_objects: done.later,
            helpers,
            ledger: &self.ledger,
            stop: filling.stop,
        };
        let finished = finish.run().await?;
        self.tally.spent("finish", started);
        let empty = self.copies.empty.iter();
        let mut tables = done.tables;
        tables.extend(empty.map(|name| (name.clone(), super::table::left_empty())));
        let notes = [self.selection.notes.clone(), self.copies.notes.clone(), done.notes, finished].concat();
        Ok(Filled {
            snapshot_at: keeper.snapshot_at,
            source: keeper.identity.clone(),
            tables,
            large_objects: done.large_objects,
            seconds: self.tally.seconds(),
            waits: self.tally.streams().waited().seconds(),
            advice: vec![],
            notes,
        })
    }
}

/// How large the large objects are, if there are any.
async fn large_object_bytes(source: Reader<'_>) -> Result<Option<u64>> {
    let sql = "SELECT EXISTS (SELECT FROM pg_largeobject_metadata), pg_table_size('pg_largeobject')";
    let row = source.query("look for large objects", sql, &[]).await?.remove(0);
    Ok(row.get::<_, bool>(0).then(|| row.get::<_, i64>(1).unsigned_abs()))
}
