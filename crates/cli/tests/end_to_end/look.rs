//! What can be seen of a server from outside: whole databases, and what restage might have left.

use crate::play::await_that;
use crate::world::{APP, World};
use restage_lab::Cluster;
use std::fs;

/// A database as a whole: structure, rows, owners, grants, comment and settings. Equal text is an equal database.
pub(crate) fn looks(cluster: &Cluster, database: &str) -> String {
    let dump = cluster.client("pg_dump").args(["--create", "-d", database]).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let dump = String::from_utf8(dump.stdout).unwrap();
    let differs_always = ["-- Dumped from", "-- Dumped by", "\\restrict ", "\\unrestrict "];
    let same = dump.split_inclusive('\n').filter(|line| !differs_always.iter().any(|start| line.starts_with(start)));
    let open = "select datallowconn, datconnlimit from pg_database where datname = current_database()";
    same.collect::<String>() + &cluster.psql(database, open).unwrap()
}

/// Both databases as a whole.
#[derive(PartialEq, Eq)]
pub(crate) struct Both {
    production: String,
    preprod: String,
}

impl Both {
    pub(crate) fn of(world: &World) -> Self {
        Self { production: looks(&world.production, APP), preprod: looks(&world.preprod, APP) }
    }
    /// Expects that production is as it was.
    #[track_caller]
    pub(crate) fn production_is_as_before(&self, world: &World) {
        same("production", &self.production, &looks(&world.production, APP));
    }
    /// Expects that preprod is as it was.
    #[track_caller]
    pub(crate) fn preprod_is_as_before(&self, world: &World) {
        same("preprod", &self.preprod, &looks(&world.preprod, APP));
    }
    /// Expects that both are as they were, and that nothing is left beside them.
    #[track_caller]
    pub(crate) fn nothing_was_touched(&self, world: &World) {
        self.production_is_as_before(world);
        self.preprod_is_as_before(world);
        nothing_is_left(world);
    }
}

/// Compares two dumps and shows the first lines that differ.
#[track_caller]
pub(crate) fn same(what: &str, before: &str, after: &str) {
    if before == after {
        return;
    }
    let lines = before.lines().zip(after.lines()).enumerate().filter(|(_, (one, other))| one != other);
    let shown: Vec<String> = lines.take(5).map(|(number, (one, other))| format!("{number}\n- {one}\n+ {other}")).collect();
    let (was, is) = (before.lines().count(), after.lines().count());
    panic!("{what} is not as before ({was} lines then, {is} now):\n{}", shown.join("\n"));
}

/// Databases of preprod's server that a run made, by their names.
pub(crate) fn made_by_runs(world: &World) -> Vec<String> {
    let names = "select datname from pg_database where datname ~ '_(restage|before)_[0-9a-z]{10}$' order by 1";
    world.preprod.psql("postgres", names).unwrap().lines().map(str::to_owned).collect()
}

/// Expects that no database of a run is left, and nothing at work.
#[track_caller]
pub(crate) fn nothing_is_left(world: &World) {
    assert_eq!(made_by_runs(world), [] as [String; 0]);
    nothing_is_at_work(world);
}

/// Expects that no session, lock or process of restage is left; servers take a moment to notice that a client is gone.
#[track_caller]
pub(crate) fn nothing_is_at_work(world: &World) {
    for cluster in [&world.production, &world.preprod] {
        await_that("its sessions and locks are gone", || {
            let own = "pid <> pg_backend_pid()";
            let sessions = format!(
                "select count(*) from pg_stat_activity where backend_type = 'client backend' and {own} \
                and (application_name like 'restage%' or application_name = 'pg_dump')"
            );
            let locks = "select count(*) from pg_locks where locktype = 'advisory'";
            let prepared = "select count(*) from pg_prepared_xacts";
            [sessions.as_str(), locks, prepared].iter().all(|query| cluster.psql("postgres", query).unwrap() == "0")
        });
    }
    await_that("its processes are gone", || processes(world).is_empty());
}

/// Processes that were started for this world, found by the store that stands in their environment, or among their words.
pub(crate) fn processes(world: &World) -> Vec<u32> {
    let store = world.store().display().to_string();
    let is_in =
        |file: String, mark: &str| fs::read(file).unwrap_or_default().windows(mark.len()).any(|window| window == mark.as_bytes());
    let is_ours = |pid: &u32| {
        is_in(format!("/proc/{pid}/environ"), &format!("RESTAGE_STORE={store}\0")) || is_in(format!("/proc/{pid}/cmdline"), &store)
    };
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_ours).collect()
}

/// A query's rows as sorted lines.
#[track_caller]
pub(crate) fn rows(cluster: &Cluster, query: &str) -> Vec<String> {
    let mut rows: Vec<String> = cluster.psql(APP, query).unwrap().lines().map(str::to_owned).collect();
    rows.sort();
    rows
}
