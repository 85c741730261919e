//! The generic suite: every sample, with everything that can go wrong, wherever it can go wrong.
//!
//! [`run`] tries random troubles by seed, [`enumerate`] single ones, everywhere. A new kind of step, a new scenario, a new call of a
//! provider: each joins by itself. `RESTAGE_SIM_SEED=17` tries that seed alone.

use crate::faults::{Ask, Extent, InTheWay, Schedule};
use crate::random::Random;
use crate::samples::{self, Sample};
use crate::trial::{Afterwards, Broken, Trial, Verdict};
use crate::variant::Variant;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;

/// The variable that names a seed to be tried alone.
pub const SEED_VARIABLE: &str = "RESTAGE_SIM_SEED";
/// How many broken promises are told; further ones are only counted.
const MAX_FAILURES: usize = 20;
/// So many characters tell one broken promise from another.
const PROMISE_CHARS: usize = 60;

/// What a suite found.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Trials made.
    pub trials: u64,
    /// How many of them ended in which way.
    pub outcomes: BTreeMap<String, u64>,
    /// How many of them broke a promise.
    pub failed: u64,
    /// One trial for each promise that was broken.
    pub failures: Vec<Failure>,
}

/// A trial in which a promise was broken.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The sample's name.
    pub sample: String,
    /// What went wrong in the world, and where.
    pub trouble: String,
    /// The promise that was broken.
    pub why: String,
    /// The journal as far as it went, an event a line.
    pub journal: Vec<String>,
    /// How to try it again.
    pub again: String,
}

/// Samples and what is tested on them.
pub struct Suite {
    samples: Vec<Sample>,
    variant: Variant,
}

/// Tries every seed on the product; or the one seed that [`SEED_VARIABLE`] names.
pub fn run(seeds: Range<u64>) -> Summary {
    let only = std::env::var(SEED_VARIABLE).ok().and_then(|seed| seed.parse::<u64>().ok());
    Suite::of(Variant::sound()).run(only.map_or(seeds, |seed| seed..seed.saturating_add(1)))
}

/// Tries single troubles at every point of every sample on the product: all of them, or one in so many.
pub fn enumerate(one_in: NonZeroUsize) -> Summary {
    Suite::of(Variant::sound()).enumerate(one_in)
}

/// A trial to be made.
struct Case {
    sample: usize,
    seed: u64,
    schedule: Schedule,
    afterwards: Afterwards,
    again: String,
}

impl Suite {
    /// Every sample, for that variant.
    pub fn of(variant: Variant) -> Self {
        Self::new(samples::all(), variant)
    }
    /// These samples, for that variant.
    pub fn new(samples: Vec<Sample>, variant: Variant) -> Self {
        Self { samples, variant }
    }

    /// Each seed chooses a sample and what goes wrong.
    pub fn run(&self, seeds: Range<u64>) -> Summary {
        let mut summary = Summary::default();
        let calm: Vec<Option<Verdict>> = (0..self.samples.len()).map(|sample| self.calm(sample, None, &mut summary)).collect();
        summary.join(self.try_all(seeds, |seed| by_seed(seed, &calm)));
        summary
    }

    /// Single troubles at every point: on the way there, and on the way back when the run is undone in the end.
    ///
    /// One in so many is tried; a number that divides neither 14 nor 9, as many as there are for a call and an append,
    /// passes over no kind of trouble.
    pub fn enumerate(&self, one_in: NonZeroUsize) -> Summary {
        let mut summary = Summary::default();
        let mut cases = Vec::new();
        for sample in 0..self.samples.len() {
            for stranger in [InTheWay::OfShadow, InTheWay::OfOld] {
                cases.push((sample, Schedule { stranger: Some(stranger), ..Schedule::default() }));
            }
            for finally in [None, Some(Ask::Undo)] {
                let Some(calm) = self.calm(sample, finally, &mut summary) else { continue };
                let before = if finally.is_some() { calm.forward } else { Extent::default() };
                let troubles = calm.whole.troubles_since(&before).into_iter();
                let schedule = |(point, trouble)| Schedule { finally, ..Schedule::default() }.with(point, trouble);
                cases.extend(troubles.map(|trouble| (sample, schedule(trouble))));
            }
        }
        let cases: Vec<_> = cases.into_iter().step_by(one_in.get()).collect();
        let case = |index: u64| usize::try_from(index).ok().and_then(|index| cases.get(index).cloned());
        let single = |index| case(index).map(|(sample, schedule)| Case::single(sample, schedule));
        summary.join(self.try_all(0..cases.len() as u64, single));
        summary
    }

