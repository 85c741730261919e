//! Commands that outlive restage, and are found, followed and ended by whoever comes next.

use crate::site::{Site, finish, job, perform, run_id, until};
use restage_core::name::{RunId, StepId};
use restage_core::provider::{CommandDone, CommandSpec, Fate, Jobs, Watch, Work};
use restage_core::scenario::run::Command;
use restage_core::{Code, Result};
use restage_lab::Major;
use restage_providers::aws::Aws;
use restage_providers::jobs::{LocalJobs, Output};
use restage_providers::migrator::Access;
use restage_providers::postgres::Postgres;
use restage_providers::secrets::Secrets;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const RUN: &str = "0000000001";

/// Keeps what commands say; refuses the first few times if told so.
#[derive(Default)]
struct Heard {
    lines: Mutex<Vec<String>>,
    refusals: Mutex<u32>,
}

#[async_trait::async_trait]
impl Output for Heard {
    async fn lines(&self, run: &RunId, step: StepId, lines: Vec<String>) -> Result<()> {
        assert_eq!((run.as_str(), step), (RUN, StepId(4)));
        let mut refusals = self.refusals.lock().unwrap();
        if *refusals > 0 {
            *refusals -= 1;
            return Err(Code::StoreUnusable.error("full"));
        }
        self.lines.lock().unwrap().extend(lines);
        Ok(())
    }
}

struct Bench {
    folder: TempDir,
    heard: Arc<Heard>,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), heard: Arc::default() }
    }
    /// Jobs as a process sees them that has just been started.
    fn jobs(&self) -> LocalJobs {
        self.jobs_of(Access::new(Aws::default(), Secrets::default()))
    }
    fn jobs_of(&self, access: Access) -> LocalJobs {
        LocalJobs::new(self.folder.path().join("jobs"), Postgres::new(access), self.heard.clone())
    }
    fn spec(&self, command: Command) -> CommandSpec {
        CommandSpec {
            command,
            env: BTreeMap::from([("WORD".into(), "up".into())]),
            directory: self.folder.path().into(),
            database: None,
        }
    }
    fn shell(&self, script: &str) -> Work {
        Work::Command(self.spec(Command::Shell(script.into())))
    }
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    fn heard(&self) -> Vec<String> {
        self.heard.lines.lock().unwrap().clone()
    }
    fn job_folder(&self) -> PathBuf {
        self.folder.path().join("jobs").join(name().as_str())
    }
}

fn name() -> restage_core::name::JobName {
    job(&run_id(RUN), 4)
}

fn is_alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

#[tokio::test]
async fn a_command_runs_in_its_folder_with_its_variables_and_is_heard() {
    let bench = Bench::new();
    let script = "pwd -P; echo $WORD >&2; ls /dev/fd/ >/dev/null; cat; printf 'no end'";
    let began = Instant::now();
    let done: CommandDone = perform(&bench.jobs(), &name(), &bench.shell(script)).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(9), "a new command waits for nobody");
    let folder = bench.folder.path().canonicalize().unwrap().display().to_string();
    assert_eq!(bench.heard(), [folder.as_str(), "up", "no end"]);
    assert_eq!(done.tail, format!("{folder}\nup\nno end"));
    assert!(done.seconds >= 0.0 && done.seconds < 30.0);
    assert!(!bench.job_folder().join("output").exists(), "what it said stays nowhere but in the log");
    assert_eq!(bench.jobs().fate(&name()).await.unwrap(), Fate::Happened);
}

#[tokio::test]
async fn a_program_gets_its_arguments_as_they_are() {
    let bench = Bench::new();
    let command =
        Command::Program { program: "printf".into(), arguments: vec!["%s\n".into(), "a b".into(), "$(id)".into(), "'".into()] };
    perform::<CommandDone>(&bench.jobs(), &name(), &Work::Command(bench.spec(command))).await.unwrap();
    assert_eq!(bench.heard(), ["a b", "$(id)", "'"]);
}

