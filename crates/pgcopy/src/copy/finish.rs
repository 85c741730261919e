//! What follows the rows: views that need a key, materialized views, guards, owners, grants, event triggers.

use super::inherited::{Inherited, ObjectKey};
use super::owners::Owners;
use super::selection::Selection;
use super::statements::{Failure, Making, Runner, Statement};
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
        let mut notes = self.make(&self.selection.after_rows, Failure::Fatal).await?;
        self.refresh().await?;
        notes.extend(self.make(&self.selection.late_indexes, Failure::Fatal).await?);
        notes.extend(self.make(&self.selection.guards, Failure::Fatal).await?);
        notes.extend(self.replication().await?);
        let (on_event_triggers, remarks): (Vec<Entry>, Vec<Entry>) =
            self.selection.remarks.iter().cloned().partition(|remark| remark.name.starts_with("EVENT TRIGGER "));
        notes.extend(self.make(&remarks, Failure::Noted).await?);
        notes.extend(self.hand_over().await?);
        // They fire for whatever is made after them, so they come last.
        notes.extend(self.make(&self.selection.event_triggers, Failure::Noted).await?);
        let owners = self.owners.statements(self.selection.event_triggers.iter(), self.inherited);
        notes.extend(self.runner.run(&owners).await?);
        notes.extend(self.make(&on_event_triggers, Failure::Noted).await?);
        Ok(notes)
    }

    async fn make(&self, entries: &[Entry], failure: Failure) -> Result<Vec<String>> {
        let mut making = Making::default();
        let statements: Vec<Statement> = entries.iter().map(|entry| making.statement(entry, failure)).collect();
        self.runner.run(&statements).await
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
        refresh::refresh(schedule, &sessions, transaction, self.stop).await
    }

    /// Subscriptions are made disabled and without their slot, for production's own subscription uses that.
    async fn replication(&self) -> Result<Vec<String>> {
        let mut making = Making::default();
        let statements = self.selection.replication.iter().map(|entry| {
            let mut statement = making.statement(entry, Failure::Fatal);
            if entry.kind == ObjectKind::Subscription {
                let name = restage_core::schema::quote_identifier(&entry.name);
                statement.sql.extend(["ALTER SUBSCRIPTION ", &name, " SET (slot_name = NONE);"]);
            }
            statement
        });
        self.runner.run(&statements.collect::<Vec<_>>()).await
    }

    /// Gives everything to its owner, then grants what is to be granted.
    async fn hand_over(&self) -> Result<Vec<String>> {
        let owned: Vec<&Entry> = self.selection.owned().filter(|entry| entry.kind != ObjectKind::EventTrigger).collect();
        let mut notes = self.runner.run(&self.owners.statements(owned.iter().copied(), self.inherited)).await?;
        notes.extend(self.runner.run(&self.owners.of_public(self.inherited)).await?);
        let made: HashSet<ObjectKey> = owned.iter().map(|entry| ObjectKey::of(entry)).collect();
        notes.extend(self.runner.run(&grants::of_target(&made, self.inherited)).await?);
        let new = grants::on_new_objects(self.target.reader(), &owned, self.inherited, self.owners).await?;
        notes.extend(self.runner.run(&new).await?);
        notes.extend(self.runner.run(&grants::of_source(self.inherited, &self.selection.default_grants)).await?);
        if self.large_objects {
            notes.extend(large_objects::hand_over(self.source, self.runner, self.owners).await?);
        }
        Ok(notes)
    }
}
