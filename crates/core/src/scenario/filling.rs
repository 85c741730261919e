//! Fills the answers to prompts into a scenario's tree.

use super::prompt::{self, Prompt, PromptName, PromptValue, PromptValues, WrittenPrompt};
use crate::document::{self, At, Computed, Findings, Node, Scalar};
use crate::template::{Templates, is_template};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What is known of the answers.
#[derive(Clone, Copy)]
pub(super) enum Answers<'v> {
    /// These and the defaults; a prompt without either is a problem.
    Given(&'v PromptValues),
    /// None yet; what depends on prompts without a default is left open.
    Open,
}

/// What a scenario asks.
#[derive(Default)]
pub(super) struct Asked {
    /// The prompts that are right.
    pub(super) prompts: Vec<Prompt>,
    /// The names of all prompts, wrong ones included.
    pub(super) names: Vec<String>,
    /// Where each name stands.
    places: BTreeMap<String, Range<usize>>,
    /// Whether `prompts` as a whole could not be read, so that any name may be one.
    unclear: bool,
}

/// The part of a scenario that must be read before anything can be filled in.
#[derive(Deserialize, JsonSchema)]
struct OnlyPrompts {
    #[serde(default)]
    prompts: BTreeMap<String, WrittenPrompt>,
}

/// Reads what a scenario asks.
pub(super) fn prompts(root: &Node, findings: &mut Findings) -> Asked {
    let Some(mut part) = root.only("prompts") else { return Asked::default() };
    part.for_each_scalar(&mut |scalar, span| {
        if !is_template(&scalar.text) {
            return Some(());
        }
        findings.add(span.clone(), "a prompt cannot use templates").help("write the text itself");
        None
    });
    let written = document::deserialize::<OnlyPrompts>(&mut part, findings);
    let written = written.map(|written| written.prompts).unwrap_or_default();
    let at = At::root(&part).key("prompts");
    Asked {
        prompts: prompt::read(&written, at, findings),
        names: written.keys().cloned().collect(),
        places: written.keys().map(|name| (name.clone(), at.key(name).heading())).collect(),
        unclear: at.is_doubtful(),
    }
}

/// Fills in what is known and returns the answers that were used.
pub(super) fn fill(
    root: &mut Node,
    asked: &Asked,
    answers: Answers<'_>,
    findings: &mut Findings,
) -> BTreeMap<PromptName, PromptValue> {
    let mut known = BTreeMap::new();
    for prompt in &asked.prompts {
        if let Some(value) = answer(prompt, asked, answers, findings) {
            known.insert(prompt.name.clone(), value);
        }
    }
    let filling = Filling {
        templates: Templates::new(),
        values: known.iter().map(|(name, value)| (name.as_str().to_owned(), value.clone())).collect(),
        asked,
    };
    root.for_each_scalar_outside("prompts", &mut |scalar, span| filling.fill(scalar, span, findings));
    known
}

fn answer(prompt: &Prompt, asked: &Asked, answers: Answers<'_>, findings: &mut Findings) -> Option<PromptValue> {
    let name = prompt.name.as_str();
    let place = asked.places.get(name).cloned().unwrap_or_default();
    match answers {
        Answers::Open => prompt.default.clone().or_else(|| prompt.kind.example()),
        Answers::Given(values) => match values.get(name) {
            Some(text) => match prompt.kind.answer(text) {
                Ok(value) => Some(value),
                Err(message) => {
                    let finding = findings.add(place, format!("the answer to `{name}` cannot be used: {message}"));
                    finding.help("give an answer that fits the prompt");
                    None
                }
            },
            None if prompt.default.is_none() => {
                let finding = findings.add(place, format!("the prompt `{name}` has no answer"));
                finding.help("answer it, or give it a `default`");
                None
            }
            None => prompt.default.clone(),
        },
    }
}

/// Reports answers to questions that nobody asks.
pub(super) fn refuse_unasked(values: &PromptValues, asked: &[String], findings: &mut Findings) {
    for name in values.names().filter(|name| !asked.iter().any(|asked| asked == name)) {
        let finding = findings.add_to_file(format!("there is no prompt `{name}` to answer"));
        finding.help(prompt::suggest(name, asked.iter().map(String::as_str)));
    }
}

struct Filling<'a> {
    templates: Templates,
    values: BTreeMap<String, PromptValue>,
    asked: &'a Asked,
}

impl Filling<'_> {
    /// Fills a scalar in. Nothing where its value is not known or wrong, which is then reported.
    fn fill(&self, scalar: &mut Scalar, span: &Range<usize>, findings: &mut Findings) -> Option<()> {
        if !is_template(&scalar.text) {
            return Some(());
        }
        let names = match self.templates.names(&scalar.text) {
            Ok(names) => names,
            Err(fault) => {
                findings.add(span.clone(), fault.message).maybe_help(fault.help);
                scalar.leave_open();
                return None;
            }
        };
        let undeclared = |name: &&String| !self.asked.names.contains(name) && !self.asked.unclear;
        for name in names.iter().filter(undeclared) {
            let finding = findings.add(span.clone(), format!("there is no prompt `{name}`"));
            finding.help(prompt::suggest(name, self.asked.names.iter().map(String::as_str)));
        }
        let unknown = names.iter().filter(|name| !self.values.contains_key(*name)).collect::<BTreeSet<_>>();
        if !unknown.is_empty() {
            // What does not depend on the answers, such as a filter that does not exist, is found with any answer.
            let mut values = self.values.clone();
            values.extend(unknown.into_iter().map(|name| (name.clone(), PromptValue::Text("x".into()))));
            if let Err(fault) = self.templates.render(&scalar.text, &values)
                && fault.certain
            {
                findings.add(span.clone(), fault.message).maybe_help(fault.help);
            }
            scalar.leave_open();
            return None;
        }
        match self.templates.render(&scalar.text, &self.values) {
            Ok(rendered) => {
                let computed = match rendered.value {
                    PromptValue::Text(_) => Computed::Text,
                    PromptValue::Whole(number) => Computed::Whole(number),
                    PromptValue::Decimal(number) => Computed::Decimal(number),
                    PromptValue::Confirm(value) => Computed::Bool(value),
                };
                scalar.fill(rendered.text, computed);
                Some(())
            }
            Err(fault) => {
                findings.add(span.clone(), fault.message).maybe_help(fault.help);
                scalar.leave_open();
                None
            }
        }
    }
}
