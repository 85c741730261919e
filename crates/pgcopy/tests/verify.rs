//! Comparing copies on real servers: every difference is found, and a good copy passes.

#![cfg(test)]

#[path = "keep/world.rs"]
#[expect(dead_code, reason = "shared with other test binaries, which use the rest")]
mod world;

#[path = "verify/found.rs"]
mod found;
