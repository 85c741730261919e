//! Flyway's own files and variables: `flyway.toml`, `flyway.conf` with its `flyway.*` keys, and `FLYWAY_*` in the environment.

mod toml_file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::Settings;
use crate::error::Place;
use crate::version::Version;
use crate::{Error, Kind};

/// What Flyway's files and variables say; what is read later wins over what was read earlier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The settings.
    pub settings: Settings,
    /// Keys that Flyway knows and that mean nothing here, such as where the database is, with where they were said.
    pub unused: Vec<(String, Option<Place>)>,
    /// The name of the environment, if one is named.
    pub environment: Option<String>,
}

/// Reads files, each with its name and text, and the environment: a later file wins over an earlier one, the environment over
/// all; every key that Flyway has not and every value that cannot be used is an error with file and line.
pub fn read(files: &[(PathBuf, String)], environment: &BTreeMap<String, String>) -> Result<Reading, Vec<Error>> {
    let mut reading = Reading::default();
    let mut errors: Vec<_> = files.iter().flat_map(|(file, text)| reading.file(file, text, environment)).collect();
    errors.extend(reading.variables(environment));
    if errors.is_empty() { Ok(reading) } else { Err(errors) }
}

impl Reading {
    /// Reads a file, in which `${NAME}` is the environment's value; returns all that is wrong with it.
    pub fn file(&mut self, file: &Path, text: &str, environment: &BTreeMap<String, String>) -> Vec<Error> {
        let read = properties(text, environment).into_iter().filter_map(|property| {
            let place = Place { file: file.to_owned(), line: Some(property.line) };
            match property.key.strip_prefix("flyway.") {
                Some(key) => self.take(key, &property.value, Some(place)).err(),
                None => Some(unknown(&property.key).at(file, Some(property.line))),
            }
        });
        read.collect()
    }

    /// Reads the environment; a variable that Flyway has not may belong to anybody, and Flyway leaves it alone too.
    pub fn variables(&mut self, environment: &BTreeMap<String, String>) -> Vec<Error> {
        let known = environment.iter().filter_map(|(name, value)| Some((key_of_variable(name)?, value)));
        known.filter_map(|(key, value)| self.take(&key, value, None).err()).collect()
    }

    /// Takes one value by Flyway's name for it, with or without `flyway.` before it; `from` is what errors call its origin.
    pub fn value(&mut self, key: &str, value: &str, from: &Path) -> Result<(), Error> {
        let place = Place { file: from.to_owned(), line: None };
        self.take(key.strip_prefix("flyway.").unwrap_or(key), value, Some(place))
    }

    fn take(&mut self, key: &str, value: &str, place: Option<Place>) -> Result<(), Error> {
        let located = |error: Error| match &place {
            Some(place) => error.at(&place.file, place.line),
            None => error,
        };
        if key == "environment" {
            self.environment = Some(value.to_owned()).filter(|name| !name.is_empty());
            return Ok(());
        }
        if UNUSED.contains(&key) || UNUSED_PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
            self.unused.push((format!("flyway.{key}"), place));
            return Ok(());
        }
        match set(&mut self.settings, key, value) {
            None => Err(located(unknown(&format!("flyway.{key}")))),
            Some(result) => result.map_err(|error| {
                let message = format!("`flyway.{key}` cannot be `{value}`: {}", error.message);
                let help = error.help.clone().unwrap_or_else(|| format!("correct `flyway.{key}`"));
                located(Kind::Setting.error(message).help(help))
            }),
        }
    }
}

/// Keys that Flyway knows and that mean nothing here: where the database is, how Flyway runs, what only other databases have.
const UNUSED: [&str; 39] = [
    "url",
    "user",
    "password",
    "driver",
    "connectRetriesInterval",
    "licenseKey",
    "cleanDisabled",
    "cleanOnValidationError",
    "batch",
    "stream",
    "callbacks",
    "resolvers",
    "skipDefaultResolvers",
    "configFiles",
    "configFileEncoding",
    "detectEncoding",
    "dryRunOutput",
    "errorOverrides",
    "outputQueryResults",
    "outputType",
    "outputProgress",
    "outputLogsInJson",
    "loggers",
    "reportEnabled",
    "reportFilename",
    "jarDirs",
    "configurations",
    "environmentProvisionMode",
    "failOnMissingTarget",
    "migrationResolvers",
    "schemaModelLocation",
    "schemaModelSchemas",
    "token",
    "kerberosConfigFile",
    "communityDBSupportEnabled",
    "powershellExecutable",
    "scriptPlaceholderPrefix",
    "scriptPlaceholderSuffix",
    "workingDirectory",
];
const UNUSED_PREFIXES: [&str; 5] = ["jdbcProperties.", "oracle.", "sqlserver.", "plugins.", "check."];

