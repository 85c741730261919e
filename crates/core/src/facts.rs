//! What was observed of the world, read-only, just before planning.
//!
//! Facts are of two kinds. *Deciding* facts shape the plan and are part of its digest: a plan whose deciding facts have
//! changed is refused. *Informing* facts, the [`Estimates`] and counts, are shown, and what is plainly impossible by them, such
//! as a copy larger than the disk, is refused; a plan does not change with them.

mod migrations;
mod object;
mod pending;
mod queue;
mod record;

pub use migrations::{AppliedMigration, MigrationDifference, MigrationHistory, MigrationTool};
pub use object::{ObjectKind, ObjectName};
pub use pending::{PendingFacts, PendingKey, PendingScript};
pub use queue::QueueFacts;
pub use record::RecordFacts;

use crate::name::{DatabaseName, EnvironmentName};
use crate::provider::Record;
use crate::provider::queue::Queue;
use crate::schema::{ColumnName, ColumnPath, Schema, TableName};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Everything that was observed for one scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// For each pair of databases that a stage copies, what is known of both.
    pub copies: Vec<(CopyKey, CopyFacts)>,
    /// For the scripts of each database that a stage migrates, what of them is still to be applied.
    #[serde(default)]
    pub pending: Vec<(PendingKey, PendingFacts)>,
    /// For the queue of each migrator, what was in it.
    #[serde(default)]
    pub queues: Vec<(Queue, QueueFacts)>,
    /// For each record of a version, what it says.
    #[serde(default)]
    pub records: Vec<(Record, RecordFacts)>,
}

/// Names a pair of databases.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CopyKey {
    /// The environment copied from.
    pub from: EnvironmentName,
    /// The environment copied to.
    pub to: EnvironmentName,
    /// The database in both.
    pub database: DatabaseName,
}

impl Facts {
    /// What is known of that pair.
    pub fn copy(&self, key: &CopyKey) -> Option<&CopyFacts> {
        self.copies.iter().find(|(known, _)| known == key).map(|(_, facts)| facts)
    }
    /// What of those scripts is still to be applied.
    pub fn pending(&self, key: &PendingKey) -> Option<&PendingFacts> {
        self.pending.iter().find(|(known, _)| known == key).map(|(_, facts)| facts)
    }
    /// What was in that queue.
    pub fn queue(&self, queue: &Queue) -> Option<&QueueFacts> {
        self.queues.iter().find(|(known, _)| known == queue).map(|(_, facts)| facts)
    }
    /// What that record says.
    pub fn record(&self, record: &Record) -> Option<&RecordFacts> {
        self.records.iter().find(|(known, _)| known == record).map(|(_, facts)| facts)
    }
}

/// What is known of a pair of databases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CopyFacts {
    /// The database copied from.
    pub source: DatabaseFacts,
    /// The database to be replaced.
    pub target: DatabaseFacts,
    /// Kept tables compared with production's.
    pub keep: BTreeMap<TableName, KeepFacts>,
    /// References of target-only tables and foreign keys to rows that production lacks.
    pub delta_references: Vec<DanglingReference>,
    /// Sample fakes tried against check constraints of masked columns.
    pub mask_trials: Vec<MaskTrial>,
    /// Databases beside the target that a restage run made.
    pub leftovers: Vec<Leftover>,
}

/// What is known of one database and its server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DatabaseFacts {
    /// Who it is.
    pub identity: Identity,
    /// `server_version_num`, such as 150018.
    pub server_version: u32,
    /// Whether the server is a standby.
    pub in_recovery: bool,
    /// The server's encoding of the database, such as `UTF8`.
    pub encoding: String,
    /// The collation and character type, such as `en_GB.UTF-8`.
    pub locale: String,
    /// The role that owns the database.
    pub owner: String,
    /// The role restage logs in as.
    pub user: String,
    /// What that role may do.
    pub privileges: Privileges,
    /// Every role of the server.
    pub server_roles: BTreeSet<String>,
    /// Whether new databases are made after it.
    #[serde(default)]
    pub is_template: bool,
    /// Extensions that can be created there.
    pub available_extensions: BTreeSet<String>,
    /// The structure.
    pub schema: Schema,
    /// Everything `pg_dump` lists, with a digest of each definition.
    pub objects: BTreeMap<ObjectName, String>,
    /// The migrations applied, by the tool whose history was found; several if several were found.
    pub migrations: Vec<MigrationHistory>,
    /// Logical replication slots of this database.
    pub logical_slots: BTreeSet<String>,
    /// Prepared transactions of this database.
    pub prepared_transactions: BTreeSet<String>,
    /// Informing facts.
    pub estimates: Estimates,
}

impl DatabaseFacts {
    /// The major version, such as 15.
    pub fn major(&self) -> u32 {
        self.server_version / 10_000
    }
}

