//! `cargo xtask soak`: the same promises as in the tests, kept for hours and for gigabytes.
//!
//! Each part prints a closing line of its own: `soak NAME: N passed, N failed`.

mod copies;
mod kill;
mod memory;
mod sim;

use std::path::PathBuf;
use std::time::Instant;

use crate::Outcome;
use crate::options::Options;

/// How long and how large.
struct Effort {
    seeds: u64,
    rounds: u32,
    cases: u32,
    gigabytes: f64,
    /// As for `bench`: the binary to watch, if not one that is built now.
    program: PathBuf,
}

/// How many trials ended well and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
}

type Part = (&'static str, fn(&Effort) -> Result<Tally, String>);

const PARTS: [Part; 6] = [
    ("sim", sim::run),
    ("kill", kill::run),
    ("memory", memory::run),
    ("schemas", copies::schemas),
    ("lines", copies::lines),
    ("sizes", copies::sizes),
];

/// Runs what is named, or everything; fails if anything did.
pub(crate) fn run(words: &[String]) -> Outcome {
    let mut options = Options::of(words);
    let effort = Effort {
        seeds: options.value("--seeds", sim::SEEDS)?,
        rounds: options.value("--rounds", kill::ROUNDS)?,
        cases: options.value("--cases", copies::CASES)?,
        gigabytes: options.value("--gigabytes", memory::GIGABYTES)?,
        program: options.value("--program", PathBuf::new())?,
    };
    let names = options.names(&PARTS.map(|(name, _)| name))?;
    let mut bad = Vec::new();
    for (name, part) in PARTS.iter().filter(|(name, _)| names.contains(name)) {
        println!("== soak {name}");
        let started = Instant::now();
        let tally = part(&effort).unwrap_or_else(|error| {
            println!("{error}");
            Tally { passed: 0, failed: 1 }
        });
        println!("soak {name}: {} passed, {} failed in {:.0} s", tally.passed, tally.failed, started.elapsed().as_secs_f64());
        if tally.failed > 0 || tally.passed == 0 {
            bad.push(*name);
        }
    }
    if bad.is_empty() { Ok(format!("{} passed", names.join(", "))) } else { Err(bad.join(", ")) }
}
