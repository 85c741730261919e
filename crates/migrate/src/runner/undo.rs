//! Taking migrations back by their undo scripts.

use super::Runner;
use super::apply::{UNDO, Work};
use super::hooks::Hooks;
use super::lock::Lock;
use super::run::Ran;
use crate::Result;
use crate::callbacks::Event;
use crate::scripts::Scripts;
use crate::state::States;
use crate::version::Version;

impl Runner<'_> {
    /// Undoes the current version, or with a version all above that one, the newest first.
    pub async fn undo(&self, scripts: &Scripts, down_to: Option<&Version>) -> Result<Ran> {
        let hooks = self.hooks(scripts)?;
        let lock = self.lock().await?;
        let undone = self.undo_locked(scripts, down_to, &hooks, &lock).await;
        lock.release().await;
        if undone.is_ok() {
            self.fire(&hooks, Event::AfterInfoOperationFinish).await?;
        }
        undone
    }

    async fn undo_locked(&self, scripts: &Scripts, down_to: Option<&Version>, hooks: &Hooks<'_>, lock: &Lock) -> Result<Ran> {
        self.fire(hooks, Event::AfterConnect).await?;
        if !self.there().await?.history {
            return Ok(Ran::default());
        }
        if let Some(unfinished) = self.unfinished().await? {
            return Err(unfinished.error());
        }
        self.fire(hooks, Event::BeforeUndo).await?;
        let rows = self.rows().await?;
        let before = self.version(scripts, &rows)?;
        let mut work = Work { hooks, lock, each: &UNDO, rows: rows.clone(), applied: Vec::new(), versioned: false };
        if let Err(error) = self.undo_rows(scripts, &rows, down_to, &mut work).await {
            self.fire_after_failure(hooks, Event::AfterUndoError).await;
            return Err(error);
        }
        self.fire(hooks, Event::AfterUndo).await?;
        let after = self.version(scripts, &work.rows)?;
        Ok(Ran { before, after, applied: work.applied, ..Ran::default() })
    }

    async fn undo_rows(
        &self,
        scripts: &Scripts,
        rows: &[crate::history::Row],
        down_to: Option<&Version>,
        work: &mut Work<'_>,
    ) -> Result<()> {
        let states = States::resolve(scripts, rows, self.cx.settings)?;
        states.blocked(self.cx.settings)?;
        let ready = self.ready(&states.to_undo(down_to)?)?;
        self.apply(work, &ready).await
    }
}