    /// A trial in which nothing goes wrong: how much there is to go wrong.
    fn calm(&self, sample: usize, finally: Option<Ask>, summary: &mut Summary) -> Option<Verdict> {
        let schedule = Schedule { finally, ..Schedule::default() };
        summary.take(self, Case { afterwards: Afterwards::UndoAndRetire, ..Case::single(sample, schedule) })
    }

    /// Tries every case, on every core.
    fn try_all(&self, indexes: Range<u64>, case: impl Fn(u64) -> Option<Case> + Sync) -> Summary {
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let share = &|thread: usize| {
            let mut summary = Summary::default();
            for case in indexes.clone().skip(thread).step_by(threads).filter_map(&case) {
                summary.take(self, case);
            }
            summary
        };
        std::thread::scope(|scope| {
            let shares: Vec<_> = (0..threads).map(|thread| scope.spawn(move || share(thread))).collect();
            let mut all = Summary::default();
            for share in shares {
                all.join(share.join().expect("a trial reports what goes wrong and does not panic"));
            }
            all
        })
    }
}

impl Case {
    fn single(sample: usize, schedule: Schedule) -> Self {
        let again = "cargo test -p restage-sim every_single_trouble".into();
        Self { sample, seed: 0, schedule, afterwards: Afterwards::Nothing, again }
    }
}

/// The case of a seed; none if its sample fails even when nothing goes wrong.
fn by_seed(seed: u64, calm: &[Option<Verdict>]) -> Option<Case> {
    let mut random = Random::new(seed);
    let sample = usize::try_from(random.below(calm.len() as u64)).expect("an index below a length fits");
    let schedule = schedule(calm[sample].as_ref()?, &mut random);
    let afterwards = if random.one_in(4) { Afterwards::UndoAndRetire } else { Afterwards::Nothing };
    let again = format!("{SEED_VARIABLE}={seed} cargo test -p restage-sim by_seed");
    Some(Case { sample, seed: random.next(), schedule, afterwards, again })
}

/// One to three troubles, now and then a stranger, now and then a change of mind in the end.
fn schedule(calm: &Verdict, random: &mut Random) -> Schedule {
    let mut schedule = Schedule::default();
    if random.one_in(12) {
        schedule.stranger = Some(*random.pick(&[InTheWay::OfShadow, InTheWay::OfOld]));
    }
    if random.one_in(4) {
        schedule.finally = Some(*random.pick(&[Ask::Undo, Ask::Cancel, Ask::Resume]));
    }
    for _ in 0..=random.below(3) {
        let (point, trouble) = calm.whole.random_trouble(random);
        schedule = schedule.with(point, trouble);
    }
    schedule
}

impl Summary {
    /// Makes a trial and counts it.
    fn take(&mut self, suite: &Suite, case: Case) -> Option<Verdict> {
        self.trials += 1;
        let sample = &suite.samples[case.sample];
        let trouble = format!("{:?}", case.schedule);
        let trial =
            Trial { sample, seed: case.seed, schedule: case.schedule, variant: &suite.variant, afterwards: case.afterwards };
        match trial.run() {
            Ok(verdict) => {
                *self.outcomes.entry(format!("{:?}", verdict.outcome)).or_default() += 1;
                Some(verdict)
            }
            Err(Broken { why, journal }) => {
                self.failed += 1;
                self.tell(Failure { sample: sample.name.clone(), trouble, why, journal, again: case.again });
                None
            }
        }
    }

    /// Keeps a failure unless one of the same promise is known.
    fn tell(&mut self, failure: Failure) {
        let is_known = self.failures.iter().any(|known| promise(&known.why) == promise(&failure.why));
        if self.failures.len() < MAX_FAILURES && !is_known {
            self.failures.push(failure);
        }
    }

    fn join(&mut self, other: Self) {
        self.trials += other.trials;
        self.failed += other.failed;
        for (outcome, count) in other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
        other.failures.into_iter().for_each(|failure| self.tell(failure));
    }
}

/// What a reason is about, whatever it is told of.
fn promise(why: &str) -> String {
    why.chars().filter(|c| !c.is_ascii_digit()).take(PROMISE_CHARS).collect()
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} trials", self.trials)?;
        for (outcome, count) in &self.outcomes {
            write!(f, ", {count} {outcome}")?;
        }
        write!(f, ", {} failed", self.failed)?;
        self.failures.iter().try_for_each(|failure| write!(f, "\n\n{failure}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "sample `{}`: {}", self.sample, self.why)?;
        writeln!(f, "  with {}", self.trouble)?;
        writeln!(f, "  again: {}", self.again)?;
        self.journal.iter().try_for_each(|line| writeln!(f, "    {line}"))
    }
}
