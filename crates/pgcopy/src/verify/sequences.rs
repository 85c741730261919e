//! Whether the next value of every sequence is one that its column does not have yet.

use super::mismatch;
use crate::Result;
use crate::catalog::Numbering;
use crate::connect::Reader;
use crate::copy::sequences;
use crate::stop::Stop;
use futures::future::try_join_all;
use std::sync::{Mutex, PoisonError};

/// Compares some sequences with their columns, in all these sessions at a time.
pub(super) async fn check(readers: &[Reader<'_>], numberings: &[Numbering], stop: &Stop) -> Result<()> {
    let open = Mutex::new(numberings.chunks(sequences::PER_QUERY));
    let next = || open.lock().unwrap_or_else(PoisonError::into_inner).next();
    let look = async |reader: &Reader<'_>| {
        while let Some(some) = next() {
            stop.check()?;
            if let Some(behind) = sequences::behind(*reader, some).await?.first() {
                let sequences::Behind { sequence, column, from, to } = behind;
                return Err(mismatch(format!("the sequence `{sequence}` stands at {from}, behind {to} in its column `{column}`")));
            }
        }
        Ok(())
    };
    try_join_all(readers.iter().map(look)).await.map(drop)
}
