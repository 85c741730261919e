//! Runs restage's commands, as a person would type them.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long one command may take before the test gives up on it.
const COMMAND_LIMIT: Duration = Duration::from_mins(2);
/// How long a condition may take to come true.
const CONDITION_LIMIT: Duration = Duration::from_mins(1);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The exit codes, as `docs/cli.md` lists them.
pub(crate) mod exit {
    pub(crate) const DONE: i32 = 0;
    pub(crate) const UNDONE: i32 = 1;
    pub(crate) const USAGE: i32 = 2;
    pub(crate) const HELD: i32 = 3;
    pub(crate) const STUCK: i32 = 4;
    pub(crate) const REFUSED: i32 = 5;
    pub(crate) const WAITING: i32 = 6;
    pub(crate) const CANCELLED: i32 = 130;
}

/// Waits until something holds; a test that waits in vain says for what.
#[track_caller]
pub(crate) fn await_that(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < CONDITION_LIMIT, "waited in vain until {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// A command at work. It is killed when dropped.
pub(crate) struct Playing {
    child: Child,
    words: String,
    out: PathBuf,
    err: PathBuf,
}

/// A command that has ended, with all it said.
#[derive(Debug)]
pub(crate) struct Played {
    /// What was typed.
    pub(crate) words: String,
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Playing {
    /// Starts a command; what it says goes to two files in `folder`, so that no full pipe can block it.
    pub(crate) fn start(mut command: Command, folder: &Path) -> Self {
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        let number = fs::read_dir(folder).unwrap().count();
        let (out, err) = (folder.join(format!("{number}.out")), folder.join(format!("{number}.err")));
        command.stdin(Stdio::null()).stdout(File::create_new(&out).unwrap()).stderr(File::create_new(&err).unwrap());
        Self { child: command.spawn().unwrap(), words: format!("restage {}", words.join(" ")), out, err }
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
    /// What it has said so far, both streams.
    pub(crate) fn so_far(&self) -> String {
        read(&self.out) + &read(&self.err)
    }
    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid().cast_signed()).unwrap(), signal).unwrap();
    }
    /// Ends it with `kill -9`; one that has ended already is as good.
    pub(crate) fn kill(mut self) -> Played {
        self.child.kill().unwrap();
        self.finish()
    }
    /// Waits for its end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Played {
        let since = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(since.elapsed() < COMMAND_LIMIT, "`{}` has not ended in {COMMAND_LIMIT:?}:\n{}", self.words, self.so_far());
            std::thread::sleep(LOOK_EVERY);
        };
        Played { words: self.words.clone(), status, out: read(&self.out), err: read(&self.err) }
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(path: &Path) -> String {
    String::from_utf8(fs::read(path).unwrap()).unwrap()
}

impl Played {
    /// Expects an exit code.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        self
    }
    /// Expects words in what it said.
    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(self.out.contains(words) || self.err.contains(words), "`{words}` is missing\n{self}");
        self
    }
    /// Expects words in what it said, however its lines are folded.
    #[track_caller]
    pub(crate) fn tells(self, words: &str) -> Self {
        let folded = [&self.out, &self.err].map(|said| said.split_whitespace().collect::<Vec<_>>().join(" "));
        assert!(folded.iter().any(|said| said.contains(words)), "`{words}` is missing\n{self}");
        self
    }
    /// Expects that some words are not in what it said.
    #[track_caller]
    pub(crate) fn keeps_quiet_of(self, words: &str) -> Self {
        assert!(!self.out.contains(words) && !self.err.contains(words), "`{words}` is there\n{self}");
        self
    }
    /// Expects an error with that code, and help that follows it.
    #[track_caller]
    pub(crate) fn fails_with(self, code: &str) -> Self {
        let (_, after) = self.err.split_once(&format!("error[{code}]:")).unwrap_or_else(|| panic!("no error {code}\n{self}"));
        let of_this = after.split("error[").next().unwrap();
        let help = of_this.split_once("help:").map(|(_, help)| help.trim());
        assert!(help.is_some_and(|help| !help.is_empty()), "{code} has no help\n{self}");
        self
    }
    /// Standard output as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }
    /// Standard output as one JSON document a line.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{self}"))).collect()
    }
}

impl std::fmt::Display for Played {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "$ {}\n{}\n{}\n({})", self.words, self.out, self.err, self.status)
    }
}
