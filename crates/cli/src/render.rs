//! How things look: each file draws one thing, and only from data.

mod diagnosis;
mod migrations;
mod plan;
mod problems;
mod progress;
mod report;
mod runs;
mod text;
mod units;

pub(crate) use diagnosis::{diagnosis, fixes};
pub(crate) use migrations::{found, migrated, migrations};
pub(crate) use plan::plan;
pub(crate) use problems::problems;
pub(crate) use progress::Progress;
pub(crate) use report::report;
pub(crate) use runs::runs;
pub(crate) use text::{Table, fold, hang, plural, printable, reflow};
pub(crate) use units::{bytes, count, rate, seconds, time};
