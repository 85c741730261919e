//! Records the version that was observed, where later deployments look for it.

use super::action::{About, Action, ReceiptOf, Summary};
use super::{Cx, RunMigrations, VerifyMigrations};
use crate::error::{Code, Error, Result};
use crate::name::{RunId, StepId};
use crate::plan::How;
use crate::provider::{Migrated, Record};
use crate::signal::SchemaVersion;
use serde::{Deserialize, Serialize};

/// Makes a record say the version that the database has now, as its history was seen to have it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordVersion {
    /// The record.
    pub record: Record,
    /// What it said when the plan was made.
    pub former: Option<SchemaVersion>,
    /// Who saw the version.
    pub observer: Observer,
}

/// The step that saw the version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observer {
    /// The one that applied the scripts.
    Applied(ReceiptOf<RunMigrations>),
    /// The one that looked afterwards.
    Verified(ReceiptOf<VerifyMigrations>),
}

/// The receipt of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRecorded {
    /// The version.
    pub version: SchemaVersion,
}

impl RecordVersion {
    fn observed(&self, cx: &Cx<'_>) -> Result<SchemaVersion> {
        let Migrated { version, .. } = match &self.observer {
            Observer::Applied(step) => cx.receipt(step)?,
            Observer::Verified(step) => cx.receipt(step)?,
        };
        version.map(SchemaVersion).ok_or_else(|| {
            let error =
                Code::VerifyMismatch.error(format!("there is no version to record in {}: the history has none", self.record));
            error.help("record versions only of scripts that have one, or write `record: history`")
        })
    }

    fn changed(&self, found: Option<&SchemaVersion>) -> Error {
        let (said, says) = (told(self.former.as_ref()), told(found));
        let error = Code::PlanStale.error(format!("{} says {says}, and said {said} when the plan was made", self.record));
        error.help("find out who recorded it; once it is as it should be, undo the run and plan again")
    }
}

fn told(version: Option<&SchemaVersion>) -> String {
    version.map_or_else(|| "nothing".to_owned(), |version| format!("version {version}"))
}

impl Action for RecordVersion {
    type Receipt = VersionRecorded;
    fn about(&self) -> About {
        About::new(format!("record the version in {}", self.record)).effect(How::Changes, &self.record)
    }
    fn needs(&self) -> Vec<StepId> {
        match &self.observer {
            Observer::Applied(step) => vec![step.step],
            Observer::Verified(step) => vec![step.step],
        }
    }
    async fn run(&self, cx: &Cx<'_>) -> Result<VersionRecorded> {
        let version = self.observed(cx)?;
        let versions = &cx.providers.versions;
        let found = versions.recorded(&self.record).await?;
        if found.as_ref() != Some(&version) {
            if found != self.former {
                return Err(self.changed(found.as_ref()));
            }
            versions.record(&self.record, Some(&version)).await?;
        }
        Ok(VersionRecorded { version })
    }
    /// Brings back what the record said, unless somebody else has changed it since.
    async fn undo(&self, cx: &Cx<'_>, receipt: Option<VersionRecorded>) -> Result<()> {
        let version = receipt.map_or_else(|| self.observed(cx), |receipt| Ok(receipt.version));
        let (Ok(version), versions) = (version, &cx.providers.versions) else { return Ok(()) };
        if Some(&version) != self.former.as_ref() && versions.recorded(&self.record).await?.as_ref() == Some(&version) {
            versions.record(&self.record, self.former.as_ref()).await?;
        }
        Ok(())
    }
    fn summary(&self, receipt: VersionRecorded) -> Summary {
        Summary { lines: vec![format!("{} says version {}", self.record, receipt.version)], ..Summary::default() }
    }
    fn by_hand(&self, _: &RunId) -> Vec<String> {
        vec![format!("make {} say {} again", self.record, told(self.former.as_ref()))]
    }
}
