//! Changing a history itself: repairing it, and giving it a baseline.

use restage_pgcopy as pgcopy;
use serde::{Deserialize, Serialize};
use tokio_postgres::types::{ToSql, Type};

use super::Runner;
use super::failure::of_server;
use super::hooks::Hooks;
use super::notes::{Unfinished, drop_sql};
use crate::callbacks::Event;
use crate::history::{Baselining, Row, baselining};
use crate::repair::{self, Change};
use crate::scripts::Scripts;
use crate::version::Version;
use crate::{Kind, Result};

/// What a repair did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repaired {
    /// What it changed in the history.
    pub changes: Vec<Change>,
    /// The migration without a transaction whose notes it dropped; what that has done is still there.
    pub dropped: Option<Unfinished>,
}

/// What giving a baseline did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baselined {
    /// The version of the baseline.
    pub version: Version,
    /// Whether the history had it already.
    pub had_it: bool,
    /// The schemas that were created.
    pub created_schemas: Vec<String>,
}

/// Which changes a repair makes.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    All,
    Only(&'a [Change]),
}

impl Runner<'_> {
    /// What a repair would do now.
    pub async fn plan_repair(&self, scripts: &Scripts) -> Result<Repaired> {
        if !self.there().await?.history {
            return Ok(Repaired::default());
        }
        let rows = self.rows().await?;
        let changes = repair::plan(scripts, &rows, self.cx.settings, &self.installed_by)?;
        Ok(Repaired { dropped: settled(self.unfinished().await?, &changes), changes })
    }

    /// Makes the history valid again; what failed migrations have done is not taken back.
    pub async fn repair(&self, scripts: &Scripts) -> Result<Repaired> {
        self.repair_wanted(scripts, Wanted::All).await
    }

    /// Makes only these of the changes that a repair would make; if one of them is none any more, no change is made.
    pub async fn repair_only(&self, scripts: &Scripts, changes: &[Change]) -> Result<Repaired> {
        self.repair_wanted(scripts, Wanted::Only(changes)).await
    }

    async fn repair_wanted(&self, scripts: &Scripts, wanted: Wanted<'_>) -> Result<Repaired> {
        let hooks = self.hooks(scripts)?;
        let lock = self.lock().await?;
        let repaired = self.repair_locked(scripts, &hooks, wanted).await;
        lock.release().await;
        if repaired.is_ok() {
            self.fire(&hooks, Event::AfterInfoOperationFinish).await?;
        }
        repaired
    }

    async fn repair_locked(&self, scripts: &Scripts, hooks: &Hooks<'_>, wanted: Wanted<'_>) -> Result<Repaired> {
        self.fire(hooks, Event::AfterConnect).await?;
        if !self.there().await?.history {
            return Ok(Repaired::default());
        }
        self.fire(hooks, Event::BeforeRepair).await?;
        let repaired = self.repair_now(scripts, wanted).await;
        match &repaired {
            Ok(_) => self.fire(hooks, Event::AfterRepair).await?,
            Err(_) => self.fire_after_failure(hooks, Event::AfterRepairError).await,
        }
        repaired
    }

    async fn repair_now(&self, scripts: &Scripts, wanted: Wanted<'_>) -> Result<Repaired> {
        let mut planned = self.plan_repair(scripts).await?;
        if let Wanted::Only(changes) = wanted {
            if let Some(gone) = changes.iter().find(|change| !planned.changes.contains(change)) {
                let error = Kind::Invalid.error(format_args!("the history has changed meanwhile, so that nobody can {gone}"));
                return Err(error.help("look at it once more"));
            }
            planned.changes.retain(|change| changes.contains(change));
            planned.dropped = settled(planned.dropped, &planned.changes);
        }
        let stays = self.unfinished().await?.is_some() && planned.dropped.is_none();
        self.session.begin().await?;
        let done = async {
            for change in &planned.changes {
                self.change(change).await?;
            }
            if !stays && self.there().await?.notes {
                self.session.run(self.cx.stop, "drop the notes", &drop_sql(&self.table)).await?;
            }
            Ok(())
        };
        if let Err(error) = done.await {
            self.session.roll_back().await;
            return Err(error);
        }
        self.session.commit().await?;
        Ok(planned)
    }

    async fn change(&self, change: &Change) -> Result<()> {
        match change {
            Change::DeleteFailed { row } => self.amend(&self.table.delete_failed(), &[(&row.installed_rank, Type::INT4)]).await,
            Change::MarkDeleted { mark, .. } => self.session.insert(&self.table, mark).await.map_err(of_server),
            Change::Align { row, description, sort, checksum } => {
                let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
                    (description, Type::TEXT),
                    (&sort.as_str(), Type::TEXT),
                    (&checksum.0, Type::INT4),
                    (&row.installed_rank, Type::INT4),
                ];
                self.amend(&self.table.align(), &parameters).await
            }
        }
    }

    async fn amend(&self, sql: &str, parameters: &[(&(dyn ToSql + Sync), Type)]) -> Result<()> {
        let client = &self.session.client;
        let changed =
            async { client.execute_typed(sql, parameters).await.map_err(|error| client.failed("change the history", &error)) };
        let changed: pgcopy::Result<u64> = client.guard(self.cx.stop, changed).await;
        changed.map(drop).map_err(of_server)
    }

    /// Gives the history the settings' baseline; makes schemas and history where there are none.
    pub async fn baseline(&self, scripts: &Scripts) -> Result<Baselined> {
        let hooks = self.hooks(scripts)?;
        let lock = self.lock().await?;
        let baselined = self.baseline_locked(&hooks).await;
        lock.release().await;
        if baselined.is_ok() {
            self.fire(&hooks, Event::AfterInfoOperationFinish).await?;
        }
        baselined
    }

    async fn baseline_locked(&self, hooks: &Hooks<'_>) -> Result<Baselined> {
        self.fire(hooks, Event::AfterConnect).await?;
        let version = self.cx.settings.baseline_version.clone();
        if !self.there().await?.history {
            let made = self.begin_with_baseline(hooks).await?;
            return Ok(Baselined { version, had_it: false, created_schemas: made.schemas });
        }
        self.fire(hooks, Event::BeforeBaseline).await?;
        let had_it = self.baseline_history().await;
        match &had_it {
            Ok(_) => self.fire(hooks, Event::AfterBaseline).await?,
            Err(_) => self.fire_after_failure(hooks, Event::AfterBaselineError).await,
        }
        Ok(Baselined { version, had_it: had_it?, created_schemas: Vec::new() })
    }

    /// Writes the baseline's row, unless the history has it.
    async fn baseline_history(&self) -> Result<bool> {
        let rows: Vec<Row> = self.rows().await?;
        let Baselining::Write(row) = baselining(&rows, self.cx.settings, &self.installed_by)? else { return Ok(true) };
        self.session.begin().await?;
        if let Err(error) = self.session.insert_and_commit(&self.table, &row).await {
            self.session.roll_back().await;
            return Err(of_server(error));
        }
        Ok(false)
    }
}

/// The migration that stopped half way, if its row is among those that go; the notes on it are needed as long as that stays.
fn settled(unfinished: Option<Unfinished>, changes: &[Change]) -> Option<Unfinished> {
    unfinished.filter(|unfinished| {
        let goes =
            |change: &Change| matches!(change, Change::DeleteFailed { row } if row.installed_rank == unfinished.installed_rank);
        changes.iter().any(goes)
    })
}
