//! Migrations run on real servers: what they leave there, what failures and deaths leave, and who excludes whom.

#![cfg(test)]

#[path = "runner/world.rs"]
mod world;

#[path = "runner/applied.rs"]
mod applied;

#[path = "runner/begun.rs"]
mod begun;

#[path = "runner/failed.rs"]
mod failed;

#[path = "runner/alone.rs"]
mod alone;

#[path = "runner/killed.rs"]
mod killed;

#[path = "runner/locked.rs"]
mod locked;

#[path = "runner/called.rs"]
mod called;

#[path = "runner/split.rs"]
mod split;

#[path = "runner/interop.rs"]
mod interop;

#[path = "runner/hostile.rs"]
mod hostile;

#[path = "runner/noticed.rs"]
mod noticed;
