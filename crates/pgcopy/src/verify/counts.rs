//! Counting rows and summing content, table by table.

use super::mismatch;
use crate::connect::Reader;
use crate::copy::checksum::checksum_sql;
use crate::keep::{count, text};
use crate::stop::Stop;
use crate::{Kind, Result, catalog};
use restage_core::provider::{Filled, TableFilled, Verified};
use restage_core::schema::{Column, Schema, Table, TableName};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Small tables are counted this many at a time: a round trip takes longer than their rows.
const TABLES_PER_QUERY: usize = 100;
/// What counts as small, in bytes on the wire.
const SMALL_BYTES: u64 = 1 << 20;

/// A table with what the copy said of it.
type Expected<'a> = (&'a TableName, &'a TableFilled);

/// The tables that wait, and what was found; shared by the sessions.
pub(super) struct Counting<'a> {
    structure: &'a Structure,
    state: Mutex<State<'a>>,
}

struct State<'a> {
    waiting: Vec<Expected<'a>>,
    verified: Verified,
}

/// What must be known of the database.
pub(super) enum Structure {
    /// Which tables there are.
    Tables(HashSet<TableName>),
    /// And their columns, to sum up content.
    Whole(Schema),
}

impl Structure {
    /// Reads what comparing with that copy takes.
    pub(super) async fn read(reader: Reader<'_>, filled: &Filled) -> Result<Self> {
        if filled.tables.values().any(|table| table.checksum.is_some()) {
            return catalog::read(reader).await.map(Self::Whole);
        }
        let sql = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'f')";
        let rows = reader.query("list the tables", sql, &[]).await?;
        let name = |row: &tokio_postgres::Row| TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        Ok(Self::Tables(rows.iter().map(name).collect()))
    }

    fn has(&self, name: &TableName) -> bool {
        match self {
            Self::Tables(names) => names.contains(name),
            Self::Whole(schema) => schema.tables.contains_key(name),
        }
    }

    fn table(&self, name: &TableName) -> Option<&Table> {
        match self {
            Self::Tables(_) => None,
            Self::Whole(schema) => schema.tables.get(name),
        }
    }
}

impl<'a> Counting<'a> {
    /// The largest tables come first, so that no session is left with one at the end.
    pub(super) fn new(filled: &'a Filled, structure: &'a Structure) -> Result<Self> {
        if filled.tables.is_empty() {
            return Err(mismatch("no table was copied".to_owned()));
        }
        for (name, table) in &filled.tables {
            if table.rows_read != table.rows_written {
                return Err(mismatch(format!(
                    "of `{name}`, {} rows were read and {} written",
                    table.rows_read, table.rows_written
                )));
            }
            if !structure.has(name) {
                return Err(mismatch(format!("`{name}` was copied and is not there")));
            }
        }
        let mut waiting: Vec<_> = filled.tables.iter().collect();
        waiting.sort_by_key(|(_, table)| table.bytes);
        Ok(Self { structure, state: Mutex::new(State { waiting, verified: Verified::default() }) })
    }

    /// Takes tables until none waits.
    pub(super) async fn work(&self, reader: Reader<'_>, stop: &Stop) -> Result<()> {
        loop {
            let tables = self.next();
            if tables.is_empty() {
                return Ok(());
            }
            stop.check()?;
            let rows = count_rows(reader, &tables).await?;
            let mut summed = 0;
            for (name, table) in &tables {
                summed += u64::from(self.sum(reader, name, table).await?);
            }
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.verified.tables += tables.len() as u64;
            state.verified.rows += rows;
            state.verified.checksums += summed;
        }
    }

    pub(super) fn done(self) -> Verified {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).verified
    }

    /// The largest table, or some small ones.
    fn next(&self) -> Vec<Expected<'a>> {
        let waiting = &mut self.state.lock().unwrap_or_else(PoisonError::into_inner).waiting;
        let small = waiting.iter().rev().take(TABLES_PER_QUERY).take_while(|(_, table)| table.bytes <= SMALL_BYTES).count();
        let rest = waiting.len().saturating_sub(small.max(1));
        waiting.split_off(rest)
    }

    /// Whether the content was compared; a difference is an error.
    async fn sum(&self, reader: Reader<'_>, name: &TableName, table: &TableFilled) -> Result<bool> {
        let (Some(expected), Some(facts)) = (&table.checksum, self.structure.table(name)) else { return Ok(false) };
        let columns: Vec<Column> = facts.written_columns().filter(|column| !table.masked.contains(&column.name)).cloned().collect();
        let answer = reader.query(format!("sum up `{name}`"), &checksum_sql(name, &columns), &[]).await?;
        let found =
            answer.first().map(|row| text(row, 0)).transpose()?.ok_or_else(|| Kind::Query.error("a checksum returned nothing"))?;
        if &found == expected {
            return Ok(true);
        }
        Err(mismatch(format!("the content of `{name}` is not production's: its checksum should be {expected} and is {found}")))
    }
}

/// The rows of these tables, as they were counted by the copy itself or as they are now; another number than the copy's is an
/// error.
async fn count_rows(reader: Reader<'_>, tables: &[Expected<'_>]) -> Result<u64> {
    let uncounted: Vec<&TableName> = tables.iter().filter(|(_, table)| table.rows_found.is_none()).map(|(name, _)| *name).collect();
    let mut counted = rows_of(reader, &uncounted).await?.into_iter();
    let mut total = 0;
    for (name, table) in tables {
        let rows = table.rows_found.or_else(|| counted.next()).unwrap_or_default();
        if rows != table.rows_written {
            return Err(mismatch(format!("`{name}` should have {} rows and has {rows}", table.rows_written)));
        }
        total += rows;
    }
    Ok(total)
}

/// Counts the rows of tables in one query.
pub(crate) async fn rows_of(reader: Reader<'_>, tables: &[&TableName]) -> Result<Vec<u64>> {
    let doing = match tables {
        [] => return Ok(vec![]),
        [name] => format!("count the rows of `{name}`"),
        _ => format!("count the rows of {} tables", tables.len()),
    };
    let each = tables.iter().enumerate().map(|(at, name)| format!("SELECT {at}::int8, count(*) FROM ONLY {}", name.sql()));
    let sql = each.collect::<Vec<_>>().join(" UNION ALL ");
    let mut counts = vec![0; tables.len()];
    for row in reader.query(doing, &sql, &[]).await? {
        counts[usize::try_from(count(&row, 0)?).unwrap_or(usize::MAX)] = count(&row, 1)?;
    }
    Ok(counts)
}
