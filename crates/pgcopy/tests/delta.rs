//! Deltas on real servers: what only the target has comes back on top of production's copy.

#![cfg(test)]

#[path = "keep/world.rs"]
#[expect(dead_code, reason = "shared with other test binaries, which use the rest")]
mod world;

#[path = "delta/drift.rs"]
mod drift;

#[path = "delta/restored.rs"]
mod restored;

#[path = "delta/seed.rs"]
mod seed;

#[path = "delta/dataset.rs"]
mod dataset;
