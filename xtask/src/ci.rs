//! All that CI runs, in order of how soon it can fail. Every suite runs and prints a closing line of its own.

use std::io::IsTerminal;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Outcome, pages, program, relay, tidy, workspace};

/// How a suite ended, if it did not fail.
enum Verdict {
    Passed(String),
    /// Not run, and why.
    Skipped(&'static str),
}

const NO_DENY: &str = "cargo-deny is not installed (`cargo install --locked cargo-deny` takes some minutes)";

/// How long one suite may take, building included.
const SUITE_WITHIN: Duration = Duration::from_hours(1);

type Suite = (&'static str, fn() -> Result<Verdict, String>);

const SUITES: &[Suite] = &[
    ("tidy", || tidy::run(&[]).map(Verdict::Passed)),
    ("format", || cargo(&["fmt", "--all", "--check"])),
    ("clippy", || cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"])),
    ("docs", documentation),
    ("dependencies", dependencies),
    ("advisories", advisories),
    ("pages", || pages::check().map(Verdict::Passed)),
    ("tests", tests),
    ("doctests", || cargo(&["test", "--locked", "--workspace", "--doc"])),
    ("leftovers", leftovers),
];

/// Runs every suite, or those that are named; fails if one did.
pub(crate) fn run(words: &[String]) -> Outcome {
    if let Some(stranger) = words.iter().find(|word| !SUITES.iter().any(|(name, _)| name == word)) {
        let names: Vec<&str> = SUITES.iter().map(|(name, _)| *name).collect();
        return Err(format!("`{stranger}` is not a suite; these are: {}", names.join(", ")));
    }
    let chosen = SUITES.iter().filter(|(name, _)| words.is_empty() || words.iter().any(|word| word == name));
    let started = Instant::now();
    let (mut passed, mut skipped, mut failed) = (0, Vec::new(), Vec::new());
    for (name, suite) in chosen {
        println!("== {name}");
        let suite_started = Instant::now();
        let verdict = suite();
        let seconds = suite_started.elapsed().as_secs_f64();
        match verdict {
            Ok(Verdict::Passed(line)) => {
                println!("{name}: passed in {seconds:.1} s: {line}");
                passed += 1;
            }
            Ok(Verdict::Skipped(reason)) => {
                println!("{name}: skipped: {reason}");
                skipped.push(*name);
            }
            Err(line) => {
                println!("{name}: FAILED after {seconds:.1} s: {line}");
                failed.push(*name);
            }
        }
    }
    let skipped = if skipped.is_empty() { String::new() } else { format!(", skipped: {}", skipped.join(", ")) };
    let line = format!("{passed} suites passed{skipped} in {:.0} s", started.elapsed().as_secs_f64());
    if failed.is_empty() { Ok(line) } else { Err(format!("{}; {line}", failed.join(", "))) }
}

fn documentation() -> Result<Verdict, String> {
    let mut command = cargo_command(&["doc", "--locked", "--workspace", "--no-deps", "--document-private-items"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    finish(command)
}

/// Licences, banned crates and sources are judged from `Cargo.lock`.
fn dependencies() -> Result<Verdict, String> {
    if has(&["deny"]) {
        cargo(&["deny", "--locked", "check", "bans", "licenses", "sources"])
    } else {
        Ok(Verdict::Skipped(NO_DENY))
    }
}

/// Advisories are judged by a database that has to be fetched, which not every machine can.
fn advisories() -> Result<Verdict, String> {
    if !has(&["deny"]) {
        return Ok(Verdict::Skipped(NO_DENY));
    }
    match cargo(&["deny", "--locked", "fetch", "db"]) {
        Ok(_) => cargo(&["deny", "--locked", "check", "advisories"]),
        Err(_) => Ok(Verdict::Skipped("the database of advisories cannot be fetched from here")),
    }
}

fn tests() -> Result<Verdict, String> {
    if has(&["nextest"]) {
        return counted(cargo_command(&["nextest", "run", "--locked", "--workspace", "--no-fail-fast"]));
    }
    println!("cargo-nextest is not installed: `cargo test` runs the same tests, more slowly");
    counted(cargo_command(&["test", "--locked", "--workspace", "--all-targets", "--no-fail-fast"]))
}

/// Runs tests and counts them; the line it ends with has both numbers, also when tests failed.
fn counted(command: Command) -> Result<Verdict, String> {
    let mut count = Count::default();
    let line = program::line(&command);
    let status = relay::relay(command, SUITE_WITHIN, |line| count.read(line))?;
    let counted = format!("{} passed, {} failed", count.passed, count.failed);
    if status.success() && count.passed > 0 { Ok(Verdict::Passed(counted)) } else { Err(format!("{counted}; `{line}`: {status}")) }
}

/// Tests so far.
#[derive(Debug, Default, PartialEq)]
struct Count {
    passed: u64,
    failed: u64,
}

impl Count {
    /// Reads `test result: ok. 3 passed; 0 failed; …` of `cargo test`, once for each binary, and
    /// `Summary [ 1.2s] 4 tests run: 3 passed, 1 failed, …` of nextest, where what is nought is left out, and which shows what a
    /// failed test has printed, its `test result:` included, further in.
    fn read(&mut self, line: &str) {
        let is_summary = line.trim_start().starts_with("Summary [") && line.contains(" run: ");
        let is_count = line.starts_with("test result: ") || is_summary;
        if !is_count {
            return;
        }
        let words: Vec<&str> = line.split([' ', ';', ',']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u64>() else { continue };
            match pair[1] {
                "passed" => self.passed += number,
                "failed" | "timed" => self.failed += number,
                _ => {}
            }
        }
    }
}

/// The tests clean up after themselves; this is where it would show if they did not.
fn leftovers() -> Result<Verdict, String> {
    let found = restage_lab::leftovers().map_err(|error| error.to_string())?;
    if found.is_empty() { Ok(Verdict::Passed("no server or folder is left".to_owned())) } else { Err(format!("{found:?}")) }
}

fn cargo(words: &[&str]) -> Result<Verdict, String> {
    finish(cargo_command(words))
}

fn has(words: &[&str]) -> bool {
    let mut command = cargo_command(words);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn cargo_command(words: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(words).current_dir(workspace::root());
    command
}

fn finish(mut command: Command) -> Result<Verdict, String> {
    let line = program::line(&command);
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let status = relay::relay(command, SUITE_WITHIN, |_| {})?;
    if status.success() { Ok(Verdict::Passed(line)) } else { Err(format!("`{line}`: {status}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_counted_as_both_runners_tell_them() {
        let mut count = Count::default();
        let output = "running 3 tests\ntest result: ok. 3 passed; 0 failed; 0 ignored; 0 measured\n\
                      test result: FAILED. 1 passed; 2 failed; 0 ignored";
        output.lines().for_each(|line| count.read(line));
        assert_eq!(count, Count { passed: 4, failed: 2 });
        let mut count = Count::default();
        count.read("    test result: FAILED. 0 passed; 1 failed; 0 ignored");
        count.read("     Summary [  12.3s] 9 tests run: 6 passed (1 slow), 2 failed, 1 timed out, 0 skipped");
        assert_eq!(count, Count { passed: 6, failed: 3 });
    }
}
