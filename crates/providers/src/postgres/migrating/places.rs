//! Settings of scripts, with their places found from the scenario's folder.

use super::trouble::told_of_migrations;
use restage_core::scenario::migrations::Scripts;
use restage_core::{Code, Result};
use restage_migrate::scripts::Location;
use restage_migrate::settings::{Settings, flyway};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What errors call the settings that stand in a scenario.
const IN_SCENARIO: &str = "settings of the scenario";

/// Reads configuration files and the scenario's own settings, which count before them.
///
/// The environment of whoever runs restage has no say in a plan.
pub(super) fn settings(scripts: &Scripts, folder: &Path) -> Result<Settings> {
    let mut files = Vec::new();
    for config in &scripts.config {
        let path = folder.join(config);
        files.push((path.clone(), text(&path)?));
    }
    let own = scripts.settings.iter().map(|(key, value)| format!("flyway.{key}={}\n", escaped(value)));
    files.push((PathBuf::from(IN_SCENARIO), own.collect()));
    let read = flyway::read(&files, &BTreeMap::new()).map_err(super::first_told)?;
    let mut settings = read.settings;
    if !scripts.locations.is_empty() {
        let locations = scripts.locations.iter().map(|location| location.parse());
        settings.locations = locations.collect::<Result<_, _>>().map_err(told_of_migrations)?;
    }
    let within = |location: &Location| location.within(folder);
    settings.locations = settings.locations.iter().map(within).collect();
    Ok(settings)
}

/// The value as a file of properties has it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

pub(super) fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|cause| {
        let error = Code::FileUnreadable.error(format!("cannot read `{}`", path.display()));
        error.help("put the file where the scenario says, relative to the scenario's folder").because(cause)
    })
}
