//! How far the copy has come.

use super::streams::Streams;
use restage_core::provider::{ItemProgress, Progress};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many items progress names.
const ITEMS: usize = 16;

/// What is counted, by everybody at work.
#[derive(Debug)]
pub(super) struct Tally {
    counts: Mutex<Counts>,
    streams: Streams,
}

#[derive(Debug)]
struct Counts {
    started: Instant,
    doing: String,
    rows: u64,
    bytes: u64,
    rows_total: Option<u64>,
    bytes_total: u64,
    items: BTreeMap<String, ItemProgress>,
    spans: BTreeMap<&'static str, (Instant, Instant)>,
}

impl Tally {
    pub(super) fn new() -> Self {
        let counts = Mutex::new(Counts {
            started: Instant::now(),
            doing: "look at the source".into(),
            rows: 0,
            bytes: 0,
            rows_total: None,
            bytes_total: 0,
            items: BTreeMap::new(),
            spans: BTreeMap::new(),
        });
        Self { counts, streams: Streams::default() }
    }

    pub(super) fn streams(&self) -> &Streams {
        &self.streams
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn doing(&self, what: &str) {
        what.clone_into(&mut self.counts().doing);
    }

    pub(super) fn expect(&self, rows: u64, bytes: u64) {
        let mut counts = self.counts();
        (counts.rows_total, counts.bytes_total) = (Some(rows), bytes);
    }

    /// A table, or a part of one, is being copied.
    pub(super) fn begin(&self, item: &str, bytes: u64) {
        let progress = ItemProgress { name: item.to_owned(), rows: 0, bytes: 0, bytes_total: Some(bytes) };
        self.counts().items.insert(item.to_owned(), progress);
    }

    /// Says how many of its rows there are now, and how many bytes came with the latest.
    pub(super) fn reach(&self, item: &str, rows: u64, more_bytes: u64) {
        let mut counts = self.counts();
        counts.bytes += more_bytes;
        let Some(item) = counts.items.get_mut(item) else { return };
        item.bytes += more_bytes;
        let before = std::mem::replace(&mut item.rows, rows);
        counts.rows = (counts.rows + rows).saturating_sub(before);
    }

    /// Rows that are there already.
    pub(super) fn add(&self, rows: u64, bytes: u64) {
        let mut counts = self.counts();
        counts.rows += rows;
        counts.bytes += bytes;
    }

    pub(super) fn end(&self, item: &str) {
        self.counts().items.remove(item);
    }

    /// Work of that sort was done from `since` to now; sorts overlap.
    pub(super) fn spent(&self, sort: &'static str, since: Instant) {
        let now = Instant::now();
        let mut counts = self.counts();
        let span = counts.spans.entry(sort).or_insert((since, now));
        *span = (span.0.min(since), span.1.max(now));
    }

    /// Time since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.counts().started.elapsed()
    }

    /// Seconds from the first to the last work of each sort.
    pub(super) fn seconds(&self) -> BTreeMap<String, f64> {
        self.counts().spans.iter().map(|(sort, (from, to))| ((*sort).to_owned(), (*to - *from).as_secs_f64())).collect()
    }

    pub(super) fn progress(&self) -> Progress {
        let counts = self.counts();
        Progress {
            doing: counts.doing.clone(),
            rows: counts.rows,
            rows_total: counts.rows_total,
            bytes: counts.bytes,
            bytes_total: (counts.bytes_total > 0).then_some(counts.bytes_total),
            items: counts.items.values().take(ITEMS).cloned().collect(),
        }
    }
}
