//! Making one thing after the other, each leaving no trace if it fails.

use super::Restoration;
use super::selection::Part;
use crate::archive::Entry;
use crate::connect::TargetClient;
use crate::stop::Stop;
use crate::{Error, Kind, Result};
use restage_core::facts::ObjectKind;
use restage_core::provider::Delta;
use restage_core::schema::{TableName, quote_identifier};
use std::collections::BTreeSet;

/// States that say that the thing is there already.
const THERE: [&str; 5] = ["42P07", "42710", "42723", "42701", "42P06"];
/// States that say so of something about a table that was there: a second primary key, identity or attachment.
const THERE_WITH_TABLE: [&str; 3] = ["42P16", "55000", "42809"];

/// Makes deltas within the open transaction.
pub(super) struct Maker<'a> {
    pub(super) shadow: &'a TargetClient,
    what: Restoration<'a>,
    stop: &'a Stop,
    /// Tables that were there before.
    existing: BTreeSet<TableName>,
    /// Entries that were made now.
    made: Vec<&'a Entry>,
}

impl<'a> Maker<'a> {
    pub(super) fn new(shadow: &'a TargetClient, what: Restoration<'a>, stop: &'a Stop) -> Self {
        Self { shadow, what, stop, existing: BTreeSet::new(), made: Vec::new() }
    }

    /// The settings that `pg_restore` makes: functions may be written before what they call.
    pub(super) async fn begin(&self) -> Result<()> {
        self.shadow.run("set the session up", "SET LOCAL check_function_bodies = off").await
    }

    pub(super) async fn end(&self) -> Result<()> {
        self.shadow.run("set the session up", "SET LOCAL check_function_bodies = on").await
    }

    pub(super) fn existing(&self) -> &BTreeSet<TableName> {
        &self.existing
    }

    pub(super) fn made(&self) -> &[&'a Entry] {
        &self.made
    }

    pub(super) async fn make(&mut self, part: &Part<'a>) -> Result<()> {
        self.stop.check()?;
        match part {
            Part::Column { table, column, definition } => {
                let sql = format!("ALTER TABLE {} ADD COLUMN {definition}", table.sql());
                let doing = format!("add the column `{table}.{column}`");
                tell(&doing, self.attempt(&doing, &sql).await, &THERE).map(drop)
            }
            Part::RowSecurity { table, forced } => {
                let force = if *forced { ", FORCE ROW LEVEL SECURITY" } else { "" };
                let sql = format!("ALTER TABLE {} ENABLE ROW LEVEL SECURITY{force}", table.sql());
                self.attempt(&format!("turn row security of `{table}` on"), &sql).await
            }
            Part::Entry(entry) => self.make_entry(entry).await,
        }
    }

    async fn make_entry(&mut self, entry: &'a Entry) -> Result<()> {
        let doing = format!("create `{}`", entry.label());
        let done = self.attempt(&doing, &sql_of(entry)).await;
        if entry.kind == ObjectKind::ForeignKey
            && done.as_ref().is_err_and(|error| error.sqlstate() == Some("23503"))
            && self.rows_come_later(entry)
        {
            // Validated once the kept rows are there.
            let later = format!("{} NOT VALID", entry.sql.trim_end().trim_end_matches(';'));
            return self.attempt(&doing, &later).await.map_err(|error| misfit(error, &doing));
        }
        let of_existing = self.existing.iter().any(|table| is_of(entry, table));
        let there: Vec<&str> = THERE.iter().chain(THERE_WITH_TABLE.iter().filter(|_| of_existing)).copied().collect();
        if tell(&doing, done, &there)? == Outcome::Made {
            self.made.push(entry);
        } else if entry.kind == ObjectKind::Table {
            self.existing.insert(TableName::new(entry.schema.clone(), entry.name.clone()));
        }
        Ok(())
    }

