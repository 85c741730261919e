//! Finding scripts: all files of the locations whose names are those of migrations or callbacks, with what they hash to.
//!
//! A script's text is not kept: it is read again when it runs, and must then hash to what it did.

mod folder;
mod limits;
mod location;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::callbacks::Callback;
use crate::checksum::Checksum;
use crate::encoding::Encoding;
use crate::name::{self, Name, Parsed, Sort};
use crate::placeholders::Placeholders;
use crate::settings::Settings;
use crate::sidecar::Sidecar;
use crate::version::Version;
use crate::{Error, Kind, Result};

pub use limits::{FOLDER_DEPTH_LIMIT, SCRIPT_LIMIT_BYTES};
pub use location::Location;

/// What was found in locations.
#[derive(Debug, Default)]
pub struct Scripts {
    /// The migrations: by version, the undo one after its versioned one; then the repeatable ones by description.
    pub migrations: Vec<Script>,
    /// The callbacks, in the order in which they run.
    pub callbacks: Vec<Callback>,
    /// Files that end like scripts but are none, with what is wrong with their names.
    pub ignored: Vec<Error>,
    /// Locations that do not exist.
    pub missing: Vec<Location>,
}

/// A migration's script.
#[derive(Clone, Debug)]
pub struct Script {
    /// What it is.
    pub sort: Sort,
    /// Its description, of any length.
    pub description: String,
    /// The file.
    pub file: ScriptFile,
    /// What the history has for it: of a repeatable migration, with its placeholders replaced.
    pub checksum: Checksum,
}

/// The file of a script.
#[derive(Clone, Debug)]
pub struct ScriptFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its path in its location, which is what the history calls it.
    pub script: String,
    /// What its own `.conf` says.
    pub sidecar: Sidecar,
    /// Its encoding.
    pub encoding: Encoding,
    /// What its text hashes to as it stands.
    pub raw_checksum: Checksum,
}

impl Script {
    /// Whether a checksum of the history is this script's; for a repeatable one, that of its raw text is too.
    pub fn matches(&self, checksum: Option<Checksum>) -> bool {
        checksum == Some(self.checksum) || self.matches_raw_text(checksum)
    }

    /// Whether a checksum of the history is only that of the raw text, from before placeholders counted.
    pub fn matches_only_raw_text(&self, checksum: Option<Checksum>) -> bool {
        checksum != Some(self.checksum) && self.matches_raw_text(checksum)
    }

    fn matches_raw_text(&self, checksum: Option<Checksum>) -> bool {
        self.sort == Sort::Repeatable && checksum == Some(self.file.raw_checksum)
    }
}

impl ScriptFile {
    /// The text, read again; it is an error if the file has been changed since it was found.
    pub fn text(&self) -> Result<String> {
        let text = self.encoding.decode(read(&self.path)?, &self.path)?;
        if Checksum::of_text(&text) == self.raw_checksum {
            return Ok(text);
        }
        Err(Kind::Unreadable
            .error(format_args!("`{}` was changed while it was in use", self.path.display()))
            .help("leave scripts alone during a run, and run again")
            .at(&self.path, None))
    }

    /// The text with its placeholders replaced, unless settings or its own `.conf` say otherwise.
    pub fn text_to_run(&self, settings: &Settings, placeholders: &Placeholders) -> Result<String> {
        let text = self.text()?;
        if !self.replaces_placeholders(settings) {
            return Ok(text);
        }
        Ok(match placeholders.replace(&text, &self.path)? {
            Cow::Owned(replaced) => replaced,
            Cow::Borrowed(_) => text,
        })
    }

    /// Whether its placeholders are replaced.
    pub fn replaces_placeholders(&self, settings: &Settings) -> bool {
        self.sidecar.placeholder_replacement.unwrap_or(settings.placeholder_replacement)
    }

    /// Whether it is meant to run at all.
    pub fn should_execute(&self) -> bool {
        self.sidecar.should_execute.unwrap_or(true)
    }
}

