//! `flyway.toml`, which Flyway has had since version 10: `[flyway]`, and `[environments.NAME]`, of which one counts.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::{Reading, UNUSED, set, unknown};
use crate::error::Place;
use crate::settings::Settings;
use crate::{Error, Kind};

/// The environment that counts if none is named.
const DEFAULT_ENVIRONMENT: &str = "default";
/// Keys of an environment that are settings here; in `[flyway]`, Flyway does not know them.
const OF_ENVIRONMENTS: [&str; 3] = ["schemas", "initSql", "connectRetries"];
/// Keys of an environment that mean nothing here, and tables of such.
const UNUSED_OF_ENVIRONMENTS: [&str; 10] = [
    "url",
    "user",
    "password",
    "driver",
    "jarDirs",
    "connectRetriesInterval",
    "provisioner",
    "displayName",
    "jdbcProperties",
    "resolvers",
];

impl Reading {
    /// Reads TOML files, of which a later one wins over an earlier one, and returns all that is wrong with them. `${env.NAME}` is the
    /// environment's value. What the environment called `chosen` says wins over `[flyway]`; without one, `flyway.environment` says it.
    pub fn toml(&mut self, files: &[(&Path, &str)], chosen: Option<&str>, variables: &BTreeMap<String, String>) -> Vec<Error> {
        let mut errors = Vec::new();
        let mut parsed = Vec::new();
        for (file, text) in files {
            match DeTable::parse(text) {
                Ok(table) => parsed.push(TomlFile { file, text, variables, table: table.into_inner() }),
                Err(error) => errors.push(malformed(file, text, &error)),
            }
        }
        for file in &parsed {
            errors.extend(file.take_common(self));
        }
        self.environment = chosen.map(str::to_owned).or_else(|| self.environment.take());
        let name = self.environment.as_deref().unwrap_or(DEFAULT_ENVIRONMENT).to_owned();
        let tables: Vec<_> =
            parsed.iter().filter_map(|file| Some((file, file.table_of("environments")?.get(name.as_str())?))).collect();
        if let (true, [(file, _), ..]) = (tables.is_empty() && name != DEFAULT_ENVIRONMENT, files) {
            let error = Kind::Setting.error(format_args!("there is no `[environments.{name}]`, which `environment` names"));
            errors.push(error.help("write one, or name another environment").at(file, None));
        }
        for (file, table) in tables {
            errors.extend(file.take_environment(self, &name, table));
        }
        errors
    }
}

/// A file that is TOML.
struct TomlFile<'text> {
    file: &'text Path,
    text: &'text str,
    variables: &'text BTreeMap<String, String>,
    table: DeTable<'text>,
}

/// A value that is no table.
struct Entry {
    key: String,
    value: Result<String, Error>,
    place: Place,
}

impl<'text> TomlFile<'text> {
    fn table_of(&self, name: &str) -> Option<&DeTable<'text>> {
        self.table.get(name)?.get_ref().as_table()
    }

    /// Takes `[flyway]`, and names what is neither that nor an environment.
    fn take_common(&self, reading: &mut Reading) -> Vec<Error> {
        let others = self.table.iter().filter(|(key, _)| !matches!(key.get_ref().as_ref(), "flyway" | "environments"));
        reading.unused.extend(others.map(|(key, _)| (key.get_ref().to_string(), Some(self.place(key)))));
        let entries = self.table_of("flyway").map(|table| self.entries(table, "")).unwrap_or_default();
        entries.into_iter().filter_map(|entry| take_setting(reading, entry).err()).collect()
    }

    /// Takes what an environment says: its own keys, and in its table `flyway` what it says of all others.
    fn take_environment(&self, reading: &mut Reading, name: &str, table: &Spanned<DeValue<'text>>) -> Vec<Error> {
        let Some(entries) = table.get_ref().as_table().map(|table| self.entries(table, "")) else {
            let error = Kind::Setting.error(format_args!("`environments.{name}` is no table")).help("make a table of it");
            return vec![error.at(self.file, Some(line_of(self.text, table.span().start)))];
        };
        let taken = entries.into_iter().filter_map(|entry| {
            if let Some(key) = entry.key.strip_prefix("flyway.") {
                return take_setting(reading, Entry { key: key.to_owned(), ..entry }).err();
            }
            let first = entry.key.split('.').next().unwrap_or_default();
            if UNUSED_OF_ENVIRONMENTS.contains(&first) {
                reading.unused.push((format!("environments.{name}.{}", entry.key), Some(entry.place)));
                return None;
            }
            if OF_ENVIRONMENTS.contains(&entry.key.as_str()) {
                return take_known(reading, entry).err();
            }
            let error = unknown(&format!("environments.{name}.{}", entry.key));
            Some(error.at(&entry.place.file, entry.place.line))
        });
        taken.collect()
    }

    /// The values of a table and of those in it, each under the names on the way to it.
    fn entries(&self, table: &DeTable<'text>, above: &str) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (key, value) in table {
            let name = format!("{above}{}", key.get_ref());
            match value.get_ref() {
                DeValue::Table(inner) => entries.extend(self.entries(inner, &format!("{name}."))),
                other => {
                    let value = text_of(other).and_then(|text| resolved(&text, self.variables));
                    entries.push(Entry { key: name, value, place: self.place(key) });
                }
            }
        }
        entries
    }

    fn place<T>(&self, spanned: &Spanned<T>) -> Place {
        Place { file: self.file.to_owned(), line: Some(line_of(self.text, spanned.span().start)) }
    }
}

