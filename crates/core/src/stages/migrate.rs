//! Pending migrations, applied to a database of the target environment or to a shadow.

use super::Scope;
use crate::duration::Duration;
use crate::error::{Code, Result};
use crate::facts::{PendingFacts, PendingKey};
use crate::name::{DatabaseName, EnvironmentName, ScenarioName};
use crate::plan::{Builder, Level};
use crate::provider::Place;
use crate::scenario::migrate::Migrate;
use crate::scenario::migrations::Scripts;
use crate::scenario::{Scenario, Stage};
use crate::steps::RunMigrations;
use std::collections::BTreeMap;

pub(super) fn expand(stage: &Migrate, scope: &Scope<'_>, builder: &mut Builder) {
    builder.begin_stage(format!("migrate {}", stage.database));
    let to = &scope.scenario.to;
    let key = key(to, to, &stage.database, &stage.scripts);
    let step = scope.address(to, &stage.database).cloned().and_then(|address| Ok((Place::Live(address), pending(&key, scope)?)));
    match step {
        Ok((place, pending)) => apply(place, &stage.scripts, pending, stage.within, scope, builder),
        Err(error) => builder.refuse(error),
    }
}

/// The scripts of every database that a scenario, or another that it runs, migrates, and whose history they are compared with.
pub fn migrated(scenario: &Scenario, library: &BTreeMap<ScenarioName, Scenario>) -> Vec<PendingKey> {
    let mut keys: Vec<PendingKey> = Vec::new();
    collect(&scenario.stages, scenario, library, &mut |key| {
        if !keys.contains(&key) {
            keys.push(key);
        }
    });
    keys
}

fn collect(stages: &[Stage], scenario: &Scenario, library: &BTreeMap<ScenarioName, Scenario>, found: &mut impl FnMut(PendingKey)) {
    let (from, to) = (&scenario.from, &scenario.to);
    for stage in stages {
        match stage {
            Stage::Migrate(stage) => found(key(to, to, &stage.database, &stage.scripts)),
            Stage::CopyDatabase(copy) => {
                if let Some(scripts) = &copy.migrations.apply {
                    found(key(from, to, &copy.database, scripts));
                }
            }
            Stage::Parallel(stages) => collect(stages, scenario, library, found),
            Stage::Scenario(name) => {
                if let Some(other) = library.get(name) {
                    collect(&other.stages, other, library, found);
                }
            }
            Stage::Sql(_) | Stage::Run(_) | Stage::CheckHttp(_) | Stage::WaitFor(_) | Stage::Approve(_) => {}
        }
    }
}

/// What the history of a database and scripts come to.
pub(super) fn pending<'a>(key: &PendingKey, scope: &Scope<'a>) -> Result<&'a PendingFacts> {
    scope.facts.pending(key).ok_or_else(|| {
        let PendingKey { history, database, .. } = key;
        Code::PlanStale.error(format!("nothing was observed of the migrations of `{database}` in `{history}`")).help("plan again")
    })
}

/// The key of the scripts that bring a copy of a database to the target's version: the copy has its source's history.
pub(super) fn of_copy(database: &DatabaseName, scripts: &Scripts, scope: &Scope<'_>) -> PendingKey {
    key(&scope.scenario.from, &scope.scenario.to, database, scripts)
}

fn key(history: &EnvironmentName, to: &EnvironmentName, database: &DatabaseName, scripts: &Scripts) -> PendingKey {
    PendingKey { history: history.clone(), to: to.clone(), database: database.clone(), scripts: scripts.clone() }
}

/// Applies what is pending, or refuses for every reason there is.
pub(super) fn apply(
    place: Place,
    scripts: &Scripts,
    facts: &PendingFacts,
    within: Duration,
    scope: &Scope<'_>,
    builder: &mut Builder,
) {
    for refusal in &facts.refusals {
        let error = Code::MigrationsInvalid.error(&refusal.message);
        builder.refuse(match &refusal.help {
            Some(help) => error.help(help),
            None => error,
        });
    }
    for script in &facts.pending {
        let version = script.version.as_deref().map_or("repeatable".to_owned(), |version| format!("version {version}"));
        builder.find(Level::Note, format!("`{}` is applied ({version}: {})", script.script, script.description), None);
    }
    let step = RunMigrations { place, scripts: scripts.clone(), folder: scope.folder.to_owned(), pending: facts.pending.clone() };
    builder.then(step, within);
}
