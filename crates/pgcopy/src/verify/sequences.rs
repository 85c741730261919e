//! Whether the next value of every sequence is one that its column does not have yet.

use super::mismatch;
use crate::Result;
use crate::connect::Reader;
use crate::copy::sequences;
use crate::stop::Stop;
use restage_core::schema::{Schema, TableName};

/// Compares every sequence that belongs to a column of integers with that column; returns how many.
pub(super) async fn check(reader: Reader<'_>, schema: &Schema, stop: &Stop) -> Result<u64> {
    let numbering = schema.sequences.keys().filter(|name| sequences::numbering(schema, name).is_some());
    let all: Vec<TableName> = numbering.cloned().collect();
    for some in all.chunks(sequences::PER_QUERY) {
        stop.check()?;
        if let Some(behind) = sequences::behind(reader, schema, some).await?.first() {
            let sequences::Behind { sequence, column, from, to } = behind;
            return Err(mismatch(format!("the sequence `{sequence}` stands at {from}, behind {to} in its column `{column}`")));
        }
    }
    Ok(all.len() as u64)
}
