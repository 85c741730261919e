//! What waited for the kept rows: foreign keys to be validated, materialized views to be refreshed.

use crate::keep::layout::{flag, text};
use crate::keep::staged::Staging;
use crate::{Kind, Result};
use restage_core::provider::{Delta, Kept, KeptTable};
use restage_core::schema::quote_identifier;
use tokio_postgres::types::Type;

/// Every populated materialized view that reads the tables, itself or through others, those that others read first.
const VIEWS: &str = "
WITH RECURSIVE reached (oid, level) AS (
    SELECT to_regclass(name)::oid, 0 FROM unnest($1) AS changed (name)
    UNION
    SELECT r.ev_class, reached.level + 1
    FROM reached
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = reached.oid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> reached.oid
)
SELECT c.oid::regclass::text FROM reached JOIN pg_class c ON c.oid = reached.oid AND c.relkind = 'm' AND c.relispopulated
GROUP BY c.oid ORDER BY max(reached.level), 1";

impl Staging<'_> {
    /// Validates the target's own foreign keys that were put back before the rows they lead to.
    pub(super) async fn validate(&self, deltas: &[Delta]) -> Result<()> {
        for delta in deltas {
            let Delta::ForeignKey { table, name, definition } = delta else { continue };
            if definition.trim_end().ends_with("NOT VALID") {
                continue;
            }
            let sql = "SELECT NOT k.convalidated, c.relkind = 'p' FROM pg_constraint k JOIN pg_class c ON c.oid = k.confrelid \
                       WHERE k.conrelid = to_regclass($1) AND k.conname = $2 AND k.contype = 'f'";
            let rows =
                self.shadow.reader().query("look at constraints", sql, &[(&table.sql(), Type::TEXT), (name, Type::TEXT)]).await?;
            let Some(row) = rows.first() else { continue };
            if flag(row, 0)? {
                let (table_sql, constraint) = (table.sql(), quote_identifier(name));
                let sql = if flag(row, 1)? {
                    // Before version 18, validating says nothing of the keys to each partition.
                    format!("ALTER TABLE {table_sql} DROP CONSTRAINT {constraint}, ADD CONSTRAINT {constraint} {definition}")
                } else {
                    format!("ALTER TABLE {table_sql} VALIDATE CONSTRAINT {constraint}")
                };
                let done = self.shadow.run(format!("validate `{name}` of `{table}`"), &sql).await;
                done.map_err(|error| if error.kind == Kind::ConstraintViolated { error.kind(Kind::Dangling) } else { error })?;
            }
        }
        Ok(())
    }

    /// Refreshes the materialized views that read changed tables, so that they show the kept rows too.
    pub(super) async fn refresh_views(&self, kept: &Kept) -> Result<()> {
        let has_rows = |table: &KeptTable| table.found > table.dropped;
        let changed: Vec<String> = kept.tables.iter().filter(|(_, table)| has_rows(table)).map(|(name, _)| name.sql()).collect();
        let views = self.shadow.reader().query("look for materialized views", VIEWS, &[(&changed, Type::TEXT_ARRAY)]).await?;
        for row in &views {
            let view = text(row, 0)?;
            self.shadow.run(format!("refresh {view}"), &format!("REFRESH MATERIALIZED VIEW {view}")).await?;
        }
        Ok(())
    }
}
