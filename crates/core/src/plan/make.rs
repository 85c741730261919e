//! Makes a plan of a scenario and the facts. Pure: the same facts give the same plan.

use super::{Builder, Plan, PlannedStep};
use crate::environment::{DatabaseAddress, Environments};
use crate::error::{Code, Error};
use crate::facts::{CopyFacts, DatabaseFacts, Estimates, Facts, hex};
use crate::provider::Place;
use crate::scenario::Family;
use crate::stages::{self, Scope};
use crate::steps::{AwaitMigrator, RunMigrations, RunSql, Step};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a plan is made of, besides the facts.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The scenario with all that it runs.
    pub family: &'a Family,
    /// Every environment.
    pub environments: &'a Environments,
    /// The SQL files that scenarios name, by the paths they name them by.
    pub files: &'a BTreeMap<PathBuf, String>,
    /// The scenarios' folder: what commands and files in them are relative to.
    pub folder: &'a Path,
}

/// Every reason why there can be no plan; at least one.
#[derive(Debug)]
pub struct Refusals(pub Vec<Error>);

/// Makes the plan, or gives every reason why there can be none.
pub fn plan(asked: Asked<'_>, facts: &Facts) -> Result<Plan, Refusals> {
    let Asked { family: Family { root: scenario, nested }, environments, files, folder } = asked;
    let mut builder = Builder::default();
    let scope = Scope { scenario, nested, environments, facts, files, folder, shadow: None };
    stages::expand(&scenario.stages, &scope, &mut builder);
    let (steps, outlook) = builder.finish()?;
    refuse_copied_twice(&steps)?;
    Ok(Plan {
        scenario: scenario.name.clone(),
        title: scenario.title.clone(),
        from: scenario.from.clone(),
        to: scenario.to.clone(),
        on_failure: scenario.on_failure,
        targets: targets(steps.iter().map(|planned| &planned.step)),
        steps,
        limits: scenario.limits,
        facts: decided_by(facts),
        outlook,
    })
}

/// Both copies would have the same shadow, and the second would undo what the first has made.
fn refuse_copied_twice(steps: &[PlannedStep]) -> Result<(), Refusals> {
    let mut copied: Vec<&DatabaseAddress> = Vec::new();
    let mut twice = Vec::new();
    for planned in steps {
        let target = match &planned.step {
            Step::CreateShadow(step) => &step.target,
            Step::RefreshInPlace(step) => &step.target,
            _ => continue,
        };
        if copied.iter().any(|known| known.is_same_place(target)) {
            let error = Code::InvalidFile.error(format!("`{target}` is copied into twice by one scenario"));
            twice.push(error.help("remove one of the `copy-database` stages, or run their scenarios one after the other"));
        }
        copied.push(target);
    }
    if twice.is_empty() { Ok(()) } else { Err(Refusals(twice)) }
}

/// The databases that are changed, each once.
fn targets<'a>(steps: impl Iterator<Item = &'a Step>) -> Vec<DatabaseAddress> {
    let mut targets: Vec<DatabaseAddress> = Vec::new();
    for step in steps {
        let target = match step {
            Step::CreateShadow(step) => &step.target,
            Step::RefreshInPlace(step) => &step.target,
            Step::RunSql(RunSql { place: Place::Live(address), .. })
            | Step::RunMigrations(RunMigrations { place: Place::Live(address), .. })
            | Step::AwaitMigrator(AwaitMigrator { database: address, .. }) => address,
            _ => continue,
        };
        if !targets.iter().any(|known| known.is_same_place(target)) {
            targets.push(target.clone());
        }
    }
    targets
}

/// The digest of the deciding facts: estimates, counts of rows and leftovers of other runs are left out, and queues, which are
/// empty wherever there is a plan.
pub(crate) fn decided_by(facts: &Facts) -> String {
    let deciding = |database: &DatabaseFacts| DatabaseFacts { estimates: Estimates::default(), ..database.clone() };
    let copies = facts.copies.iter().map(|(key, copy)| {
        let decided = CopyFacts {
            source: deciding(&copy.source),
            target: deciding(&copy.target),
            keep: BTreeMap::new(),
            delta_references: vec![],
            mask_trials: copy.mask_trials.clone(),
            leftovers: vec![],
        };
        (key, decided)
    });
    let json = serde_json::to_vec(&(copies.collect::<Vec<_>>(), &facts.pending, &facts.records)).expect("facts are plain data");
    hex(&Sha256::digest(json))
}
