//! What the stages of a scenario are checked against while they are read.

use crate::document::{At, Findings, Text, did_you_mean};
use crate::duration::Duration;
use crate::environment::{DatabaseAddress, Environment};
use crate::name::{DatabaseName, EnvironmentName, ScenarioName};
use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};

/// An environment with its name.
pub(crate) type Named<'e> = (EnvironmentName, &'e Environment);

/// The file's problems so far, and what is known around the stages.
pub(crate) struct Reading<'e> {
    pub(crate) findings: Findings,
    /// Nothing where the file does not say or says it wrongly.
    pub(crate) from: Option<Named<'e>>,
    /// Nothing where the file does not say or says it wrongly.
    pub(crate) to: Option<Named<'e>>,
    /// The scenarios that this one runs, and where it says so.
    pub(crate) nested: Vec<(ScenarioName, Range<usize>)>,
    /// The databases that a stage already copies.
    pub(super) copied: BTreeSet<DatabaseName>,
    /// Where the first column is masked.
    pub(super) first_mask: Option<Range<usize>>,
}

impl<'e> Reading<'e> {
    pub(super) fn new(findings: Findings) -> Self {
        Self { findings, from: None, to: None, nested: Vec::new(), copied: BTreeSet::new(), first_mask: None }
    }

    /// A duration within its limits, or the default.
    pub(super) fn duration(
        &mut self,
        at: At<'_>,
        written: Option<&Text<Duration>>,
        default: Duration,
        limits: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let Some(written) = written else { return Some(default) };
        let duration = self.findings.parse(at, written)?;
        if limits.contains(&duration) {
            return Some(duration);
        }
        let (least, most) = (limits.start(), limits.end());
        let help = format!("write a duration from {least} to {most}; the default is {default}");
        let which = if duration < *least { "shorter" } else { "longer" };
        let limit = if duration < *least { least } else { most };
        self.findings.at(at, format!("`{duration}` is {which} than the limit of {limit}")).help(help);
        None
    }

    /// The name of a database that the `to` environment has.
    pub(super) fn target_database(&mut self, at: At<'_>, written: &Text<DatabaseName>) -> Option<DatabaseName> {
        let name = self.findings.parse(at, written)?;
        let to = self.to.clone();
        self.address(&name, at, to.as_ref());
        Some(name)
    }

    /// The address of a database in an environment that is known.
    pub(super) fn address(
        &mut self,
        name: &DatabaseName,
        at: At<'_>,
        environment: Option<&Named<'e>>,
    ) -> Option<&'e DatabaseAddress> {
        let (place, environment) = environment?;
        let found = environment.databases.get(name);
        if found.is_none() {
            let known = environment.databases.keys().map(DatabaseName::as_str);
            let help = did_you_mean(name.as_str(), "its databases", known)
                .unwrap_or_else(|| format!("add it to the databases of `{place}` in the environments file"));
            self.findings.at(at, format!("the environment `{place}` has no database `{name}`")).help(help);
        }
        found
    }
}
