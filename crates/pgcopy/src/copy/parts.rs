//! Which tables are split, and where.
//!
//! A table that is more than one worker's share of all work would be copied alone in the end, while the others have nothing to
//! do. It is split by the pages of its file, of which each worker reads some; the source's server finds them without an index.
//! Where rows are kept in another way than PostgreSQL's own, it is split by a key. Rows that come in several transactions cannot be
//! written as visible to everybody, so no other table is split.

mod order;

use super::table::{Rows, TableCopy};
use crate::Result;
use crate::connect::Reader;
use order::Order;
use restage_core::schema::quote_literal;
use serde::{Deserialize, Serialize};

/// Smaller parts cost more in transactions than they bring; down to half of it, if all workers then have equally many.
const LEAST_PART_BYTES: u64 = 64 << 20;
/// Workers do not all get on equally well, so that there are more parts than workers.
const PARTS_PER_SHARE: u64 = 4;

/// Some of a table's rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Part {
    /// All of them.
    Whole,
    /// Those in some pages of the table's file, from the first to before the last; the last part ends with the file.
    Pages { from: u64, to: Option<u64> },
    /// Those with keys in a range, from the first to before the last, where there is one.
    Keys { order: Order, from: Option<String>, to: Option<String> },
}

impl Part {
    /// The condition in SQL for a row to be one of them, if not all are.
    pub(super) fn condition(&self) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::Pages { from, to: None } => Some(format!("ctid >= '({from},0)'::tid")),
            Self::Pages { from, to: Some(to) } => Some(format!("ctid >= '({from},0)'::tid AND ctid < '({to},0)'::tid")),
            Self::Keys { order, from, to } => Some(order.condition(from.as_deref(), to.as_deref())),
        }
    }
}

/// Two bytes of an index take as long as so many of rows.
const ROWS_PER_TWO_OF_INDEX: u64 = 5;

/// Splits the tables that are worth it among so many workers, who have indexes of so many bytes to make besides.
pub(super) async fn split(source: Reader<'_>, tables: &mut [TableCopy], index_bytes: u64, workers: usize) -> Result<()> {
    let indexes = index_bytes / 2 * ROWS_PER_TWO_OF_INDEX;
    let total: u64 = tables.iter().map(|table| table.bytes).sum::<u64>() + indexes;
    // A condition may have an index that finds its rows, which every part would read again.
    for table in tables.iter_mut().filter(|table| table.rows == Rows::All) {
        let wanted = parts_wanted(table.bytes, total, workers as u64);
        if wanted > 1 {
            table.parts = match pages(source, table).await? {
                Some(pages) => cut(pages, wanted),
                None => order::split(source, table, wanted).await?,
            };
        }
    }
    Ok(())
}

fn parts_wanted(bytes: u64, total: u64, workers: u64) -> u64 {
    let share = total / workers.max(1);
    if workers < 2 || bytes <= share {
        return 1;
    }
    let parts = bytes / (share / PARTS_PER_SHARE).max(LEAST_PART_BYTES);
    // So that all workers are done at the same time.
    let rounds = parts.next_multiple_of(workers);
    let is_worth_it = parts > 1 && bytes / rounds >= LEAST_PART_BYTES / 2;
    if is_worth_it { rounds } else { parts }
}

/// The pages of the table's file, if its rows are kept by pages as PostgreSQL itself keeps them.
async fn pages(source: Reader<'_>, table: &TableCopy) -> Result<Option<u64>> {
    let sql = format!(
        "SELECT pg_relation_size(c.oid) / current_setting('block_size')::int8 FROM pg_class c JOIN pg_am a ON a.oid = c.relam \
         WHERE a.amname = 'heap' AND c.oid = {}::regclass",
        quote_literal(&table.name.sql())
    );
    let rows = source.query(format!("read the size of `{}`", table.name), &sql, &[]).await?;
    Ok(rows.first().map(|row| row.get::<_, i64>(0).unsigned_abs()))
}

fn cut(pages: u64, parts: u64) -> Vec<Part> {
    let parts = parts.min(pages).max(1);
    if parts == 1 {
        return vec![Part::Whole];
    }
    let start = |nth: u64| pages * nth / parts;
    (0..parts).map(|nth| Part::Pages { from: start(nth), to: (nth + 1 < parts).then(|| start(nth + 1)) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_more_than_a_share_is_split() {
        assert_eq!(parts_wanted(900 << 20, 1000 << 20, 1), 1);
        assert_eq!(parts_wanted(900 << 20, 1000 << 20, 2), 8);
        assert_eq!(parts_wanted(500 << 20, 1000 << 20, 2), 1);
        assert_eq!(parts_wanted(300 << 20, 1000 << 20, 4), 4);
        assert_eq!(parts_wanted(90 << 20, 100 << 20, 2), 1);
    }

    #[test]
    fn all_workers_have_equally_many_parts_unless_these_were_too_small() {
        assert_eq!(parts_wanted(330 << 20, 340 << 20, 4), 8);
        assert_eq!(parts_wanted(200 << 20, 210 << 20, 8), 3);
    }

    #[test]
    fn parts_follow_each_other_without_a_gap() {
        let conditions: Vec<Option<String>> = cut(10, 3).iter().map(Part::condition).collect();
        let expected = [
            "ctid >= '(0,0)'::tid AND ctid < '(3,0)'::tid",
            "ctid >= '(3,0)'::tid AND ctid < '(6,0)'::tid",
            "ctid >= '(6,0)'::tid",
        ];
        assert_eq!(conditions.iter().map(|condition| condition.as_deref().unwrap()).collect::<Vec<_>>(), expected);
        assert_eq!((cut(0, 5), cut(1, 5)), (vec![Part::Whole], vec![Part::Whole]));
    }
}
