//! How restage reaches the world: databases, commands, HTTP, files, secrets, AWS and time.
//!
//! `restage-core` says by traits what steps may ask for; this crate answers with the real thing. Start with [`World`], which
//! holds all of it; [`gather()`] observes, [`TargetMark`] claims a target.

mod world;

pub mod clock;
mod http;
pub mod secrets;
pub mod aws;
pub mod queues;
pub mod versions;
pub mod postgres;
pub mod migrator;
pub mod jobs;
pub mod probes;
pub mod diagnosis;

pub use postgres::{TargetMark, gather};
pub use world::{Settings, World};