/// All scripts of the locations, or everything that is wrong with them.
pub fn find(locations: &[Location], settings: &Settings, placeholders: &Placeholders) -> Result<Scripts, Vec<Error>> {
    let encoding = settings.encoding().map_err(|error| vec![error])?;
    let mut finding =
        Finding { settings, placeholders, encoding, scripts: Scripts::default(), errors: Vec::new(), seen: HashSet::new() };
    for (place, location) in locations.iter().enumerate() {
        let contained = locations.iter().enumerate().any(|(other_place, other)| {
            other_place != place && other.contains(location) && !(location.contains(other) && place < other_place)
        });
        if !contained {
            finding.look_in(location);
        }
    }
    finding.scripts.migrations.sort_by(order);
    finding.scripts.callbacks.sort_by(|left, right| (left.event, &left.description).cmp(&(right.event, &right.description)));
    finding.refuse_duplicates();
    if finding.errors.is_empty() { Ok(finding.scripts) } else { Err(finding.errors) }
}

struct Finding<'given> {
    settings: &'given Settings,
    placeholders: &'given Placeholders,
    encoding: Encoding,
    scripts: Scripts,
    errors: Vec<Error>,
    seen: HashSet<PathBuf>,
}

impl Finding<'_> {
    fn look_in(&mut self, location: &Location) {
        let is_folder = match folder::leads_to_folder(location.root()) {
            Ok(is_folder) => is_folder,
            Err(error) => return self.errors.push(error),
        };
        if !is_folder {
            if self.settings.fail_on_missing_locations {
                self.errors.push(
                    Kind::Unreadable
                        .error(format_args!("the location `{location}` is no folder"))
                        .help("correct it, or create the folder")
                        .at(location.root(), None),
                );
            }
            self.scripts.missing.push(location.clone());
            return;
        }
        let files = match folder::files(location.root()) {
            Ok(files) => files,
            Err(error) => return self.errors.push(error),
        };
        let with_sidecar: HashSet<PathBuf> = files
            .iter()
            .filter(|file| file.path.extension().is_some_and(|end| end == "conf"))
            .map(|file| file.path.clone())
            .collect();
        for file in files {
            let parts: Vec<&str> = file.parts.iter().map(String::as_str).collect();
            let (Some(script), Some(&file_name)) = (location.script_name(&parts), parts.last()) else { continue };
            if !self.seen.insert(file.path.clone()) {
                continue;
            }
            let sidecar = Some(Sidecar::path_of(&file.path)).filter(|path| with_sidecar.contains(path));
            let taken = match name::parse(file_name, self.settings) {
                Parsed::Migration(_) | Parsed::Callback(..) if !file.is_text => Err(no_text(&file.path)),
                parsed => self.take(parsed, file.path, script, sidecar.as_deref()),
            };
            self.errors.extend(taken.err());
        }
    }

    fn take(&mut self, parsed: Parsed, path: PathBuf, script: String, sidecar: Option<&Path>) -> Result<()> {
        match parsed {
            Parsed::Migration(name) => {
                let (file, text) = self.read(path, script, sidecar)?;
                let script = self.migration(name, file, &text)?;
                self.scripts.migrations.push(script);
            }
            Parsed::Callback(event, description) if !self.settings.skip_default_callbacks => {
                let (file, _) = self.read(path, script, sidecar)?;
                self.scripts.callbacks.push(Callback { event, description, file });
            }
            Parsed::Broken(error) if self.settings.validate_migration_naming => return Err(error.at(&path, None)),
            Parsed::Broken(error) => self.scripts.ignored.push(error.at(&path, None)),
            Parsed::Callback(..) | Parsed::Other => {}
        }
        Ok(())
    }

    fn read(&self, path: PathBuf, script: String, sidecar: Option<&Path>) -> Result<(ScriptFile, String)> {
        let sidecar = match sidecar {
            None => Sidecar::default(),
            Some(file) => Sidecar::parse(&self.encoding.decode(read(file)?, file)?, file, self.placeholders)?,
        };
        let encoding = sidecar.encoding.unwrap_or(self.encoding);
        let text = encoding.decode(read(&path)?, &path)?;
        let raw_checksum = Checksum::of_text(&text);
        Ok((ScriptFile { path, script, sidecar, encoding, raw_checksum }, text))
    }

    fn migration(&self, name: Name, file: ScriptFile, text: &str) -> Result<Script> {
        if let Some(version) = name.sort.version().filter(|version| version.as_str().len() > Version::LENGTH_LIMIT) {
            let limit = Version::LENGTH_LIMIT;
            return Err(Kind::LimitPassed
                .error(format_args!("the version `{version}` is longer than the {limit} characters that the history holds"))
                .help("give the script a shorter version")
                .at(&file.path, None));
        }
        let checksum = if name.sort == Sort::Repeatable && file.replaces_placeholders(self.settings) {
            match self.placeholders.replace(text, &file.path)? {
                Cow::Borrowed(_) => file.raw_checksum,
                Cow::Owned(replaced) => Checksum::of_text(&replaced),
            }
        } else {
            file.raw_checksum
        };
        Ok(Script { sort: name.sort, description: name.description, file, checksum })
    }

    fn refuse_duplicates(&mut self) {
        let errors = &mut self.errors;
        self.scripts.migrations.dedup_by(|script, first| {
            if order(script, first) != Ordering::Equal {
                return false;
            }
            // Flyway takes the same script in two locations for one.
            let same = script.file.script == first.file.script && script.checksum == first.checksum && script.sort == first.sort;
            if !same {
                errors.push(duplicate(script, first));
            }
            true
        });
        let mut names = BTreeMap::new();
        for callback in &self.scripts.callbacks {
            let key = (callback.event, callback.description.as_str());
            if let Some(first) = names.insert(key, &callback.file) {
                errors.push(
                    Kind::Duplicate
                        .error(format_args!(
                            "the callback `{}` is there twice, as `{}` and as `{}`",
                            callback.event.id(),
                            first.path.display(),
                            callback.file.path.display()
                        ))
                        .help("give one of them another description, or remove it")
                        .at(&callback.file.path, None),
                );
            }
        }
    }
}

