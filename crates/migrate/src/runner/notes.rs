//! How far a migration without a transaction came, noted in a small table beside the history by a session of its own.
//!
//! The table is there only while such a migration runs, and after one that did not come to its end. A session of its own notes
//! what is done at once, whatever role, limits or transactions the script has on its own session.

use std::fmt;

use restage_pgcopy::connect::Reader;
use serde::{Deserialize, Serialize};

use super::Runner;
use super::failure::{of_server, told_done};
use super::session::{Session, literal};
use crate::checksum::Checksum;
use crate::history::{Row, Table};
use crate::version::Version;
use crate::{Error, Kind, Result};

/// A migration that was begun without a transaction and did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// The rank of its failed row in the history.
    pub installed_rank: i32,
    /// What the history calls its script.
    pub script: String,
    /// Its version, if it has one.
    pub version: Option<Version>,
    /// What the script hashed to.
    pub checksum: Option<Checksum>,
    /// How many of its statements are done for sure.
    pub done: usize,
    /// How many there are.
    pub statements: usize,
    /// The line on which the statement behind those begins, if there is one.
    pub line: Option<usize>,
    /// What became of that statement.
    pub next: Next,
    /// When it was begun, as the server writes it.
    pub since: String,
}

/// What became of the statement behind those that are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// It may not have been begun, have been given up, or be done: whoever ran it ended before it was noted.
    InDoubt,
    /// The server refused it.
    Failed,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = told_done(self.done, self.statements);
        write!(formatter, "`{}` was begun at {} without a transaction and did not end: {done}", self.script, self.since)?;
        let Some(line) = self.line else { return formatter.write_str(", only its end was not noted") };
        let next = match self.next {
            Next::InDoubt => "is in doubt",
            Next::Failed => "failed",
        };
        write!(formatter, ", statement {} on line {line} {next}", self.done + 1)
    }
}

impl Unfinished {
    /// Why nothing may be run.
    pub(super) fn error(&self) -> Error {
        let help = match self.line {
            Some(_) => format!(
                "see whether statement {} took effect; then take back what is done and run `restage migrate repair`, or go on at the \
                 first statement that is not done",
                self.done + 1
            ),
            None => format!("go on at statement {}, which does not exist and so only ends the migration", self.done + 1),
        };
        Kind::Unfinished.error(self).help(help)
    }
}

/// The table of the notes of a history.
pub(super) struct NotesTable(Table);

impl NotesTable {
    /// PostgreSQL cuts longer names by itself, so that they would not be found again.
    const NAME_LIMIT_BYTES: usize = 63;

    pub(super) fn of(history: &Table) -> Self {
        const END: &str = "_unfinished";
        let mut length = history.name.len().min(Self::NAME_LIMIT_BYTES - END.len());
        while !history.name.is_char_boundary(length) {
            length -= 1;
        }
        Self(Table { schema: history.schema.clone(), name: format!("{}{END}", &history.name[..length]) })
    }
}

impl fmt::Display for NotesTable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The notes on one migration that is running.
pub(super) struct Notes {
    session: Session,
    history: Table,
    table: NotesTable,
    rank: i32,
}

impl Notes {
    /// Writes the migration's row of the history, as failed until it succeeds, and the first note: nothing is done.
    pub(super) async fn begin(runner: &Runner<'_>, row: &Row, statements: usize, line: Option<usize>) -> Result<Self> {
        let notes = Self::open(runner, row.installed_rank).await?;
        let table = &notes.table;
        let sql = format!(
            "BEGIN; {insert}; CREATE TABLE IF NOT EXISTS {table} (installed_rank integer PRIMARY KEY, script text NOT NULL, \
             checksum integer, statements integer NOT NULL, done integer NOT NULL, line integer, failed boolean NOT NULL, \
             begun_at timestamptz NOT NULL DEFAULT now()); \
             COMMENT ON TABLE {table} IS 'How far a migration without a transaction came; restage drops it when it is settled'; \
             DELETE FROM {table}; \
             INSERT INTO {table} VALUES ({rank}, {script}, {checksum}, {statements}, 0, {line}, false); COMMIT",
            insert = notes.history.insert_literally(row),
            rank = row.installed_rank,
            script = literal(&row.script),
            checksum = row.checksum.map_or("NULL".to_owned(), |checksum| checksum.0.to_string()),
            line = or_null(line),
        );
        notes.run("note that a migration begins", &sql).await?;
        Ok(notes)
    }

    /// Goes on with the notes of a migration that was begun before.
    pub(super) async fn go_on(runner: &Runner<'_>, unfinished: &Unfinished, done: usize, line: Option<usize>) -> Result<Self> {
        let notes = Self::open(runner, unfinished.installed_rank).await?;
        notes.done(done, line).await?;
        Ok(notes)
    }

