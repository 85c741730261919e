//! The shape of the database, version by version.

use crate::trouble::{self, Trouble};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::path::Path;

/// Each brings the database from the version of its index to the next; a released one never changes.
const VERSIONS: &[&str] = &[include_str!("schema/0001.sql"), include_str!("schema/0002.sql"), include_str!("schema/0003.sql")];
/// Marks the file as ours: `rstg`.
const APPLICATION_ID: i64 = 0x7273_7467;

/// Whether the file is fit for this restage; reads only.
pub(crate) fn check(connection: &Transaction<'_>, store: &Path) -> Result<(), Trouble> {
    let found = version(connection)?;
    if application(connection)? != APPLICATION_ID {
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        return if found == 0 && tables == 0 { Ok(()) } else { Err(trouble::not_ours(store).into()) };
    }
    if found > known() {
        return Err(trouble::newer(store, found, known()).into());
    }
    Ok(())
}

/// Brings the database to the latest version; of several processes that try, one does it.
pub(crate) fn upgrade(connection: &mut Connection, store: &Path) -> Result<(), Trouble> {
    if version(connection)? == known() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    check(&transaction, store)?; // another process may have upgraded it meanwhile
    let from = usize::try_from(version(&transaction)?).map_err(|_| trouble::damaged("its version is negative"))?;
    for step in &VERSIONS[from..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", known())?;
    Ok(transaction.commit()?)
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn application(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

fn known() -> i64 {
    i64::try_from(VERSIONS.len()).expect("there are few versions")
}
