//! Looks whether a migrator has really applied what it should.

use super::action::{About, Action, ReceiptOf, Summary};
use super::{AwaitMigrator, Cx};
use crate::environment::DatabaseAddress;
use crate::error::{Code, Result};
use crate::name::StepId;
use crate::plan::How;
use crate::provider::{MigrateSpec, Migrated};
use crate::scenario::migrations::Scripts;
use crate::signal::SchemaVersion;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Reads the history: nothing may be pending, the models must fit, and the version must be the one that the migrator told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifyMigrations {
    /// Where.
    pub database: DatabaseAddress,
    /// The scripts.
    pub scripts: Scripts,
    /// The folder that their places are relative to.
    pub folder: PathBuf,
    /// The migrator.
    pub migrator: ReceiptOf<AwaitMigrator>,
}

impl Action for VerifyMigrations {
    type Receipt = Migrated;
    fn about(&self) -> About {
        About::new("find all migrations applied").effect(How::Reads, &self.database)
    }
    fn needs(&self) -> Vec<StepId> {
        vec![self.migrator.step]
    }
    async fn run(&self, cx: &Cx<'_>) -> Result<Migrated> {
        let spec = MigrateSpec {
            address: self.database.clone(),
            scripts: self.scripts.clone(),
            folder: self.folder.clone(),
            expected: vec![],
            signals: None,
        };
        let seen = cx.providers.versions.observed(&spec).await?;
        let told = cx.receipt(&self.migrator)?.version;
        let in_history = seen.version.clone().map(SchemaVersion);
        match (&told, &in_history) {
            (Some(told), Some(version)) if !told.is_same(version) => {
                let message = format!("the migrator told of version {told}, and the history of {} has {version}", self.database);
                Err(Code::VerifyMismatch
                    .error(message)
                    .help("find out whether it migrated another database, or somebody else this one; then `restage resume`"))
            }
            _ => Ok(seen),
        }
    }
    async fn undo(&self, _: &Cx<'_>, _: Option<Migrated>) -> Result<()> {
        Ok(())
    }
    fn summary(&self, receipt: Migrated) -> Summary {
        let version = receipt.version.map(|version| format!(" at version {version}")).unwrap_or_default();
        let mut lines = vec![format!("the history of {} is complete{version}", self.database)];
        if receipt.models > 0 {
            lines.push(format!("{} tables are as the models say", receipt.models));
        }
        Summary { lines, ..Summary::default() }
    }
}
