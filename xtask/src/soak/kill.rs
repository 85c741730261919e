//! `kill -9` at random moments of a real refresh, by the same test that CI runs with fewer rounds.

use std::process::Command;
use std::time::Duration;

use super::{Effort, Tally};
use crate::{relay, workspace};

/// How often restage is killed unless otherwise asked for.
pub(super) const ROUNDS: u32 = 500;
/// How many rounds the test plays: read by it from the environment.
const ROUNDS_VARIABLE: &str = "RESTAGE_KILL_ROUNDS";
/// How long one round may take, on average.
const ROUND_WITHIN: Duration = Duration::from_mins(1);

pub(super) fn run(effort: &Effort) -> Result<Tally, String> {
    let mut command = Command::new("cargo");
    command.args(["test", "--locked", "--release", "--package", "restage", "--test", "end_to_end", "kills::", "--", "--nocapture"]);
    command.env(ROUNDS_VARIABLE, effort.rounds.to_string()).current_dir(workspace::root());
    let mut tally = Tally::default();
    // The build has its time, too.
    let within = ROUND_WITHIN * effort.rounds.max(30);
    let status = relay::relay(command, within, |line| tally.read(line))?;
    if tally.passed + tally.failed == 0 {
        return Err(format!("no round was played, and the tests ended with {status}"));
    }
    if !status.success() && tally.failed == 0 {
        return Err(format!("the tests ended with {status}"));
    }
    Ok(tally)
}

impl Tally {
    /// Each round tells its moment when it begins; a test that fails does so in its last round.
    fn read(&mut self, line: &str) {
        let is_round = ["resume ", "undo "].iter().any(|how| {
            let number = line.strip_prefix(how).and_then(|rest| rest.split_once(": killed after "));
            number.is_some_and(|(number, _)| number.parse::<u32>().is_ok())
        });
        if is_round {
            self.passed += 1;
        }
        if line.ends_with(" ... FAILED") {
            self.failed += 1;
            self.passed = self.passed.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_counted_and_a_failed_test_has_failed_in_its_last() {
        let output = "RESTAGE_KILL_SEED=7\nresume 0: killed after 12 ms of 900\n  resume killed after 3 ms\nundo 0: killed after 1 ms of 900\n\
                      resume 1: killed after 700 ms of 900\ntest kills::a_run ... FAILED\nfailures:\ntest result: FAILED. 1 passed; 1 failed";
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.read(line));
        assert_eq!(tally, Tally { passed: 2, failed: 1 });
    }
}
