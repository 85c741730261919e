//! Sequences behind the columns of kept tables.

use crate::Result;
use crate::keep::staged::{Field, Staged, Staging};
use restage_core::schema::quote_literal;

impl Staging<'_> {
    /// Puts sequences past the keys that were added.
    pub(super) async fn advance_sequences(&self) -> Result<()> {
        for staged in &self.tables {
            for field in &staged.fields {
                if let Some(sequence) = &field.column.sequence {
                    self.advance(staged, field, sequence).await?;
                }
            }
        }
        Ok(())
    }

    /// What is drawn from the sequence from here on is drawn anew, the same, if the transaction does not come to its end: unlike
    /// `nextval`, a restart is taken back with it.
    pub(super) async fn draw_within_the_transaction(&self, staged: &Staged<'_>, field: &Field, sequence: &str) -> Result<()> {
        let what = format!("look at the sequence of `{}.{}`", staged.table(), field.column.name);
        // At its end a sequence begins anew or says that it cannot go on, which `nextval` knows best.
        let next = format!(
            "SELECT n.next::text FROM pg_sequence s, {sequence} v,
                  LATERAL (SELECT CASE WHEN v.is_called THEN v.last_value::numeric + s.seqincrement ELSE v.last_value END) AS n (next)
             WHERE s.seqrelid = {}::regclass AND n.next BETWEEN s.seqmin AND s.seqmax",
            quote_literal(sequence)
        );
        for row in self.shadow.reader().query(what, &next, &[]).await? {
            let restart = format!("ALTER SEQUENCE {sequence} RESTART WITH {}", row.get::<_, &str>(0));
            self.change(staged.table(), "draw fresh keys", &restart).await?;
        }
        Ok(())
    }

    /// Puts a sequence past every value of its column, in the shadow and among staged rows; never back.
    pub(super) async fn advance(&self, staged: &Staged<'_>, field: &Field, sequence: &str) -> Result<()> {
        if !["smallint", "integer", "bigint", "numeric"].contains(&field.column.cast.as_str()) {
            return Ok(());
        }
        let sql = format!(
            "SELECT setval(s.seqrelid::regclass, (CASE WHEN s.seqincrement > 0 THEN m.most ELSE m.least END)::bigint)
             FROM pg_sequence s, {sequence} v,
                  (SELECT max(n) AS most, min(n) AS least FROM (
                       SELECT {there}::numeric FROM {from} AS p UNION ALL SELECT {here}::numeric FROM {name} AS k
                       WHERE k.fate IS DISTINCT FROM 'dropped'
                   ) AS numbers (n)) m
             WHERE s.seqrelid = {literal}::regclass AND CASE WHEN s.seqincrement > 0
                 THEN (m.most > v.last_value OR (m.most = v.last_value AND NOT v.is_called)) AND m.most <= s.seqmax AND m.most >= s.seqmin
                 ELSE (m.least < v.last_value OR (m.least = v.last_value AND NOT v.is_called)) AND m.least >= s.seqmin AND m.least <= s.seqmax
                 END",
            there = field.there("p").sql,
            here = field.value("k").sql,
            from = staged.layout.from(),
            name = staged.name,
            literal = quote_literal(sequence),
        );
        let what = format!("advance the sequence of `{}.{}`", staged.table(), field.column.name);
        self.shadow.reader().query(what, &sql, &[]).await.map(drop)
    }
}
