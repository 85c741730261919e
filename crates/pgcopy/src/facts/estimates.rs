//! Sizes and counts, which are shown and never decided upon.

use crate::Result;
use crate::connect::Reader;
use restage_core::facts::{Estimates, TableEstimate};
use restage_core::schema::TableName;
use std::collections::BTreeMap;

pub(super) async fn read(reader: Reader<'_>, in_recovery: bool) -> Result<Estimates> {
    let rows = reader.query("read sizes and counts", COUNTS, &[]).await?;
    let row = &rows[0];
    let lag = if in_recovery {
        let sql = "SELECT extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::int8";
        reader.query("read the standby's lag", sql, &[]).await?[0].get(0)
    } else {
        None
    };
    Ok(Estimates {
        bytes: count(row.get(0)),
        free_bytes: None,
        tables: tables(reader).await?,
        max_connections: u32::try_from(row.get::<_, i32>(1)).unwrap_or_default(),
        connections: u32::try_from(row.get::<_, i64>(2)).unwrap_or_default(),
        database_connections: u32::try_from(row.get::<_, i64>(3)).unwrap_or_default(),
        longest_transaction_seconds: row.get::<_, Option<i64>>(4).map(count),
        replay_lag_seconds: lag.map(count),
        large_objects: count(row.get(5)),
    })
}

/// Others' transactions show only to roles that may read all statistics.
const COUNTS: &str = "SELECT pg_database_size(current_database()), current_setting('max_connections')::int, \
       (SELECT sum(numbackends) FROM pg_stat_database)::int8, \
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
           AND usesysid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend' AND coalesce(application_name, '') !~ '^restage'), \
       (SELECT max(extract(epoch FROM clock_timestamp() - xact_start)) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid())::int8, \
       (SELECT count(*) FROM pg_largeobject_metadata)";

/// Only the files with rows and keys in them: the others are small, and each takes the server a look at its disk.
const SIZES: &str = "
SELECT n.nspname, c.relname,
  (CASE WHEN c.reltuples < 0 THEN coalesce(pg_stat_get_live_tuples(c.oid), 0) ELSE c.reltuples END)::int8,
  coalesce(pg_relation_size(c.oid), 0) + CASE WHEN c.reltoastrelid = 0 THEN 0 ELSE coalesce(pg_relation_size(c.reltoastrelid), 0) END,
  coalesce((SELECT sum(pg_relation_size(i.indexrelid)) FROM pg_index i WHERE i.indrelid = c.oid), 0)::int8
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'";

pub(crate) async fn tables(reader: Reader<'_>) -> Result<BTreeMap<TableName, TableEstimate>> {
    let rows = reader.query("read the tables' sizes", SIZES, &[]).await?;
    let estimates = rows.iter().map(|row| {
        let name = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        (name, TableEstimate { rows: count(row.get(2)), bytes: count(row.get(3)), index_bytes: count(row.get(4)) })
    });
    Ok(estimates.collect())
}

/// A count that statistics may have as negative.
fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