    /// Whether a foreign key leads to a table whose rows are merged after the deltas.
    fn rows_come_later(&self, entry: &Entry) -> bool {
        self.what.deltas.iter().any(|delta| {
            let Delta::ForeignKey { table, name, .. } = delta else { return false };
            let key = self.what.schema.tables.get(table).and_then(|facts| facts.foreign_keys.iter().find(|key| key.name == *name));
            entry.schema == table.schema
                && entry.name == format!("{} {name}", table.name)
                && key.is_some_and(|key| self.what.kept.contains(&key.to))
        })
    }

    /// Runs statements as one part of the transaction that leaves no trace if it fails.
    pub(super) async fn attempt(&self, doing: &str, sql: &str) -> Result<()> {
        let done = self.send(doing, sql).await;
        match done {
            // Some functions look names up by the ordinary path, which their authors did not expect to be empty.
            Err(error) if error.kind == Kind::Missing => {
                let with_path = format!("SET LOCAL search_path = public; {sql}; SET LOCAL search_path = ''");
                self.send(doing, &with_path).await.map_err(|_| error)
            }
            done => done,
        }
    }

    async fn send(&self, doing: &str, sql: &str) -> Result<()> {
        let done = self.shadow.run(doing, &format!("SAVEPOINT restage_delta; {sql}\n; RELEASE SAVEPOINT restage_delta")).await;
        if done.as_ref().is_err_and(|error| error.kind != Kind::ConnectionLost) {
            self.shadow
                .run("take a statement back", "ROLLBACK TO SAVEPOINT restage_delta; RELEASE SAVEPOINT restage_delta")
                .await?;
        }
        done
    }

    /// Fills the materialized views that were made, those first that others read.
    pub(super) async fn refresh(&self) -> Result<()> {
        let views = self.made.iter().filter(|entry| entry.kind == ObjectKind::MaterializedView);
        let views: Vec<TableName> = views.map(|entry| TableName::new(entry.schema.clone(), entry.name.clone())).collect();
        for view in views {
            self.stop.check()?;
            let doing = format!("fill the materialized view `{view}`");
            let done = self.attempt(&doing, &format!("REFRESH MATERIALIZED VIEW {}", view.sql())).await;
            done.map_err(|error| misfit(error, &doing))?;
        }
        Ok(())
    }
}

#[derive(PartialEq, Eq)]
enum Outcome {
    Made,
    There,
}

fn tell(doing: &str, done: Result<()>, there: &[&str]) -> Result<Outcome> {
    match done {
        Ok(()) => Ok(Outcome::Made),
        Err(error) if error.sqlstate().is_some_and(|state| there.contains(&state)) => Ok(Outcome::There),
        Err(error) => Err(misfit(error, doing)),
    }
}

/// An entry's statements with the settings that are not in them.
fn sql_of(entry: &Entry) -> String {
    let mut sql = String::new();
    if !entry.tablespace.is_empty() {
        sql.extend(["SET LOCAL default_tablespace = ", &quote_identifier(&entry.tablespace), "; "]);
    }
    if !entry.access_method.is_empty() && entry.relation_kind != Some('p') {
        sql.extend(["SET LOCAL default_table_access_method = ", &quote_identifier(&entry.access_method), "; "]);
    }
    sql.push_str(&entry.sql);
    if !entry.tablespace.is_empty() {
        sql.push_str("; SET LOCAL default_tablespace = ''");
    }
    sql
}

/// Whether an entry is about a table: named after it, or an attachment of it or its identity.
fn is_of(entry: &Entry, table: &TableName) -> bool {
    let named = entry.schema == table.schema
        && entry.name.strip_prefix(&table.name).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    named || entry.sql.contains(&table.sql())
}

/// What production's structure or rows do not allow.
fn misfit(error: Error, doing: &str) -> Error {
    let kind = match error.sqlstate() {
        Some("23503") => Kind::Dangling,
        Some(state) if ["22", "23", "42"].iter().any(|class| state.starts_with(class)) && error.kind != Kind::PermissionDenied => {
            Kind::Unfit
        }
        _ => return error,
    };
    error.kind(kind).help(format!("production's copy does not allow to {doing}: change it on the target, or use `deltas: drop`"))
}
