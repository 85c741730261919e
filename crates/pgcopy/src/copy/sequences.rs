//! Sequences: carried over as they stand, and never behind the column they number.

use super::statements::{Failure, Runner, Statement};
use crate::Result;
use crate::catalog::Numbering;
use crate::connect::Reader;
use restage_core::schema::{ColumnPath, Persistence, Schema, Sequence, TableName, quote_literal};
use std::collections::HashMap;
use tokio_postgres::types::Type;

/// How many sequences, or columns, one query looks at.
pub(crate) const PER_QUERY: usize = 100;

/// Where one sequence stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Standing {
    name: TableName,
    last_value: i64,
    is_called: bool,
    /// The least and the greatest value that it gives.
    bounds: (i64, i64),
}

/// A sequence whose next values its column has already.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Behind {
    pub(crate) sequence: TableName,
    pub(crate) column: ColumnPath,
    pub(crate) from: i64,
    /// The outermost value of the column.
    pub(crate) to: i64,
}

/// The sequences that are of use; on a standby, those of unlogged tables are not, for they come without rows.
pub(super) fn readable(schema: &Schema, source_is_standby: bool) -> impl Iterator<Item = (&TableName, &Sequence)> {
    let lost = move |sequence: &Sequence| {
        let table = sequence.owned_by.as_ref().and_then(|column| schema.tables.get(&column.table));
        source_is_standby && table.is_some_and(|table| table.persistence == Persistence::Unlogged)
    };
    schema.sequences.iter().filter(move |(_, sequence)| !lost(sequence))
}

/// Sets some of the shadow's sequences as they stand in the source, or further on where that is behind their column; returns
/// notes on those.
pub(super) async fn carry_over(
    source: Reader<'_>,
    runner: &Runner<'_>,
    schema: &Schema,
    names: &[TableName],
) -> Result<Vec<String>> {
    let lost = lost(source, schema, names).await?;
    let known: Vec<TableName> = names.iter().filter(|name| !lost.contains(name)).cloned().collect();
    write(runner, &read(source, &known).await?).await?;
    let told = |name| format!("where the sequence `{name}` stands is not copied: it is unlogged, and a standby does not know");
    let mut notes: Vec<String> = lost.into_iter().map(told).collect();
    let numberings: Vec<Numbering> = names.iter().filter_map(|name| Numbering::of(schema, name)).collect();
    for Behind { sequence, from, to, .. } in behind(runner.reader(), &numberings).await? {
        notes.push(format!("the sequence `{sequence}` was behind its column and was moved from {from} to {to}"));
        write(runner, &[Standing { name: sequence, last_value: to, is_called: true, bounds: (from, to) }]).await?;
    }
    Ok(notes)
}

/// Those of some sequences that cannot be read, which are unlogged ones on a standby.
async fn lost<'n>(source: Reader<'_>, schema: &Schema, names: &'n [TableName]) -> Result<Vec<&'n TableName>> {
    let is_unlogged = |name: &&TableName| schema.sequences.get(*name).is_some_and(|s| s.persistence == Persistence::Unlogged);
    let unlogged: Vec<&TableName> = names.iter().filter(is_unlogged).collect();
    if unlogged.is_empty() {
        return Ok(vec![]);
    }
    let is_standby: bool = source.query("ask for the server's role", "SELECT pg_is_in_recovery()", &[]).await?[0].get(0);
    Ok(if is_standby { unlogged } else { vec![] })
}

/// Those of some sequences that are behind their column, as they are where values are given out by other means.
pub(crate) async fn behind(reader: Reader<'_>, numberings: &[Numbering]) -> Result<Vec<Behind>> {
    let mut found = Vec::new();
    for some in numberings.chunks(PER_QUERY) {
        let outermost = outermost(reader, some).await?;
        let used: Vec<TableName> =
            some.iter().map(|one| one.sequence.clone()).filter(|name| outermost.contains_key(name)).collect();
        let standings: HashMap<TableName, Standing> =
            standings(reader, &used).await?.into_iter().map(|standing| (standing.name.clone(), standing)).collect();
        for Numbering { sequence, column, ascending } in some {
            let (Some(to), Some(standing)) = (outermost.get(sequence), standings.get(sequence)) else { continue };
            if standing.is_behind(*to, *ascending) {
                let (sequence, column, from) = (sequence.clone(), column.clone(), standing.last_value);
                found.push(Behind { sequence, column, from, to: *to });
            }
        }
    }
    Ok(found)
}

impl Standing {
    /// Whether a value of its column is one that it will give; one that it never gives says nothing.
    fn is_behind(&self, outermost: i64, ascending: bool) -> bool {
        let before = if ascending { self.last_value < outermost } else { self.last_value > outermost };
        let (least, greatest) = self.bounds;
        (before || self.last_value == outermost && !self.is_called) && (least..=greatest).contains(&outermost)
    }
}

