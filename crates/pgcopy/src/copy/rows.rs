//! The rows of one table, from one server to the other.

use super::checksum::checksum_sql_from;
use super::pace::Pace;
use super::parts::Part;
use super::table::{Freeze, Rows, TableCopy};
use super::tally::Tally;
use crate::connect::{Block, Boundaries, CopyOut, SourceClient, TargetClient};
use crate::facts::search_path;
use crate::mask::{MaskSet, Masker};
use crate::{Error, Kind, Result};
use restage_core::provider::TableFilled;
use restage_core::scenario::copy_database::Verify;
use std::time::Instant;

/// What is sent at once.
const CHUNK_BYTES: usize = 256 << 10;
/// Emptying a table first, so that its rows can be frozen, costs a few files; smaller tables are not worth it.
const LEAST_FROZEN_BYTES: u64 = 64 << 10;

/// Copies the rows of a table, or of a part of one. The source's session is in its snapshot; the target's is in a transaction.
pub(super) struct RowCopy<'a> {
    pub(super) source: &'a SourceClient,
    pub(super) target: &'a TargetClient,
    pub(super) table: &'a TableCopy,
    pub(super) part: &'a Part,
    pub(super) masks: Option<&'a MaskSet>,
    pub(super) verify: Verify,
    /// Whether the table was made in the transaction that is open.
    pub(super) is_new: bool,
    pub(super) tally: &'a Tally,
    pub(super) pace: &'a Pace,
}

impl RowCopy<'_> {
    pub(super) async fn run(&self) -> Result<TableFilled> {
        let name = &self.table.name;
        let started = Instant::now();
        let item = self.item();
        self.tally.begin(&item, self.table.bytes / self.table.parts.len() as u64);
        let freeze = self.freeze().await?;
        self.look_names_up(NamesOf::People).await?;
        let mut from = self.source.copy_out(format!("`{name}`"), &self.table.copy_out(self.part), Boundaries::Any)?;
        let poured = self.pour(&mut from, &item, freeze).await?;
        let (rows_read, rows_written) = (from.rows().await?, poured.rows_written);
        if rows_read != rows_written {
            let error = Kind::Mismatch.error(format!("`{name}` has {rows_read} rows in the source and {rows_written} arrived"));
            return Err(error.help("copy again; if it happens again, report it as a fault"));
        }
        let checksum = self.checksum().await?;
        self.look_names_up(NamesOf::Everybody).await?;
        self.tally.end(&item);
        self.tally.spent("rows", started);
        Ok(TableFilled {
            rows_read,
            rows_written,
            rows_found: None,
            bytes: poured.bytes,
            seconds: started.elapsed().as_secs_f64(),
            masked: self.table.masks.keys().cloned().collect(),
            checksum,
        })
    }

    /// How progress names it.
    fn item(&self) -> String {
        let TableCopy { name, parts, .. } = self.table;
        match parts.iter().position(|part| part == self.part) {
            Some(nth) if parts.len() > 1 => format!("{name}, part {} of {}", nth + 1, parts.len()),
            _ => name.to_string(),
        }
    }

    /// Empties the table, which is empty, so that this transaction is the one that gave it its rows.
    async fn freeze(&self) -> Result<Freeze> {
        if self.table.of_extension || *self.part != Part::Whole || self.table.bytes < LEAST_FROZEN_BYTES {
            return Ok(Freeze::No);
        }
        if !self.is_new {
            let name = &self.table.name;
            self.target.run(format!("empty `{name}`"), &format!("TRUNCATE ONLY {}", name.sql())).await?;
        }
        Ok(Freeze::Yes)
    }

    /// A scenario's condition may name other tables and functions without their schema.
    async fn look_names_up(&self, names: NamesOf) -> Result<()> {
        let Rows::Where(_) = self.table.rows else { return Ok(()) };
        let path = match names {
            NamesOf::People => search_path(&self.table.name),
            NamesOf::Everybody => "''".to_owned(),
        };
        self.source.reader().rows("set the search path", &format!("SET LOCAL search_path = {path}")).await.map(drop)
    }

    async fn pour(&self, from: &mut CopyOut<'_>, item: &str, freeze: Freeze) -> Result<Poured> {
        let what = format!("`{}`", self.table.name);
        let mut masker = self.masks.map(|masks| Masker::new(masks, self.table.format));
        let mut into = self.target.copy_in(what, &self.table.copy_in(freeze))?;
        let mut bytes = 0;
        let mut fakes: Option<Block> = None;
        let stream = self.tally.streams().open(self.source, self.target);
        while let Some(chunk) = stream.source(from.next()).await? {
            self.pace.keep(chunk.len()).await;
            bytes += chunk.len() as u64;
            self.tally.reach(item, from.rows_so_far(), chunk.len() as u64);
            let Some(masker) = &mut masker else {
                stream.target(into.send(chunk)).await?;
                continue;
            };
            let out = fakes.get_or_insert_with(|| chunk.next());
            masker.feed(&chunk, out.room()).map_err(|error| self.named(error))?;
            if let Some(full) = fakes.take_if(|out| out.len() >= CHUNK_BYTES) {
                stream.target(into.send(full)).await?;
            }
        }
        if let Some(masker) = &masker {
            masker.finish().map_err(|error| self.named(error))?;
        }
        if let Some(last) = fakes {
            stream.target(into.send(last)).await?;
        }
        let rows_written = stream.target(into.finish()).await?;
        self.tally.reach(item, rows_written, 0);
        Ok(Poured { bytes, rows_written })
    }

    fn named(&self, error: Error) -> Error {
        let message = format!("cannot mask `{}`: {}", self.table.name, error.message);
        let named = error.kind.error(message);
        match error.help.clone() {
            Some(help) => named.help(help).because(error),
            None => named.because(error),
        }
    }

    async fn checksum(&self) -> Result<Option<String>> {
        if self.verify == Verify::Counts {
            return Ok(None);
        }
        let sql = checksum_sql_from(&self.table.rows_of(self.part), &self.table.unmasked());
        let rows = self.source.query(format!("sum up `{}`", self.table.name), &sql, &[]).await?;
        Ok(Some(rows[0].get(0)))
    }
}

/// Whose way of naming things counts.
enum NamesOf {
    /// With the table's schema and `public` taken for granted.
    People,
    /// With every schema written out.
    Everybody,
}

struct Poured {
    bytes: u64,
    rows_written: u64,
}
