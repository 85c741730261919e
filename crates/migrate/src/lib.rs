//! Flyway-compatible migrations: a history written by Flyway is read, validated and continued; one written here is accepted there.
//!
//! [`runner`] applies them to a database. All else is rules without a database: what a script is called ([`name`]), what it hashes
//! to ([`checksum`]), which statements it holds ([`statements`]), and what a history and the scripts found say together
//! ([`state`], [`validate`], [`repair`]).
//!
//! Start with [`runner::Runner`], or for the rules with [`scripts::find`] and [`state::States::resolve`].

mod error;
pub mod settings;

pub mod version;
pub mod name;
pub mod encoding;
pub mod checksum;
pub mod sidecar;
pub mod placeholders;
pub mod statements;
pub mod scripts;
pub mod callbacks;

pub mod history;
pub mod state;
pub mod validate;
pub mod repair;

pub mod models;
pub mod others;

pub mod reading;
pub mod runner;

pub use error::{Error, Kind, Place, Result};
