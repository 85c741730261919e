//! Where settings come from, and which of them count.

use super::trouble::told_of_migrations;
use crate::aws::{ParameterValue, ParameterValues};
use restage_core::environment::{ParameterName, ParameterPath};
use restage_core::{Code, Error, Result};
use restage_migrate::scripts::Location;
use restage_migrate::settings::flyway::{Reading, is_toml};
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
        let texts = self.texts(&mut reading, &mut unreadable);
        let (toml, conf): (Vec<_>, Vec<_>) =
            texts.iter().map(|(path, text)| (*path, text.as_str())).partition(|(path, _)| is_toml(path));
        for (path, text) in conf {
            told(reading.file(path, text, &self.variables));
        }
        told(reading.toml(&toml, self.environment(fetched).as_deref(), &self.variables));
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

    /// The files with their texts. As with Flyway, those of one format are read: that of the files which must be there, TOML if any is.
    fn texts(&self, reading: &mut Reading, unreadable: &mut Vec<Error>) -> Vec<(&Path, String)> {
        let mut texts = Vec::new();
        let usual = self.usual_files.iter().map(|path| (path, true));
        for (path, may_be_missing) in usual.chain(self.files.iter().map(|path| (path, false))) {
            match std::fs::read_to_string(path) {
                Ok(text) => texts.push((path.as_path(), text)),
                Err(cause) if may_be_missing && cause.kind() == ErrorKind::NotFound => {}
                Err(cause) => unreadable.push(super::unreadable(path, cause)),
            }
        }
        let mut asked = self.files.iter().map(|path| is_toml(path));
        let toml = asked.next().unwrap_or_else(|| texts.iter().any(|(path, _)| is_toml(path)));
        if asked.any(|other| other != toml) {
            let error = Code::InvalidFile.error("files of both of Flyway's formats are named, `.toml` and another");
            unreadable.push(error.help("name files of one format; Flyway refuses both at once, too"));
        }
        let (read, left): (Vec<_>, Vec<_>) = texts.into_iter().partition(|(path, _)| is_toml(path) == toml);
        reading.unused.extend(left.iter().map(|(path, _)| (format!("all of {}", path.display()), None)));
        read
    }

    /// The environment that is named by more than a file.
    fn environment(&self, fetched: &ParameterValues) -> Option<String> {
        let mut named = Reading::default();
        // What is wrong is told of when it counts.
        self.take_parameters(&mut named, fetched);
        named.variables(&self.variables);
        for (key, value) in &self.values {
            let _ = named.value(key, value, Path::new(self.values_from));
        }
        named.environment
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

    fn read(folder: &Path, usual: &[&str], files: &[&str], values: &[(&str, &str)]) -> Result<Reading, Vec<Error>> {
        let paths = |names: &[&str]| names.iter().map(|name| folder.join(name)).collect();
        let sources = Sources {
            usual_files: paths(usual),
            files: paths(files),
            variables: [("flyway_environment".to_owned(), "of_variable".to_owned())].into(),
            values: values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            ..Sources::default()
        };
        sources.read(&ParameterValues::default())
    }

    #[test]
    fn files_of_one_format_are_read_and_the_others_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("flyway.conf", "flyway.table=conf\n");
        write("flyway.toml", "[flyway]\ntable = \"toml\"\n[environments.of_variable.flyway]\ninstalledBy = \"variable\"\n");
        write("flyway.user.toml", "[environments.of_value]\nschemas = [\"a\"]\n");
        let usual = ["flyway.conf", "flyway.toml", "flyway.user.toml"];
        let reading = read(folder.path(), &usual, &[], &[]).unwrap();
        assert_eq!((reading.settings.table.as_str(), reading.settings.installed_by.as_deref()), ("toml", Some("variable")));
        assert_eq!(reading.unused, [(format!("all of {}", folder.path().join("flyway.conf").display()), None)]);
        let reading = read(folder.path(), &usual, &[], &[("environment", "of_value")]).unwrap();
        assert_eq!((&reading.settings.schemas[..], reading.environment.as_deref()), (&["a".to_owned()][..], Some("of_value")));
        let reading = read(folder.path(), &usual, &["flyway.conf"], &[]).unwrap();
        assert_eq!((reading.settings.table.as_str(), reading.unused.len()), ("conf", 2));
        let errors = read(folder.path(), &[], &["flyway.conf", "flyway.toml"], &[]).unwrap_err();
        assert!(errors[0].message.contains("both of Flyway's formats"), "{errors:?}");
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