/// The last value of every column in the direction of its sequence, if there is any.
async fn outermost(reader: Reader<'_>, some: &[Numbering]) -> Result<HashMap<TableName, i64>> {
    let each = some.iter().enumerate().map(|(at, Numbering { column, ascending, .. })| {
        let outermost = if *ascending { "max" } else { "min" };
        format!("SELECT {at}, (SELECT {outermost}({})::int8 FROM {})", column.column.sql(), column.table.sql())
    });
    let sql = each.collect::<Vec<_>>().join(" UNION ALL ");
    let rows = reader.query("compare the sequences with their columns", &sql, &[]).await?;
    let value = |row: &tokio_postgres::Row| Some((some[at(row)].sequence.clone(), row.get::<_, Option<i64>>(1)?));
    Ok(rows.iter().filter_map(value).collect())
}

/// Reads where the source's sequences stand. They are outside of snapshots and stand where they stand now, which is never behind.
///
/// Each is read itself: the function that tells of many would keep production from altering them until the copy's end.
async fn read(source: Reader<'_>, names: &[TableName]) -> Result<Vec<Standing>> {
    let mut standings = Vec::with_capacity(names.len());
    for some in names.chunks(PER_QUERY) {
        let each = some.iter().enumerate().map(|(at, name)| format!("SELECT {at}, last_value, is_called FROM {}", name.sql()));
        let sql = each.collect::<Vec<_>>().join(" UNION ALL ");
        for row in source.query("read the sequences", &sql, &[]).await? {
            let (name, bounds) = (some[at(&row)].clone(), (i64::MIN, i64::MAX));
            standings.push(Standing { name, last_value: row.get(1), is_called: row.get(2), bounds });
        }
    }
    Ok(standings)
}

/// Where sequences of a copy stand, which nobody else uses: one function tells of all that were called at least once, with less
/// work than reading each; the others are read themselves.
async fn standings(reader: Reader<'_>, names: &[TableName]) -> Result<Vec<Standing>> {
    let schemas: Vec<&str> = names.iter().map(|name| name.schema.as_str()).collect();
    let relations: Vec<&str> = names.iter().map(|name| name.name.as_str()).collect();
    let rows =
        reader.query("read the sequences", STANDINGS, &[(&schemas, Type::TEXT_ARRAY), (&relations, Type::TEXT_ARRAY)]).await?;
    let mut standings: Vec<Standing> = Vec::with_capacity(rows.len());
    let mut uncalled: Vec<usize> = Vec::new();
    for row in &rows {
        let last_value: Option<i64> = row.get(3);
        if last_value.is_none() {
            uncalled.push(standings.len());
        }
        let (name, bounds) = (names[at(row)].clone(), (row.get(1), row.get(2)));
        standings.push(Standing { name, last_value: last_value.unwrap_or_default(), is_called: last_value.is_some(), bounds });
    }
    for some in uncalled.chunks(PER_QUERY) {
        let each = some.iter().map(|at| format!("SELECT {at}, last_value, is_called FROM {}", standings[*at].name.sql()));
        let sql = each.collect::<Vec<_>>().join(" UNION ALL ");
        for row in reader.query("read the sequences", &sql, &[]).await? {
            let standing = &mut standings[at(&row)];
            (standing.last_value, standing.is_called) = (row.get(1), row.get(2));
        }
    }
    Ok(standings)
}

const STANDINGS: &str = "SELECT wanted.at::int4 - 1, q.seqmin, q.seqmax, pg_sequence_last_value(q.seqrelid) \
     FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (schema, name, at) \
       JOIN pg_namespace n ON n.nspname = wanted.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name \
       JOIN pg_sequence q ON q.seqrelid = c.oid ORDER BY 1";

fn at(row: &tokio_postgres::Row) -> usize {
    usize::try_from(row.get::<_, i32>(0)).unwrap_or_default()
}

/// Sets the shadow's sequences.
async fn write(runner: &Runner<'_>, standings: &[Standing]) -> Result<()> {
    let set = standings.iter().map(|standing| Statement {
        doing: format!("set the sequence `{}`", standing.name),
        sql: format!(
            "SELECT setval({}::regclass, {}, {});",
            quote_literal(&standing.name.sql()),
            standing.last_value,
            standing.is_called
        ),
        failure: Failure::Fatal,
    });
    runner.run(&set.collect::<Vec<_>>()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_is_behind_a_value_that_it_will_give() {
        let standing = |last_value, is_called| Standing {
            name: TableName::parse("numbers").unwrap(),
            last_value,
            is_called,
            bounds: (1, 100),
        };
        assert!(standing(9, true).is_behind(10, true) && standing(10, false).is_behind(10, true));
        assert!(!standing(10, true).is_behind(10, true) && !standing(10, true).is_behind(9, true));
        assert!(standing(10, true).is_behind(9, false) && !standing(9, true).is_behind(10, false));
        assert!(!standing(9, true).is_behind(101, true), "it never gives 101");
    }
}
