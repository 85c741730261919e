//! Throwaway PostgreSQL clusters for tests, demo and bench, and something that stands in for AWS.
//!
//! A test that needs a real server says `Cluster::start(Major::V15)?` and has one in a few hundred milliseconds: its own data
//! directory, a free port on 127.0.0.1, a superuser with a password. The server is gone, with all its files, when the value is
//! dropped and also when the process dies in any other way, `kill -9` included: see [`Cluster`] and the module `keeper`.
//!
//! Start reading at [`Cluster`]; [`dataset`] holds the databases that the demo and the end-to-end tests copy; [`aws`] has the other server.

mod installation;
mod config;
mod cluster;
mod standby;
mod pooler;
mod gateway;
mod client;
mod outage;
pub mod aws;

mod template;
mod identity;

mod keeper;
mod scratch;

mod account;
mod tool;

mod error;

pub mod dataset;

pub use cluster::Cluster;
pub use config::{Config, SUPERUSER, SUPERUSER_PASSWORD, TcpAuth};
pub use error::Error;
pub use gateway::{Gateway, Line};
pub use installation::{Installation, Major};
pub use outage::OutageWatch;
pub use pooler::{Pooler, Pooling};
pub use scratch::leftovers;

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
