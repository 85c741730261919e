//! Comparing a copy with what it should be, before anybody relies on it. Whatever differs is an error; nothing is repaired here.
//!
//! [`rows`] looks right after the copy whether every row arrived; [`whole`] looks right before the swap whether the database
//! is sound: constraints and indexes valid, sequences past their columns, every kept row present.

pub(crate) mod counts;
mod kept;
mod sequences;
mod soundness;

pub use soundness::{Shortcomings, shortcomings};

use crate::catalog::numberings;
use crate::connect::{self, Endpoint, SourceClient, TargetClient};
use crate::keep::Table;
use crate::stop::Stop;
use crate::{Kind, Result};
use counts::{Counting, Structure};
use futures::future::{BoxFuture, try_join_all};
use futures::try_join;
use restage_core::provider::{Filled, Verified};
use std::num::NonZeroUsize;

/// From so many sequences on, a second session looks at them, too.
const SEQUENCES_WORTH_A_SESSION: usize = 200;

/// Counts every copied table, and sums its content where the copy has a checksum, in `workers` sessions that only read.
pub async fn rows(shadow: &Endpoint, filled: &Filled, workers: NonZeroUsize, stop: &Stop) -> Result<Verified> {
    let first = connect::source(shadow).await?;
    let structure = first.guard(stop, Structure::read(first.reader(), filled)).await?;
    let counting = Counting::new(filled, &structure)?;
    let mut sessions = vec![first];
    for _ in 1..workers.get().min(filled.tables.len()) {
        sessions.push(connect::source(shadow).await?);
    }
    let mut works: Vec<BoxFuture<'_, Result<()>>> = Vec::new();
    for session in &sessions {
        works.push(Box::pin(session.guard(stop, counting.work(session.reader(), stop))));
    }
    try_join_all(works).await?;
    Ok(counting.done())
}

/// As [`rows`], within the open transaction of a refresh in place.
pub async fn rows_within(client: &TargetClient, filled: &Filled, stop: &Stop) -> Result<Verified> {
    let work = async {
        let structure = Structure::read(client.reader(), filled).await?;
        let counting = Counting::new(filled, &structure)?;
        counting.work(client.reader(), stop).await?;
        Ok(counting.done())
    };
    client.guard(stop, work).await
}

/// Looks at everything but the copied rows: whether the database is sound but for what production (`accepted`) or the target
/// itself lacks too, and whether every row of the kept tables that the target has now is there.
pub async fn whole(
    shadow: &SourceClient,
    target: &SourceClient,
    kept: &[Table],
    accepted: &Shortcomings,
    stop: &Stop,
) -> Result<Verified> {
    let work = async {
        let accepted = accepted.clone().and(shortcomings(target.reader()).await?);
        let mut verified = sound(shadow, &accepted, stop).await?;
        verified.kept_rows = kept::present(shadow, target, kept, stop).await?;
        Ok(verified)
    };
    target.guard(stop, work).await
}

/// Whether every row of the kept tables that the target has now is in the shadow; returns how many there are.
pub async fn kept_rows(shadow: &SourceClient, target: &SourceClient, kept: &[Table], stop: &Stop) -> Result<u64> {
    target.guard(stop, kept::present(shadow, target, kept, stop)).await
}

async fn sound(shadow: &SourceClient, accepted: &Shortcomings, stop: &Stop) -> Result<Verified> {
    let work = async {
        let numbering = numberings(shadow.reader()).await?;
        // The other looks at constraints meanwhile.
        let helper = match numbering.len() {
            0..SEQUENCES_WORTH_A_SESSION => None,
            _ => Some(connect::source(shadow.reader().endpoint()).await?),
        };
        let constraints = soundness::check(shadow.reader(), accepted);
        let readers: Vec<_> = helper.iter().chain([shadow]).map(SourceClient::reader).collect();
        let looking = sequences::check(&readers, &numbering, stop);
        let (constraints, ()) = try_join!(constraints, looking)?;
        Ok(Verified { constraints, sequences: numbering.len() as u64, ..Verified::default() })
    };
    shadow.guard(stop, work).await
}

/// As [`whole`], within the open transaction of a refresh in place, where the kept rows were accounted for as they were merged.
pub async fn whole_within(client: &TargetClient, accepted: &Shortcomings, stop: &Stop) -> Result<Verified> {
    let work = async {
        let constraints = soundness::check(client.reader(), accepted).await?;
        let numbering = numberings(client.reader()).await?;
        sequences::check(&[client.reader()], &numbering, stop).await?;
        Ok(Verified { constraints, sequences: numbering.len() as u64, ..Verified::default() })
    };
    client.guard(stop, work).await
}

/// What is not as it should be.
fn mismatch(message: String) -> crate::Error {
    Kind::Mismatch.error(message).help("nothing has been replaced; look at what differs, then undo and run again")
}
