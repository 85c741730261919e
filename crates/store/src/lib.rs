//! What restage remembers: runs with their plans and journals, leases on targets, requests of people, queues, and logs.
//!
//! A store is a folder with one SQLite database, kept on a local disk and shared by every restage process of that
//! machine. What a call of this crate has recorded survives `kill -9` and power loss. The crate has no clock of its
//! own: moments arrive as parameters, or through [`restage_core::provider::Clock`].
//!
//! Start with [`Store::open`]; a driver then takes [`Store::lease`], [`Store::journal`] and [`Store::mailbox`].

mod folder;
mod schema;
mod trouble;
mod store;

mod runs;
mod target;
mod plans;
mod journal;
mod lease;
mod mailbox;
mod queues;
mod logs;
mod fixes;

pub use fixes::{FixEnd, FixNumber, FixOutcome, NewFix, RecordedFix};
pub use folder::DATABASE_FILE;
pub use journal::RunJournal;
pub use lease::{Hold, Holder, Host, LEASE_TTL, LeaseAsk, Standing, TargetLease};
pub use logs::{LineNumber, LogLine, LogPage, MAX_LINE_BYTES, MAX_LINES_PER_RUN, Stream};
pub use mailbox::Mailbox;
pub use plans::SavedPlan;
pub use queues::{HIDDEN_FOR, LocalQueues, MAX_MESSAGES};
pub use runs::{MAX_CANDIDATES, NewRun, RunRecord, SavedRun};
pub use store::{BUSY_WITHIN, OPEN_WITHIN, Store};
pub use target::TargetKey;
