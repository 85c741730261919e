//! Comparing kept tables before anything is done: both sides are read in the order of what their rows are, and merged here.
//!
//! Memory does not grow with the tables: rows come in batches, and what has to be looked up is looked up in batches. Only
//! the rows that will be left out are remembered, up to [`MAX_DROPPED`].

mod cursor;
mod question;
mod scan;
mod tally;

pub use question::Question;
pub use tally::{Clash, Compared};

pub(crate) use cursor::Cursor;
pub(crate) use tally::dangling as count_dangling;

use super::identity::Subject;
use super::taken::Side;
use crate::connect::SourceClient;
use crate::stop::Stop;
use crate::{Kind, Result};
use restage_core::provider::TableTaken;
use restage_core::schema::{Schema, TableName};
use std::collections::{BTreeMap, HashSet};

/// Kept rows that may be left out because they refer to nothing; more than that is a mistake in the scenario.
pub const MAX_DROPPED: usize = 500_000;
/// How often rows left out may leave further rows without what they refer to.
const CASCADE_ROUNDS: usize = 64;

/// The two databases of a comparison.
#[derive(Clone, Copy)]
pub struct Sides<'a> {
    /// A session on production.
    pub source: &'a SourceClient,
    /// A session on the target.
    pub target: &'a SourceClient,
    /// Production's structure.
    pub source_schema: &'a Schema,
    /// The target's structure.
    pub target_schema: &'a Schema,
    /// What is taken of production.
    pub taken: &'a BTreeMap<TableName, TableTaken>,
}

impl<'a> Sides<'a> {
    pub(crate) fn source_side(&self) -> Side<'a> {
        Side { reader: self.source.reader(), schema: self.source_schema, taken: Some(self.taken) }
    }
    pub(crate) fn target_side(&self) -> Side<'a> {
        Side { reader: self.target.reader(), schema: self.target_schema, taken: None }
    }
}

/// Compares the kept tables; begins and ends a transaction of its own on each side.
pub async fn compare(sides: Sides<'_>, questions: &[Question], stop: &Stop) -> Result<BTreeMap<TableName, Compared>> {
    let (source, target) = (sides.source_side(), sides.target_side());
    let subjects = question::subjects(questions, source, target)?;
    let work = async {
        sides.source.begin(None).await?;
        sides.target.begin(None).await?;
        let compared = compare_all(source, target, &subjects, stop).await;
        // Even after an error; what it was says more than that ending fails too.
        let ended = (sides.source.end().await, sides.target.end().await);
        let compared = compared?;
        ended.0?;
        ended.1?;
        Ok(compared)
    };
    // Whichever side is at work, its statement is cancelled.
    sides.source.guard(stop, sides.target.guard(stop, work)).await
}

/// Compares within transactions that are open on both sides.
pub(crate) async fn compare_all(
    source: Side<'_>,
    target: Side<'_>,
    subjects: &[Subject],
    stop: &Stop,
) -> Result<BTreeMap<TableName, Compared>> {
    source.set_up().await?;
    target.set_up().await?;
    let mut dropped: Vec<HashSet<String>> = vec![HashSet::new(); subjects.len()];
    for _ in 0..CASCADE_ROUNDS {
        let before: usize = dropped.iter().map(HashSet::len).sum();
        let mut compared = BTreeMap::new();
        for at in 0..subjects.len() {
            stop.check()?;
            let of_table = scan::Scan::new(source, target, subjects, at).run(&mut dropped, stop).await?;
            compared.insert(subjects[at].table.clone(), of_table);
        }
        let after: usize = dropped.iter().map(HashSet::len).sum();
        if after > MAX_DROPPED {
            let message = format!("more than {MAX_DROPPED} kept rows refer to rows that will not exist");
            return Err(Kind::LimitPassed.error(message).help("keep the tables that they refer to as well"));
        }
        if after == before {
            return Ok(compared);
        }
    }
    let message = format!("kept rows that refer to rows left out form chains of more than {CASCADE_ROUNDS}");
    Err(Kind::LimitPassed.error(message).help("use `on-missing: refuse` and repair the target's rows"))
}
