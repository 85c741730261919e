//! `cargo xtask bench`: restage measured against what others use, on this machine, in one run.
//!
//! Contestants take turns, each as often as the others; what is told is the median. Both servers and the contestant share the
//! cores. A figure says little on its own: the ratios are what counts.

mod contest;
mod dataset;
mod ours;
mod peers;
mod machine;
mod page;

mod copy;
mod masks;
mod migrate;
mod refresh;
mod rows;
mod swap;

use std::path::PathBuf;

use self::dataset::Dataset;
use crate::options::Options;
use crate::{Outcome, program};

/// How often each contestant has its turn.
const ROUNDS: usize = 3;

/// What a bench needs to know.
struct Course {
    program: PathBuf,
    scale: f64,
    rounds: usize,
    /// The only one that is copied.
    dataset: Option<Dataset>,
}

/// A bench: its name, and the function that measures and writes the findings as Markdown.
type Bench = (&'static str, fn(&Course) -> Result<String, String>);

const BENCHES: [Bench; 6] = [
    ("copy", copy::run),
    ("rows", rows::run),
    ("refresh", refresh::run),
    ("masks", masks::run),
    ("swap", swap::run),
    ("migrate", migrate::run),
];

/// Measures what is named, or everything; `--write` puts the findings on the page.
pub(crate) fn run(words: &[String]) -> Outcome {
    let mut options = Options::of(words);
    let write = options.flag("--write");
    let (scale, rounds) = (options.value("--scale", 1.0)?, options.value("--rounds", ROUNDS)?);
    if scale <= 0.0 || rounds == 0 {
        return Err("`--scale` and `--rounds` are above 0".to_owned());
    }
    let program: PathBuf = options.value("--program", PathBuf::new())?;
    let dataset = options.maybe("--dataset")?;
    if write && dataset.is_some() {
        return Err("`--write` replaces what the page says of all sets: leave out `--dataset`".to_owned());
    }
    let names = options.names(&BENCHES.map(|(name, _)| name))?;
    let course = Course { program: program::find(&program)?, scale, rounds, dataset };
    let mut done = Vec::new();
    for (name, bench) in BENCHES.iter().filter(|(name, _)| names.contains(name)) {
        let findings = format!("{}\n\n{}", machine::describe(&course)?, bench(&course)?);
        println!("\n{findings}");
        if write {
            page::put(name, &findings)?;
        }
        done.push(*name);
    }
    Ok(format!("{} measured{}", done.join(", "), if write { ", written to docs/performance.md" } else { "" }))
}
