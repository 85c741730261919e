//! One case: a scenario, what was observed, and what came of them.

use super::text;
use crate::facts;
use restage_core::document::Source;
use restage_core::environment::Environments;
use restage_core::facts::{CopyFacts, CopyKey, Facts, PendingFacts, QueueFacts, RecordFacts};
use restage_core::name::{DatabaseName, EnvironmentName};
use restage_core::plan::{Asked, Plan, Refusals, plan};
use restage_core::scenario::{Family, PromptValues};
use restage_core::signal::SchemaVersion;
use restage_core::stages::{migrated, queues, records};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const ENVIRONMENTS: &str = "environments:
  production:
    production: true
    databases:
      app: { url: \"postgresql://reader@production-db.example/app\" }
  preprod:
    databases:
      app: { url: \"postgresql://owner@preprod-db.example/app\" }
";

/// A scenario's text and what was observed for it.
pub(super) struct Case {
    scenario: String,
    others: Vec<Source>,
    facts: CopyFacts,
    pending: PendingFacts,
    queue: QueueFacts,
    recorded: RecordFacts,
}

impl Case {
    /// The whole text of a scenario called `refresh`.
    pub(super) fn of(scenario: &str) -> Self {
        Self {
            scenario: scenario.into(),
            others: vec![],
            facts: facts::pair(),
            pending: facts::pending(),
            queue: QueueFacts::default(),
            recorded: RecordFacts::default(),
        }
    }
    /// A scenario that copies `app`, with these keys of the stage beside `database`.
    pub(super) fn copying(keys: &str) -> Self {
        let head = "scenario: refresh\nfrom: production\nto: preprod\nmask-secret: { env: MASK_SECRET }\n";
        let keys: String = keys.lines().map(|line| format!("      {line}\n")).collect();
        Self::of(&format!("{head}stages:\n  - copy-database:\n      database: app\n{keys}"))
    }
    /// Another scenario beside it.
    pub(super) fn beside(mut self, name: &str, scenario: &str) -> Self {
        self.others.push(Source::new(format!("{name}.yaml"), scenario));
        self
    }
    /// Something was observed otherwise.
    pub(super) fn but(mut self, observed: impl FnOnce(&mut CopyFacts)) -> Self {
        observed(&mut self.facts);
        self
    }
    /// The scripts and the history came to something else.
    pub(super) fn pending(mut self, observed: impl FnOnce(&mut PendingFacts)) -> Self {
        observed(&mut self.pending);
        self
    }
    /// Something was in the queues.
    pub(super) fn queue(mut self, observed: QueueFacts) -> Self {
        self.queue = observed;
        self
    }
    /// The records say that version.
    pub(super) fn recorded(mut self, version: &str) -> Self {
        self.recorded = RecordFacts { version: Some(SchemaVersion(version.into())) };
        self
    }

    pub(super) fn plan(&self) -> Result<Plan, Refusals> {
        let environments = Environments::parse(&Source::new("environments.yaml", ENVIRONMENTS)).unwrap();
        let source = Source::new("refresh.yaml", self.scenario.as_str());
        let family = Family::parse(&source, &self.others, &environments, &PromptValues::default());
        let family = family.unwrap_or_else(|problems| panic!("{problems}"));
        let files = BTreeMap::from([(PathBuf::from("scrub.sql"), "truncate sessions".to_owned())]);
        let folder = Path::new("/scenarios");
        let asked = Asked { family: &family, environments: &environments, files: &files, folder };
        let name = |name: &str| EnvironmentName::parse(name).unwrap();
        let key = CopyKey { from: name("production"), to: name("preprod"), database: DatabaseName::parse("app").unwrap() };
        let pending = migrated(&family.root, &family.nested).into_iter().map(|key| (key, self.pending.clone()));
        let queues = queues(&family.root, &family.nested).into_iter().map(|queue| (queue, self.queue.clone()));
        let records = records(&family.root, &family.nested, folder).into_iter().map(|record| (record, self.recorded.clone()));
        let facts = Facts {
            copies: vec![(key, self.facts.clone())],
            pending: pending.collect(),
            queues: queues.collect(),
            records: records.collect(),
        };
        plan(asked, &facts)
    }

    /// Compares the plan with its golden file.
    pub(super) fn is_planned(&self, name: &str) {
        let plan = self.plan().unwrap_or_else(|refusals| panic!("`{name}` is refused:\n{}", text::refusals(&refusals)));
        self.compare(name, &text::plan(&plan));
    }
    /// Compares what was noticed with its golden file.
    pub(super) fn is_noticed(&self, name: &str) {
        let plan = self.plan().unwrap_or_else(|refusals| panic!("`{name}` is refused:\n{}", text::refusals(&refusals)));
        self.compare(name, &text::findings(&plan));
    }
    /// Compares the refusals with their golden file.
    pub(super) fn is_refused(&self, name: &str) {
        match self.plan() {
            Err(refusals) => self.compare(name, &text::refusals(&refusals)),
            Ok(plan) => panic!("`{name}` is not refused:\n{}", text::plan(&plan)),
        }
    }

    fn compare(&self, name: &str, result: &str) {
        let others: String = self.others.iter().map(|other| format!("\n# {}\n{}", other.name, other.text)).collect();
        let shown = format!("{}{others}\n{result}", self.scenario);
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, shown);
        });
    }
}
