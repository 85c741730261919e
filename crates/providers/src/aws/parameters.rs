//! Parameters of AWS Systems Manager's parameter store.

use super::{Aws, Kind, Trouble};
use crate::secrets::Secrets;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{Parameter, ParameterType};
use restage_core::environment::{AwsPlace, ParameterName, ParameterPath};
use restage_core::{Code, Error, Result};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;

/// Pages of ten parameters that are read below one path; whoever has more means another path.
const MAX_PAGES: usize = 200;

/// Reads and writes parameters.
#[derive(Clone, Debug)]
pub struct Parameters {
    aws: Aws,
    secrets: Secrets,
}

/// What must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// One parameter.
    Name(ParameterName),
    /// Every parameter below a path, at whatever depth; at least one.
    Below(ParameterPath),
}

/// Parameters with their values, which may be secrets.
#[derive(Default)]
pub struct ParameterValues {
    by_name: BTreeMap<ParameterName, ParameterValue>,
}

/// The value of a parameter.
pub enum ParameterValue {
    /// One that anybody may see.
    Plain(String),
    /// A `SecureString`, decrypted.
    Secret(SecretString),
}

impl Parameters {
    /// Asks AWS; secret values are hidden in output by `secrets` from then on.
    pub fn new(aws: Aws, secrets: Secrets) -> Self {
        Self { aws, secrets }
    }

    /// All that is wanted, or an error for each thing that is missing or forbidden: [`Code::ParameterMissing`] and
    /// [`Code::ParameterForbidden`] name it.
    pub async fn resolve(&self, place: &AwsPlace, wanted: &[Wanted]) -> Result<ParameterValues, Vec<Error>> {
        let client = self.client(place).await.map_err(|error| vec![error])?;
        let (mut values, mut errors) = (ParameterValues::default(), Vec::new());
        for one in wanted {
            let found = match one {
                Wanted::Name(name) => one_of(&client, name).await.map(|parameter| vec![parameter]),
                Wanted::Below(path) => below(&client, path).await,
            };
            match found.and_then(|found| found.into_iter().map(|parameter| self.value(parameter)).collect::<Result<Vec<_>>>()) {
                Ok(found) => values.by_name.extend(found),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(values) } else { Err(errors) }
    }

    /// The value of one parameter; none where there is no such parameter.
    pub async fn read(&self, place: &AwsPlace, name: &ParameterName) -> Result<Option<ParameterValue>> {
        match one_of(&self.client(place).await?, name).await {
            Ok(parameter) => Ok(Some(self.value(parameter)?.1)),
            Err(error) if error.code == Code::ParameterMissing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives a parameter a value that anybody may see; one that exists keeps its type.
    pub async fn write(&self, place: &AwsPlace, name: &ParameterName, value: &str) -> Result<()> {
        let client = self.client(place).await?;
        let kind = match one_of(&client, name).await {
            Ok(existing) => existing.r#type,
            Err(error) if error.code == Code::ParameterMissing => None,
            Err(error) => return Err(error),
        };
        let put = client.put_parameter().name(name.as_str()).value(value).overwrite(true);
        let put = put.r#type(kind.unwrap_or(ParameterType::String)).send().await;
        put.map(drop).map_err(|error| refused(Trouble::of(&error), "parameter", name.as_str(), "written"))
    }

    /// Takes a parameter away; one that is not there is no error.
    pub async fn remove(&self, place: &AwsPlace, name: &ParameterName) -> Result<()> {
        let deleted = self.client(place).await?.delete_parameter().name(name.as_str()).send().await;
        match deleted.map_err(|error| refused(Trouble::of(&error), "parameter", name.as_str(), "deleted")) {
            Err(error) if error.code != Code::ParameterMissing => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn client(&self, place: &AwsPlace) -> Result<Client> {
        Ok(Client::new(&self.aws.config(place).await?))
    }

    fn value(&self, parameter: Parameter) -> Result<(ParameterName, ParameterValue)> {
        let is_secret = parameter.r#type == Some(ParameterType::SecureString);
        let name = parameter.name.unwrap_or_default();
        let name = ParameterName::parse(&name).map_err(|wrong| Code::ParameterMissing.error(wrong))?;
        let value = parameter.value.unwrap_or_default();
        if !is_secret {
            return Ok((name, ParameterValue::Plain(value)));
        }
        let secret = SecretString::from(value);
        self.secrets.hide(name.as_str(), &secret);
        Ok((name, ParameterValue::Secret(secret)))
    }
}

impl ParameterValues {
    /// The value of that parameter.
    pub fn get(&self, name: &ParameterName) -> Option<&ParameterValue> {
        self.by_name.get(name)
    }
    /// Every parameter in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&ParameterName, &ParameterValue)> {
        self.by_name.iter()
    }
}

impl ParameterValue {
    /// The value itself, secret or not.
    pub fn expose(&self) -> &str {
        match self {
            Self::Plain(value) => value,
            Self::Secret(secret) => secret.expose_secret(),
        }
    }
}

async fn one_of(client: &Client, name: &ParameterName) -> Result<Parameter> {
    let answer = client.get_parameter().name(name.as_str()).with_decryption(true).send().await;
    let answer = answer.map_err(|error| refused(Trouble::of(&error), "parameter", name.as_str(), "read"))?;
    answer.parameter.ok_or_else(|| missing("parameter", name.as_str()))
}

async fn below(client: &Client, path: &ParameterPath) -> Result<Vec<Parameter>> {
    let request = client.get_parameters_by_path().path(path.as_str()).recursive(true).with_decryption(true);
    let mut pages = request.into_paginator().send();
    let mut found = Vec::new();
    for _ in 0..MAX_PAGES {
        let Some(page) = pages.next().await else {
            return if found.is_empty() { Err(missing("parameters below", path.as_str())) } else { Ok(found) };
        };
        let page = page.map_err(|error| refused(Trouble::of(&error), "parameters below", path.as_str(), "read"))?;
        found.extend(page.parameters.unwrap_or_default());
    }
    Err(Code::ParameterForbidden
        .error(format!("there are more than {} parameters below `{path}`", found.len()))
        .help("name a longer path"))
}

fn missing(what: &str, name: &str) -> Error {
    let verb = if what.starts_with("parameters") { "are" } else { "is" };
    Code::ParameterMissing
        .error(format!("the {what} `{name}` {verb} not in SSM's parameter store"))
        .help("check the name, the region and, with `aws sts get-caller-identity`, the account")
}

fn refused(trouble: Trouble, what: &str, name: &str, done: &str) -> Error {
    let subject = format!("the {what} `{name}`");
    match trouble.kind {
        Kind::Missing => missing(what, name).because(trouble),
        Kind::Forbidden => Code::ParameterForbidden
            .error(format!("{subject} may not be {done}"))
            .help("grant this role access to it and to the key that encrypts it; the cause is AWS's own")
            .because(trouble),
        // A key that is disabled or gone is told in many words, all of them about the key.
        Kind::Other => Code::ParameterForbidden
            .error(format!("{subject} cannot be {done}"))
            .help("the cause is AWS's own; if it names a key, look at it with `aws kms describe-key`")
            .because(trouble),
        Kind::Unreachable | Kind::UnknownCaller => {
            let verb = if done == "read" { "read" } else { "write" };
            trouble.of_aws(&format!("{verb} {subject}"))
        }
    }
}

#[cfg(test)]
mod tests;
