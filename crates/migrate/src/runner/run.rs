//! Applying what is pending.

use serde::{Deserialize, Serialize};

use super::Runner;
use super::apply::{MIGRATE, Work};
use super::beginning::Made;
use super::hooks::Hooks;
use super::info::invalid;
use super::lock::Lock;
use super::reporter::Progress;
use crate::callbacks::Event;
use crate::history::{Row, RowType};
use crate::scripts::Scripts;
use crate::settings::{Settings, Target};
use crate::state::{Migration, States};
use crate::validate::When;
use crate::version::Version;
use crate::{Error, Kind, Result};

/// What to do about a migration that did not come to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GoOn {
    /// Refuse to run anything.
    #[default]
    Refused,
    /// Run it from this statement on, counted from 1; those before it are said to be done. One more than there are ends it.
    At(usize),
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// The version of the schema before.
    pub before: Option<Version>,
    /// The version of the schema now.
    pub after: Option<Version>,
    /// What was applied, in this order.
    pub applied: Vec<Applied>,
    /// The schemas that were created.
    pub created_schemas: Vec<String>,
    /// The version that the history began with, if it was given a baseline.
    pub baseline: Option<Version>,
}

/// A script that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// What the history calls it.
    pub script: String,
    /// Its version; repeatable ones have none.
    pub version: Option<Version>,
    /// Its description.
    pub description: String,
    /// What its row is about.
    #[serde(rename = "type")]
    pub sort: RowType,
    /// How long it took, in milliseconds.
    pub execution_time_ms: i32,
}

impl Applied {
    pub(super) fn of(row: &Row) -> Self {
        Self {
            script: row.script.clone(),
            version: row.version.clone(),
            description: row.description.clone(),
            sort: row.sort,
            execution_time_ms: row.execution_time,
        }
    }
}

impl Runner<'_> {
    /// Applies what is pending, after comparing history and scripts if that is set; makes schemas and history where there are none.
    ///
    /// What was applied before a failure stays applied, and was reported.
    pub async fn run(&self, scripts: &Scripts, go_on: GoOn) -> Result<Ran> {
        let hooks = self.hooks(scripts)?;
        let lock = self.lock().await?;
        let ran = self.run_locked(scripts, go_on, &hooks, &lock).await;
        lock.release().await;
        if ran.is_ok() {
            self.fire(&hooks, Event::AfterMigrateOperationFinish).await?;
        }
        ran
    }

    async fn run_locked(&self, scripts: &Scripts, go_on: GoOn, hooks: &Hooks<'_>, lock: &Lock) -> Result<Ran> {
        self.fire(hooks, Event::AfterConnect).await?;
        let there = self.there().await?;
        let rows = if there.history { self.rows().await? } else { Vec::new() };
        let mut work = Work { hooks, lock, each: &MIGRATE, rows, applied: Vec::new(), versioned: true };
        let before = self.version(scripts, &work.rows)?;
        match (self.unfinished().await?, go_on) {
            (Some(unfinished), GoOn::Refused) => return Err(unfinished.error()),
            (Some(unfinished), GoOn::At(statement)) => self.go_on(&mut work, scripts, &unfinished, statement).await?,
            (None, GoOn::At(statement)) => return Err(nothing_stopped(statement)),
            (None, GoOn::Refused) => {}
        }
        if self.cx.settings.validate_on_migrate {
            let found = self.compare(scripts, &work.rows, hooks, When::BeforeRun).await?;
            if !found.is_empty() {
                return Err(invalid(found));
            }
        }
        let made = if there.history { Made::default() } else { self.begin_history(hooks).await? };
        self.fire(hooks, Event::BeforeMigrate).await?;
        self.cx.reporter.report(&Progress::BeforeMigration);
        work.rows = self.rows().await?;
        if let Err(error) = self.migrate(scripts, &mut work).await {
            self.fire_after_failure(hooks, Event::AfterMigrateError).await;
            return Err(error);
        }
        if !work.applied.is_empty() {
            self.fire(hooks, Event::AfterMigrateApplied).await?;
        }
        self.fire(hooks, Event::AfterMigrate).await?;
        self.cx.reporter.report(&Progress::AfterMigration);
        Ok(Ran {
            before,
            after: self.version(scripts, &work.rows)?,
            applied: work.applied,
            created_schemas: made.schemas,
            baseline: made.baseline.and_then(|row| row.version),
        })
    }

    async fn migrate(&self, scripts: &Scripts, work: &mut Work<'_>) -> Result<()> {
        let rows = work.rows.clone();
        let states = States::resolve(scripts, &rows, self.cx.settings)?;
        states.blocked(self.cx.settings)?;
        let ready = self.ready(&states.to_run(self.cx.settings))?;
        self.apply(work, &ready).await?;
        if work.versioned {
            self.fire(work.hooks, Event::AfterVersioned).await?;
        }
        Ok(())
    }

    /// The version that the schema is at.
    pub(super) fn version(&self, scripts: &Scripts, rows: &[Row]) -> Result<Option<Version>> {
        let settings = Settings { target: Target::Latest, ..self.cx.settings.clone() };
        let states = States::resolve(scripts, rows, &settings)?;
        Ok(states.current().and_then(Migration::version).cloned())
    }
}

/// Whoever asks for it believes that statements are done which a run from the beginning would run once more.
fn nothing_stopped(statement: usize) -> Error {
    Kind::Setting
        .error(format_args!("no migration stopped half way, so that none can be gone on with at statement {statement}"))
        .help("look at `restage migrate info`; run without `--go-on-at` to apply what is pending from its beginning")
}
