//! Running many statements in few round trips, and naming the one that failed.

use super::ledger::{Batch, Ledger, Recording};
use crate::archive::Entry;
use crate::connect::{Reader, TargetClient};
use crate::stop::Stop;
use crate::{Error, Kind, Result};
use restage_core::facts::ObjectKind;
use restage_core::schema::quote_identifier;

/// Statements are sent together up to this size; each batch is one transaction.
const BATCH_BYTES: usize = 64 << 10;
/// And up to this number, for each takes locks until its batch ends.
const BATCH_STATEMENTS: usize = 100;
/// How sessions store tables that are not said to be stored in another way.
pub(super) const ACCESS_METHOD: &str = "heap";

/// Whether the session is in a transaction that must survive a statement's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transaction {
    /// Each batch is its own.
    None,
    /// One is open, and stays so.
    Open,
}

/// Something to run, with the name that errors give it.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    /// What it does, such as ``create `TABLE public.users` ``.
    pub(super) doing: String,
    pub(super) sql: String,
    pub(super) failure: Failure,
}

/// What becomes of a statement that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The copy fails.
    Fatal,
    /// It is noted, and the copy goes on.
    Noted,
}

/// Runs statements on one session.
pub(super) struct Runner<'a> {
    client: &'a TargetClient,
    transaction: Transaction,
    stop: &'a Stop,
    recording: Recording<'a>,
}

impl<'a> Runner<'a> {
    pub(super) fn new(client: &'a TargetClient, transaction: Transaction, stop: &'a Stop) -> Self {
        Self { client, transaction, stop, recording: Recording::Nowhere }
    }

    /// The same, writing down what is done under that name, and leaving out what was done before. Within an open transaction
    /// nothing is written down.
    pub(super) fn recording(&self, ledger: &'a Ledger, name: impl Into<String>) -> Self {
        let recording = match self.transaction {
            Transaction::None => Recording::In(ledger, name.into()),
            Transaction::Open => Recording::Nowhere,
        };
        Self { client: self.client, transaction: self.transaction, stop: self.stop, recording }
    }

    /// Queries on the same session.
    pub(super) fn reader(&self) -> Reader<'_> {
        self.client.reader()
    }

    /// Whose transactions it runs them in.
    pub(super) fn transaction(&self) -> Transaction {
        self.transaction
    }

    /// Runs them in order and returns notes on those that failed and were allowed to.
    pub(super) async fn run(&self, statements: &[Statement]) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        for (nth, batch) in batches(statements).enumerate() {
            self.stop.check()?;
            let record = self.recording.batch(nth, batch);
            if let Some(known) = record.notes() {
                notes.extend_from_slice(known);
            } else if self.run_batch(batch, &record).await.is_err() {
                // Nothing of the batch has happened; one by one, each can be named.
                for (nth, statement) in batch.iter().enumerate() {
                    notes.extend(self.run_one(statement, &record.statement(nth, statement)).await?);
                }
            }
        }
        Ok(notes)
    }

    async fn run_batch(&self, batch: &[Statement], record: &Batch<'_>) -> Result<()> {
        let sql: String = batch.iter().flat_map(|statement| [statement.sql.as_str(), "\n"]).collect();
        self.send("run statements", &(sql + &record.line(None))).await
    }

    async fn run_one(&self, statement: &Statement, record: &Batch<'_>) -> Result<Option<String>> {
        if let Some(known) = record.notes() {
            return Ok(known.first().cloned());
        }
        let line = |note| record.line(note);
        let Err(error) = self.send(&statement.doing, &format!("{}{}", statement.sql, line(None))).await else { return Ok(None) };
        let error = match error.kind {
            // Some functions look names up by the ordinary path, which their authors did not expect to be empty.
            Kind::Missing => {
                let note = format!("to {}, names were looked up in `public`", statement.doing);
                match self.send(&statement.doing, &(with_path(&statement.sql) + ";" + &line(Some(&note)))).await {
                    Ok(()) => return Ok(Some(note)),
                    Err(_) => error,
                }
            }
            _ => error,
        };
        let may_be_noted = matches!(error.kind, Kind::PermissionDenied | Kind::Missing | Kind::Query | Kind::Unfit);
        match statement.failure {
            // A grant to a role, or on a column, that is not there: the plan has told of both, and deltas bring their own.
            Failure::Noted if may_be_noted && matches!(error.sqlstate(), Some("42703" | "42704")) => Ok(None),
            Failure::Noted if may_be_noted => Ok(Some(noted(&statement.doing, &error))),
            _ => Err(error),
        }
    }

    /// Sends statements as one transaction, or as one part of the open one that leaves no trace if it fails.
    async fn send(&self, doing: &str, sql: &str) -> Result<()> {
        let work = async {
            match self.transaction {
                Transaction::None => self.client.run(doing, sql).await,
                Transaction::Open => {
                    let sent = self.client.run(doing, &format!("SAVEPOINT restage; {sql}; RELEASE SAVEPOINT restage")).await;
                    if sent.is_err() {
                        self.client
                            .run("take a statement back", "ROLLBACK TO SAVEPOINT restage; RELEASE SAVEPOINT restage")
                            .await?;
                    }
                    sent
                }
            }
        };
        self.client.guard(self.stop, work).await
    }
}

