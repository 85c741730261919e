//! Whether constraints and indexes are valid and views filled.

use super::mismatch;
use crate::Result;
use crate::connect::Reader;
use crate::keep::{count, text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a database itself does not hold to be valid, by name: a faithful copy of it need not be better.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortcomings(BTreeSet<String>);

impl Shortcomings {
    /// Those of two databases.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

const SHORTCOMINGS: &str = "
SELECT 'the constraint ' || k.conname || ' of ' || k.conrelid::regclass || ' is not validated'
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE NOT k.convalidated AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
UNION ALL
SELECT 'the index ' || i.indexrelid::regclass || ' of ' || i.indrelid::regclass || ' is not valid'
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE NOT (i.indisvalid AND i.indisready) AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
UNION ALL
SELECT 'the materialized view ' || c.oid::regclass || ' is not filled' FROM pg_class c WHERE c.relkind = 'm' AND NOT c.relispopulated
UNION ALL
SELECT 'the table ' || c.oid::regclass || ' is left over from carrying kept rows'
FROM pg_class c WHERE c.relname ~ '^restage_(kept|aside)_[0-9]+$' AND NOT pg_is_other_temp_schema(c.relnamespace)
ORDER BY 1";

/// Lists what is not valid.
pub async fn shortcomings(reader: Reader<'_>) -> Result<Shortcomings> {
    let rows = reader.query("look for what is not valid", SHORTCOMINGS, &[]).await?;
    Ok(Shortcomings(rows.iter().map(|row| text(row, 0)).collect::<Result<_>>()?))
}

/// Fails on whatever is not valid and not accepted; returns how many constraints are.
pub(super) async fn check(reader: Reader<'_>, accepted: &Shortcomings) -> Result<u64> {
    let found = shortcomings(reader).await?;
    let faults: Vec<&str> = found.0.difference(&accepted.0).map(String::as_str).collect();
    if let Some(first) = faults.first() {
        let more = if faults.len() > 1 { format!(", and {} more", faults.len() - 1) } else { String::new() };
        return Err(mismatch(format!("{first}{more}")));
    }
    let sql = "SELECT count(*) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
               WHERE k.convalidated AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'";
    let rows = reader.query("count the constraints", sql, &[]).await?;
    rows.first().map_or(Ok(0), |row| count(row, 0))
}
