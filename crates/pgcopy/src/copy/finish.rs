//! What follows the rows: views that need a key, materialized views, guards, owners, grants, event triggers.

use super::inherited::{Inherited, ObjectKey};
use super::ledger::Ledger;
use super::owners::Owners;
use super::selection::Selection;
use super::statements::{Failure, Runner, Statement, Transaction, making};
use super::{Route, grants, large_objects, refresh, session};
use crate::archive::Entry;
use crate::connect::{Reader, TargetClient};
use crate::stop::Stop;
use crate::{Kind, Result};
use restage_core::facts::ObjectKind;
use restage_core::schema::TableName;
use std::collections::HashSet;
use tokio_postgres::Row;

/// Everything that finishing looks at.
pub(super) struct Finish<'a> {
    pub(super) source: Reader<'a>,
    pub(super) target: &'a TargetClient,
    pub(super) runner: &'a Runner<'a>,
    pub(super) selection: &'a Selection,
    pub(super) inherited: &'a Inherited,
    pub(super) owners: &'a Owners,
    /// Whether large objects need owners or comments.
    pub(super) large_objects: bool,
    pub(super) helpers: Helpers<'a>,
    pub(super) ledger: &'a Ledger,
    pub(super) stop: &'a Stop,
}

/// Who else may work on the target.
#[derive(Clone, Copy)]
pub(super) enum Helpers<'a> {
    /// Nobody: all is done in one transaction.
    None,
    /// Sessions of their own, up to so many with this one.
    Sessions { route: &'a Route, most: usize },
}

impl Finish<'_> {
    /// Does it all and returns notes.
    pub(super) async fn run(self) -> Result<Vec<String>> {
        let selection = self.selection;
        let mut notes = self.make("after rows", &selection.after_rows, Failure::Fatal).await?;
        self.refresh().await?;
        notes.extend(self.make("late indexes", &selection.late_indexes, Failure::Fatal).await?);
        notes.extend(self.make("guards", &selection.guards, Failure::Fatal).await?);
        notes.extend(self.replication().await?);
        let (on_event_triggers, remarks): (Vec<Entry>, Vec<Entry>) =
            self.selection.remarks.iter().cloned().partition(|remark| remark.name.starts_with("EVENT TRIGGER "));
        notes.extend(self.make("remarks", &remarks, Failure::Noted).await?);
        notes.extend(self.hand_over().await?);
        notes.extend(self.event_triggers(&on_event_triggers).await?);
        Ok(notes)
    }

    /// They fire for whatever is made after them, so they come last, and the ledger goes in one transaction with their coming.
    async fn event_triggers(&self, remarks: &[Entry]) -> Result<Vec<String>> {
        let last = self.ledger.end().filter(|_| self.runner.transaction() == Transaction::None);
        let runner = match &last {
            None => self.recording("event triggers"),
            Some(end) => {
                self.target.run("end the ledger", &format!("BEGIN; {end}")).await?;
                Runner::new(self.target, Transaction::Open, self.stop)
            }
        };
        let made = self.selection.event_triggers.iter().map(|entry| making(entry, Failure::Noted));
        let owners = self.owners.statements(self.selection.event_triggers.iter(), self.inherited);
        let remarks = remarks.iter().map(|entry| making(entry, Failure::Noted));
        let mut notes = Vec::new();
        for statements in [made.collect(), owners, remarks.collect()] {
            notes.extend(runner.run(&statements).await?);
        }
        if last.is_some() {
            self.target.run("end the ledger", "COMMIT").await?;
        }
        Ok(notes)
    }

    /// Runs statements, and writes them down under that name.
    fn recording(&self, name: &str) -> Runner<'_> {
        self.runner.recording(self.ledger, name)
    }

    async fn make(&self, name: &str, entries: &[Entry], failure: Failure) -> Result<Vec<String>> {
        let statements: Vec<Statement> = entries.iter().map(|entry| making(entry, failure)).collect();
        self.recording(name).run(&statements).await
    }

    /// Fills the materialized views that are filled in the source.
    async fn refresh(&self) -> Result<()> {
        let sql = "SELECT n.nspname, c.relname, c.relpages::int8 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                   WHERE c.relkind = 'm' AND c.relispopulated";
        let filled = self.source.query("list the materialized views", sql, &[]).await?;
        let size =
            |row: &Row| (TableName::new(row.get::<_, String>(0), row.get::<_, String>(1)), row.get::<_, i64>(2).unsigned_abs());
        let sizes = filled.iter().map(size).collect();
        let made: Vec<&Entry> = self.selection.before_rows.iter().chain(&self.selection.after_rows).collect();
        let schedule = refresh::schedule(&made, &sizes);
        let mut more = Vec::new();
        if let Helpers::Sessions { route, most } = self.helpers {
            for _ in 1..schedule.len().min(most) {
                match session::target(route).await {
                    Ok(session) => more.push(session),
                    // Those of the workers may not have ended yet; it goes on with what there is.
                    Err(error) if error.kind == Kind::TooManyConnections => break,
                    Err(error) => return Err(error),
                }
            }
        }
        let transaction = self.runner.transaction();
        let sessions: Vec<&TargetClient> = more.iter().chain([self.target]).collect();
        refresh::refresh(schedule, &sessions, transaction, self.ledger, self.stop).await
    }

    /// Subscriptions are made disabled and without their slot, for production's own subscription uses that.
    async fn replication(&self) -> Result<Vec<String>> {
        let statements = self.selection.replication.iter().map(|entry| {
            let mut statement = making(entry, Failure::Fatal);
            if entry.kind == ObjectKind::Subscription {
                let name = restage_core::schema::quote_identifier(&entry.name);
                statement.sql.extend(["ALTER SUBSCRIPTION ", &name, " SET (slot_name = NONE);"]);
            }
            statement
        });
        self.recording("replication").run(&statements.collect::<Vec<_>>()).await
    }

    /// Gives everything to its owner, then grants what is to be granted.
    async fn hand_over(&self) -> Result<Vec<String>> {
        let owned: Vec<&Entry> = self.selection.owned().filter(|entry| entry.kind != ObjectKind::EventTrigger).collect();
        let owners = self.owners.statements(owned.iter().copied(), self.inherited);
        let mut notes = self.recording("owners").run(&owners).await?;
        notes.extend(self.recording("owner of public").run(&self.owners.of_public(self.inherited)).await?);
        let made: HashSet<ObjectKey> = owned.iter().map(|entry| ObjectKey::of(entry)).collect();
        notes.extend(self.recording("grants of the target").run(&grants::of_target(&made, self.inherited)).await?);
        let new = grants::on_new_objects(self.target.reader(), &owned, self.inherited, self.owners).await?;
        notes.extend(self.recording("grants on what is new").run(&new).await?);
        let defaults = grants::of_source(self.inherited, &self.selection.default_grants);
        notes.extend(self.recording("default grants").run(&defaults).await?);
        if self.large_objects {
            notes.extend(large_objects::hand_over(self.source, self.runner, self.ledger, self.owners).await?);
        }
        Ok(notes)
    }
}
