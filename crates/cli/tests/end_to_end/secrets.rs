//! No secret is written anywhere: not to the store, the streams, the logs, the servers, a process's arguments or a file.

use crate::look::{nothing_is_at_work, processes};
use crate::people::{SCENARIO, people_on};
use crate::play::{Playing, await_that, exit};
use crate::world::World;
use restage_lab::{Cluster, Config, Installation};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// Masks, and stages that have to do with secrets.
fn scenario(stages: &str) -> String {
    let masks = "      mask: [{ column: bookings.note, with: text }, { column: users.email, with: email }]\n";
    let text = SCENARIO
        .replace("stages:", "mask-secret: { env: MASK_SECRET }\nstages:")
        .replace("keep-target, on-collision", "keep-source, on-collision");
    text.replace("      swap:", &format!("{masks}      before-swap:\n{stages}      swap:"))
}

/// A command that shows its environment and uses the password, and SQL.
const TALKATIVE: &str =
    "        - run: { command: \"env | grep ^PG; psql -XAtc 'select count(*) from bookings'; echo $PGPASSWORD >&2\" }
        - sql: { database: app, statement: \"update bookings set note = note\" }\n";
/// A command that uses the password for as long as nobody ends it.
const LASTING: &str = "        - run: { command: \"psql -XAtc 'select pg_sleep(600)'\" }\n";
/// A command that fails with the password in its last words.
const FAILING: &str = "        - run: { command: 'echo $PGPASSWORD; exit 3' }\n";

/// A world whose secrets are found nowhere else on this machine, so that finding one is a leak.
struct Safe {
    world: World,
    secrets: [(&'static str, String); 3],
    since: SystemTime,
}

impl Safe {
    fn new() -> Self {
        let loud = || {
            let mut config = Config::of(Installation::any().unwrap());
            let settings = [("log_statement", "all"), ("log_min_duration_statement", "0"), ("log_connections", "on")];
            config.settings = settings.map(|(name, value)| (name.into(), value.into())).into();
            config.start().unwrap()
        };
        let secret = |of: &str| format!("leak-{of}-{:016x}", rand::random::<u64>());
        let secrets = ["PRODUCTION_PASSWORD", "PREPROD_PASSWORD", "MASK_SECRET"].map(|name| (name, secret(&name.to_lowercase())));
        let world = people_on(loud(), loud());
        set_password(&world.production, "production_reader", &secrets[0].1);
        set_password(&world.preprod, "preprod_owner", &secrets[1].1);
        Self { world, secrets, since: SystemTime::now() }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.world.command(words);
        command.envs(self.secrets.iter().map(|(name, secret)| (name, secret)));
        command
    }
    fn start(&self, words: &[&str]) -> Playing {
        Playing::start(self.command(words), &self.world.path("said"))
    }

    /// The secret that stands in there, if one does.
    fn leak(&self, content: &[u8]) -> Option<&str> {
        let content = String::from_utf8_lossy(content);
        self.secrets.iter().map(|(_, secret)| secret.as_str()).find(|secret| content.contains(secret))
    }

    /// Looks at the arguments of every process all the while.
    fn watched(&self, work: impl FnOnce()) {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                let mut seen = Vec::new();
                while !done.load(Ordering::Acquire) {
                    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
                    let arguments = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
                    seen.extend(arguments.filter(|arguments| self.leak(arguments).is_some()));
                }
                seen
            });
            let ending = Ending(&done);
            work();
            drop(ending);
            let seen = watcher.join().unwrap();
            assert!(seen.is_empty(), "in a process's arguments: {}", String::from_utf8_lossy(&seen[0]).replace('\0', " "));
        });
    }

    /// Expects no secret in any file that could have been written, nor in what the servers logged.
    #[track_caller]
    fn leaks_nowhere(&self) {
        self.search(&self.world.path(""), SystemTime::UNIX_EPOCH);
        self.search(Path::new("/tmp"), self.since);
        self.search(Path::new("/dev/shm"), self.since);
        for cluster in [&self.world.production, &self.world.preprod] {
            assert_eq!(self.leak(cluster.log().as_bytes()), None, "in a server's log");
        }
        for pid in processes(&self.world) {
            let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            assert_eq!(self.leak(&arguments), None, "in the arguments of process {pid}");
        }
    }

    #[track_caller]
    fn search(&self, folder: &Path, since: SystemTime) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.filter_map(Result::ok) {
            let (path, Ok(about)) = (entry.path(), entry.metadata()) else { continue };
            if about.is_dir() && !entry.file_name().to_string_lossy().starts_with(NOT_SEARCHED) {
                self.search(&path, since);
            } else if about.is_file() && about.modified().is_ok_and(|at| at >= since) {
                // Files of others come and go.
                let found = fs::read(&path).ok().and_then(|content| self.leak(&content).map(str::to_owned));
                assert_eq!(found, None, "in {}", path.display());
            }
        }
    }
}

