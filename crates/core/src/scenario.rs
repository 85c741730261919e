//! Scenarios: one named procedure between two environments, as users write it and as the rest of restage may trust it.

pub mod approve;
pub mod check_http;
pub mod copy_database;
mod filling;
pub mod migrate;
pub mod migrations;
mod nesting;
pub mod prompt;
mod reading;
pub mod run;
pub mod sql;
mod stage;
pub mod wait_for;

pub use nesting::{Family, MAX_STAGES};
pub use prompt::{Prompt, PromptKind, PromptName, PromptValue, PromptValues};
pub use stage::{ShadowStage, Stage};

use crate::document::{self, At, Findings, Node, Problems, Source, Text};
use crate::duration::Duration;
use crate::environment::{Environments, SecretRef, find};
use crate::name::{EnvironmentName, ScenarioName};
use filling::Answers;
use prompt::WrittenPrompt;
use reading::Reading;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stage::WrittenStage;
use std::collections::BTreeMap;
use std::num::NonZeroU16;

/// How many steps run at a time where nothing is given.
pub const DEFAULT_CONCURRENT_STEPS: NonZeroU16 = NonZeroU16::new(4).expect("4 is not 0");
/// The deadline of a run where none is given.
pub const DEFAULT_RUN_WITHIN: Duration = Duration::from_days(1);
/// The longest deadline of a run.
pub const MAX_RUN_WITHIN: Duration = Duration::from_days(30);

/// One named procedure between two environments, its prompts answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scenario {
    /// Its name.
    pub name: ScenarioName,
    /// What people call it.
    pub title: String,
    /// The environment that is read.
    pub from: EnvironmentName,
    /// The environment that is changed; never production.
    pub to: EnvironmentName,
    /// What it asks.
    pub prompts: Vec<Prompt>,
    /// What was answered, or the defaults.
    pub answers: BTreeMap<PromptName, PromptValue>,
    /// What a run does when a step has failed.
    pub on_failure: OnFailure,
    /// Where the key of the masks is kept; there wherever a column is masked.
    pub mask_secret: Option<SecretRef>,
    /// How much a run may take.
    pub limits: Limits,
    /// What is done, in order; at least one stage.
    pub stages: Vec<Stage>,
}

/// What a run does when a step has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "on-failure")]
pub enum OnFailure {
    /// It stops where it is and waits to be resumed or undone.
    #[default]
    Hold,
    /// It takes back every step that has started.
    Undo,
}

/// How much a run may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How many steps run at a time.
    pub concurrent_steps: NonZeroU16,
    /// The deadline of the whole run.
    pub run_within: Duration,
}

impl Scenario {
    /// Reads a scenario with its prompts answered, or reports everything that is wrong with it.
    pub fn parse(source: &Source, environments: &Environments, values: &PromptValues) -> Result<Self, Problems> {
        let mut parsed = read(source, environments, Answers::Given(values));
        filling::refuse_unasked(values, &parsed.asked, &mut parsed.reading.findings);
        parsed.finish()
    }
    /// Checks a scenario without answers: what depends on prompts that have no default is left open.
    pub fn check(source: &Source, environments: &Environments) -> Result<(), Problems> {
        Problems::found(read(source, environments, Answers::Open).reading.findings.into_problems())
    }
    /// What a scenario asks, in the order of names, or what is wrong with its prompts.
    pub fn prompts(source: &Source) -> Result<Vec<Prompt>, Problems> {
        let mut findings = Findings::new(source);
        let root = document::read(source, &mut findings);
        let asked = root.map(|root| filling::prompts(&root, &mut findings)).unwrap_or_default();
        findings.into_result(asked.prompts)
    }
    /// The JSON schema of scenarios, for editors.
    pub fn schema() -> Value {
        document::for_editors::<WrittenScenario>(document::Templates::Allowed)
    }
}

/// A scenario: one named procedure that brings data from one environment into another.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "scenario", title = "restage scenario")]
struct WrittenScenario {
    /// The name, which is also the name of the file: 1 to 63 of a-z, 0-9, `-` and `_`, starting with a letter or digit.
    scenario: Text<ScenarioName>,
    /// What people call it; default the name.
    #[schemars(length(min = 1))]
    title: Option<String>,
    /// The environment that is read.
    from: Text<EnvironmentName>,
    /// The environment that is changed. A production environment is refused.
    to: Text<EnvironmentName>,
    /// What is asked before planning, by name; default nothing. `{{ name }}` in any text of the stages stands for the
    /// answer. A name has a-z, 0-9 and `_`.
    #[serde(default, rename = "prompts")]
    _prompts: BTreeMap<String, WrittenPrompt>,
    /// What a run does when a step has failed; default `hold`.
    #[serde(default)]
    on_failure: OnFailure,
    /// Where the key of the masks is kept; needed where a column is masked. The same key gives the same fakes in every run.
    mask_secret: Option<SecretRef>,
    /// How much a run may take.
    #[serde(default)]
    limits: WrittenLimits,
    /// What is done, in order.
    #[schemars(length(min = 1))]
    stages: Vec<WrittenStage>,
}

