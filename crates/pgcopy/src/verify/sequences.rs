//! Whether the next value of every sequence is one that its column does not have yet.

use super::mismatch;
use crate::Result;
use crate::connect::Reader;
use crate::keep::{flag, text};
use crate::stop::Stop;
use restage_core::schema::{ColumnPath, Schema, Sequence, TableKind, TableName, TypeKind, quote_literal};

/// How many sequences one query compares.
const SEQUENCES_PER_QUERY: usize = 100;

/// Compares every sequence that belongs to a column of integers with that column; returns how many.
pub(super) async fn check(reader: Reader<'_>, schema: &Schema, stop: &Stop) -> Result<u64> {
    let owned = |(name, sequence): (&'_ TableName, &'_ Sequence)| {
        let path = sequence.owned_by.clone()?;
        let table = schema.tables.get(&path.table)?;
        let of_integers = matches!(table.column(&path.column)?.kind, TypeKind::Integer { .. }) && table.kind != TableKind::Foreign;
        of_integers.then(|| (name.clone(), sequence.ascending, path))
    };
    let all: Vec<(TableName, bool, ColumnPath)> = schema.sequences.iter().filter_map(owned).collect();
    for some in all.chunks(SEQUENCES_PER_QUERY) {
        stop.check()?;
        let each: Vec<String> = some.iter().map(|(name, ascending, path)| compared(name, *ascending, path)).collect();
        for row in reader.query("compare the sequences with their columns", &each.join(" UNION ALL "), &[]).await? {
            if flag(&row, 3)? {
                let (sequence, last, outermost) = (text(&row, 0)?, text(&row, 1)?, text(&row, 2)?);
                return Err(mismatch(format!("the sequence {sequence} stands at {last}, behind {outermost} in its column")));
            }
        }
    }
    Ok(u64::try_from(all.len()).unwrap_or(u64::MAX))
}

/// A value that the sequence can never give says nothing.
fn compared(name: &TableName, ascending: bool, path: &ColumnPath) -> String {
    let (outermost, behind) = if ascending { ("max", "<") } else { ("min", ">") };
    let literal = quote_literal(&format!("`{path}`"));
    format!(
        "SELECT {literal}, s.last_value::text, v.value::text, \
           (s.last_value {behind} v.value OR (s.last_value = v.value AND NOT s.is_called)) AND v.value BETWEEN d.seqmin AND d.seqmax \
         FROM {} s, pg_sequence d, (SELECT {outermost}({})::int8 AS value FROM {}) v WHERE d.seqrelid = {}::regclass",
        name.sql(),
        path.column.sql(),
        path.table.sql(),
        quote_literal(&name.sql()),
    )
}
