//! Scenarios that run other scenarios.

use super::filling::{self, Answers};
use super::{Parsed, PromptValues, Scenario, Stage, read};
use crate::document::{Problem, Problems, Source, did_you_mean};
use crate::environment::Environments;
use crate::name::ScenarioName;
use std::collections::{BTreeMap, BTreeSet};

/// The greatest number of stages that a scenario may come to, those of the scenarios it runs included.
pub const MAX_STAGES: usize = 1_000;

/// A scenario with every scenario that it runs, directly or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// The scenario itself.
    pub root: Scenario,
    /// The scenarios that it and they run, by name; never in a circle.
    pub nested: BTreeMap<ScenarioName, Scenario>,
}

impl Family {
    /// Reads a scenario and all that it runs. The others are found by the names of their files (`preprod.yaml` for
    /// `preprod`) and read only if they are run. Answers go to every prompt of that name.
    pub fn parse(root: &Source, others: &[Source], environments: &Environments, values: &PromptValues) -> Result<Self, Problems> {
        let different = others.iter().filter(|other| other.name != root.name);
        let sources = [root].into_iter().chain(different).collect();
        let mut members = Members { sources, environments, answers: Answers::Given(values), parsed: BTreeMap::new() };
        members.add_reachable();
        members.verify_references();
        members.verify_root(values);
        members.finish()
    }

    /// Checks every file without answers, and how they run each other.
    pub fn check(sources: &[Source], environments: &Environments) -> Result<(), Problems> {
        let (answers, parsed) = (Answers::Open, BTreeMap::new());
        let mut members = Members { sources: sources.iter().collect(), environments, answers, parsed };
        (0..sources.len()).for_each(|index| members.add(index));
        members.verify_references();
        Problems::found(members.into_problems())
    }
}

/// The scenarios that have been read so far, by the position of their files.
struct Members<'e> {
    sources: Vec<&'e Source>,
    environments: &'e Environments,
    answers: Answers<'e>,
    parsed: BTreeMap<usize, Parsed<'e>>,
}

impl Members<'_> {
    fn position(&self, name: &ScenarioName) -> Option<usize> {
        self.sources.iter().position(|source| source.stem() == Some(name.as_str()))
    }

    fn add(&mut self, index: usize) {
        self.parsed.insert(index, read(self.sources[index], self.environments, self.answers));
    }

    /// Reads the first file and what it runs.
    fn add_reachable(&mut self) {
        let mut waiting = vec![0];
        while let Some(index) = waiting.pop() {
            if !self.parsed.contains_key(&index) {
                self.add(index);
                waiting.extend(self.runs(index));
            }
        }
    }

    /// The scenarios that one runs, as far as they exist.
    fn runs(&self, index: usize) -> Vec<usize> {
        let nested = self.parsed.get(&index).map(|parsed| parsed.reading.nested.as_slice()).unwrap_or_default();
        nested.iter().filter_map(|(name, _)| self.position(name)).collect()
    }

    /// Reports scenarios that do not exist, and circles.
    fn verify_references(&mut self) {
        for index in self.parsed.keys().copied().collect::<Vec<_>>() {
            for (name, span) in self.parsed[&index].reading.nested.clone() {
                let found = self.position(&name);
                let circle = found.and_then(|found| self.way(found, index));
                let known = self.sources.iter().filter_map(|source| source.stem()).collect::<Vec<_>>();
                let Some(parsed) = self.parsed.get_mut(&index) else { continue };
                let findings = &mut parsed.reading.findings;
                if found.is_none() {
                    let finding = findings.add(span, format!("there is no scenario `{name}`"));
                    finding.maybe_help(did_you_mean(name.as_str(), "the scenarios", known.iter().copied()));
                } else if let Some(way) = circle {
                    let stem = |index: usize| self.sources[index].stem().unwrap_or_default();
                    let way = std::iter::once(index).chain(way).map(stem).collect::<Vec<_>>().join(" → ");
                    let finding = findings.add(span, format!("the scenario runs itself: {way}"));
                    finding.help("remove one of these stages");
                }
            }
        }
    }

    /// The shortest way from one scenario to another along what they run, both included.
    fn way(&self, from: usize, to: usize) -> Option<Vec<usize>> {
        let mut ways = vec![vec![from]];
        let mut seen = BTreeSet::from([from]);
        let mut next = 0;
        while let Some(way) = ways.get(next).cloned() {
            next += 1;
            let last = way[way.len() - 1];
            if last == to {
                return Some(way);
            }
            let steps = self.runs(last).into_iter().filter(|index| seen.insert(*index));
            ways.extend(steps.map(|index| way.iter().copied().chain([index]).collect()));
        }
        None
    }

    /// Reports what concerns the family as a whole, in its first file.
    fn verify_root(&mut self, values: &PromptValues) {
        let asked = self.parsed.values().flat_map(|parsed| parsed.asked.clone()).collect::<Vec<_>>();
        let circular = self.parsed.keys().any(|index| self.runs(*index).into_iter().any(|run| self.way(run, *index).is_some()));
        let stages = if circular { 0 } else { self.count_stages(0, &mut BTreeMap::new()) };
        let Some(root) = self.parsed.get_mut(&0) else { return };
        filling::refuse_unasked(values, &asked, &mut root.reading.findings);
        if stages > MAX_STAGES {
            let message = format!("with all that it runs the scenario has {stages} stages, more than {MAX_STAGES}");
            root.reading.findings.add_to_file(message).help("run fewer scenarios from it");
        }
    }

    /// How many stages a scenario comes to, each scenario counted once per time it is run. Circles must be excluded.
    fn count_stages(&self, index: usize, counted: &mut BTreeMap<usize, usize>) -> usize {
        if let Some(count) = counted.get(&index) {
            return *count;
        }
        let own = self.parsed.get(&index).and_then(|parsed| parsed.scenario.as_ref());
        let own = own.map_or(0, |scenario| count(&scenario.stages));
        let nested = self.runs(index).into_iter().map(|run| self.count_stages(run, counted));
        let total = nested.fold(own, usize::saturating_add);
        counted.insert(index, total);
        total
    }

    fn into_problems(self) -> Vec<Problem> {
        self.parsed.into_values().flat_map(|parsed| parsed.reading.findings.into_problems()).collect()
    }

    fn finish(self) -> Result<Family, Problems> {
        let mut scenarios = Vec::new();
        let mut problems = Vec::new();
        for parsed in self.parsed.into_values() {
            match parsed.finish() {
                Ok(scenario) => scenarios.push(scenario),
                Err(found) => problems.extend(found),
            }
        }
        Problems::found(problems)?;
        let mut scenarios = scenarios.into_iter();
        let root = scenarios.next().expect("the first file was read without a problem");
        Ok(Family { root, nested: scenarios.map(|scenario| (scenario.name.clone(), scenario)).collect() })
    }
}

fn count(stages: &[Stage]) -> usize {
    let of = |stage: &Stage| match stage {
        Stage::Parallel(stages) => 1 + count(stages),
        _ => 1,
    };
    stages.iter().map(of).sum()
}
