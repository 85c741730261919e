//! A seeded world in memory, in which every step of every plan fails, repeats, crashes and is taken back.
//!
//! It stands in for databases, jobs, probes, time, the journal, leases and people, and it breaks each of them at every point
//! there is. After each trial it is asked what the product promises: refreshed, or exactly as before, or stopped with
//! instructions that are true. The promises are in `invariants`, what goes wrong is in `faults`.
//!
//! Start with [`suite::run`]. A new kind of step gets its sample in [`samples::smallest`] and, if it needs a new provider,
//! that provider beside `databases`.

pub mod suite;
pub mod samples;
pub mod queues;
mod variant;

mod trial;
mod truth;
mod invariants;
mod process;

mod world;
mod scene;
mod content;
mod databases;
mod jobs;
mod work;
mod migrators;
mod probes;
mod journal;
mod clock;
mod faults;
mod random;

pub use variant::{Variant, Watched};
pub use world::Strangers;
