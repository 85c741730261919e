//! Finding PostgreSQL's own programs.

use crate::{Kind, Result};
use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Names a folder with one sub-folder per major version; searched first.
pub const HOME_VARIABLE: &str = "RESTAGE_POSTGRES_HOME";

/// The newest major version that is looked for.
const NEWEST_MAJOR: u32 = 18;

/// The programs that the engine needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// `pg_dump`.
    pub pg_dump: PathBuf,
    /// Its major version.
    pub major: u32,
}

impl Tools {
    /// Finds a `pg_dump` that can read a server of major version `source` and writes SQL for one of `target`: the target's
    /// version if it is there, else the nearest one that can read the source.
    ///
    /// Looked for in `$RESTAGE_POSTGRES_HOME/<major>/bin`, in `/usr/lib/postgresql/<major>/bin` and on the `PATH`.
    pub fn find(source: u32, target: u32) -> Result<Self> {
        let home = env::var_os(HOME_VARIABLE).map(PathBuf::from);
        let path: Vec<PathBuf> = env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
        Self::find_in(home.as_deref(), Path::new("/usr/lib/postgresql"), &path, source, target)
    }

    fn find_in(home: Option<&Path>, debian: &Path, path: &[PathBuf], source: u32, target: u32) -> Result<Self> {
        let folders = home.into_iter().chain([debian]);
        let by_major = folders
            .flat_map(|folder| (source..=NEWEST_MAJOR.max(target)).map(move |major| folder.join(major.to_string()).join("bin")));
        let found = by_major.chain(path.iter().cloned()).map(|folder| folder.join("pg_dump")).filter(|program| program.is_file());
        // Asking each takes longer than connecting to a server: the likeliest is asked first, often alone, and once in a process.
        let (likely, others): (Vec<PathBuf>, Vec<PathBuf>) =
            found.partition(|program| program.ancestors().nth(2).is_some_and(|folder| folder.ends_with(target.to_string())));
        let version = |program: PathBuf| major_of(&program).map(|major| Self { pg_dump: program, major });
        let mut usable = likely.into_iter().chain(others).filter_map(version).filter(|tools| tools.major >= source);
        // SQL written for an older server is read by a newer one, and seldom the other way round.
        let nearest = |tools: &Self| (tools.major != target, tools.major > target, tools.major.abs_diff(target));
        let first = usable.next();
        let best = match first {
            Some(tools) if tools.major == target => Some(tools),
            first => first.into_iter().chain(usable).min_by_key(nearest),
        };
        best.ok_or_else(|| {
            Kind::ToolMissing
                .error(format!("no `pg_dump` of version {source} or newer is installed here"))
                .help(format!("install PostgreSQL's client programs of version {target}, or set `{HOME_VARIABLE}` to a folder with `{target}/bin/pg_dump`"))
        })
    }
}

/// What programs have said, by where they are and when they were put there.
static ASKED: Mutex<BTreeMap<(PathBuf, SystemTime), u32>> = Mutex::new(BTreeMap::new());

fn major_of(program: &Path) -> Option<u32> {
    let installed = program.metadata().and_then(|file| file.modified()).ok()?;
    let asked = || ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    let program = (program.to_owned(), installed);
    if let Some(major) = asked().get(&program) {
        return Some(*major);
    }
    let major = ask(&program.0)?;
    asked().insert(program, major);
    Some(major)
}

/// Runs `pg_dump --version`, which says `pg_dump (PostgreSQL) 15.17 (Debian …)`.
fn ask(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let version = said.split_once(") ")?.1;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn install(folder: &Path, version: &str) {
        fs::create_dir_all(folder).unwrap();
        let program = folder.join("pg_dump");
        fs::write(&program, format!("#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}'\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn others_are_not_asked_where_the_targets_version_is() {
        let folder = tempfile::tempdir().unwrap();
        install(&folder.path().join("15/bin"), "15.17");
        let asked = folder.path().join("asked");
        for other in ["14/bin", "16/bin"] {
            install(&folder.path().join(other), "16.13");
            fs::write(folder.path().join(other).join("pg_dump"), format!("#!/bin/sh\ntouch '{}'\n", asked.display())).unwrap();
        }
        let found = Tools::find_in(Some(folder.path()), Path::new("/nowhere"), &[], 14, 15).unwrap();
        assert!(found.major == 15 && !asked.exists());
    }

    #[test]
    fn a_program_is_asked_again_only_where_it_was_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("pg_dump");
        let find = || Tools::find_in(None, Path::new("/nowhere"), &[folder.path().to_owned()], 14, 15).map(|tools| tools.major);
        for (version, since) in [("15.17", 1), ("16.13", 2)] {
            install(folder.path(), version);
            let installed = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(since);
            fs::File::options().append(true).open(&program).unwrap().set_modified(installed).unwrap();
            let major: u32 = version[..2].parse().unwrap();
            assert_eq!(find().unwrap(), major);
            fs::write(&program, "#!/bin/sh\nexit 1\n").unwrap();
            fs::File::options().append(true).open(&program).unwrap().set_modified(installed).unwrap();
            assert_eq!(find().unwrap(), major);
        }
    }

    #[test]
    fn the_targets_version_is_preferred_and_older_than_the_source_refused() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        install(&home.join("14/bin"), "14.22");
        install(&home.join("18/bin"), "18.4");
        let path = [folder.path().join("path")];
        install(&path[0], "16.13 (Debian 16.13-1)");
        let find =
            |source, target| Tools::find_in(Some(&home), Path::new("/nowhere"), &path, source, target).map(|tools| tools.major);
        assert_eq!(find(14, 16).unwrap(), 16);
        assert_eq!(find(14, 15).unwrap(), 14);
        assert_eq!(find(15, 15).unwrap(), 16);
        assert_eq!(find(17, 17).unwrap(), 18);
        let missing = find(19, 19).unwrap_err();
        assert_eq!((missing.kind, missing.help.is_some()), (Kind::ToolMissing, true));
    }
}
