//! What a copy knows before it makes the first object, and what follows from it.

use super::capacity::Capacity;
use super::done::Done;
use super::fill::{Filling, Keeper};
use super::finish::{Finish, Helpers};
use super::keys::Keys;
use super::ledger::{self, Ledger, Sizes};
use super::owners::Owners;
use super::pace::Pace;
use super::schedule::{Schedule, Structure, TableWork, Work, is_small};
use super::selection::Selection;
use super::statements::{Failure, Runner, Statement, making};
use super::table::{Formats, TableCopies, compile_masks, table_copies};
use super::tally::Tally;
use super::workers::{Agenda, Job};
use super::{parts, sequences, statistics};
use crate::archive::EntryId;
use crate::connect::{Reader, TargetClient};
use crate::facts::table_estimates;
use crate::mask::MaskKey;
use crate::{Kind, Result, catalog};
use restage_core::facts::TableEstimate;
use restage_core::provider::Filled;
use restage_core::schema::{Schema, TableName};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

/// Everything that is known before the first object is made.
pub(super) struct Prepared {
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
    pub(super) async fn make(
        keeper: &Keeper,
        target: &TargetClient,
        filling: &Filling<'_>,
        streams: usize,
        sizes: Option<&Sizes>,
        tally: &Arc<Tally>,
    ) -> Result<Self> {
        let source = keeper.client.reader();
        let schema = match filling.archives.schema(&keeper.archive) {
            Some(known) => known,
            None => Arc::new(catalog::read(source).await?),
        };
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
        let large: Vec<&TableName> =
            estimates.iter().filter(|(_, estimate)| !is_small(estimate.bytes)).map(|(name, _)| name).collect();
        Ok(Self {
            selection,
            keys: Keys::read(source, &large).await?,
            known_by_indexes: statistics::known_by_indexes(source).await?,
            source_is_standby: keeper.is_standby,
            rows_name_objects: formats.rows_name_objects,
            owners: Arc::new(Owners::read(target.reader()).await?),
            tally: Arc::clone(tally),
            large_object_bytes,
            ledger: Arc::default(),
            schema,
            copies,
            masks,
            parents,
            estimates,
        })
    }

    /// The same, with what of it is finished.
    pub(super) fn going_on(self, ledger: Ledger) -> Self {
        Self { ledger: Arc::new(ledger), ..self }
    }

    /// Notes on what of it is finished.
    pub(super) fn told(&self) -> Option<String> {
        self.ledger.told(&self.copies.tables)
    }

    pub(super) fn sizes(&self) -> Sizes {
        Sizes::new(self.estimates.clone(), &self.copies.tables, self.large_object_bytes)
    }

    /// The digest of all that the copy's steps follow from.
    pub(super) fn basis(&self, filling: &Filling<'_>) -> String {
        let Self { schema, selection, copies, rows_name_objects, parents, keys, source_is_standby, .. } = self;
        // In an order.
        let known: BTreeSet<&TableName> = self.known_by_indexes.iter().collect();
        let seen = (known, source_is_standby, self.sizes());
        let mask_key = filling.mask_key.map(MaskKey::fingerprint);
        let asked = (filling.carried, filling.inherited, mask_key);
        ledger::digest(&(asked, seen, schema, selection, copies, rows_name_objects, parents, keys))
    }

    /// Makes what comes before rows, and the job of the workers.
    pub(super) async fn begin(&self, runner: &Runner<'_>, filling: &Filling<'_>, capacity: Capacity) -> Result<Job> {
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

    pub(super) async fn finish(
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