    async fn open(runner: &Runner<'_>, rank: i32) -> Result<Self> {
        let session = Session::connect(runner.session.client.endpoint(), runner.cx).await?;
        let (history, table) = (runner.table.clone(), NotesTable::of(&runner.table));
        let notes = Self { session, history, table, rank };
        // A note is worth nothing if a crash of the server takes it back; literals are as this crate writes them.
        let sql = "SET synchronous_commit = on; SET statement_timeout = 0; SET idle_session_timeout = 0; SET standard_conforming_strings = on";
        notes.run("prepare for notes", sql).await?;
        Ok(notes)
    }

    /// Notes how many statements are done, and where the next one begins.
    pub(super) async fn done(&self, done: usize, line: Option<usize>) -> Result<()> {
        let (table, rank, line) = (&self.table, self.rank, or_null(line));
        let sql = format!("UPDATE {table} SET done = {done}, line = {line}, failed = false WHERE installed_rank = {rank}");
        self.run("note what is done", &sql).await
    }

    /// Notes that the next statement failed; where it begins was noted before, unless it is said.
    pub(super) async fn failed(&self, line: Option<usize>, took_ms: i32) -> Result<()> {
        let (table, history, rank, line) = (&self.table, &self.history, self.rank, or_null(line));
        let sql = format!(
            "BEGIN; UPDATE {table} SET failed = true, line = coalesce({line}, line) WHERE installed_rank = {rank}; \
             UPDATE {history} SET execution_time = {took_ms} WHERE installed_rank = {rank}; COMMIT"
        );
        self.run("note what failed", &sql).await
    }

    /// Makes the row of the history one of success, and drops the notes.
    pub(super) async fn succeeded(&self, took_ms: i32) -> Result<()> {
        let (table, history, rank) = (&self.table, &self.history, self.rank);
        let sql = format!(
            "BEGIN; UPDATE {history} SET success = true, execution_time = {took_ms} WHERE installed_rank = {rank}; \
             DROP TABLE IF EXISTS {table}; COMMIT"
        );
        self.run("note that a migration has ended", &sql).await
    }

    /// Takes row and notes back: nothing was done.
    pub(super) async fn forget(&self) -> Result<()> {
        let (table, history, rank) = (&self.table, &self.history, self.rank);
        let sql = format!("BEGIN; DELETE FROM {history} WHERE installed_rank = {rank}; DROP TABLE IF EXISTS {table}; COMMIT");
        self.run("take the note of a migration back", &sql).await
    }

    async fn run(&self, doing: &str, sql: &str) -> Result<()> {
        let done = self.session.client.run(doing, sql).await.map_err(of_server);
        if done.is_err() {
            self.session.roll_back().await;
        }
        done
    }
}

fn or_null(line: Option<usize>) -> String {
    line.map_or("NULL".to_owned(), |line| line.to_string())
}

/// What the notes say, if their migration has failed for the history too; its notes and the history exist.
pub(crate) async fn unfinished(reader: Reader<'_>, history: &Table) -> Result<Option<Unfinished>> {
    let sql = format!(
        "SELECT n.installed_rank, n.script, h.version, n.checksum, n.done, n.statements, n.line, n.failed, \
         pg_catalog.date_trunc('second', n.begun_at) \
         FROM {} n JOIN {history} h ON h.installed_rank = n.installed_rank AND h.script = n.script AND NOT h.success \
         ORDER BY n.installed_rank LIMIT 1",
        NotesTable::of(history)
    );
    let rows = reader.rows("read how far a migration came", &sql).await.map_err(of_server)?;
    let Some(row) = rows.first() else { return Ok(None) };
    let text = |column: usize| row.get(column).unwrap_or_default().to_owned();
    let number = |column: usize| text(column).parse::<usize>().unwrap_or_default();
    Ok(Some(Unfinished {
        installed_rank: text(0).parse().unwrap_or_default(),
        script: text(1),
        version: row.get(2).map(Version::parse).transpose()?,
        checksum: text(3).parse().ok().map(Checksum),
        done: number(4),
        statements: number(5),
        line: row.get(6).map(|_| number(6)),
        next: if row.get(7) == Some("t") { Next::Failed } else { Next::InDoubt },
        since: text(8),
    }))
}

/// The SQL of whether a history has notes.
pub(crate) fn notes_exist(history: &Table) -> String {
    format!("pg_catalog.to_regclass({}) IS NOT NULL", literal(&NotesTable::of(history).to_string()))
}

/// Drops the notes of a history, if there are any.
pub(super) fn drop_sql(history: &Table) -> String {
    format!("DROP TABLE IF EXISTS {}", NotesTable::of(history))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_notes_has_a_name_that_the_server_keeps_whole() {
        let notes = |name: &str| NotesTable::of(&Table { schema: "s".into(), name: name.into() }).0.name;
        assert_eq!(notes("flyway_schema_history"), "flyway_schema_history_unfinished");
        assert!(notes(&"é".repeat(40)).len() <= NotesTable::NAME_LIMIT_BYTES);
    }
}
