//! Histories that other tools keep in a database: recognised, shown and compared, and never continued.
//!
//! They are read and compared by what also compares two databases before one is copied over the other.

use restage_pgcopy::connect::Reader;
use restage_pgcopy::{Result, catalog, facts};

pub use restage_core::facts::{AppliedMigration, MigrationDifference, MigrationHistory, MigrationTool};

/// Reads every history but Flyway's that the session's database has and its role may read, in the order of their tables' names.
pub async fn histories(reader: Reader<'_>) -> Result<Vec<MigrationHistory>> {
    let schema = catalog::read(reader).await?;
    let unreadable = facts::unreadable(reader).await?;
    let mut histories = facts::histories(reader, &schema, &unreadable).await?;
    histories.retain(|history| history.tool != MigrationTool::Flyway);
    Ok(histories)
}
