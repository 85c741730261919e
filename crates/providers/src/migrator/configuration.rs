//! What a migrator is told, and what becomes of it before anything is touched.

use super::models::read_models;
use super::sources::Sources;
use crate::aws::{Aws, ParameterValues, Parameters, Wanted};
use crate::postgres::Servers;
use crate::secrets::Secrets;
use restage_core::environment::{AwsPlace, DatabaseAddress, ParameterName, ParameterPath};
use restage_core::error::Failure;
use restage_core::{Code, Error, Result};
use restage_migrate::models::Models;
use restage_migrate::settings::Settings;
use restage_pgcopy::connect::Endpoint;
use std::path::PathBuf;

/// What a migrator is told.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The database.
    pub address: DatabaseAddress,
    /// A parameter in SSM that holds its password, in place of what the address says.
    pub password: Option<ParameterName>,
    /// What the environment is called in scripts.
    pub environment: String,
    /// Where settings come from.
    pub sources: Sources,
    /// Where AWS is asked for parameters.
    pub place: AwsPlace,
    /// The file that says what the database should be.
    pub models: Option<PathBuf>,
}

/// How what a configuration refers to is reached.
#[derive(Clone, Debug)]
pub struct Access {
    /// Servers, with the secrets that open them.
    pub servers: Servers,
    /// SSM's parameter store.
    pub parameters: Parameters,
}

/// A configuration whose every reference was followed.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// What is set.
    pub settings: Settings,
    /// Keys that Flyway knows and that mean nothing here.
    pub unused: Vec<String>,
    /// The database, with its password.
    pub endpoint: Endpoint,
    /// What the database should be.
    pub models: Option<Models>,
    /// What the environment is called in scripts.
    pub environment: String,
}

impl Access {
    /// Asks AWS through the first; what is secret comes from the second and is hidden by it.
    pub fn new(aws: Aws, secrets: Secrets) -> Self {
        Self { servers: Servers::new(secrets.clone()), parameters: Parameters::new(aws, secrets) }
    }

    /// The parameters below these paths, or an error for each path that is missing or forbidden.
    pub async fn below(&self, paths: &[ParameterPath], place: &AwsPlace) -> Result<ParameterValues, Vec<Error>> {
        if paths.is_empty() {
            return Ok(ParameterValues::default());
        }
        let wanted: Vec<Wanted> = paths.iter().cloned().map(Wanted::Below).collect();
        Box::pin(self.parameters.resolve(place, &wanted)).await
    }

    /// The error without a secret that a server or a setting may have quoted.
    pub fn without_secrets(&self, error: &Error) -> Error {
        let mut told = Error::from(self.failure_without_secrets(error));
        told.retry = error.retry;
        told
    }

    /// As [`Access::without_secrets`], for an error that is kept.
    pub fn failure_without_secrets(&self, error: &Error) -> Failure {
        let redact = |text: &str| self.servers.secrets().redact(text);
        let mut failure = Failure::from(error);
        failure.message = redact(&failure.message);
        failure.help = failure.help.as_deref().map(redact);
        failure.causes = failure.causes.iter().map(|cause| redact(cause)).collect();
        failure
    }
}

impl Configuration {
    /// Follows every reference, or reports everything that is missing, forbidden or wrong.
    pub async fn resolve(&self, access: &Access) -> Result<Resolved, Vec<Error>> {
        let mut errors = Vec::new();
        let fetched = access.below(&self.sources.parameters, &self.place).await.unwrap_or_else(|wrong| {
            errors.extend(wrong);
            ParameterValues::default()
        });
        let reading = self.sources.read(&fetched).map_err(|wrong| errors.extend(wrong)).ok();
        let endpoint = self.endpoint(access).await.map_err(|error| errors.push(error)).ok();
        let models = self.models.as_deref().map(read_models).transpose().map_err(|error| errors.push(error)).ok();
        match (reading, endpoint, models) {
            (Some(reading), Some(endpoint), Some(models)) if errors.is_empty() => Ok(Resolved {
                settings: reading.settings,
                unused: reading.unused.into_iter().map(|(key, _)| key).collect(),
                endpoint,
                models,
                environment: reading.environment.unwrap_or_else(|| self.environment.clone()),
            }),
            _ => Err(errors),
        }
    }

    /// The database with its password.
    pub async fn endpoint(&self, access: &Access) -> Result<Endpoint> {
        let Some(name) = &self.password else { return access.servers.endpoint(&self.address).await };
        let without = DatabaseAddress { password: None, ..self.address.clone() };
        let mut endpoint = access.servers.endpoint(&without).await?;
        let value = access.parameters.read(&self.place, name).await?.ok_or_else(|| {
            let error = Code::ParameterMissing.error(format!("the parameter `{name}` is not in SSM's parameter store"));
            error.help("check the name, the region and, with `aws sts get-caller-identity`, the account")
        })?;
        endpoint.password = Some(value.expose().to_owned().into());
        Ok(endpoint)
    }
}
