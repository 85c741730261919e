//! Plans to try: the smallest one for every kind of step, and those of whole scenarios.

mod facts;
mod kinds;
mod scenarios;

use restage_core::plan::Plan;

pub use kinds::{kinds, smallest};
pub use scenarios::{ENVIRONMENTS, of_scenario, scenarios};

/// A plan to try, with a name.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What it is called.
    pub name: String,
    /// The plan.
    pub plan: Plan,
}

/// Every sample.
pub fn all() -> Vec<Sample> {
    let mut samples = scenarios();
    samples.extend(kinds(&samples));
    samples
}
