//! Where settings come from, and which of them count.

use super::trouble::told_of_migrations;
use crate::aws::{ParameterValue, ParameterValues};
use restage_core::environment::{ParameterName, ParameterPath};
use restage_core::{Code, Error, Result};
use restage_migrate::scripts::Location;
use restage_migrate::settings::flyway::Reading;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What parameters that are settings begin with; all others are placeholders.
const SETTING: &str = "flyway.";

/// Where settings come from. What stands further down wins over what stands above it.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Flyway's configuration files that are read where they are there, in this order.
    pub usual_files: Vec<PathBuf>,
    /// Flyway's configuration files that must be there, in this order.
    pub files: Vec<PathBuf>,
    /// Paths in SSM's parameter store, in this order.
    pub parameters: Vec<ParameterPath>,
    /// The environment: `FLYWAY_*`, and what files refer to.
    pub variables: BTreeMap<String, String>,
    /// Flyway's settings by name.
    pub values: Vec<(String, String)>,
    /// What errors call the origin of these.
    pub values_from: &'static str,
    /// Where scripts are; where there are none, settings say it.
    pub locations: Vec<String>,
    /// What relative locations are relative to.
    pub folder: PathBuf,
}

impl Sources {
    /// Reads all of them, or reports everything that is wrong with them; nothing is fetched, `fetched` was.
    pub fn read(&self, fetched: &ParameterValues) -> Result<Reading, Vec<Error>> {
        let mut reading = Reading::default();
        let mut errors = Vec::new();
        let mut told = |wrong: Vec<restage_migrate::Error>| errors.extend(wrong.into_iter().map(told_of_migrations));
        let mut unreadable = Vec::new();
        for (path, text) in self.texts(&mut unreadable) {
            told(reading.file(path, &text, &self.variables));
        }
        let wrong = self.take_parameters(&mut reading, fetched);
        told(reading.variables(&self.variables));
        let from = Path::new(self.values_from);
        told(self.values.iter().filter_map(|(key, value)| reading.value(key, value, from).err()).collect());
        if !self.locations.is_empty() {
            reading.settings.locations.clear();
        }
        for location in &self.locations {
            match location.parse() {
                Ok(location) => reading.settings.locations.push(location),
                Err(error) => told(vec![error]),
            }
        }
        let within = |location: &Location| location.within(&self.folder);
        reading.settings.locations = reading.settings.locations.iter().map(within).collect();
        errors.extend(unreadable.into_iter().chain(wrong));
        if errors.is_empty() { Ok(reading) } else { Err(errors) }
    }

    fn texts(&self, unreadable: &mut Vec<Error>) -> Vec<(&Path, String)> {
        let mut texts = Vec::new();
        let usual = self.usual_files.iter().map(|path| (path, true));
        for (path, may_be_missing) in usual.chain(self.files.iter().map(|path| (path, false))) {
            match std::fs::read_to_string(path) {
                Ok(text) => texts.push((path.as_path(), text)),
                Err(cause) if may_be_missing && cause.kind() == ErrorKind::NotFound => {}
                Err(cause) => unreadable.push(super::unreadable(path, cause)),
            }
        }
        texts
    }

    /// Takes parameters as settings and placeholders. Their values may be secrets, so that no error quotes one.
    fn take_parameters(&self, reading: &mut Reading, fetched: &ParameterValues) -> Vec<Error> {
        let mut wrong = Vec::new();
        for path in &self.parameters {
            for (name, value) in fetched.iter() {
                let Some(key) = key_of(path, name) else { continue };
                if reading.value(&key, value.expose(), Path::new(name.as_str())).is_err() {
                    let what = match value {
                        ParameterValue::Plain(value) => format!("`{value}`"),
                        ParameterValue::Secret(_) => "its value".to_owned(),
                    };
                    let error = Code::InvalidFile.error(format!("the parameter `{name}`: {what} cannot be used for `{key}`"));
                    wrong.push(error.help("correct or remove the parameter; Flyway's documentation lists its settings"));
                }
            }
        }
        wrong
    }
}

/// Which setting a parameter below a path is: its name behind the path, with `.` for each `/`. What does not begin with `flyway.`
/// is a placeholder.
fn key_of(path: &ParameterPath, name: &ParameterName) -> Option<String> {
    let folder = path.as_str().trim_end_matches('/');
    let rest = name.as_str().strip_prefix(folder)?.strip_prefix('/')?.replace('/', ".");
    Some(match rest.strip_prefix(SETTING) {
        Some(key) => key.to_owned(),
        None => format!("placeholders.{rest}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use restage_migrate::settings::Settings;

    fn settings(sources: &Sources) -> Result<Settings, Vec<Error>> {
        sources.read(&ParameterValues::default()).map(|reading| reading.settings)
    }

    #[test]
    fn parameters_are_settings_or_placeholders_by_their_names_below_the_path() {
        for (path, name, expected) in [
            ("/app/test", "/app/test/flyway.baselineOnMigrate", Some("baselineOnMigrate")),
            ("/app/test/", "/app/test/flyway/placeholders/owner", Some("placeholders.owner")),
            ("/app/test", "/app/test/db/owner_name", Some("placeholders.db.owner_name")),
            ("/app/test", "/app/testing/owner", None),
        ] {
            let (path, name) = (ParameterPath::parse(path).unwrap(), ParameterName::parse(name).unwrap());
            assert_eq!(key_of(&path, &name).as_deref(), expected, "{path} {name}");
        }
    }

    #[test]
    fn the_command_line_wins_over_variables_and_these_over_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("flyway.conf");
        std::fs::write(&file, "flyway.table=of_file\nflyway.installedBy=${WHO}\nflyway.group=true\nflyway.locations=sql\n")
            .unwrap();
        let variables = [("WHO", "ada"), ("FLYWAY_TABLE", "of_variable"), ("FLYWAY_MIXED", "true")];
        let sources = Sources {
            usual_files: vec![folder.path().join("missing.conf"), file],
            variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            values: vec![("flyway.mixed".to_owned(), "false".to_owned()), ("initSql".to_owned(), "set x = 'a\\b'".to_owned())],
            folder: PathBuf::from("/project"),
            ..Sources::default()
        };
        let settings = settings(&sources).unwrap();
        assert_eq!((settings.table.as_str(), settings.installed_by.as_deref()), ("of_variable", Some("ada")));
        assert!(settings.group && !settings.mixed);
        assert_eq!(settings.init_sql.as_deref(), Some("set x = 'a\\b'"));
        assert_eq!(settings.locations[0].root(), Path::new("/project/sql"));
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let sources = Sources {
            files: vec![PathBuf::from("/nowhere/flyway.conf")],
            values: vec![("groups".to_owned(), "true".to_owned())],
            values_from: "the command line",
            locations: vec!["s3:bucket".to_owned()],
            ..Sources::default()
        };
        let errors = settings(&sources).unwrap_err();
        let messages: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
        assert_eq!(errors.len(), 3, "{messages:?}");
        assert!(messages[0].contains("the command line: Flyway has no setting `flyway.groups`"), "{messages:?}");
    }
}
