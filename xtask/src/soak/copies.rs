//! Generated schemas, lines that go wrong and the largest of sizes, by the same tests that CI runs with fewer or smaller ones.

use std::process::Command;
use std::time::Duration;

use super::{Effort, Tally};
use crate::{relay, workspace};

/// Schemas and faults unless otherwise asked for.
pub(super) const CASES: u32 = 1_000;
/// Read by the tests from the environment, with what is asked of them.
const CASES_VARIABLE: &str = "PROPTEST_CASES";
const SIZES: [(&str, &str); 2] = [("RESTAGE_COPY_TABLES", "10000"), ("RESTAGE_COPY_VALUE_BYTES", "1073741760")];
/// How long all tests of a part may take.
const TESTS_WITHIN: Duration = Duration::from_hours(6);

pub(super) fn schemas(effort: &Effort) -> Result<Tally, String> {
    run("generated::", effort.cases)
}

pub(super) fn lines(effort: &Effort) -> Result<Tally, String> {
    run("cut::", effort.cases)
}

pub(super) fn sizes(effort: &Effort) -> Result<Tally, String> {
    run("sizes::", effort.cases)
}

fn run(tests: &str, cases: u32) -> Result<Tally, String> {
    let mut command = Command::new("cargo");
    command.args(["test", "--locked", "--release", "--package", "restage-pgcopy", "--test", "copy", "--", tests]);
    command.env(CASES_VARIABLE, cases.to_string()).envs(SIZES).current_dir(workspace::root());
    let mut tally = None;
    let status = relay::relay(command, TESTS_WITHIN, |line| tally = tally.or_else(|| closing(line)))?;
    tally.ok_or_else(|| format!("the tests ended with {status} and no count"))
}

/// Reads `test result: ok. 3 passed; 0 failed; …`.
fn closing(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut words = counts.split(' ');
    let (passed, _, failed) = (words.next()?, words.next()?, words.next()?);
    Some(Tally { passed: passed.parse().ok()?, failed: failed.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_is_read_as_it_is_printed() {
        let line = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 44 filtered out; finished in 9.12s";
        assert_eq!(closing(line), Some(Tally { passed: 1, failed: 2 }));
        assert_eq!(closing("test generated::generated_schemas_arrive_on_15 ... ok"), None);
    }
}
