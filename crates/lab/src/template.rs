//! `initdb` takes a second; its result is kept and copied.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use crate::account::Account;
use crate::scratch::{Lock, ensure_dir, lab_dir};
use crate::{Error, Installation, Result, SUPERUSER, SUPERUSER_PASSWORD, identity, tool};

/// How long `initdb`, copying its result and other preparations may take, each.
pub(crate) const INIT_LIMIT: Duration = Duration::from_mins(2);

/// Fills the new folder `data` with an initialised cluster that has an identity of its own.
pub(crate) fn copy_to(data: &Path, installation: &Installation, account: Account, locale: &str) -> Result<()> {
    let template = ensure(installation, account, locale)?;
    let mut copy = Command::new("cp");
    copy.args(["-a", "--reflink=auto"]).arg(&template).arg(data);
    tool::run(copy, "", INIT_LIMIT)?;
    identity::renew(installation, account, data)
}

/// The programs where the account can run them: in place if possible, else a copy in the lab's folder.
pub(crate) fn reachable(installation: Installation, account: Account) -> Result<Installation> {
    if account == Account::Own || installation.is_open_to_all() {
        return Ok(installation);
    }
    let Some(home) = installation.home() else { return Ok(installation) };
    let copy = once("programs", &stamp(&installation, ""), |unfinished| {
        let mut copy = Command::new("cp");
        copy.args(["-a", "--no-preserve=ownership"]).arg(home).arg(unfinished);
        tool::run(copy, "", INIT_LIMIT).map(drop)
    })?;
    Ok(installation.moved(&copy))
}

fn ensure(installation: &Installation, account: Account, locale: &str) -> Result<PathBuf> {
    once("templates", &stamp(installation, locale), |unfinished| {
        fs::create_dir(unfinished).map_err(Error::file("create", unfinished))?;
        account.give(unfinished)?;
        let mut initdb = account.command(&installation.bin("initdb"));
        let password = unfinished.with_extension("password");
        fs::write(&password, SUPERUSER_PASSWORD).map_err(Error::file("write", &password))?;
        account.give(&password)?;
        initdb.args(["--no-sync", "--encoding=UTF8", "--auth=trust"]).arg("--pwfile").arg(&password);
        initdb.arg(format!("--locale={locale}")).arg(format!("--username={SUPERUSER}")).arg("--pgdata").arg(unfinished);
        initdb.env("TZ", "UTC").env("LC_ALL", "C");
        tool::run(initdb, "", INIT_LIMIT)?;
        fs::remove_file(&password).map_err(Error::file("remove", &password))?;
        forget_log(unfinished)
    })
}

/// The write-ahead log would be most of what is copied, and `pg_resetwal` writes a new one anyway.
fn forget_log(data: &Path) -> Result<()> {
    let log = data.join("pg_wal");
    for entry in fs::read_dir(&log).map_err(Error::file("list", &log))?.filter_map(Result::ok) {
        if entry.path().is_file() {
            fs::remove_file(entry.path()).map_err(Error::file("remove", entry.path()))?;
        }
    }
    Ok(())
}

/// Makes `<lab>/<kind>/<name>` unless it is there, also when several processes want it at once; a half-made one is never seen.
fn once(kind: &str, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let folder = lab_dir()?.join(kind);
    let finished = folder.join(name);
    if finished.exists() {
        return Ok(finished);
    }
    ensure_dir(&folder)?;
    let _lock = Lock::wait(&folder.join(format!("{name}.lock")))?;
    if finished.exists() {
        return Ok(finished);
    }
    let unfinished = folder.join(format!("{name}.unfinished"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(Error::file("remove", &unfinished))?;
    }
    make(&unfinished)?;
    fs::rename(&unfinished, &finished).map_err(Error::file("create", &finished))?;
    Ok(finished)
}

/// Tells installations apart, and one from its updated self.
fn stamp(installation: &Installation, locale: &str) -> String {
    let server = installation.bin("postgres");
    let found = server.metadata().ok();
    let changed = found.as_ref().and_then(|found| found.modified().ok()).and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let mut hasher = DefaultHasher::new();
    let path: OsString = server.into();
    (path, locale, changed, found.map(|found| (found.size(), found.ino()))).hash(&mut hasher);
    format!("{}-{:016x}", installation.major(), hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_at_once_make_it_exactly_once_and_see_it_whole() {
        let name = format!("once-{}", std::process::id());
        let made = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let path = once("selftest", &name, |unfinished| {
                        made.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        fs::create_dir(unfinished).unwrap();
                        fs::write(unfinished.join("content"), "whole").unwrap();
                        Ok(())
                    });
                    assert_eq!(fs::read_to_string(path.unwrap().join("content")).unwrap(), "whole");
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
        let folder = lab_dir().unwrap().join("selftest");
        fs::remove_dir_all(folder.join(&name)).unwrap();
        fs::remove_file(folder.join(format!("{name}.lock"))).unwrap();
    }
}
