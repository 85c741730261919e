//! Versions of schemas: what a database has, and what is recorded elsewhere.

use super::migrating::{MigrateSpec, Migrated};
use crate::environment::{AwsPlace, ParameterName};
use crate::error::Result;
use crate::signal::SchemaVersion;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// Observes the versions of schemas, and keeps records of them.
#[async_trait::async_trait]
pub trait Versions: Send + Sync {
    /// What a database has of some scripts, which is only read: an error says what is pending, or unlike its script or model.
    async fn observed(&self, spec: &MigrateSpec) -> Result<Migrated>;
    /// The version that a record says; none where there is no record.
    async fn recorded(&self, record: &Record) -> Result<Option<SchemaVersion>>;
    /// Makes a record say that version; none takes the record away.
    async fn record(&self, record: &Record, version: Option<&SchemaVersion>) -> Result<()>;
}

/// Where the version of a schema is recorded beside its own history.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    /// In a file that has nothing else.
    File(PathBuf),
    /// In a parameter of SSM's parameter store.
    Parameter {
        /// Which.
        name: ParameterName,
        /// Where AWS is asked.
        place: AwsPlace,
    },
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file `{}`", path.display()),
            Self::Parameter { name, .. } => write!(f, "the parameter `{name}`"),
        }
    }
}
