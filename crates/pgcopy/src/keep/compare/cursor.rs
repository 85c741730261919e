//! Reading rows in batches, so that the session can answer other questions in between.

use crate::connect::Reader;
use crate::keep::layout::maybe_text;
use crate::{Kind, Result};
use restage_core::schema::TableName;
use std::collections::VecDeque;
use tokio_postgres::Row;

/// Rows fetched at once.
const BATCH_ROWS: usize = 2_000;

/// A query whose rows are fetched in batches, within a transaction.
pub(crate) struct Cursor<'a> {
    reader: Reader<'a>,
    table: TableName,
    name: String,
    waiting: VecDeque<Row>,
    ended: bool,
}

impl<'a> Cursor<'a> {
    /// Declares it; one of each name at a time.
    pub(crate) async fn open(reader: Reader<'a>, table: &TableName, name: &str, query: &str) -> Result<Self> {
        let sql = format!("DECLARE {name} NO SCROLL CURSOR FOR {query}");
        reader.rows(format!("read the rows of `{table}`"), &sql).await?;
        Ok(Self { reader, table: table.clone(), name: name.to_owned(), waiting: VecDeque::new(), ended: false })
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Row>> {
        self.fetch().await?;
        Ok(self.waiting.pop_front())
    }

    /// Has rows at hand if there are any left; for the first ones the server may have to sort them all.
    pub(crate) async fn fetch(&mut self) -> Result<()> {
        if self.waiting.is_empty() && !self.ended {
            let sql = format!("FETCH {BATCH_ROWS} FROM {}", self.name);
            let rows = self.reader.query(format!("read the rows of `{}`", self.table), &sql, &[]).await?;
            self.ended = rows.len() < BATCH_ROWS;
            self.waiting = rows.into();
        }
        Ok(())
    }

    pub(crate) async fn close(self) -> Result<()> {
        self.reader.rows(format!("read the rows of `{}`", self.table), &format!("CLOSE {}", self.name)).await.map(drop)
    }
}

/// What a row is and what is in it, as digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) identity: String,
    pub(super) content: String,
}

/// The first two fields of a row.
pub(super) fn known(row: &Row) -> Result<Known> {
    let field = |at: usize| maybe_text(row, at)?.ok_or_else(|| Kind::Query.error("a row came without what it is"));
    Ok(Known { identity: field(0)?, content: field(1)? })
}
