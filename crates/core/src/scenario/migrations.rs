//! Scripts of migrations, as stages name them.

use super::reading::Reading;
use crate::document::{At, Text};
use crate::environment::{AwsEndpoint, AwsPlace, AwsRegion, ParameterPath};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where scripts are, how they are to be read, and what the database should be like once they have run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scripts {
    /// Folders, relative to the scenario's folder; at least one, or a configuration file that names some.
    pub locations: Vec<String>,
    /// Flyway's own configuration files, relative to the scenario's folder.
    pub config: Vec<PathBuf>,
    /// Where more settings, and what placeholders stand for, are in SSM's parameter store; they count before those of files.
    #[serde(default)]
    pub parameters: Parameters,
    /// Flyway's settings by their names without `flyway.`, which count before all others.
    pub settings: BTreeMap<String, String>,
    /// What tables the application expects.
    pub models: Option<PathBuf>,
}

/// Parameters of SSM's parameter store, by where they are: their values are nobody's to keep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// The paths below which they are. Of two parameters for one setting that of the later path counts.
    pub below: Vec<ParameterPath>,
    /// Where AWS is asked.
    pub place: AwsPlace,
}

/// A folder of scripts, several, or scripts with their settings.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum WrittenLocations {
    /// One folder.
    One(#[schemars(length(min = 1))] String),
    /// Several.
    Several(#[schemars(length(min = 1))] Vec<String>),
    /// With more about them.
    Full(WrittenScripts),
}

/// Scripts of migrations, named as Flyway names them, and how they are read.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "scripts")]
pub(super) struct WrittenScripts {
    /// Folders of scripts, relative to the scenario's folder; default what `config` says.
    #[serde(default)]
    locations: Vec<String>,
    /// Flyway's own configuration files, relative to the scenario's folder; default none.
    #[serde(default)]
    config: Vec<String>,
    /// Settings and placeholders in SSM's parameter store; default none. They count before those of `config`. What is called
    /// `flyway.NAME` below its path is a setting, all else a placeholder.
    parameters: Option<WrittenParameters>,
    /// Flyway's settings by their names without `flyway.`, such as `table` or `outOfOrder`; they count before all others.
    #[serde(default)]
    settings: BTreeMap<String, String>,
    /// A file of models, relative to the scenario's folder, that the database is compared with afterwards; default none.
    #[schemars(length(min = 1))]
    models: Option<String>,
}

/// Paths in SSM's parameter store, and where AWS is asked.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
enum WrittenParameters {
    /// Paths, such as `/app/preprod/common`.
    Paths(#[schemars(length(min = 1))] Vec<Text<ParameterPath>>),
    /// With the place.
    Full(WrittenStore),
}

/// Parameters of SSM's parameter store. `SecureString` is decrypted, and its value is in no plan, journal or log.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "parameters")]
struct WrittenStore {
    /// The paths below which all parameters are read, such as `/app/preprod/common`. Of two for one setting that of the later
    /// path counts.
    #[schemars(length(min = 1))]
    below: Vec<Text<ParameterPath>>,
    /// The region of AWS; default that of AWS's own configuration.
    region: Option<Text<AwsRegion>>,
    /// Another address than AWS's own.
    endpoint: Option<Text<AwsEndpoint>>,
}

impl WrittenLocations {
    pub(super) fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Scripts> {
        let of = |locations: &[String]| Scripts { locations: locations.to_vec(), ..Scripts::default() };
        match self {
            Self::One(location) => Some(of(std::slice::from_ref(location))),
            Self::Several(locations) => Some(of(locations)),
            Self::Full(scripts) => scripts.read(at, reading),
        }
    }
}

impl WrittenScripts {
    pub(super) fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Scripts> {
        let parameters = match &self.parameters {
            Some(parameters) => parameters.read(at.key("parameters"), reading)?,
            None => Parameters::default(),
        };
        if self.locations.is_empty() && self.config.is_empty() && parameters.below.is_empty() {
            if !at.key("locations").is_doubtful() && !at.key("config").is_doubtful() {
                let finding = reading.findings.at(at, "nothing says where the scripts are");
                finding.help("add `locations: [db/migration]`, or `config: [flyway.conf]` with `flyway.locations`");
            }
            return None;
        }
        Some(Scripts {
            locations: self.locations.clone(),
            config: self.config.iter().map(PathBuf::from).collect(),
            parameters,
            settings: self.settings.clone(),
            models: self.models.as_ref().map(PathBuf::from),
        })
    }
}

impl WrittenParameters {
    fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Parameters> {
        match self {
            Self::Paths(paths) => Some(Parameters { below: all(paths, at, reading)?, place: AwsPlace::default() }),
            Self::Full(WrittenStore { below, region, endpoint }) => {
                let place = AwsPlace::read(region.as_ref(), endpoint.as_ref(), at, &mut reading.findings);
                let below = all(below, at.key("below"), reading);
                Some(Parameters { below: below?, place: place? })
            }
        }
    }
}

/// The paths, or nothing if one of them is wrong.
fn all(paths: &[Text<ParameterPath>], at: At<'_>, reading: &mut Reading<'_>) -> Option<Vec<ParameterPath>> {
    let read = |(index, path)| reading.findings.parse(at.index(index), path);
    let read: Vec<Option<ParameterPath>> = paths.iter().enumerate().map(read).collect();
    read.into_iter().collect()
}
