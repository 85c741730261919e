//! Finding the programs of each PostgreSQL version.

use std::env;
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Names a folder with one sub-folder per major version; searched first.
const HOME_VARIABLE: &str = "RESTAGE_POSTGRES_HOME";

/// A major version of PostgreSQL that restage works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Major {
    /// PostgreSQL 14.
    V14,
    /// PostgreSQL 15.
    V15,
    /// PostgreSQL 16.
    V16,
    /// PostgreSQL 17.
    V17,
    /// PostgreSQL 18.
    V18,
}

impl Major {
    /// Every supported version, oldest first.
    pub const ALL: [Self; 5] = [Self::V14, Self::V15, Self::V16, Self::V17, Self::V18];

    /// The version as a number, such as 15.
    pub fn number(self) -> u32 {
        match self {
            Self::V14 => 14,
            Self::V15 => 15,
            Self::V16 => 16,
            Self::V17 => 17,
            Self::V18 => 18,
        }
    }
}

impl fmt::Display for Major {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(formatter)
    }
}

/// The server and client programs of one major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    major: Major,
    bin: PathBuf,
}

impl Installation {
    /// Finds the programs of one version: in `$RESTAGE_POSTGRES_HOME`, then the workspace's `.tools`, then where Debian puts them.
    pub fn find(major: Major) -> Result<Self> {
        let searched: Vec<PathBuf> = places(major).collect();
        searched
            .iter()
            .find(|bin| bin.join("postgres").is_file() && bin.join("initdb").is_file())
            .map(|bin| Self { major, bin: bin.clone() })
            .ok_or(Error::NotInstalled { major, searched })
    }

    /// Finds the programs of any version: 15 (Debian's) if it is there, else the newest.
    pub fn any() -> Result<Self> {
        let rest = Major::ALL.into_iter().rev().filter(|major| *major != Major::V15);
        std::iter::once(Major::V15).chain(rest).find_map(|major| Self::find(major).ok()).ok_or(Error::NothingInstalled)
    }

    /// The major version.
    pub fn major(&self) -> Major {
        self.major
    }

    /// The path of one program, such as `pg_dump`.
    pub fn bin(&self, program: &str) -> PathBuf {
        self.bin.join(program)
    }

    /// The folder of the programs.
    pub fn bin_dir(&self) -> &Path {
        &self.bin
    }

    /// The folder that holds everything: programs, libraries and shared files, if it can be moved as a whole.
    pub(crate) fn home(&self) -> Option<&Path> {
        self.bin.parent().filter(|home| home.join("share").is_dir() && home.join("lib").is_dir())
    }

    /// The folder of the libraries that come with the server; its own modules would otherwise take the system's client library,
    /// which may be older or missing.
    pub(crate) fn libraries(&self) -> Option<PathBuf> {
        self.home().map(|home| home.join("lib")).filter(|lib| lib.join("libpq.so.5").exists())
    }

    /// Whether any user may run the programs; not so in a checkout below a private home folder.
    pub(crate) fn is_open_to_all(&self) -> bool {
        let open = |path: &Path| path.metadata().is_ok_and(|found| found.permissions().mode() & 0o001 != 0);
        self.bin.ancestors().all(open)
    }

    pub(crate) fn moved(&self, home: &Path) -> Self {
        Self { major: self.major, bin: home.join("bin") }
    }
}

fn places(major: Major) -> impl Iterator<Item = PathBuf> {
    let own = env::var_os(HOME_VARIABLE).map(|home| PathBuf::from(home).join(major.to_string()));
    let workspace = workspaces().map(move |folder| folder.join(".tools/postgresql").join(major.to_string()));
    let debian = PathBuf::from("/usr/lib/postgresql").join(major.to_string());
    own.into_iter().chain(workspace).chain([debian]).map(|home| home.join("bin"))
}

/// The folders that may be the workspace: those around the running program (`target/…`), the package under test, and the
/// working directory, as far as they have a `.tools`.
fn workspaces() -> impl Iterator<Item = PathBuf> {
    let starts = [env::current_exe().ok(), env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from), env::current_dir().ok()];
    let mut found: Vec<PathBuf> = Vec::new();
    for start in starts.into_iter().flatten() {
        let nearest = start.ancestors().find(|folder| folder.join(".tools/postgresql").is_dir());
        if let Some(folder) = nearest.filter(|folder| !found.iter().any(|known| known == folder)) {
            found.push(folder.to_owned());
        }
    }
    found.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_supported_version_is_installed_and_says_its_number() {
        for major in Major::ALL {
            let installation = Installation::find(major).unwrap();
            let output = std::process::Command::new(installation.bin("postgres")).arg("--version").output().unwrap();
            let version = String::from_utf8(output.stdout).unwrap();
            assert!(version.contains(&format!(") {major}.")), "{version} in {}", installation.bin_dir().display());
        }
    }

    #[test]
    fn any_prefers_debians_version() {
        assert_eq!(Installation::any().unwrap().major(), Major::V15);
    }
}
