//! Counting rows and summing content, table by table.

use super::mismatch;
use crate::connect::Reader;
use crate::copy::checksum::checksum_sql;
use crate::keep::{count, text};
use crate::stop::Stop;
use crate::{Kind, Result};
use restage_core::provider::{Filled, TableFilled, Verified};
use restage_core::schema::{Column, Schema, TableName};
use std::sync::{Mutex, PoisonError};

/// The tables that wait, and what was found; shared by the sessions.
pub(super) struct Counting<'a> {
    schema: &'a Schema,
    state: Mutex<State<'a>>,
}

struct State<'a> {
    waiting: Vec<(&'a TableName, &'a TableFilled)>,
    verified: Verified,
}

impl<'a> Counting<'a> {
    /// The largest tables come first, so that no session is left with one at the end.
    pub(super) fn new(filled: &'a Filled, schema: &'a Schema) -> Result<Self> {
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
            if !schema.tables.contains_key(name) {
                return Err(mismatch(format!("`{name}` was copied and is not there")));
            }
        }
        let mut waiting: Vec<_> = filled.tables.iter().collect();
        waiting.sort_by_key(|(_, table)| table.bytes);
        Ok(Self { schema, state: Mutex::new(State { waiting, verified: Verified::default() }) })
    }

    /// Takes table after table until none waits.
    pub(super) async fn work(&self, reader: Reader<'_>, stop: &Stop) -> Result<()> {
        while let Some((name, table)) = self.next() {
            stop.check()?;
            let rows = self.count(reader, name, table).await?;
            let summed = self.sum(reader, name, table).await?;
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.verified.tables += 1;
            state.verified.rows += rows;
            state.verified.checksums += u64::from(summed);
        }
        Ok(())
    }

    pub(super) fn done(self) -> Verified {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).verified
    }

    fn next(&self) -> Option<(&'a TableName, &'a TableFilled)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).waiting.pop()
    }

    async fn count(&self, reader: Reader<'_>, name: &TableName, table: &TableFilled) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM ONLY {}", name.sql());
        let answer = reader.query(format!("count the rows of `{name}`"), &sql, &[]).await?;
        let rows = answer.first().map_or(Ok(0), |row| count(row, 0))?;
        if rows == table.rows_written {
            return Ok(rows);
        }
        Err(mismatch(format!("`{name}` should have {} rows and has {rows}", table.rows_written)))
    }

    /// Whether the content was compared; a difference is an error.
    async fn sum(&self, reader: Reader<'_>, name: &TableName, table: &TableFilled) -> Result<bool> {
        let (Some(expected), Some(facts)) = (&table.checksum, self.schema.tables.get(name)) else { return Ok(false) };
        let columns: Vec<Column> = facts.written_columns().filter(|column| !table.masked.contains(&column.name)).cloned().collect();
        let answer = reader.query(format!("sum up `{name}`"), &checksum_sql(name, &columns, None), &[]).await?;
        let found =
            answer.first().map(|row| text(row, 0)).transpose()?.ok_or_else(|| Kind::Query.error("a checksum returned nothing"))?;
        if &found == expected {
            return Ok(true);
        }
        Err(mismatch(format!("the content of `{name}` is not production's: its checksum should be {expected} and is {found}")))
    }
}
