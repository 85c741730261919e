//! The inside of restage: what a scenario is, how it becomes a plan, and how a plan is run.
//!
//! Nothing here touches the world: no files, network, environment, clock or randomness. The world arrives
//! through the traits in [`provider`], and `restage-sim` implements them all in memory.
//!
//! Start with [`scenario::Scenario::parse`], go on to [`plan::plan`], and end with [`run::advance`].

pub mod error;
pub mod name;
pub mod duration;
mod words;
pub mod document;
pub mod template;

pub mod schema;
pub mod size;
pub mod mask;
pub mod environment;
pub mod scenario;

pub mod facts;
pub mod plan;
pub mod stages;
pub mod steps;
pub mod provider;
pub mod run;
pub mod report;

pub mod signal;
pub mod diagnosis;

pub use error::{Code, Error, Result};