/// How much a run may take.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "limits")]
struct WrittenLimits {
    /// How many steps run at a time, 1 to 64; default 4.
    #[schemars(range(min = 1, max = 64))]
    concurrent_steps: Option<NonZeroU16>,
    /// The deadline of the whole run, 1m to 30d; default 1d.
    run_within: Option<Text<Duration>>,
}

/// A scenario as far as it could be read.
struct Parsed<'e> {
    /// Nothing where something was reported or left open.
    scenario: Option<Scenario>,
    /// The names of all prompts, wrong ones included.
    asked: Vec<String>,
    reading: Reading<'e>,
}

impl Parsed<'_> {
    fn finish(mut self) -> Result<Scenario, Problems> {
        if self.scenario.is_none() && self.reading.findings.is_empty() {
            self.reading.findings.add_to_file("the scenario cannot be read").help("report this as a bug of restage");
        }
        let scenario = self.scenario;
        self.reading.findings.into_result(()).map(|()| scenario.expect("a scenario that is not there was reported"))
    }
}

fn read<'e>(source: &Source, environments: &'e Environments, answers: Answers<'_>) -> Parsed<'e> {
    let mut findings = Findings::new(source);
    let root = document::read(source, &mut findings);
    let mut parsed = Parsed { scenario: None, asked: Vec::new(), reading: Reading::new(findings) };
    let Some(mut root) = root else { return parsed };
    let findings = &mut parsed.reading.findings;
    let asked = filling::prompts(&root, findings);
    let answers = filling::fill(&mut root, &asked, answers, findings);
    let written = document::deserialize::<WrittenScenario>(&mut root, findings);
    parsed.scenario = written.and_then(|written| {
        let header = Header { source, environments, prompts: asked.prompts, answers };
        written.read(&root, header, &mut parsed.reading)
    });
    parsed.asked = asked.names;
    parsed
}

/// What a scenario is made from besides its file's tree.
struct Header<'s, 'e> {
    source: &'s Source,
    environments: &'e Environments,
    prompts: Vec<Prompt>,
    answers: BTreeMap<PromptName, PromptValue>,
}

impl WrittenScenario {
    fn read<'e>(&self, root: &Node, header: Header<'_, 'e>, reading: &mut Reading<'e>) -> Option<Scenario> {
        let at = At::root(root);
        let name = self.name(at.key("scenario"), header.source, &mut reading.findings);
        reading.from = find(&self.from, at.key("from"), header.environments, &mut reading.findings);
        reading.to = find(&self.to, at.key("to"), header.environments, &mut reading.findings);
        refuse_wrong_target(at.key("to"), reading);
        if let Some(secret) = &self.mask_secret {
            secret.verify(at.key("mask-secret"), &mut reading.findings);
        }
        let limits = self.limits.read(at.key("limits"), reading);
        let stages = stage::read_all(&self.stages, at.key("stages"), reading);
        if let Some(span) = reading.first_mask.clone()
            && self.mask_secret.is_none()
            && !at.key("mask-secret").is_doubtful()
        {
            let finding = reading.findings.add(span, "columns are masked, but the scenario has no `mask-secret`");
            finding.help("add `mask-secret: { env: MASK_SECRET }` at the top of the file, not to the stage");
        }
        let (name, from, to) = (name?, reading.from.clone()?.0, reading.to.clone()?.0);
        Some(Scenario {
            title: self.title.clone().unwrap_or_else(|| name.to_string()),
            name,
            from,
            to,
            prompts: header.prompts,
            answers: header.answers,
            on_failure: self.on_failure,
            mask_secret: self.mask_secret.clone(),
            limits: limits?,
            stages: stages?,
        })
    }

    /// The name, which must be the file's too, so that scenarios are found by it.
    fn name(&self, at: At<'_>, source: &Source, findings: &mut Findings) -> Option<ScenarioName> {
        if at.is_template() {
            findings.at(at, "the name of a scenario cannot be a template").help("write the name itself");
            return None;
        }
        let name = findings.parse(at, &self.scenario)?;
        if let Some(stem) = source.stem()
            && stem != name.as_str()
        {
            let finding = findings.at(at, format!("the scenario `{name}` is in a file named `{stem}`"));
            finding.help(format!("rename the file to `{name}.yaml`, or write `scenario: {stem}`"));
        }
        Some(name)
    }
}

fn refuse_wrong_target(at: At<'_>, reading: &mut Reading<'_>) {
    let Some((name, environment)) = &reading.to else { return };
    if environment.is_production() {
        let finding = reading.findings.at(at, format!("`{name}` is a production environment, which is never changed"));
        finding.help("name another environment; only `from` may be production");
    } else if reading.from.as_ref().is_some_and(|(from, _)| from == name) {
        let finding = reading.findings.at(at, format!("`from` and `to` are both `{name}`"));
        finding.help("name two different environments");
    }
}

impl WrittenLimits {
    fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Limits> {
        let limits = Duration::from_minutes(1)..=MAX_RUN_WITHIN;
        let within = self.run_within.as_ref();
        let run_within = reading.duration(at.key("run-within"), within, DEFAULT_RUN_WITHIN, limits)?;
        Some(Limits { concurrent_steps: self.concurrent_steps.unwrap_or(DEFAULT_CONCURRENT_STEPS), run_within })
    }
}