#[tokio::test]
async fn a_word_that_the_shell_would_take_for_its_own_is_a_program_all_the_same() {
    let bench = Bench::new();
    let command = Command::Program { program: "exit".into(), arguments: vec!["0".into()] };
    let error = perform::<CommandDone>(&bench.jobs(), &name(), &Work::Command(bench.spec(command))).await.unwrap_err();
    assert!(error.message.contains("is not installed"), "{}", error.message);
}

#[tokio::test]
async fn how_it_failed_is_told_with_what_it_said_last_and_it_can_be_started_anew() {
    let bench = Bench::new();
    let jobs = bench.jobs();
    for (script, said) in [
        ("echo why; exit 3", "ended with exit code 3"),
        ("kill -9 $$", "was ended by signal 9"),
        ("exec restage-no-such-program", "is not installed"),
    ] {
        let error = perform::<CommandDone>(&jobs, &name(), &bench.shell(script)).await.unwrap_err();
        assert_eq!(error.code, Code::CommandFailed);
        assert!(error.message.contains(said) && error.help.is_some(), "{}", error.message);
        assert_eq!(jobs.fate(&name()).await.unwrap(), Fate::Unknown);
        if script.starts_with("echo") {
            assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "why");
        }
    }
    perform::<CommandDone>(&jobs, &name(), &bench.shell("echo now")).await.unwrap();
    assert_eq!(bench.heard().last().unwrap(), "now");
}

#[tokio::test]
async fn a_command_outlives_its_starter_and_is_followed_to_its_end_by_the_next() {
    let bench = Bench::new();
    let work = bench.shell("echo first; while [ ! -e go ]; do sleep 0.02; done; echo second; echo x >> runs");
    let first = bench.jobs();
    first.start(&name(), &work).await.unwrap();
    until("the command speaks", || bench.heard() == ["first"]).await;
    first.abandon().await;
    drop(first);
    let next = bench.jobs();
    next.start(&name(), &work).await.unwrap();
    assert!(matches!(next.watch(&name(), Duration::from_millis(20)).await.unwrap(), Watch::Running(_)));
    std::fs::write(bench.file("go"), "").unwrap();
    let done: CommandDone = finish(&next, &name()).await.unwrap();
    assert_eq!(
        (bench.heard().as_slice(), done.tail.as_str()),
        (["first".to_owned(), "second".to_owned()].as_slice(), "first\nsecond")
    );
    let later: CommandDone = perform(&bench.jobs(), &name(), &work).await.unwrap();
    assert_eq!((later, read(&bench.file("runs")).as_str()), (done, "x"));
}

#[tokio::test]
async fn one_that_ended_while_nobody_looked_is_not_run_again() {
    let bench = Bench::new();
    let work = bench.shell("while [ ! -e go ]; do sleep 0.02; done; echo said; echo x >> runs");
    let first = bench.jobs();
    first.start(&name(), &work).await.unwrap();
    until("the command is at work", || bench.job_folder().join("process").exists()).await;
    first.abandon().await;
    std::fs::write(bench.file("go"), "").unwrap();
    until("the command has ended", || read(&bench.job_folder().join("exit")) == "0").await;
    let done: CommandDone = perform(&bench.jobs(), &name(), &work).await.unwrap();
    assert_eq!((done.tail.as_str(), read(&bench.file("runs")).as_str()), ("said", "x"));
}

#[tokio::test]
async fn stopping_ends_all_that_a_command_started() {
    let bench = Bench::new();
    // A child in a group of its own, and one that does not listen to polite requests.
    let script = "sh -c 'trap \"\" TERM; echo $$ > deaf; while :; do sleep 0.05; done' & \
                  perl -e 'setpgrp; exec \"sleep\", 600' & echo $! > apart; echo $$ > self; wait";
    let jobs = bench.jobs();
    jobs.start(&name(), &bench.shell(script)).await.unwrap();
    let pids = || ["deaf", "apart", "self"].map(|name| read(&bench.file(name)));
    until("everybody is there", || pids().iter().all(|pid| !pid.is_empty() && is_alive(pid))).await;
    let pids = pids();
    // Another process stops it: the one that started it may be gone.
    bench.jobs().stop(&name()).await.unwrap();
    assert!(pids.iter().all(|pid| !is_alive(pid)), "{pids:?}");
    let error = finish::<CommandDone>(&jobs, &name()).await.unwrap_err();
    assert_eq!(error.code, Code::CommandFailed);
    assert_eq!(jobs.fate(&name()).await.unwrap(), Fate::Unknown);
    jobs.stop(&name()).await.unwrap();
}

