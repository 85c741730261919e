//! The PostgreSQL copy engine: one database made out of another, masked in flight, with the target's own rows and objects kept.
//!
//! Structure comes from the server's own `pg_dump` ([`archive`]), rows go straight from one server's COPY to the other's
//! ([`copy`]), and whatever needs judgement is decided beforehand from [`facts`]. The source is only ever read, through
//! [`connect::SourceClient`], which cannot write.
//!
//! Start with [`copy::fill`]; the data types it takes and returns are those of `restage_core::provider`.

mod error;
pub mod stop;
pub mod reporter;
pub mod tools;
pub mod connect;

pub mod archive;
pub mod catalog;
mod event_triggers;
pub mod facts;

pub mod mask;
pub mod copy;
pub mod delta;
pub mod keep;
pub mod verify;

pub use error::{Error, Kind, Report, Result};
