//! Adding the staged rows to production's, with sets of rows only.
//!
//! Keys are settled first, table by table: a row that production has too takes production's key, a row whose key belongs to
//! another thing gets a fresh one, and references follow the rows they mean. Then each row meets its fate, references that
//! lead nowhere are dealt with, and only after that anything of the shadow is written.

mod account;
mod fate;
mod keys;
mod references;
mod renumber;
mod rest;
mod sequences;
mod triggers;
mod writing;

use super::staged::Staging;
use crate::Result;
use restage_core::provider::{Delta, Kept};

impl Staging<'_> {
    /// Merges within the transaction that is open; after an error it must be rolled back.
    pub(super) async fn merge(&self, deltas: &[Delta]) -> Result<Kept> {
        let paused = self.pause_triggers().await?;
        self.shadow.run("defer constraints", "SET CONSTRAINTS ALL DEFERRED").await?;
        for at in 0..self.tables.len() {
            self.settle_keys(at).await?;
        }
        self.follow_late_references().await?;
        self.clear_missing_references().await?;
        self.match_rows_without_key().await?;
        self.decide_fates().await?;
        self.settle_missing_references().await?;
        self.write().await?;
        let kept = self.account().await?;
        self.advance_sequences().await?;
        self.shadow.run("check constraints", "SET CONSTRAINTS ALL IMMEDIATE").await.map_err(late_constraint)?;
        self.validate(deltas).await?;
        self.resume_triggers(&paused).await?;
        self.refresh_views(&kept).await?;
        self.clear().await?;
        Ok(kept)
    }
}

/// A deferred constraint speaks up at the end, without a table of ours.
fn late_constraint(error: crate::Error) -> crate::Error {
    if error.kind == crate::Kind::ConstraintViolated {
        error.kind(crate::Kind::Dangling).help("keep the tables that are referred to as well, or use `on-missing: drop`")
    } else {
        error
    }
}
