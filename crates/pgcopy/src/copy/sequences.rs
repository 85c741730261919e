//! Sequences: carried over as they stand, and never behind the column they number.

use super::statements::{Failure, Runner, Statement};
use crate::Result;
use crate::connect::Reader;
use restage_core::schema::{Persistence, Schema, Sequence, TableName, TypeKind, quote_literal};

/// How many sequences one query reads.
const SEQUENCES_PER_QUERY: usize = 200;

/// Where one sequence stands.
pub(super) struct Standing {
    name: TableName,
    last_value: i64,
    is_called: bool,
}

/// Reads the source's sequences. They are outside of snapshots and stand where they stand now, which is never behind.
pub(super) async fn read(source: Reader<'_>, sequences: &[&TableName]) -> Result<Vec<Standing>> {
    let mut standings = Vec::with_capacity(sequences.len());
    for some in sequences.chunks(SEQUENCES_PER_QUERY) {
        let each = some.iter().enumerate().map(|(at, name)| format!("SELECT {at}, last_value, is_called FROM {}", name.sql()));
        let sql = each.collect::<Vec<_>>().join(" UNION ALL ");
        for row in source.query("read the sequences", &sql, &[]).await? {
            let at = usize::try_from(row.get::<_, i32>(0)).unwrap_or_default();
            standings.push(Standing { name: some[at].clone(), last_value: row.get(1), is_called: row.get(2) });
        }
    }
    Ok(standings)
}

/// The sequences whose rows a standby can read; unlogged ones belong to unlogged tables.
pub(super) fn readable(schema: &Schema, source_is_standby: bool) -> Vec<&TableName> {
    let lost = |sequence: &Sequence| {
        let table = sequence.owned_by.as_ref().and_then(|column| schema.tables.get(&column.table));
        source_is_standby && table.is_some_and(|table| table.persistence == Persistence::Unlogged)
    };
    schema.sequences.iter().filter(|(_, sequence)| !lost(sequence)).map(|(name, _)| name).collect()
}

/// Sets the shadow's sequences.
pub(super) async fn write(runner: &Runner<'_>, standings: &[Standing]) -> Result<()> {
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

/// Moves sequences on that are behind the greatest value of their column, as they are where production gives out values by
/// other means; returns a note for each.
pub(super) async fn catch_up(target: Reader<'_>, runner: &Runner<'_>, schema: &Schema, made: &[&TableName]) -> Result<Vec<String>> {
    let numbered: Vec<(&TableName, &Sequence)> = schema
        .sequences
        .iter()
        .filter(|(name, sequence)| made.contains(name) && sequence.owned_by.as_ref().is_some_and(|_| is_number(schema, sequence)))
        .collect();
    let mut notes = Vec::new();
    for some in numbered.chunks(SEQUENCES_PER_QUERY) {
        let each = some.iter().enumerate().filter_map(|(at, (name, sequence))| {
            let column = sequence.owned_by.as_ref()?;
            let (outermost, behind) = if sequence.ascending { ("max", "<") } else { ("min", ">") };
            let (sequence, table, column) = (name.sql(), column.table.sql(), column.column.sql());
            Some(format!(
                "SELECT {at}, s.last_value, v.value FROM {sequence} s, pg_sequence d, \
                   (SELECT {outermost}({column})::int8 AS value FROM {table}) v \
                 WHERE d.seqrelid = {}::regclass AND (s.last_value {behind} v.value OR (s.last_value = v.value AND NOT s.is_called)) \
                   AND v.value BETWEEN d.seqmin AND d.seqmax",
                quote_literal(&sequence)
            ))
        });
        let sql = each.collect::<Vec<_>>().join(" UNION ALL ");
        let mut behind = Vec::new();
        for row in target.query("compare the sequences with their columns", &sql, &[]).await? {
            let name = some[usize::try_from(row.get::<_, i32>(0)).unwrap_or_default()].0;
            let (from, to): (i64, i64) = (row.get(1), row.get(2));
            notes.push(format!("the sequence `{name}` was behind its column and was moved from {from} to {to}"));
            behind.push(Standing { name: name.clone(), last_value: to, is_called: true });
        }
        write(runner, &behind).await?;
    }
    Ok(notes)
}

fn is_number(schema: &Schema, sequence: &Sequence) -> bool {
    let column = sequence.owned_by.as_ref().and_then(|path| schema.tables.get(&path.table)?.column(&path.column));
    column.is_some_and(|column| matches!(column.kind, TypeKind::Integer { .. }))
}