/// The path is set back in the same transaction, also by its failure.
fn with_path(sql: &str) -> String {
    format!("SET LOCAL search_path = public; {sql}; SET LOCAL search_path = ''")
}

fn noted(doing: &str, error: &Error) -> String {
    let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    format!("could not {doing}: {why}")
}

fn batches(statements: &[Statement]) -> impl Iterator<Item = &[Statement]> {
    let mut rest = statements;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut bytes = 0;
        let fitting = rest.iter().take(BATCH_STATEMENTS).take_while(|statement| {
            bytes += statement.sql.len();
            bytes <= BATCH_BYTES
        });
        let (batch, others) = rest.split_at(fitting.count().max(1));
        rest = others;
        Some(batch)
    })
}

/// The statement that makes an entry, with the settings that `pg_restore` would make for it; afterwards the session has its own
/// again, so that each can be left out or repeated whatever came before.
pub(super) fn making(entry: &Entry, failure: Failure) -> Statement {
    let (mut sql, mut after) = (String::new(), String::new());
    if !entry.tablespace.is_empty() {
        sql.extend(["SET default_tablespace = ", &quote_identifier(&entry.tablespace), "; "]);
        after.push_str("SET default_tablespace = '';");
    }
    let is_partitioned = entry.relation_kind == Some('p');
    if !matches!(entry.access_method.as_str(), "" | ACCESS_METHOD) && !is_partitioned {
        sql.extend(["SET default_table_access_method = ", &quote_identifier(&entry.access_method), "; "]);
        after.extend(["SET default_table_access_method = ", ACCESS_METHOD, ";"]);
    }
    match entry.sql.strip_prefix("CREATE SCHEMA ").filter(|_| entry.kind == ObjectKind::Schema) {
        // One that an extension lives in is there already where the database was emptied.
        Some(rest) => sql.extend(["CREATE SCHEMA IF NOT EXISTS ", rest]),
        None => sql.push_str(&entry.sql),
    }
    if let Some(table) = entry.described().filter(|_| is_partitioned && !entry.access_method.is_empty()) {
        // It has no rows to store, so only its partitions-to-be take the setting over.
        sql.extend(["ALTER ", table, " SET ACCESS METHOD ", &quote_identifier(&entry.access_method), ";"]);
    }
    Statement { doing: format!("create `{}`", entry.label()), sql: sql + &after, failure }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::entry;

    fn statement(bytes: usize) -> Statement {
        Statement { doing: String::new(), sql: "x".repeat(bytes), failure: Failure::Fatal }
    }

    #[test]
    fn batches_are_bounded_in_size_and_number() {
        let statements: Vec<Statement> = [10, 40_000, 40_000, 100_000].into_iter().chain([1; 150]).map(statement).collect();
        let sizes: Vec<usize> = batches(&statements).map(<[Statement]>::len).collect();
        assert_eq!(sizes, [2, 1, 1, 100, 50]);
    }

    #[test]
    fn each_statement_brings_its_settings_and_leaves_none_behind() {
        let mut tables: Vec<Entry> = (1..=3).map(|id| entry(id, "TABLE", "public", "t")).collect();
        tables[0].access_method = "heap".into();
        tables[1].tablespace = "fast".into();
        tables[2].access_method = "columns".into();
        let made: Vec<String> = tables.iter().map(|table| making(table, Failure::Fatal).sql).collect();
        assert!(!made[0].contains("SET"));
        assert!(made[1].starts_with("SET default_tablespace = \"fast\"; CREATE"));
        assert!(made[1].ends_with("SET default_tablespace = '';"));
        assert!(made[2].starts_with("SET default_table_access_method = \"columns\"; CREATE"));
        assert!(made[2].ends_with("SET default_table_access_method = heap;"));
    }
}
