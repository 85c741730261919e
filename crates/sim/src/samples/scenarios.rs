//! Scenarios as a user might write them, planned on made-up facts.

use super::{Sample, facts};
use restage_core::document::Source;
use restage_core::duration::Duration;
use restage_core::environment::Environments;
use restage_core::facts::{CopyKey, Facts, PendingKey, QueueFacts, RecordFacts};
use restage_core::name::{DatabaseName, EnvironmentName};
use restage_core::plan::{Asked, plan};
use restage_core::scenario::{Family, PromptValues};
use restage_core::signal::SchemaVersion;
use restage_core::stages;
use std::collections::BTreeMap;
use std::path::Path;

/// The longest deadline of a step: a job that hangs is looked at every second until then.
const LONGEST: Duration = Duration::from_minutes(2);

/// Where the scenarios are said to be.
const FOLDER: &str = "/scenarios";

/// The environments of the samples: production and preprod, with `app` and `billing` in both.
pub const ENVIRONMENTS: &str = include_str!("../../scenarios/environments.yaml");

/// The scenarios, by the names of their files.
const SCENARIOS: [(&str, &str); 8] = [
    ("everything", include_str!("../../scenarios/everything.yaml")),
    ("plain", include_str!("../../scenarios/plain.yaml")),
    ("in-place", include_str!("../../scenarios/in-place.yaml")),
    ("two", include_str!("../../scenarios/two.yaml")),
    ("nested", include_str!("../../scenarios/nested.yaml")),
    ("undoing", include_str!("../../scenarios/undoing.yaml")),
    ("deploy", include_str!("../../scenarios/deploy.yaml")),
    ("small", include_str!("../../scenarios/small.yaml")),
];

/// The plan of each scenario.
pub fn scenarios() -> Vec<Sample> {
    let environments = Source::new("environments.yaml", ENVIRONMENTS);
    let sources: Vec<Source> = SCENARIOS.iter().map(|(name, text)| Source::new(format!("{name}.yaml"), *text)).collect();
    sources.iter().map(|source| of_scenario(source, &sources, &environments)).collect()
}

/// The plan of a scenario of anybody's, on made-up facts about every database it may copy.
///
/// Its environments must be called `production` and `preprod`, and no step gets more than two minutes. A scenario that cannot be planned panics: it is an example.
pub fn of_scenario(source: &Source, others: &[Source], environments: &Source) -> Sample {
    let environments = Environments::parse(environments).unwrap_or_else(|problems| panic!("{problems}"));
    let family =
        Family::parse(source, others, &environments, &PromptValues::default()).unwrap_or_else(|problems| panic!("{problems}"));
    let files = BTreeMap::new();
    let asked = Asked { family: &family, environments: &environments, files: &files, folder: Path::new(FOLDER) };
    let name = source.stem().unwrap_or("scenario").to_owned();
    let plan = plan(asked, &observed(&environments, &family));
    let mut plan = plan.unwrap_or_else(|refusals| panic!("`{name}` cannot be planned: {refusals:?}"));
    for planned in &mut plan.steps {
        planned.within = planned.within.min(LONGEST);
    }
    Sample { name, plan }
}

/// Facts about every database that both environments have; each pair has identities of its own.
fn observed(environments: &Environments, family: &Family) -> Facts {
    let name = |name: &str| EnvironmentName::parse(name).expect("a plain word");
    let (from, to) = (name("production"), name("preprod"));
    let databases: Vec<DatabaseName> =
        environments.get(&to).into_iter().flat_map(|found| found.databases.keys().cloned()).collect();
    let pair = |(oid, database): (u32, DatabaseName)| {
        let mut facts = facts::pair();
        facts.source.identity.oid += oid;
        facts.target.identity.oid += oid;
        (CopyKey { from: from.clone(), to: to.clone(), database }, facts)
    };
    // Effects are told apart by their texts, whichever database they are on.
    let own = |key: PendingKey| {
        let mut facts = facts::pending();
        facts.pending.iter_mut().for_each(|script| script.script = format!("{}/{}", key.database, script.script));
        (key, facts)
    };
    let pending = stages::migrated(&family.root, &family.nested).into_iter().map(own);
    let queues = stages::queues(&family.root, &family.nested).into_iter().map(|queue| (queue, QueueFacts::default()));
    let recorded = RecordFacts { version: Some(SchemaVersion("3".into())) };
    let records = stages::records(&family.root, &family.nested, Path::new(FOLDER));
    Facts {
        copies: (0..).zip(databases).map(pair).collect(),
        pending: pending.collect(),
        queues: queues.collect(),
        records: records.into_iter().map(|record| (record, recorded.clone())).collect(),
    }
}
