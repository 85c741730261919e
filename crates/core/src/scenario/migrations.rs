//! Scripts of migrations, as stages name them.

use super::reading::Reading;
use crate::document::At;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where scripts are, how they are to be read, and what the database should be like once they have run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scripts {
    /// Folders, relative to the scenario's folder; at least one, or a configuration file that names some.
    pub locations: Vec<String>,
    /// Flyway's own configuration files, relative to the scenario's folder.
    pub config: Vec<PathBuf>,
    /// Flyway's settings by their names without `flyway.`, which count before those of files.
    pub settings: BTreeMap<String, String>,
    /// What tables the application expects.
    pub models: Option<PathBuf>,
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
    /// Flyway's settings by their names without `flyway.`, such as `table` or `outOfOrder`; they count before those of `config`.
    #[serde(default)]
    settings: BTreeMap<String, String>,
    /// A file of models, relative to the scenario's folder, that the database is compared with afterwards; default none.
    #[schemars(length(min = 1))]
    models: Option<String>,
}

impl WrittenLocations {
    pub(super) fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Scripts> {
        let of = |locations: &[String]| Scripts {
            locations: locations.to_vec(),
            config: vec![],
            settings: BTreeMap::new(),
            models: None,
        };
        match self {
            Self::One(location) => Some(of(std::slice::from_ref(location))),
            Self::Several(locations) => Some(of(locations)),
            Self::Full(scripts) => scripts.read(at, reading),
        }
    }
}

impl WrittenScripts {
    pub(super) fn read(&self, at: At<'_>, reading: &mut Reading<'_>) -> Option<Scripts> {
        if self.locations.is_empty() && self.config.is_empty() {
            if !at.key("locations").is_doubtful() && !at.key("config").is_doubtful() {
                let finding = reading.findings.at(at, "nothing says where the scripts are");
                finding.help("add `locations: [db/migration]`, or `config: [flyway.conf]` with `flyway.locations`");
            }
            return None;
        }
        Some(Scripts {
            locations: self.locations.clone(),
            config: self.config.iter().map(PathBuf::from).collect(),
            settings: self.settings.clone(),
            models: self.models.as_ref().map(PathBuf::from),
        })
    }
}