/// The folders of throwaway servers hold what the lab put there.
const NOT_SEARCHED: &str = "restage-lab-";

/// Ends the watch, also when the work panics: the scope would wait for ever.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Changes a password so that the server does not log it.
fn set_password(cluster: &Cluster, role: &str, password: &str) {
    let quiet = "set log_statement = none; set log_min_duration_statement = -1";
    cluster.psql("postgres", &format!("{quiet}; alter role {role} password '{password}'")).unwrap();
}

#[test]
fn no_secret_is_found_anywhere_after_a_run_and_none_in_any_process_while_it_works() {
    let safe = Safe::new();
    safe.world.scenario("people", &scenario(TALKATIVE));
    safe.watched(|| {
        safe.start(&["plan", "people", "--output", "json"]).finish().ends(exit::DONE);
        safe.start(&["run", "people", "--yes", "--output", "json"]).finish().ends(exit::DONE);
        safe.start(&["show"]).finish().ends(exit::DONE);
        let logs = safe.start(&["logs"]).finish().ends(exit::DONE).says("PGPASSWORD=***").says("PGUSER=preprod_owner");
        assert!(logs.out.lines().any(|line| line.ends_with(" ***")), "what went to standard error is not there\n{logs}");
        safe.start(&["undo"]).finish().ends(exit::DONE);
    });
    safe.leaks_nowhere();
}

#[test]
fn no_secret_is_found_anywhere_after_a_run_was_killed() {
    let safe = Safe::new();
    safe.world.scenario("people", &scenario(LASTING));
    safe.watched(|| {
        let run = safe.start(&["run", "people", "--yes"]);
        let sleeps = "select count(*) from pg_stat_activity where query like '%pg_sleep%' and application_name like 'restage%'";
        await_that("the command is at work", || safe.world.preprod.psql("postgres", sleeps).unwrap() == "1");
        run.kill();
        safe.leaks_nowhere();
        safe.start(&["undo"]).finish().ends(exit::DONE);
    });
    nothing_is_at_work(&safe.world);
    safe.leaks_nowhere();
}

#[test]
fn no_secret_is_found_anywhere_after_a_run_failed() {
    let safe = Safe::new();
    safe.world.scenario("people", &scenario(FAILING));
    let mut wrong = safe.command(&["run", "people", "--yes"]);
    wrong.env("PREPROD_PASSWORD", "leak-wrong-password");
    Playing::start(wrong, &safe.world.path("said")).finish().ends(exit::REFUSED).keeps_quiet_of("leak-");
    safe.start(&["run", "people", "--yes"]).finish().ends(exit::HELD).says("R0307").keeps_quiet_of("leak-");
    safe.start(&["show"]).finish().ends(exit::DONE);
    safe.leaks_nowhere();
    safe.start(&["undo"]).finish().ends(exit::DONE);
    safe.leaks_nowhere();
}

#[test]
fn passwords_from_files_and_commands_stay_there() {
    let safe = Safe::new();
    safe.world.scenario("people", &scenario(TALKATIVE));
    // Outside the folders that are searched, since this is where they may be.
    let vault = tempfile::tempdir_in("/var/tmp").unwrap();
    let place = |name: &str, secret: &str| {
        fs::write(vault.path().join(name), secret.to_owned() + "\n").unwrap();
        vault.path().join(name).display().to_string()
    };
    let production = format!("{{ file: {} }}", place("one", &safe.secrets[0].1));
    let preprod = format!("{{ exec: [cat, {}] }}", place("two", &safe.secrets[1].1));
    let text = fs::read_to_string(safe.world.path("project/environments.yaml")).unwrap();
    let text = text.replace("{ env: PRODUCTION_PASSWORD }", &production).replace("{ env: PREPROD_PASSWORD }", &preprod);
    safe.world.write("environments.yaml", &text);
    safe.watched(|| {
        let mut run = safe.command(&["run", "people", "--yes"]);
        run.env_remove("PRODUCTION_PASSWORD").env_remove("PREPROD_PASSWORD");
        Playing::start(run, &safe.world.path("said")).finish().ends(exit::DONE);
    });
    safe.leaks_nowhere();
}