fn duplicate(script: &Script, first: &Script) -> Error {
    let what = match script.sort.version() {
        Some(version) => format!("two migrations have the version `{version}`"),
        None => format!("two repeatable migrations have the description `{}`", script.description),
    };
    Kind::Duplicate
        .error(format_args!("{what}: `{}` and `{}`", first.file.path.display(), script.file.path.display()))
        .help("give one of them another name, or remove it")
        .at(&script.file.path, None)
}

fn no_text(path: &Path) -> Error {
    Kind::BrokenName
        .error(format_args!("the path of `{}` is not written in UTF-8, so that the history cannot hold it", path.display()))
        .help("give the file and its folders names in UTF-8")
        .at(path, None)
}

/// The order of scripts; those are equal of which there may be only one.
fn order(left: &Script, right: &Script) -> Ordering {
    let rank = |sort: &Sort| match sort {
        Sort::Versioned(_) => 0,
        Sort::Baseline(_) => 1,
        Sort::Undo(_) => 2,
        Sort::Repeatable => 3,
    };
    match (left.sort.version(), right.sort.version()) {
        (Some(one), Some(other)) => one.cmp(other).then_with(|| rank(&left.sort).cmp(&rank(&right.sort))),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.description.cmp(&right.description),
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    // Opening a pipe would wait for somebody who writes into it.
    if fs::metadata(path).is_ok_and(|at_end| !at_end.is_file()) {
        return Err(Kind::Unreadable
            .error(format_args!("`{}` is no file", path.display()))
            .help("put a file there")
            .at(path, None));
    }
    let file = fs::File::open(path).map_err(|error| folder::unreadable(path, error))?;
    let size = file.metadata().map_err(|error| folder::unreadable(path, error))?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(SCRIPT_LIMIT_BYTES)).unwrap_or(0));
    file.take(SCRIPT_LIMIT_BYTES + 1).read_to_end(&mut bytes).map_err(|error| folder::unreadable(path, error))?;
    if bytes.len() as u64 > SCRIPT_LIMIT_BYTES {
        return Err(Kind::LimitPassed
            .error(format_args!("`{}` is larger than {SCRIPT_LIMIT_BYTES} bytes", path.display()))
            .help("load so much data by other means than a migration")
            .at(path, None));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
