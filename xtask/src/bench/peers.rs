//! What others use to make one database out of another, each at its best settings for this machine.

use std::path::Path;
use std::process::{Command, Stdio};

use restage_lab::{Cluster, SUPERUSER};

use super::contest::Contestant;
use crate::program::must;
use crate::site::{DATABASE, Site, told};

/// The database that a peer fills.
pub(super) const FRESH: &str = "peer";
/// Databases of fewer bytes stay until the server goes.
const SMALL_BYTES: u64 = 1 << 30;
/// As many as the servers have cores, which are the cores of this machine.
const JOBS: &str = "2";

/// Everyone who is installed here.
pub(super) fn all(site: &Site) -> Vec<Contestant<'_>> {
    let mut peers = vec![
        dump_and_restore(site, "`pg_dump -Fd -j2`, then `pg_restore -j2`", &[]),
        dump_and_restore(site, "the same with `-Z0`", &["-Z0"]),
    ];
    if Path::new(PGCOPYDB).exists() {
        peers.push(pgcopydb(site));
    } else {
        println!("`pgcopydb` is not installed and left out: `tools/install peers` has it");
    }
    peers
}

fn dump_and_restore<'s>(site: &'s Site, name: &str, options: &'static [&'static str]) -> Contestant<'s> {
    let folder = site.place("dump");
    let work = {
        let folder = folder.clone();
        move || {
            let mut dump = client(&site.source, "pg_dump");
            dump.args(["-Fd", "-j", JOBS, "-d", DATABASE]).args(options).arg("-f").arg(&folder);
            must(dump)?;
            let mut restore = client(&site.target, "pg_restore");
            // The target has other roles than the source: restage maps them, its peers leave them out.
            restore.args(["-j", JOBS, "--no-owner", "--no-privileges", "--exit-on-error", "-d", FRESH]).arg(&folder);
            must(restore).map(drop)
        }
    };
    filling(site, name, work, move || remove(&folder))
}

/// Those that write into a pipe what the other end reads.
pub(super) fn piped(site: &Site) -> [Contestant<'_>; 2] {
    let restore = || {
        let mut restore = client(&site.target, "pg_restore");
        restore.args(["--no-owner", "--no-privileges", "--exit-on-error", "-d", FRESH]);
        restore
    };
    let read = || {
        let mut read = client(&site.target, "psql");
        read.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-d", FRESH]);
        read
    };
    let dump = |options: &'static [&'static str]| {
        move || {
            let mut dump = client(&site.source, "pg_dump");
            dump.args(["--no-owner", "--no-privileges", "-d", DATABASE]).args(options);
            dump
        }
    };
    [pipe(site, "`pg_dump -Fc | pg_restore`", dump(&["-Fc"]), restore), pipe(site, "`pg_dump | psql`", dump(&[]), read)]
}

fn pipe<'s>(site: &'s Site, name: &str, from: impl Fn() -> Command + 's, into: impl Fn() -> Command + 's) -> Contestant<'s> {
    let work = move || {
        let mut from = from();
        let line = crate::program::line(&from);
        let mut writer =
            from.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|error| format!("cannot start `{line}`: {error}"))?;
        let pipe = writer.stdout.take().ok_or("the writer has no pipe")?;
        let mut into = into();
        let reader = into.stdin(pipe).output().map_err(|error| format!("cannot start the reader of `{line}`: {error}"))?;
        // The pipe's end in this process goes with the command, or the writer would never hear of a reader that is gone.
        drop(into);
        let status = writer.wait().map_err(|error| format!("`{line}`: {error}"))?;
        crate::program::judge("the reader of a pipe", reader)?;
        if status.success() { Ok(()) } else { Err(format!("`{line}`: {status}")) }
    };
    filling(site, name, work, || Ok(()))
}

/// Where Debian puts it.
const PGCOPYDB: &str = "/usr/bin/pgcopydb";

fn pgcopydb(site: &Site) -> Contestant<'_> {
    let folder = site.place("pgcopydb");
    let work = {
        let folder = folder.clone();
        move || {
            let mut clone = Command::new(PGCOPYDB);
            clone
                .arg("clone")
                .args(["--table-jobs", JOBS, "--index-jobs", JOBS, "--no-owner", "--no-acl"])
                .arg("--dir")
                .arg(&folder);
            clone.arg("--source").arg(site.source.superuser_url(DATABASE)).arg("--target").arg(site.target.superuser_url(FRESH));
            // It starts the clients that it finds first.
            let path = std::env::var("PATH").unwrap_or_default();
            clone.env("PATH", format!("{}:{path}", site.source.installation().bin_dir().display()));
            must(clone).map(drop)
        }
    };
    filling(site, "`pgcopydb clone`", work, move || remove(&folder))
}

/// `psql` on the database that a peer fills, with one statement.
pub(super) fn reader(site: &Site, sql: &str) -> Command {
    let mut reader = client(&site.target, "psql");
    reader.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", FRESH, "-c", sql]);
    reader
}

/// A client that comes the way restage comes: over TCP, with a password.
pub(super) fn client(cluster: &Cluster, program: &str) -> Command {
    let mut command = cluster.client(program);
    command.env("PGHOST", "127.0.0.1").env("PGUSER", SUPERUSER);
    command
}

/// Somebody who fills the fresh database, and what there is to be cleared away besides that.
pub(super) fn filling<'s>(
    site: &'s Site,
    name: &str,
    work: impl FnMut() -> Result<(), String> + 's,
    mut clear: impl FnMut() -> Result<(), String> + 's,
) -> Contestant<'s> {
    let clear = move || {
        clear()?;
        discard(&site.target)
    };
    let prepare = move || create(&site.target);
    Contestant { name: name.to_owned(), prepare: Box::new(prepare), work: Box::new(work), clear: Box::new(clear) }
}

fn remove(folder: &Path) -> Result<(), String> {
    std::fs::remove_dir_all(folder).map_err(|error| format!("cannot remove `{}`: {error}", folder.display()))
}

pub(super) fn create(cluster: &Cluster) -> Result<(), String> {
    cluster.create_database(FRESH).map_err(told)
}

/// Takes the fresh database out of the way. For minutes after many files were removed, ext4 makes others slowly, at the expense
/// of whoever is next: what has many files here has few bytes, and stays beside until the server goes.
pub(super) fn discard(cluster: &Cluster) -> Result<(), String> {
    let sql = format!("SELECT oid, pg_database_size(oid) < {SMALL_BYTES} FROM pg_database WHERE datname = '{FRESH}'");
    let found = cluster.psql("postgres", &sql).map_err(told)?;
    let way_out = match found.strip_suffix("|t") {
        Some(oid) => format!("ALTER DATABASE {FRESH} RENAME TO used_{oid}"),
        None => format!("DROP DATABASE {FRESH}"),
    };
    cluster.psql("postgres", &way_out).map(drop).map_err(told)
}