#[tokio::test]
async fn a_script_that_was_killed_is_told_and_what_it_left_is_ended_before_the_next_start() {
    let bench = Bench::new();
    let jobs = bench.jobs();
    jobs.start(&name(), &bench.shell("sleep 600 & echo $! > left; echo $PPID > parent; wait")).await.unwrap();
    until("the command is there", || !read(&bench.file("parent")).is_empty()).await;
    let (left, command) = (read(&bench.file("left")), read(&bench.job_folder().join("process")));
    let script = command.split(' ').next().unwrap().to_owned();
    assert!(std::process::Command::new("kill").args(["-KILL", &script]).status().unwrap().success());
    let error = finish::<CommandDone>(&jobs, &name()).await.unwrap_err();
    assert!(error.message.contains("was killed"), "{}", error.message);
    assert!(is_alive(&left));
    perform::<CommandDone>(&jobs, &name(), &bench.shell("true")).await.unwrap();
    assert!(!is_alive(&left));
}

#[tokio::test]
async fn much_output_is_heard_whole_and_lines_that_were_refused_come_again() {
    let bench = Bench::new();
    *bench.heard.refusals.lock().unwrap() = 3;
    let done: CommandDone = perform(&bench.jobs(), &name(), &bench.shell("seq 1 200000")).await.unwrap();
    let heard = bench.heard();
    assert_eq!((heard.len(), heard[0].as_str(), heard[199_999].as_str()), (200_000, "1", "200000"));
    assert!(done.tail.len() <= 4096 && done.tail.ends_with("199999\n200000"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_handed_over_by_environment_alone_and_its_password_is_never_heard() {
    let site = Site::start(Major::V15);
    site.role("owner", "");
    let bench = Bench::new();
    let psql = site.cluster.installation().bin("psql");
    let script = format!(
        "echo \"password: $PGPASSWORD\"; cat /proc/$PPID/cmdline /proc/$$/cmdline | tr '\\0' ' ' > words; {} -X -A -t -c 'SELECT current_user, current_database()'",
        psql.display()
    );
    let spec = CommandSpec { database: Some(site.address("postgres", "owner")), ..bench.spec(Command::Shell(script)) };
    let jobs = bench.jobs_of(site.access());
    let done: CommandDone = perform(&jobs, &name(), &Work::Command(spec)).await.unwrap();
    assert_eq!(bench.heard(), ["password: ***", "owner|postgres"]);
    let words = read(&bench.file("words"));
    assert!(words.contains("restage-job"), "{words}");
    for entry in std::fs::read_dir(bench.job_folder()).unwrap() {
        let path = entry.unwrap().path();
        assert!(!read(&path).contains(crate::site::PASSWORD), "{}", path.display());
    }
    assert!(!words.contains(crate::site::PASSWORD) && !done.tail.contains(crate::site::PASSWORD));
}

#[tokio::test]
async fn forgetting_a_run_removes_its_jobs_and_no_others() {
    let bench = Bench::new();
    let jobs = bench.jobs();
    perform::<CommandDone>(&jobs, &name(), &bench.shell("true")).await.unwrap();
    jobs.forget(&run_id("0000000002")).await.unwrap();
    assert!(bench.job_folder().exists());
    jobs.forget(&run_id(RUN)).await.unwrap();
    assert!(!bench.job_folder().exists());
    assert_eq!(jobs.fate(&name()).await.unwrap(), Fate::Never);
}