/// Sets what a key is about, if there is such a key.
fn set(settings: &mut Settings, key: &str, value: &str) -> Option<Result<(), Error>> {
    if let Some(name) = key.strip_prefix("placeholders.") {
        settings.placeholders.insert(name.to_owned(), value.to_owned());
        return Some(Ok(()));
    }
    Some(match key {
        "locations" => list(value).and_then(|value| put(&mut settings.locations, value)),
        "table" => text(value, &mut settings.table),
        "tablespace" => optional(value, &mut settings.tablespace),
        "defaultSchema" => optional(value, &mut settings.default_schema),
        "schemas" => names(value, &mut settings.schemas),
        "createSchemas" => flag(value, &mut settings.create_schemas),
        "sqlMigrationPrefix" => text(value, &mut settings.sql_migration_prefix),
        "undoSqlMigrationPrefix" => text(value, &mut settings.undo_sql_migration_prefix),
        "baselineMigrationPrefix" => text(value, &mut settings.baseline_migration_prefix),
        "repeatableSqlMigrationPrefix" => text(value, &mut settings.repeatable_sql_migration_prefix),
        "sqlMigrationSeparator" => text(value, &mut settings.sql_migration_separator),
        "sqlMigrationSuffixes" => names(value, &mut settings.sql_migration_suffixes),
        "encoding" => text(value, &mut settings.encoding),
        "placeholderReplacement" => flag(value, &mut settings.placeholder_replacement),
        "placeholderPrefix" => text(value, &mut settings.placeholder_prefix),
        "placeholderSuffix" => text(value, &mut settings.placeholder_suffix),
        "placeholderSeparator" => text(value, &mut settings.placeholder_separator),
        "outOfOrder" => flag(value, &mut settings.out_of_order),
        "baselineOnMigrate" => flag(value, &mut settings.baseline_on_migrate),
        "baselineVersion" => Version::parse(value).and_then(|value| put(&mut settings.baseline_version, value)),
        "baselineDescription" => text(value, &mut settings.baseline_description),
        "mixed" => flag(value, &mut settings.mixed),
        "group" => flag(value, &mut settings.group),
        "validateOnMigrate" => flag(value, &mut settings.validate_on_migrate),
        "validateMigrationNaming" => flag(value, &mut settings.validate_migration_naming),
        "ignoreMigrationPatterns" => list(value).and_then(|value| put(&mut settings.ignore_migration_patterns, value)),
        "target" => value.parse().and_then(|value| put(&mut settings.target, value)),
        "cherryPick" => names(value, &mut settings.cherry_pick),
        "skipExecutingMigrations" => flag(value, &mut settings.skip_executing_migrations),
        "installedBy" => optional(value, &mut settings.installed_by),
        "lockRetryCount" => number(value, &mut settings.lock_retry_count),
        "connectRetries" => number(value, &mut settings.connect_retries),
        "postgresql.transactional.lock" => flag(value, &mut settings.transactional_lock),
        "executeInTransaction" => flag(value, &mut settings.execute_in_transaction),
        "skipDefaultCallbacks" => flag(value, &mut settings.skip_default_callbacks),
        "failOnMissingLocations" => flag(value, &mut settings.fail_on_missing_locations),
        "initSql" => optional(value, &mut settings.init_sql),
        _ => return None,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "the arms of `set` are of one type")]
fn put<T>(field: &mut T, value: T) -> Result<(), Error> {
    *field = value;
    Ok(())
}

fn text(value: &str, field: &mut String) -> Result<(), Error> {
    put(field, value.to_owned())
}

fn optional(value: &str, field: &mut Option<String>) -> Result<(), Error> {
    put(field, Some(value.to_owned()).filter(|value| !value.is_empty()))
}

fn flag(value: &str, field: &mut bool) -> Result<(), Error> {
    match value.to_ascii_lowercase().as_str() {
        "true" => put(field, true),
        "false" => put(field, false),
        _ => Err(Kind::Setting.error("it is neither `true` nor `false`").help("write `true` or `false`")),
    }
}

fn number<T: FromStr>(value: &str, field: &mut T) -> Result<(), Error> {
    let value = value.parse().map_err(|_| Kind::Setting.error("it is no such number").help("write a whole number"))?;
    put(field, value)
}

fn list<T: FromStr<Err = Error>>(value: &str) -> Result<Vec<T>, Error> {
    parts(value).map(str::parse).collect()
}

fn names(value: &str, field: &mut Vec<String>) -> Result<(), Error> {
    put(field, parts(value).map(str::to_owned).collect())
}

fn parts(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn unknown(key: &str) -> Error {
    Kind::Setting.error(format_args!("Flyway has no setting `{key}`")).help(format_args!("correct or remove `{key}`"))
}

/// The key that a variable stands for, such as `sqlMigrationPrefix` for `FLYWAY_SQL_MIGRATION_PREFIX`.
fn key_of_variable(name: &str) -> Option<String> {
    // Flyway wants this one in small letters.
    if name == "flyway_environment" {
        return Some("environment".to_owned());
    }
    let name = name.strip_prefix("FLYWAY_")?;
    if let Some(placeholder) = name.strip_prefix("PLACEHOLDERS_").filter(|name| !name.is_empty()) {
        return Some(format!("placeholders.{}", placeholder.to_lowercase()));
    }
    if name == "POSTGRESQL_TRANSACTIONAL_LOCK" {
        return Some("postgresql.transactional.lock".to_owned());
    }
    let mut key = String::with_capacity(name.len());
    for (place, word) in name.split('_').enumerate() {
        let word = word.to_ascii_lowercase();
        match word.chars().next() {
            Some(first) if place > 0 => {
                key.push(first.to_ascii_uppercase());
                key.push_str(&word[first.len_utf8()..]);
            }
            _ => key.push_str(&word),
        }
    }
    let known = key == "environment" || UNUSED.contains(&key.as_str()) || set(&mut Settings::default(), &key, "").is_some();
    known.then_some(key)
}

struct Property {
    line: usize,
    key: String,
    value: String,
}

/// The properties of a file as Flyway reads them: backslashes are text, except one that ends a line which goes on in the next.
fn properties(text: &str, environment: &BTreeMap<String, String>) -> Vec<Property> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    let mut next = 0;
    while next < lines.len() {
        let line = next + 1;
        let mut whole = lines[next].to_owned();
        next += 1;
        if whole.is_empty() || whole.starts_with(['#', '!']) {
            continue;
        }
        while whole.ends_with('\\') && lines.get(next).is_some_and(|following| goes_on(following)) {
            whole.pop();
            whole.push_str(lines[next]);
            next += 1;
        }
        let whole = expand(&whole, environment);
        let end = whole.find(|character: char| matches!(character, '=' | ':') || character.is_whitespace()).unwrap_or(whole.len());
        let rest = whole[end..].trim_start();
        let value = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start();
        found.push(Property { line, key: whole[..end].to_owned(), value: value.to_owned() });
    }
    found
}

/// Whether a line can be the rest of the one before: a path that ends with a backslash is not joined to the next property.
fn goes_on(line: &str) -> bool {
    let is_property = line.starts_with("flyway.") && line.contains('=');
    !line.is_empty() && !is_property
}

/// Puts the environment's values where `${NAME}` stands, nothing for one that is not set.
fn expand(text: &str, environment: &BTreeMap<String, String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let name = &rest[start + 2..];
        let end = name.find(|character: char| !character.is_ascii_alphanumeric() && character != '_').unwrap_or(name.len());
        if end > 0 && name[end..].starts_with('}') {
            expanded.push_str(&rest[..start]);
            expanded.push_str(environment.get(&name[..end]).map_or("", String::as_str));
            rest = &name[end + 1..];
        } else {
            expanded.push_str(&rest[..start + 2]);
            rest = name;
        }
    }
    expanded + rest
}

/// Where Flyway looks for its files besides those it is told: in the home folder, then in the working folder.
pub fn default_files(home: &Path, working: &Path) -> Vec<PathBuf> {
    let names = ["flyway.conf", "flyway.toml", "flyway.user.toml"];
    [home, working].iter().flat_map(|folder| names.map(|name| folder.join(name))).collect()
}

/// Whether a file is TOML, which its name says.
pub fn is_toml(file: &Path) -> bool {
    file.extension().is_some_and(|end| end.eq_ignore_ascii_case("toml"))
}

#[cfg(test)]
mod tests;
