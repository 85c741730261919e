//! Copying a database: structure, rows, and everything that belongs to them.
//!
//! [`fill()`] fills a shadow with several workers; [`fill_within`] does the same on one session inside an open transaction. Both
//! read the source in one snapshot, which a session of its own keeps, and both make objects in `pg_dump`'s order: what comes
//! before rows, then rows with the indexes and keys of each table as soon as it is complete, then the rest.

pub mod checksum;

mod advice;
mod budget;
mod capacity;
mod clear;
mod done;
mod fill;
mod finish;
mod grants;
mod inherited;
mod keys;
mod large_objects;
mod ledger;
mod owners;
mod pace;
mod parts;
mod prepared;
mod refresh;
mod rows;
mod schedule;
mod selection;
pub(crate) mod sequences;
mod session;
mod snapshot;
mod statements;
mod statistics;
mod streams;
mod table;
mod tally;
mod workers;

pub use clear::clear_within;
pub use fill::{Filling, fill, fill_within};
pub use inherited::Inherited;
pub use ledger::can_go_on;
pub use snapshot::{Keeping, Snapshot, SnapshotKeeper};

use crate::connect::Endpoint;
use restage_core::facts::DatabaseFacts;
use restage_core::provider::{Carried, TableTaken};
use restage_core::scenario::copy_database::{CopyLimits, Verify};

/// From where to where.
#[derive(Clone, Debug)]
pub struct Route {
    /// The database that is read.
    pub source: Endpoint,
    /// The database that is filled.
    pub target: Endpoint,
}

/// Everything of a database, unmasked: what a plain copy carries.
pub fn everything(source: &DatabaseFacts) -> Carried {
    Carried {
        tables: source.schema.tables.keys().map(|name| (name.clone(), TableTaken::default())).collect(),
        without: [].into(),
        publications: false,
        mask_secret: None,
        workers: None,
        limits: CopyLimits::default(),
        verify: Verify::Counts,
        source_schema: restage_core::facts::structure_digest(&source.objects),
        source_identity: source.identity.clone(),
    }
}
