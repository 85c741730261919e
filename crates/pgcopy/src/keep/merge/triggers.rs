//! The user's triggers do not fire for kept rows: the rows come as they are, and nobody is told of them. Nor do policies that
//! hold for owners too hide rows meanwhile.

use crate::Result;
use crate::event_triggers::enabling;
use crate::keep::layout::text;
use crate::keep::staged::Staging;
use restage_core::schema::quote_identifier;
use tokio_postgres::types::Type;

/// What puts the triggers back as they were.
pub(super) struct Paused(Vec<String>);

/// Kept tables whose policies hold for their owner too.
const FORCED: &str = "
SELECT c.oid::regclass::text FROM unnest($1) AS wanted (name) JOIN pg_class c ON c.oid = to_regclass(wanted.name)
WHERE c.relforcerowsecurity ORDER BY 1";

/// Before version 15 the copies of a trigger on partitions count as internal, so what is internal is told by the constraint.
const TRIGGERS: &str = "
SELECT t.tgrelid::regclass::text, t.tgname::text, t.tgenabled::text
FROM unnest($1) AS wanted (name)
JOIN LATERAL (SELECT to_regclass(wanted.name)::oid UNION SELECT relid::oid FROM pg_partition_tree(to_regclass(wanted.name))) AS c (oid) ON true
JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgenabled <> 'D' AND (NOT t.tgisinternal OR t.tgparentid <> 0)
LEFT JOIN pg_constraint k ON k.oid = t.tgconstraint
WHERE k.oid IS NULL OR k.contype = 't'
GROUP BY t.tgrelid, t.tgname, t.tgenabled
ORDER BY 1, 2";

impl Staging<'_> {
    /// Disables the user's triggers and forced policies on the kept tables, until [`Staging::resume_triggers`].
    pub(super) async fn pause_triggers(&self) -> Result<Paused> {
        let tables: Vec<String> = self.tables.iter().map(|staged| staged.table().sql()).collect();
        // Whatever policy is left fails loudly instead of hiding rows.
        self.shadow.run("set the session up", "SET LOCAL row_security = off").await?;
        let rows = self.shadow.reader().query("look for triggers", TRIGGERS, &[(&tables, Type::TEXT_ARRAY)]).await?;
        let mut paused = Vec::new();
        for row in &rows {
            let (table, name, state) = (text(row, 0)?, quote_identifier(&text(row, 1)?), text(row, 2)?);
            let word = enabling(&state);
            self.shadow
                .run(format!("disable triggers of {table}"), &format!("ALTER TABLE ONLY {table} DISABLE TRIGGER {name}"))
                .await?;
            paused.push(format!("ALTER TABLE ONLY {table} {word} TRIGGER {name}"));
        }
        for row in &self.shadow.reader().query("look for forced policies", FORCED, &[(&tables, Type::TEXT_ARRAY)]).await? {
            let table = text(row, 0)?;
            let sql = format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY");
            self.shadow.run(format!("lift the policies of {table} for its owner"), &sql).await?;
            paused.push(format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY"));
        }
        Ok(Paused(paused))
    }

    /// Puts the triggers back as they were.
    pub(super) async fn resume_triggers(&self, paused: &Paused) -> Result<()> {
        self.shadow.run("enable triggers", &paused.0.join("; ")).await
    }
}
