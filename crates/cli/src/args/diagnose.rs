//! `diagnose`

use clap::{ArgGroup, Args};
use restage_core::environment::{AwsEndpoint, AwsRegion, ParameterName, ParameterPath};
use restage_core::name::{DatabaseName, EnvironmentName};
use restage_core::provider::queue::{LocalQueue, SqsName};
use std::path::PathBuf;

/// `diagnose`
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("subject").required(true).multiple(true)
    .args(["scenario", "database", "queue", "log", "host_command", "parameters", "parameter", "history"]))]
#[command(group = ArgGroup::new("compared").multiple(true).args(["scenario", "database"]))]
pub(crate) struct Diagnose {
    /// A scenario whose stages `migrate` and `copy-database` name the database, its scripts and the queue of its signals.
    pub(crate) scenario: Option<String>,
    /// Answers a prompt of the scenario; may be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE", requires = "scenario")]
    pub(crate) answers: Vec<String>,
    /// The database, by its names in environments.yaml.
    #[arg(long, value_name = "ENVIRONMENT/NAME", value_parser = database)]
    pub(crate) database: Option<NamedDatabase>,
    /// The queue of the migrator's signals: sqs:NAME, sqs:URL or local:NAME; by default that of the scenario's stage. It is
    /// looked at, and nothing is taken out.
    #[arg(long, value_name = "QUEUE", value_parser = queue)]
    pub(crate) queue: Option<NamedQueue>,
    /// The region of AWS; by default that of the queue's URL, or of AWS's own configuration.
    #[arg(long, value_name = "REGION", value_parser = AwsRegion::parse)]
    pub(crate) region: Option<AwsRegion>,
    /// Another address than AWS's own.
    #[arg(long, value_name = "URL", value_parser = AwsEndpoint::parse)]
    pub(crate) endpoint: Option<AwsEndpoint>,
    /// A folder of scripts that the history is compared with; may be repeated.
    #[arg(long, value_name = "FOLDER", conflicts_with = "scenario", requires = "database")]
    pub(crate) location: Vec<String>,
    /// A configuration file of Flyway that names the scripts and how they are read; may be repeated.
    #[arg(long, value_name = "FILE", conflicts_with = "scenario", requires = "database")]
    pub(crate) config: Vec<PathBuf>,
    /// A file of models that the database is compared with, in place of the scenario's.
    #[arg(long, value_name = "FILE", requires = "compared")]
    pub(crate) models: Option<PathBuf>,
    /// The migrator's log; its last error and exit status are shown.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// A command that succeeds while the migrator lives, such as 'ssh HOST systemctl is-active SERVICE'.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) host_command: Option<String>,
    /// A path in SSM's parameter store below which every parameter must be readable; may be repeated.
    #[arg(long, value_name = "PATH", value_parser = ParameterPath::parse)]
    pub(crate) parameters: Vec<ParameterPath>,
    /// A parameter that must be there; may be repeated.
    #[arg(long, value_name = "NAME", value_parser = ParameterName::parse)]
    pub(crate) parameter: Vec<ParameterName>,
    #[command(flatten)]
    pub(crate) fixing: Fixing,
    #[command(flatten)]
    pub(crate) beyond: Beyond,
    /// Show what --fix did so far, newest first.
    #[arg(long)]
    pub(crate) history: bool,
}

/// Whether something is done.
#[derive(Debug, Args)]
pub(crate) struct Fixing {
    /// Do what is safe about what was found, each after asking, each written down.
    #[arg(long, conflicts_with = "history")]
    pub(crate) fix: bool,
    /// With --fix: do not ask; needed where there is no terminal.
    #[arg(long, short = 'y', requires = "fix")]
    pub(crate) yes: bool,
}

/// What may be done beyond what is safe.
#[derive(Debug, Args)]
pub(crate) struct Beyond {
    /// With --fix: delete messages even if their migrator lives, nobody knows, or a run works on the database.
    #[arg(long, requires = "fix")]
    pub(crate) purge_anyway: bool,
    /// With --fix: take the scripts for right, and bring rows of the history that differ from them in line.
    #[arg(long, requires = "fix")]
    pub(crate) align_history: bool,
}

/// A database by its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedDatabase {
    pub(crate) environment: EnvironmentName,
    pub(crate) database: DatabaseName,
}

/// A queue by its name or URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NamedQueue {
    Sqs(SqsName),
    Local(LocalQueue),
}

impl std::fmt::Display for NamedDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.environment, self.database)
    }
}

impl std::fmt::Display for NamedQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqs(name) => write!(f, "sqs:{}", String::from(name.clone())),
            Self::Local(name) => write!(f, "local:{}", name.as_str()),
        }
    }
}

fn database(text: &str) -> Result<NamedDatabase, String> {
    let (environment, database) = text.split_once('/').ok_or("write ENVIRONMENT/NAME, such as `preprod/app`")?;
    Ok(NamedDatabase { environment: EnvironmentName::parse(environment)?, database: DatabaseName::parse(database)? })
}

fn queue(text: &str) -> Result<NamedQueue, String> {
    match text.split_once(':') {
        Some(("sqs", name)) => SqsName::parse(name).map(NamedQueue::Sqs),
        Some(("local", name)) => LocalQueue::parse(name).map(NamedQueue::Local),
        _ => Err("write sqs:NAME, sqs:URL or local:NAME".into()),
    }
}
