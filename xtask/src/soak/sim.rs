//! Seeds of the simulation: each is a run in which something goes wrong somewhere.

use std::ops::Range;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use restage_sim::suite;

use super::{Effort, Tally};
use crate::{relay, workspace};

/// How many seeds unless otherwise asked for.
pub(super) const SEEDS: u64 = 100_000;
/// Seeds that are tried in one go.
const BATCH_SEEDS: u64 = 500;
/// How often progress is told, in batches.
const TOLD_EVERY: u64 = 20;
/// How long all of them may take.
const SOAK_WITHIN: Duration = Duration::from_hours(12);

/// Unless this is a release build, it hands the work to one.
pub(super) fn run(effort: &Effort) -> Result<Tally, String> {
    if cfg!(debug_assertions) { in_release(effort) } else { Ok(on_every_core(effort.seeds)) }
}

fn in_release(effort: &Effort) -> Result<Tally, String> {
    let mut command = Command::new("cargo");
    command.args([
        "run",
        "--locked",
        "--release",
        "--quiet",
        "--package",
        "xtask",
        "--",
        "soak",
        "sim",
        "--seeds",
        &effort.seeds.to_string(),
    ]);
    command.current_dir(workspace::root());
    let mut tally = None;
    let status = relay::relay(command, SOAK_WITHIN, |line| tally = tally.or_else(|| closing(line)))?;
    tally.ok_or_else(|| format!("the release build ended with {status} and no count"))
}

/// Reads the closing line that `soak` prints.
fn closing(line: &str) -> Option<Tally> {
    let (passed, rest) = line.strip_prefix("soak sim: ")?.split_once(" passed, ")?;
    let (failed, _) = rest.split_once(" failed")?;
    Some(Tally { passed: passed.parse().ok()?, failed: failed.parse().ok()? })
}

fn on_every_core(seeds: u64) -> Tally {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let batches = seeds.div_ceil(BATCH_SEEDS);
    let next = AtomicU64::new(0);
    let work = || {
        let mut tally = Tally::default();
        loop {
            let batch = next.fetch_add(1, Ordering::Relaxed);
            if batch >= batches {
                return tally;
            }
            tally.add(&suite::run(range(batch, seeds)));
            if batch % TOLD_EVERY == TOLD_EVERY - 1 {
                println!("{} of {seeds} seeds", range(batch, seeds).end);
            }
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().fold(Tally::default(), |sum, thread| {
            // A panic is a bug that a seed has found.
            let tally = thread.join().unwrap_or(Tally { passed: 0, failed: 1 });
            Tally { passed: sum.passed + tally.passed, failed: sum.failed + tally.failed }
        })
    })
}

fn range(batch: u64, seeds: u64) -> Range<u64> {
    let start = batch * BATCH_SEEDS;
    start..(start + BATCH_SEEDS).min(seeds)
}

impl Tally {
    fn add(&mut self, summary: &suite::Summary) {
        self.passed += summary.trials - summary.failed;
        self.failed += summary.failed;
        for failure in &summary.failures {
            println!("{failure}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_in_one_batch() {
        let batches: Vec<Range<u64>> = (0..3).map(|batch| range(batch, 1_234)).collect();
        assert_eq!(batches, [0..500, 500..1_000, 1_000..1_234]);
    }

    #[test]
    fn the_closing_line_is_read_as_it_is_printed() {
        assert_eq!(closing("soak sim: 12 passed, 3 failed in 4 s"), Some(Tally { passed: 12, failed: 3 }));
        assert_eq!(closing("20 of 30 seeds"), None);
    }
}
