//! Pending migrations, applied to a database of the target environment or to a shadow.

mod pipeline;

use super::Scope;
use crate::error::{Code, Result};
use crate::facts::{PendingFacts, PendingKey};
use crate::name::{DatabaseName, EnvironmentName, ScenarioName};
use crate::plan::{Builder, Level};
use crate::provider::queue::Queue;
use crate::provider::{Place, Record};
use crate::scenario::migrate::{Migrate, Recorded};
use crate::scenario::migrations::Scripts;
use crate::scenario::{Scenario, Stage};
use crate::steps::RunMigrations;
pub(super) use pipeline::expand;
use std::collections::BTreeMap;
use std::path::Path;

/// The scripts of every database that a scenario, or another that it runs, migrates, and whose history they are compared with.
pub fn migrated(scenario: &Scenario, library: &BTreeMap<ScenarioName, Scenario>) -> Vec<PendingKey> {
    all_of(scenario, library, |stage, Scenario { from, to, .. }| match stage {
        Stage::Migrate(stage) => Some(key(to, to, &stage.database, &stage.scripts)),
        Stage::CopyDatabase(copy) => copy.migrations.apply.as_ref().map(|scripts| key(from, to, &copy.database, scripts)),
        _ => None,
    })
}

/// The queues of every migrator that a scenario, or another that it runs, starts.
pub fn queues(scenario: &Scenario, library: &BTreeMap<ScenarioName, Scenario>) -> Vec<Queue> {
    let mut queues = Vec::new();
    for Signalled { queue, .. } in signalled(scenario, library) {
        if !queues.contains(&queue) {
            queues.push(queue);
        }
    }
    queues
}

/// A database whose migrators tell of themselves, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signalled {
    /// The environment that the database is in.
    pub environment: EnvironmentName,
    /// The database.
    pub database: DatabaseName,
    /// The queue.
    pub queue: Queue,
}

/// The same queues, each with every database whose migrators use it.
pub fn signalled(scenario: &Scenario, library: &BTreeMap<ScenarioName, Scenario>) -> Vec<Signalled> {
    all_of(scenario, library, |stage, Scenario { to, .. }| match stage {
        Stage::Migrate(stage) => stage.migrator.signals().map(|signals| Signalled {
            environment: to.clone(),
            database: stage.database.clone(),
            queue: signals.queue.clone(),
        }),
        _ => None,
    })
}

/// Where versions are recorded beside histories, in a scenario or another that it runs.
pub fn records(scenario: &Scenario, library: &BTreeMap<ScenarioName, Scenario>, folder: &Path) -> Vec<Record> {
    all_of(scenario, library, |stage, _| match stage {
        Stage::Migrate(stage) => record_of(stage, folder),
        _ => None,
    })
}

/// What `pick` finds in stages, each once.
fn all_of<T: PartialEq>(
    scenario: &Scenario,
    library: &BTreeMap<ScenarioName, Scenario>,
    pick: impl Fn(&Stage, &Scenario) -> Option<T>,
) -> Vec<T> {
    let mut found = Vec::new();
    collect(&scenario.stages, scenario, library, &mut |stage, scenario| {
        let picked = pick(stage, scenario);
        found.extend(picked.filter(|one| !found.contains(one)));
    });
    found
}

fn collect(
    stages: &[Stage],
    scenario: &Scenario,
    library: &BTreeMap<ScenarioName, Scenario>,
    visit: &mut dyn FnMut(&Stage, &Scenario),
) {
    for stage in stages {
        match stage {
            Stage::Parallel(stages) => collect(stages, scenario, library, visit),
            Stage::Scenario(name) => {
                if let Some(other) = library.get(name) {
                    collect(&other.stages, other, library, visit);
                }
            }
            stage => visit(stage, scenario),
        }
    }
}

fn record_of(stage: &Migrate, folder: &Path) -> Option<Record> {
    match &stage.record {
        Recorded::InHistory => None,
        Recorded::InFile(path) => Some(Record::File(folder.join(path))),
        Recorded::InParameter { name, place } => Some(Record::Parameter { name: name.clone(), place: place.clone() }),
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

/// Refuses for every reason that scripts and history give, and says what is pending.
pub(super) fn tell(facts: &PendingFacts, builder: &mut Builder) {
    for refusal in &facts.refusals {
        builder.refuse(refusal.clone().into());
    }
    for script in &facts.pending {
        let version = script.version.as_deref().map_or("repeatable".to_owned(), |version| format!("version {version}"));
        builder.find(Level::Note, format!("`{}` is applied ({version}: {})", script.script, script.description), None);
    }
}

/// The step that applies what is pending.
pub(super) fn applying(place: Place, scripts: &Scripts, facts: &PendingFacts, scope: &Scope<'_>) -> RunMigrations {
    let (folder, pending) = (scope.folder.to_owned(), facts.pending.clone());
    RunMigrations { place, scripts: scripts.clone(), folder, pending, signals: None }
}
