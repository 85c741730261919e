//! Where scripts are: a folder, or a pattern of folders with `*`, `**` and `?`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Kind, Result};

/// A folder, or the folders that a pattern fits, with all folders in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Location {
    text: String,
    /// The folder as far as no wildcard comes.
    root: PathBuf,
    /// What comes behind, folder by folder; empty without wildcards.
    pattern: Vec<String>,
}

impl Location {
    /// The folder to look in, as far as it has no wildcards.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The same below a folder, unless it begins at the root.
    #[must_use]
    pub fn within(&self, folder: &Path) -> Self {
        let path = self.text.strip_prefix("filesystem:").unwrap_or(&self.text);
        let text = format!("filesystem:{}", folder.join(path).display());
        Self { text, root: folder.join(&self.root), pattern: self.pattern.clone() }
    }

    /// Whether all of another location's files are in this one too.
    pub fn contains(&self, other: &Self) -> bool {
        self.pattern.is_empty() && other.root.starts_with(&self.root)
    }

    /// What a script in the root at this path, folder by folder, is called, or `None` if it is not in the location.
    ///
    /// That is its path relative to the location; behind wildcards, to the last folder that they fit.
    pub fn script_name(&self, path: &[&str]) -> Option<String> {
        if self.pattern.is_empty() {
            return Some(path.join("/"));
        }
        let fitted = fit(&self.pattern, path)?;
        // A pattern with a dot in its last part is one of files, which have no path behind it.
        let name = if fitted == path.len() { path } else { &path[fitted..] };
        Some(name.join("/"))
    }
}

/// How many parts of the path the pattern takes, `**` as few as it can; a pattern of folders leaves at least the file.
fn fit(pattern: &[String], path: &[&str]) -> Option<usize> {
    let Some((first, rest)) = pattern.split_first() else { return Some(0) };
    if first == "**" {
        if rest.is_empty() {
            return (!path.is_empty()).then_some(0);
        }
        return (0..path.len()).find_map(|skipped| Some(skipped + fit(rest, &path[skipped..])?));
    }
    let (name, behind) = path.split_first()?;
    if !fits(first, name) {
        return None;
    }
    let is_file = rest.is_empty() && first.contains('.');
    if is_file != behind.is_empty() {
        return None;
    }
    Some(1 + fit(rest, behind)?)
}

/// Whether a name fits a pattern in which `?` is one character and `*` one or more.
fn fits(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // Where to go on if the last `*` has to take one more character.
    let mut retry: Option<(usize, usize)> = None;
    let (mut at, mut taken) = (0, 0);
    while taken < name.len() {
        match pattern.get(at) {
            Some('*') => {
                taken += 1;
                at += 1;
                retry = Some((at, taken));
            }
            Some(wanted) if *wanted == '?' || *wanted == name[taken] => {
                at += 1;
                taken += 1;
            }
            _ => match &mut retry {
                Some((after, from)) => {
                    *from += 1;
                    (at, taken) = (*after, *from);
                }
                None => return false,
            },
        }
    }
    at == pattern.len()
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let path = match text.split_once(':') {
            None => text,
            Some(("filesystem", path)) => path,
            Some((prefix, _)) => {
                return Err(Kind::Setting
                    .error(format_args!("the location `{text}` is on `{prefix}`, which only Flyway itself reads"))
                    .help("give the folder on disk, as `filesystem:<folder>`"));
            }
        };
        if path.is_empty() {
            return Err(Kind::Setting.error(format_args!("the location `{text}` names no folder")).help("name a folder"));
        }
        let parts: Vec<&str> = path.split('/').collect();
        let plain = parts.iter().take_while(|part| !part.contains(['*', '?'])).count();
        let root = if plain == 0 { ".".to_owned() } else { parts[..plain].join("/") };
        let root = if root.is_empty() { "/" } else { &root };
        let pattern = parts[plain..].iter().filter(|part| !part.is_empty()).map(|part| (*part).to_owned()).collect();
        Ok(Self { text: format!("filesystem:{path}"), root: PathBuf::from(root), pattern })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(location: &str, path: &str) -> Option<String> {
        let location: Location = format!("filesystem:{location}").parse().unwrap();
        let relative = Path::new(path).strip_prefix(location.root()).ok()?;
        let parts: Vec<_> = relative.iter().map(|part| part.to_str().unwrap()).collect();
        location.script_name(&parts)
    }

    #[test]
    fn scripts_are_called_by_their_path_in_the_location() {
        for (location, path, expected) in [
            ("sql", "sql/V1__a.sql", Some("V1__a.sql")),
            ("sql/", "sql/sub/V1__a.sql", Some("sub/V1__a.sql")),
            ("/abs/sql", "/abs/sql/V1__a.sql", Some("V1__a.sql")),
            ("db/*/sql", "db/one/sql/V1__a.sql", Some("V1__a.sql")),
            ("db/*/sql", "db/one/sql/sub/V1__a.sql", Some("sub/V1__a.sql")),
            ("db/*/sql", "db/one/two/sql/V1__a.sql", None),
            ("db/*/sql", "db/sql/V1__a.sql", None),
            ("db/**/sql", "db/sql/V1__a.sql", Some("V1__a.sql")),
            ("db/**/sql", "db/one/two/sql/V1__a.sql", Some("V1__a.sql")),
            ("db/**/sql", "db/sql/sql/V1__a.sql", Some("sql/V1__a.sql")),
            ("db/**", "db/one/V1__a.sql", Some("one/V1__a.sql")),
            ("db/release?", "db/release1/V1__a.sql", Some("V1__a.sql")),
            ("db/release?", "db/release10/V1__a.sql", None),
            ("db/release*", "db/release/V1__a.sql", None),
            ("db/re*se*1", "db/release-se-21/V1__a.sql", Some("V1__a.sql")),
            ("db/*/V*.sql", "db/one/V1__a.sql", Some("one/V1__a.sql")),
            ("db/*/V*.sql", "db/one/R__a.sql", None),
        ] {
            assert_eq!(name(location, path).as_deref(), expected, "{location} {path}");
        }
    }

    #[test]
    fn only_folders_are_locations() {
        for text in ["classpath:db/migration", "s3:bucket", "gcs:bucket", "filesystem:", ""] {
            assert_eq!(text.parse::<Location>().unwrap_err().kind, Kind::Setting, "{text}");
        }
        assert_eq!("sql".parse::<Location>().unwrap(), " filesystem:sql ".parse().unwrap());
        assert_eq!("filesystem:*/sql".parse::<Location>().unwrap().root(), Path::new("."));
        assert_eq!("filesystem:/*/sql".parse::<Location>().unwrap().root(), Path::new("/"));
    }

    #[test]
    fn a_location_contains_those_below_it() {
        let location = |text: &str| text.parse::<Location>().unwrap();
        assert!(location("sql").contains(&location("sql/sub")) && location("sql").contains(&location("sql")));
        assert!(location("sql").contains(&location("sql/*/x")));
        assert!(!location("sql").contains(&location("sql2")) && !location("sql/*").contains(&location("sql/*")));
    }
}
