//! Environments: what exists, where it is, and what must never be changed.

mod address;
mod aws;
mod secret;

pub use address::{DatabaseAddress, Endpoint, RootCertificate, ServerDatabase, SslMode};
pub use aws::{AwsEndpoint, AwsPlace, AwsRegion, ParameterName, ParameterPath};
pub(crate) use secret::is_variable;
pub use secret::{SecretRef, VaultField};

use crate::document::{self, At, Findings, Problems, Source, Text, did_you_mean};
use crate::name::{DatabaseName, EnvironmentName};
use crate::template::is_template;
use address::WrittenDatabase;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Every environment of an installation, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Environments {
    by_name: BTreeMap<EnvironmentName, Environment>,
}

/// A named place and what it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Whether it may be changed.
    pub kind: Kind,
    /// Its databases by the names that scenarios use.
    pub databases: BTreeMap<DatabaseName, DatabaseAddress>,
}

/// Whether an environment may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Production: read, never written.
    Production,
    /// Anything else.
    Other,
}

impl Environments {
    /// Reads an environments file, or reports everything that is wrong with it.
    pub fn parse(source: &Source) -> Result<Self, Problems> {
        let mut findings = Findings::new(source);
        let environments = read(source, &mut findings);
        findings.into_result(environments)
    }
    /// The JSON schema of the environments file, for editors.
    pub fn schema() -> Value {
        document::for_editors::<WrittenEnvironments>(document::Templates::Refused)
    }
    /// The environment of that name.
    pub fn get(&self, name: &EnvironmentName) -> Option<&Environment> {
        self.by_name.get(name)
    }
    /// Every environment in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&EnvironmentName, &Environment)> {
        self.by_name.iter()
    }
    /// The names, for suggestions.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.by_name.keys().map(EnvironmentName::as_str)
    }
}

impl Environment {
    /// Whether nothing in it may be changed.
    pub fn is_production(&self) -> bool {
        self.kind == Kind::Production
    }
}

/// The environments file: what exists and how to reach it. Scenarios refer to it by name.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "environments", title = "restage environments")]
struct WrittenEnvironments {
    /// The environments by name. A name has 1 to 63 of a-z, 0-9, `-` and `_` and starts with a letter or digit.
    environments: BTreeMap<String, WrittenEnvironment>,
}

/// One environment.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "environment")]
struct WrittenEnvironment {
    /// Whether this is production, which restage reads and never changes; default false. A scenario whose `to` is a
    /// production environment is refused.
    #[serde(default)]
    production: bool,
    /// The PostgreSQL databases by the names that scenarios use; default none. A database has the same name here in
    /// every environment, whatever its server calls it.
    #[serde(default)]
    databases: BTreeMap<String, WrittenDatabase>,
}

fn read(source: &Source, findings: &mut Findings) -> Environments {
    let Some(mut root) = document::read(source, findings) else { return Environments::default() };
    root.for_each_scalar(&mut |scalar, span| {
        if !is_template(&scalar.text) {
            return Some(());
        }
        let finding = findings.add(span.clone(), "the environments file cannot use templates");
        finding.help("write the value itself; only scenarios have prompts");
        None
    });
    let Some(written) = document::deserialize::<WrittenEnvironments>(&mut root, findings) else {
        return Environments::default();
    };
    let at = At::root(&root).key("environments");
    if written.environments.is_empty() && !at.has_doubts() {
        findings.at(at, "there are no environments").help("add one; `restage init` writes an example");
    }
    let mut by_name = BTreeMap::new();
    for (name, environment) in &written.environments {
        let at = at.key(name);
        let read = environment.read(at, findings);
        if let Some(name) = findings.parse_key(at, name) {
            by_name.insert(name, read);
        }
    }
    let environments = Environments { by_name };
    refuse_shared_with_production(&environments, at, findings);
    environments
}

impl WrittenEnvironment {
    fn read(&self, at: At<'_>, findings: &mut Findings) -> Environment {
        let kind = if self.production { Kind::Production } else { Kind::Other };
        let mut databases = BTreeMap::new();
        for (name, database) in &self.databases {
            let at = at.key("databases").key(name);
            let address = database.read(at, findings);
            if let (Some(name), Some(address)) = (findings.parse_key(at, name), address) {
                databases.insert(name, address);
            }
        }
        Environment { kind, databases }
    }
}

/// An address that production also has would let a refresh overwrite production.
fn refuse_shared_with_production(environments: &Environments, at: At<'_>, findings: &mut Findings) {
    let databases = |kind| {
        let of_kind = environments.iter().filter(move |(_, environment)| environment.kind == kind);
        of_kind.flat_map(|(name, environment)| environment.databases.iter().map(move |(key, value)| (name, key, value)))
    };
    for (name, database, address) in databases(Kind::Other) {
        let same = databases(Kind::Production).find(|(_, _, production)| production.is_same_place(address));
        if let Some((production, other, _)) = same {
            let at = at.key(name.as_str()).key("databases").key(database.as_str()).key("url");
            let finding = findings.at(at, format!("this is also the address of `{other}` in production `{production}`"));
            finding.help("correct one of the two; production must share no database with other environments");
        }
    }
}

/// Finds an environment by the name that a scenario gives.
pub(crate) fn find<'e>(
    written: &Text<EnvironmentName>,
    at: At<'_>,
    environments: &'e Environments,
    findings: &mut Findings,
) -> Option<(EnvironmentName, &'e Environment)> {
    let name = findings.parse(at, written)?;
    let found = environments.get(&name);
    if found.is_none() {
        let help = did_you_mean(name.as_str(), "the environments", environments.names());
        findings.at(at, format!("there is no environment `{name}`")).maybe_help(help);
    }
    found.map(|environment| (name, environment))
}
