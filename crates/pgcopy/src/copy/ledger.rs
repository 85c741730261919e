//! What of a copy is finished, written down in its target by the transactions that finish it.
//!
//! A copy that broke off is gone on with only in its own snapshot, and only if it would be made in the same steps. What is
//! written down has happened and nothing else has: each line is part of the transaction it tells of. The ledger has a schema of
//! its own, which goes before the copy counts as done.

mod batch;
mod basis;

pub(super) use basis::{Sizes, digest};
pub(super) use batch::{Batch, Recording};

use super::done::Done;
use super::parts::Part;
use super::snapshot::Snapshot;
use super::table::TableCopy;
use crate::connect::{Endpoint, Reader, TargetClient};
use crate::{Kind, Result};
use restage_core::schema::{TableName, quote_literal};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Where it is.
pub(super) const SCHEMA: &str = "restage_ledger";

/// What is finished, as far as anything is written down.
#[derive(Debug, Default)]
pub(super) struct Ledger(Option<Book>);

#[derive(Debug)]
struct Book {
    header: Header,
    /// What was finished when the ledger was opened, by name.
    finished: HashMap<String, Finished>,
}

/// What a ledger is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    /// restage's own.
    version: String,
    snapshot: Snapshot,
    /// The digest of all that the steps of the copy follow from.
    basis: String,
    /// Those of the source's sizes that the steps depend on; they would not be the same at another time.
    sizes: Sizes,
}

/// Something that was finished.
#[derive(Clone, Debug)]
struct Finished {
    /// The digest of what it was, where its name does not say that.
    digest: String,
    done: Done,
}

impl Header {
    pub(super) fn new(snapshot: &Snapshot, basis: String, sizes: Sizes) -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), snapshot: snapshot.clone(), basis, sizes }
    }
}

impl Ledger {
    /// The ledger of a copy in that snapshot, if the target has one that this version can go on with.
    pub(super) async fn read(target: Reader<'_>, snapshot: &Snapshot) -> Result<Option<Self>> {
        let tables = ["header", "finished", "unbroken"].map(|table| format!("to_regclass('{SCHEMA}.{table}') IS NOT NULL"));
        let sql = format!("SELECT {}", tables.join(" AND "));
        let is_there: bool = target.query("look for a ledger", &sql, &[]).await?[0].get(0);
        if !is_there {
            return Ok(None);
        }
        // A server that breaks down empties what is not logged, whatever the ledger says of its rows.
        let sql = format!("SELECT EXISTS (SELECT FROM {SCHEMA}.unbroken)");
        let is_unbroken: bool = target.query("look whether the server broke down", &sql, &[]).await?[0].get(0);
        if !is_unbroken {
            return Ok(None);
        }
        let rows = target.query("read the ledger", &format!("SELECT content FROM {SCHEMA}.header"), &[]).await?;
        let header = rows.first().and_then(|row| serde_json::from_str::<Header>(row.get(0)).ok());
        let fits = |header: &Header| header.version == env!("CARGO_PKG_VERSION") && header.snapshot == *snapshot;
        let Some(header) = header.filter(fits) else { return Ok(None) };
        let rows = target.query("read the ledger", &format!("SELECT name, digest, done FROM {SCHEMA}.finished"), &[]).await?;
        let finished = rows.iter().map(|row| {
            let done = serde_json::from_str(row.get(2)).ok()?;
            Some((row.get(0), Finished { digest: row.get(1), done }))
        });
        // One line that cannot be read makes all of it worth nothing.
        Ok(finished.collect::<Option<_>>().map(|finished| Self(Some(Book { header, finished }))))
    }

    /// Begins one in an empty database; without the right to make a schema, nothing is written down.
    pub(super) async fn begin(target: &TargetClient, header: Header) -> Result<Self> {
        let content = serde_json::to_string(&header).expect("a header is plain data");
        let sql = format!(
            "BEGIN; CREATE SCHEMA {SCHEMA}; CREATE TABLE {SCHEMA}.header (content text NOT NULL); \
             CREATE TABLE {SCHEMA}.finished (name text PRIMARY KEY, digest text NOT NULL, done text NOT NULL); \
             CREATE UNLOGGED TABLE {SCHEMA}.unbroken AS SELECT 1 AS one; \
             INSERT INTO {SCHEMA}.header VALUES ({}); COMMIT",
            quote_literal(&content)
        );
        match target.run("begin the ledger", &sql).await {
            Ok(()) => Ok(Self(Some(Book { header, finished: HashMap::new() }))),
            Err(error) if error.kind == Kind::PermissionDenied => {
                target.run("take the ledger back", "ROLLBACK").await?;
                Ok(Self::default())
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the copy is made in the steps that the ledger is about.
    pub(super) fn is_about(&self, basis: &str) -> bool {
        self.0.as_ref().is_some_and(|book| book.header.basis == basis)
    }

    /// The sizes that the steps followed from.
    pub(super) fn sizes(&self) -> Option<&Sizes> {
        self.0.as_ref().map(|book| &book.header.sizes)
    }

    /// What something brought about that was finished before.
    pub(super) fn done(&self, name: &str) -> Option<&Done> {
        Some(&self.0.as_ref()?.finished.get(name)?.done)
    }

    /// The same, if it was what it is now.
    fn done_as(&self, name: &str, digest: &str) -> Option<&Done> {
        let finished = self.0.as_ref()?.finished.get(name)?;
        (finished.digest == digest).then_some(&finished.done)
    }

    /// The statement that writes something down, for the transaction that finishes it; empty where nothing is written down.
    pub(super) fn line(&self, name: &str, digest: &str, done: &Done) -> String {
        if self.0.is_none() {
            return String::new();
        }
        let done = serde_json::to_string(done).expect("what was done is plain data");
        let (name, digest, done) = (quote_literal(name), quote_literal(digest), quote_literal(&done));
        format!(
            "INSERT INTO {SCHEMA}.finished VALUES ({name}, {digest}, {done}) \
             ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, done = excluded.done;"
        )
    }

    /// The statement that ends the ledger, if there is one.
    pub(super) fn end(&self) -> Option<String> {
        self.0.as_ref().map(|_| format!("DROP SCHEMA {SCHEMA} CASCADE;"))
    }

    /// What a person should know of a copy that was gone on with.
    pub(super) fn told(&self, tables: &[TableCopy]) -> Option<String> {
        let book = self.0.as_ref().filter(|book| !book.finished.is_empty())?;
        let mut parts: BTreeMap<&TableName, usize> = BTreeMap::new();
        for name in book.finished.values().flat_map(|finished| finished.done.tables.keys()) {
            *parts.entry(name).or_default() += 1;
        }
        let finished = tables.iter().filter(|table| parts.get(&table.name) == Some(&table.parts.len())).count();
        let begun = tables.iter().filter(|table| table.parts != [Part::Whole] && parts.contains_key(&table.name)).count();
        let split = if begun > 0 { ", parts of split ones among them" } else { "" };
        Some(format!(
            "it was gone on with in the snapshot of {}, with the rows of {finished} of {} tables there already{split}",
            book.header.snapshot.taken_at,
            tables.len()
        ))
    }
}

/// Whether a database holds what a copy in that snapshot can go on with.
pub async fn can_go_on(target: &Endpoint, snapshot: &Snapshot) -> Result<bool> {
    let client = crate::connect::target(target).await?;
    Ok(Ledger::read(client.reader(), snapshot).await?.is_some())
}

#[cfg(test)]
mod tests;
