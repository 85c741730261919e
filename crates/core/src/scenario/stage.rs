//! The stages of a scenario, in a closed set.

use super::approve::{Approve, WrittenApprove};
use super::check_http::{CheckHttp, WrittenCheckHttp};
use super::copy_database::{CopyDatabase, WrittenCopyDatabase};
use super::migrate::{Migrate, WrittenMigrate};
use super::reading::Reading;
use super::run::{Run, WrittenRun};
use super::sql::{Sql, WrittenSql};
use super::wait_for::{WaitFor, WrittenWaitFor};
use crate::document::{At, Text};
use crate::name::ScenarioName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that a person would name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Copies a live database into the target.
    CopyDatabase(Box<CopyDatabase>),
    /// Runs pending migrations.
    Migrate(Box<Migrate>),
    /// Runs SQL.
    Sql(Sql),
    /// Runs a command.
    Run(Run),
    /// Asks a URL until it answers well.
    CheckHttp(CheckHttp),
    /// Waits until a condition holds.
    WaitFor(WaitFor),
    /// Waits for a person's approval.
    Approve(Approve),
    /// Runs another scenario.
    Scenario(ScenarioName),
    /// Runs stages side by side; at least one.
    Parallel(Vec<Stage>),
}

/// A stage that may run on the shadow before it is swapped in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShadowStage {
    /// Runs SQL.
    Sql(Sql),
    /// Runs a command.
    Run(Run),
    /// Asks a URL until it answers well.
    CheckHttp(CheckHttp),
    /// Waits until a condition holds.
    WaitFor(WaitFor),
    /// Waits for a person's approval.
    Approve(Approve),
    /// Runs stages side by side; at least one.
    Parallel(Vec<ShadowStage>),
}

/// One stage: a map with one key, which says what is done.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "stage")]
pub(super) enum WrittenStage {
    /// Copies a live PostgreSQL database from the `from` environment into the `to` environment: masked, with kept rows,
    /// verified, swapped in.
    CopyDatabase(Box<WrittenCopyDatabase>),
    /// Runs the pending migrations of a database of the `to` environment.
    Migrate(Box<WrittenMigrate>),
    /// Runs SQL on a database of the `to` environment.
    Sql(WrittenSql),
    /// Runs a command on the machine that restage runs on.
    Run(WrittenRun),
    /// Asks a URL until it answers as it should.
    CheckHttp(WrittenCheckHttp),
    /// Waits until a condition holds.
    WaitFor(WrittenWaitFor),
    /// Stops the run until a person approves.
    Approve(WrittenApprove),
    /// Runs another scenario as one stage, by its name. Its prompts get the same answers as those of this scenario.
    Scenario(Text<ScenarioName>),
    /// Runs stages side by side and goes on when all are done.
    Parallel(#[schemars(length(min = 1))] Vec<WrittenStage>),
}

/// A stage that may run before the swap: a map with one key, which says what is done.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "shadow-stage")]
pub(super) enum WrittenShadowStage {
    /// Runs SQL; the copied database is the shadow here.
    Sql(WrittenSql),
    /// Runs a command on the machine that restage runs on.
    Run(WrittenRun),
    /// Asks a URL until it answers as it should.
    CheckHttp(WrittenCheckHttp),
    /// Waits until a condition holds.
    WaitFor(WrittenWaitFor),
    /// Stops the run until a person approves.
    Approve(WrittenApprove),
    /// Runs stages side by side and goes on when all are done.
    Parallel(#[schemars(length(min = 1))] Vec<WrittenShadowStage>),
}

/// Reads the stages of a list; nothing unless all of them are right.
pub(super) fn read_all(stages: &[WrittenStage], at: At<'_>, reading: &mut Reading<'_>) -> Option<Vec<Stage>> {
    let read = stages.iter().enumerate().map(|(index, stage)| stage.read(at.index(index), reading));
    read.collect::<Vec<_>>().into_iter().collect()
}

/// As `read_all`, for stages before a swap.
pub(super) fn read_shadow(stages: &[WrittenShadowStage], at: At<'_>, reading: &mut Reading<'_>) -> Option<Vec<ShadowStage>> {
    let read = stages.iter().enumerate().map(|(index, stage)| stage.read(at.index(index), reading));
    read.collect::<Vec<_>>().into_iter().collect()
}

impl WrittenStage {
    fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Stage> {
        if at.is_doubtful() {
            return None;
        }
        match self {
            Self::CopyDatabase(stage) => {
                let stage = stage.read(at.key("copy-database"), reading)?;
                Some(Stage::CopyDatabase(Box::new(stage)))
            }
            Self::Migrate(stage) => stage.read(at.key("migrate"), reading).map(|stage| Stage::Migrate(Box::new(stage))),
            Self::Sql(stage) => stage.read(at.key("sql"), reading).map(Stage::Sql),
            Self::Run(stage) => stage.read(at.key("run"), reading).map(Stage::Run),
            Self::CheckHttp(stage) => stage.read(at.key("check-http"), reading).map(Stage::CheckHttp),
            Self::WaitFor(stage) => stage.read(at.key("wait-for"), reading).map(Stage::WaitFor),
            Self::Approve(stage) => Some(Stage::Approve(stage.read())),
            Self::Scenario(name) => {
                let at = at.key("scenario");
                let name = reading.findings.parse(at, name)?;
                reading.nested.push((name.clone(), at.span()));
                Some(Stage::Scenario(name))
            }
            Self::Parallel(stages) => read_all(stages, at.key("parallel"), reading).map(Stage::Parallel),
        }
    }
}

impl WrittenShadowStage {
    fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<ShadowStage> {
        if at.is_doubtful() {
            return None;
        }
        match self {
            Self::Sql(stage) => stage.read(at.key("sql"), reading).map(ShadowStage::Sql),
            Self::Run(stage) => stage.read(at.key("run"), reading).map(ShadowStage::Run),
            Self::CheckHttp(stage) => stage.read(at.key("check-http"), reading).map(ShadowStage::CheckHttp),
            Self::WaitFor(stage) => stage.read(at.key("wait-for"), reading).map(ShadowStage::WaitFor),
            Self::Approve(stage) => Some(ShadowStage::Approve(stage.read())),
            Self::Parallel(stages) => read_shadow(stages, at.key("parallel"), reading).map(ShadowStage::Parallel),
        }
    }
}