/// One digest for a whole structure: SHA-256, in hexadecimal, over every object's name and definition.
pub fn structure_digest(objects: &BTreeMap<ObjectName, String>) -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for (object, definition) in objects {
        for part in [object.kind.word(), &object.schema, &object.name, definition] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    hex(&hash.finalize())
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a string cannot fail
        text
    })
}

/// What the login role may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent observation; they are no states")]
pub struct Privileges {
    /// It is a superuser.
    pub superuser: bool,
    /// It sees every row, whatever policies say.
    pub bypass_row_security: bool,
    /// It may create databases.
    pub create_database: bool,
    /// It is, or is a member of, the database's owner.
    pub owns_database: bool,
    /// It may end other roles' sessions.
    pub signal_backends: bool,
    /// Tables and sequences whose rows it may not read.
    pub unreadable: BTreeSet<TableName>,
    /// How many large objects it may not read.
    pub unreadable_large_objects: u64,
    /// Owners of objects that it cannot act for.
    pub foreign_owners: BTreeSet<String>,
    /// Event triggers of owners that it cannot act for; who owns them matters only to whoever would drop them.
    #[serde(default)]
    pub foreign_event_triggers: BTreeSet<String>,
}

/// Who a database is, beyond its address: two addresses with one identity are one database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    /// The cluster's system identifier.
    pub system: String,
    /// The database's object id in it.
    pub oid: u32,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.system, self.oid)
    }
}

/// Sizes and counts: shown, and no part of the plan's digest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimates {
    /// The database's size in bytes.
    pub bytes: u64,
    /// Free bytes where the server keeps the database, if it can tell.
    pub free_bytes: Option<u64>,
    /// Rows and bytes of each table, as the server's statistics have them.
    pub tables: BTreeMap<TableName, TableEstimate>,
    /// `max_connections`.
    pub max_connections: u32,
    /// Sessions on the server.
    pub connections: u32,
    /// Sessions on this database.
    pub database_connections: u32,
    /// The age of the oldest open transaction on this database, in seconds.
    pub longest_transaction_seconds: Option<u64>,
    /// On a standby: seconds since the last replayed transaction.
    pub replay_lag_seconds: Option<u64>,
    /// Large objects.
    pub large_objects: u64,
}

/// A table's size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEstimate {
    /// Rows.
    pub rows: u64,
    /// Bytes of its rows, TOAST included.
    pub bytes: u64,
    /// Bytes of its indexes.
    pub index_bytes: u64,
}

/// A kept table of the target, compared row by row with production's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepFacts {
    /// Rows the target has.
    pub found: u64,
    /// Rows that only the target has.
    pub target_only: u64,
    /// Rows that both have, in the columns both have.
    pub same: u64,
    /// Rows that both have with different content.
    pub conflicts: u64,
    /// Keys of some conflicting rows, at most 5.
    pub conflict_examples: Vec<String>,
    /// Rows with NULL where rows are matched, which pass for production's rows of the same key.
    #[serde(default)]
    pub unnamed: u64,
    /// Such rows whose key production uses for a row that is not so.
    #[serde(default)]
    pub unrecognisable: u64,
    /// Rows whose primary key is another thing's in production.
    pub collisions: u64,
    /// Keys of some colliding rows, at most 5.
    pub collision_examples: Vec<String>,
    /// References to rows that neither production nor the kept rows have.
    pub dangling: Vec<DanglingReference>,
    /// Rows that cannot be added because production has another row where the table allows only one.
    pub clashes: Vec<UniqueClash>,
}

/// Kept rows and other things' rows of production that agree in columns which must be unique.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UniqueClash {
    /// The columns.
    pub columns: Vec<ColumnName>,
    /// Kept rows.
    pub rows: u64,
    /// Keys of some of them, at most 5.
    pub examples: Vec<String>,
}

/// A foreign key of the target with references that will lead nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DanglingReference {
    /// The referring table.
    pub table: TableName,
    /// The constraint.
    pub constraint: String,
    /// The table referred to.
    pub to: TableName,
    /// Referring rows.
    pub rows: u64,
    /// Some missing keys, at most 5.
    pub examples: Vec<String>,
}

/// Sample fakes of a mask tried against a check constraint, by the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskTrial {
    /// The masked column.
    pub column: ColumnPath,
    /// The constraint.
    pub constraint: String,
    /// What came of it.
    pub verdict: TrialVerdict,
}

/// What came of trying a mask against a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrialVerdict {
    /// Every sample passed.
    Passes,
    /// A sample was refused: this one.
    Refuses(String),
    /// The check reads other columns too, so nobody can say.
    Unknown,
}

/// A database that a run made and that is still there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// Its name on the server.
    pub database: String,
    /// The run.
    pub run: String,
    /// Whether that run's driver is connected right now.
    pub alive: bool,
    /// Its size in bytes.
    pub bytes: u64,
}
