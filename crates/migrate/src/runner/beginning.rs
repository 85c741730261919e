//! How a run begins: schemas and the history are made where they are missing.

use super::Runner;
use super::failure::of_server;
use super::hooks::Hooks;
use crate::Result;
use crate::callbacks::Event;
use crate::history::{Baselining, Beginning, Found, Row, baselining, beginning, quote};
use crate::reading;

/// What was made.
#[derive(Clone, Debug, Default)]
pub(super) struct Made {
    /// The schemas that were missing.
    pub(super) schemas: Vec<String>,
    /// The baseline that the history began with.
    pub(super) baseline: Option<Row>,
}

impl Runner<'_> {
    /// Makes what is missing for a run, where there is no history.
    pub(super) async fn begin_history(&self, hooks: &Hooks<'_>) -> Result<Made> {
        let schemas = self.schemas();
        let filled =
            !self.cx.settings.skip_executing_migrations && reading::are_filled(self.session.client.reader(), &schemas).await?;
        let found = if filled { Found::FilledSchema } else { Found::EmptySchemas };
        match beginning(found, self.cx.settings)? {
            Beginning::Baseline => self.begin_with_baseline(hooks).await,
            Beginning::GoOn | Beginning::Create => {
                let missing = self.missing(&schemas).await?;
                self.create(hooks, &missing, None).await
            }
        }
    }

    /// Makes the history with the settings' baseline, and the callbacks of a baseline run.
    pub(super) async fn begin_with_baseline(&self, hooks: &Hooks<'_>) -> Result<Made> {
        self.fire(hooks, Event::BeforeBaseline).await?;
        let made = self.create_with_baseline(hooks).await;
        match &made {
            Ok(_) => self.fire(hooks, Event::AfterBaseline).await?,
            Err(_) => self.fire_after_failure(hooks, Event::AfterBaselineError).await,
        }
        made
    }

    async fn create_with_baseline(&self, hooks: &Hooks<'_>) -> Result<Made> {
        let missing = self.missing(&self.schemas()).await?;
        match baselining(&[], self.cx.settings, &self.installed_by)? {
            Baselining::Write(row) => self.create(hooks, &missing, Some(row)).await,
            Baselining::Done => Ok(Made::default()),
        }
    }

    /// Which schemas do not exist; none if they are not to be created.
    async fn missing(&self, schemas: &[String]) -> Result<Vec<String>> {
        if !self.cx.settings.create_schemas {
            return Ok(Vec::new());
        }
        let there = self.rows_of("look for schemas", "SELECT nspname FROM pg_catalog.pg_namespace").await?;
        Ok(schemas.iter().filter(|schema| !there.contains(schema)).cloned().collect())
    }

    /// Creates schemas and the history, with their rows, in one transaction.
    async fn create(&self, hooks: &Hooks<'_>, missing: &[String], baseline: Option<Row>) -> Result<Made> {
        if !missing.is_empty() {
            self.fire(hooks, Event::CreateSchema).await?;
            self.fire(hooks, Event::BeforeCreateSchema).await?;
        }
        let mut sql: String = missing.iter().map(|schema| format!("CREATE SCHEMA {};\n", quote(schema))).collect();
        sql += "SET LOCAL standard_conforming_strings = on;\n";
        sql += &self.table.create(self.cx.settings.tablespace.as_deref(), baseline.as_ref());
        if !missing.is_empty() {
            let marker = Row::of_schemas(baseline.as_slice(), missing, &self.installed_by);
            sql += &format!("\n{};", self.table.insert_literally(&marker));
        }
        self.session.begin().await?;
        if let Err(error) = self.session.run(self.cx.stop, "create the history", &sql).await {
            self.session.roll_back().await;
            return Err(error);
        }
        self.session.commit().await?;
        Ok(Made { schemas: missing.to_vec(), baseline })
    }

    async fn rows_of(&self, doing: &str, sql: &str) -> Result<Vec<String>> {
        let rows = self.session.client.reader().rows(doing, sql).await.map_err(of_server)?;
        Ok(rows.iter().filter_map(|row| row.get(0)).map(str::to_owned).collect())
    }
}