/// Takes a setting that stands in a table `flyway`.
fn take_setting(reading: &mut Reading, entry: Entry) -> Result<(), Error> {
    let Entry { key, place, .. } = &entry;
    if OF_ENVIRONMENTS.contains(&key.as_str()) {
        let error = Kind::Setting.error(format_args!("`{key}` is a setting of environments, and stands in `[flyway]`"));
        return Err(error.help(format_args!("move it to `[environments.{DEFAULT_ENVIRONMENT}]`")).at(&place.file, place.line));
    }
    let is_known = UNUSED.contains(&key.as_str()) || set(&mut Settings::default(), key, "").is_some();
    if key.contains('.') && !is_known {
        // A table of one of Flyway's other programs, of which there is no list.
        reading.unused.push((format!("flyway.{key}"), Some(entry.place)));
        return Ok(());
    }
    take_known(reading, entry)
}

fn take_known(reading: &mut Reading, entry: Entry) -> Result<(), Error> {
    let Entry { key, value, place } = entry;
    let value = value.map_err(|mut error| {
        error.message = format!("`{key}` cannot be used: {}", error.message);
        error.at(&place.file, place.line)
    })?;
    reading.take(&key, &value, Some(place))
}

/// A value as a line of `flyway.conf` would have it.
fn text_of(value: &DeValue<'_>) -> Result<String, Error> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => Ok(number.to_string()),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Ok(truth.to_string()),
        DeValue::Datetime(time) => Ok(time.to_string()),
        DeValue::Array(elements) => joined(elements),
        DeValue::Table(_) => Err(Kind::Setting.error("it is a table").help("write a value")),
    }
}

/// The elements with commas between, as lists are written elsewhere.
fn joined(elements: &DeArray<'_>) -> Result<String, Error> {
    let mut texts = Vec::new();
    for element in elements {
        match element.get_ref() {
            DeValue::Array(_) | DeValue::Table(_) => {
                return Err(Kind::Setting.error("it has a list or a table in a list").help("write a list of texts"));
            }
            scalar => texts.push(text_of(scalar)?),
        }
    }
    match texts.iter().find(|text| text.contains(',')) {
        Some(text) => Err(Kind::Setting.error(format_args!("`{text}` has a comma")).help("make two elements of it")),
        None => Ok(texts.join(",")),
    }
}

/// Puts the environment's values where `${env.NAME}` stands; `$${a.b}` stands for `${a.b}` itself.
fn resolved(text: &str, variables: &BTreeMap<String, String>) -> Result<String, Error> {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        let inner = from.find('}').map(|end| &from[2..end]);
        let parts = inner.and_then(|inner| inner.split_once('.')).filter(|(_, name)| !name.contains('.'));
        let (Some(inner), Some((resolver, name))) = (inner, parts) else {
            resolved.push_str(&rest[..start + 2]);
            rest = &from[2..];
            continue;
        };
        if let Some(before) = before.strip_suffix('$') {
            resolved.push_str(before);
            resolved.push_str(&from[..inner.len() + 3]);
        } else {
            resolved.push_str(before);
            resolved.push_str(value_of(resolver, name, variables)?);
        }
        rest = &from[inner.len() + 3..];
    }
    Ok(resolved + rest)
}

fn value_of<'value>(resolver: &str, name: &str, variables: &'value BTreeMap<String, String>) -> Result<&'value str, Error> {
    if resolver != "env" {
        let error = Kind::Setting.error(format_args!("`${{{resolver}.{name}}}` is for a resolver that only Flyway itself has"));
        return Err(error.help("use `${env.NAME}`, or set it on the command line"));
    }
    variables.get(name).map(String::as_str).ok_or_else(|| {
        Kind::Setting.error(format_args!("the variable `{name}` is not set")).help(format_args!("set `{name}` in the environment"))
    })
}

fn malformed(file: &Path, text: &str, error: &toml::de::Error) -> Error {
    let line = error.span().map(|span| line_of(text, span.start));
    let message = format!("`{}` is no TOML: {}", file.display(), error.message().trim());
    Kind::Setting.error(message).help("correct it there").at(file, line)
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + memchr::memchr_iter(b'\n', &text.as_bytes()[..offset.min(text.len())]).count()
}

#[cfg(test)]
mod tests;
