//! Each stage expands into steps: everything is decided here, from the scenario and the facts, and nothing is touched.

mod copy_database;
mod migrate;
mod small;

use crate::environment::{DatabaseAddress, Environments};
use crate::error::{Code, Error};
use crate::facts::Facts;
use crate::name::{DatabaseName, EnvironmentName, ScenarioName, StepId};
use crate::plan::Builder;
use crate::scenario::{Scenario, ShadowStage, Stage};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use copy_database::{deltas, taken};
pub use migrate::{Signalled, migrated, queues, records, signalled};

/// What a stage can see while it expands.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The scenario that the stage stands in.
    pub(crate) scenario: &'a Scenario,
    /// The scenarios that `scenario:` stages name.
    pub(crate) nested: &'a BTreeMap<ScenarioName, Scenario>,
    /// Every environment.
    pub(crate) environments: &'a Environments,
    /// What was observed.
    pub(crate) facts: &'a Facts,
    /// The SQL files that scenarios name, by the paths they name them by.
    pub(crate) files: &'a BTreeMap<PathBuf, String>,
    /// The scenarios' folder.
    pub(crate) folder: &'a Path,
    /// The database whose shadow the stages of `before-swap:` work on.
    pub(crate) shadow: Option<&'a DatabaseName>,
}

impl Scope<'_> {
    /// The address of a database in an environment.
    pub(crate) fn address(&self, environment: &EnvironmentName, database: &DatabaseName) -> Result<&DatabaseAddress, Error> {
        let found = self.environments.get(environment).and_then(|environment| environment.databases.get(database));
        found.ok_or_else(|| {
            Code::UnknownName
                .error(format!("environment `{environment}` has no database `{database}`"))
                .help("add it to the environments file")
        })
    }
}

/// Expands stages one after the other.
pub(crate) fn expand(stages: &[Stage], scope: &Scope<'_>, builder: &mut Builder) {
    for stage in stages {
        expand_one(stage, scope, builder);
    }
}

fn expand_one(stage: &Stage, scope: &Scope<'_>, builder: &mut Builder) {
    match stage {
        Stage::CopyDatabase(copy) => copy_database::expand(copy, scope, builder),
        Stage::Migrate(migrate) => migrate::expand(migrate, scope, builder),
        Stage::Sql(sql) => small::sql(sql, scope, builder),
        Stage::Run(run) => small::run(run, scope, builder),
        Stage::CheckHttp(check) => small::check_http(check, builder),
        Stage::WaitFor(wait) => small::wait_for(wait, scope, builder),
        Stage::Approve(approve) => small::approve(approve, builder),
        Stage::Scenario(name) => another(name, scope, builder),
        Stage::Parallel(branches) => parallel(branches, builder, |branch, builder| expand_one(branch, scope, builder)),
    }
}

/// Expands the stages of `before-swap:`, which work on the shadow.
fn expand_on_shadow(stages: &[ShadowStage], scope: &Scope<'_>, builder: &mut Builder) {
    for stage in stages {
        expand_one_on_shadow(stage, scope, builder);
    }
}

fn expand_one_on_shadow(stage: &ShadowStage, scope: &Scope<'_>, builder: &mut Builder) {
    match stage {
        ShadowStage::Sql(sql) => small::sql(sql, scope, builder),
        ShadowStage::Run(run) => small::run(run, scope, builder),
        ShadowStage::CheckHttp(check) => small::check_http(check, builder),
        ShadowStage::WaitFor(wait) => small::wait_for(wait, scope, builder),
        ShadowStage::Approve(approve) => small::approve(approve, builder),
        ShadowStage::Parallel(branches) => {
            parallel(branches, builder, |branch, builder| expand_one_on_shadow(branch, scope, builder));
        }
    }
}

/// Another scenario as one stage, between its own environments.
fn another(name: &ScenarioName, scope: &Scope<'_>, builder: &mut Builder) {
    let Some(scenario) = scope.nested.get(name) else {
        let missing = Code::UnknownName
            .error(format!("there is no scenario `{name}`"))
            .help("see `restage check` for the scenarios there are");
        return builder.refuse(missing);
    };
    expand(&scenario.stages, &Scope { scenario, shadow: None, ..*scope }, builder);
}

/// Branches begin together; what follows waits for all of them.
fn parallel<S>(branches: &[S], builder: &mut Builder, expand: impl Fn(&S, &mut Builder)) {
    let before: Vec<StepId> = builder.after().to_vec();
    let mut ends = Vec::new();
    for branch in branches {
        builder.continue_after(before.clone());
        expand(branch, builder);
        ends.extend_from_slice(builder.after());
    }
    ends.sort_unstable();
    ends.dedup();
    builder.continue_after(ends);
}
