//! References of what only the target has to rows that will not be there.

use crate::Result;
use crate::keep::{Cursor, Side, Sides, count_dangling, maybe_text, missing, own_tables};
use crate::stop::Stop;
use restage_core::facts::DanglingReference;
use restage_core::provider::Delta;
use restage_core::schema::{ForeignKey, TableName};
use std::collections::BTreeSet;

/// Values looked up together.
const LOOKUP_KEYS: usize = 5_000;

/// Finds them, reading only: rows of the target's own tables that refer to rows which are not taken of production, and rows of
/// production that the target's own foreign keys do not allow. Rows of `kept` tables are there in any case.
pub async fn dangling(
    sides: Sides<'_>,
    deltas: &[Delta],
    kept: &BTreeSet<TableName>,
    stop: &Stop,
) -> Result<Vec<DanglingReference>> {
    let work = async {
        sides.source.begin(None).await?;
        sides.target.begin(None).await?;
        let found = Search { source: sides.source_side(), target: sides.target_side(), deltas, kept, stop }.run().await;
        // Even after an error; what it was says more than that ending fails too.
        let ended = (sides.source.end().await, sides.target.end().await);
        let found = found?;
        ended.0?;
        ended.1?;
        Ok(found)
    };
    sides.source.guard(stop, sides.target.guard(stop, work)).await
}

struct Search<'a> {
    source: Side<'a>,
    target: Side<'a>,
    deltas: &'a [Delta],
    kept: &'a BTreeSet<TableName>,
    stop: &'a Stop,
}

impl Search<'_> {
    async fn run(&self) -> Result<Vec<DanglingReference>> {
        self.source.set_up().await?;
        self.target.set_up().await?;
        let mut found = Vec::new();
        let own = own_tables(self.target.schema, self.deltas);
        for name in &own {
            let keys = self.target.table(name).map(|table| table.foreign_keys.as_slice()).unwrap_or_default();
            for key in
                keys.iter().filter(|key| !self.kept.contains(&key.to) && !self.is_own(&key.to) && self.source.carries(&key.to))
            {
                self.look(self.target, name, key, &[self.source], &mut found).await?;
            }
        }
        for delta in self.deltas {
            let Delta::ForeignKey { table, name, .. } = delta else { continue };
            let key = self.target.table(table).and_then(|facts| facts.foreign_keys.iter().find(|key| key.name == *name));
            if let Some(key) = key.filter(|key| self.can_be_read(table, key)) {
                let places =
                    [Some(self.source).filter(|_| self.source.carries(&key.to)), Some(self.target).filter(|_| self.stays(&key.to))];
                self.look(self.source, table, key, &places.into_iter().flatten().collect::<Vec<_>>(), &mut found).await?;
            }
        }
        Ok(found)
    }

    fn is_own(&self, table: &TableName) -> bool {
        self.deltas.iter().any(|delta| matches!(delta, Delta::Table { name } if name == table))
    }

    /// Whether the target's rows of that table will be there.
    fn stays(&self, table: &TableName) -> bool {
        self.is_own(table) || self.kept.contains(table)
    }

    /// Production's rows have the columns, with their values as they will be.
    fn can_be_read(&self, table: &TableName, key: &ForeignKey) -> bool {
        let masks = self.source.taken.and_then(|taken| taken.get(table)).map(|taken| &taken.masks);
        let plain = |column| {
            self.source.table(table).is_some_and(|facts| facts.column(column).is_some())
                && !masks.is_some_and(|masks| masks.contains_key(column))
        };
        self.source.carries(table) && key.columns.iter().all(plain)
    }

    /// Looks for the values that `from`'s rows have and none of `places` has.
    async fn look(
        &self,
        from: Side<'_>,
        table: &TableName,
        key: &ForeignKey,
        places: &[Side<'_>],
        found: &mut Vec<DanglingReference>,
    ) -> Result<()> {
        let values: Vec<_> = key.columns.iter().filter_map(|column| from.value(table, "t", column)).collect();
        let texts: Vec<String> = values.iter().map(super::super::keep::Value::text).collect();
        let there: Vec<String> = values.iter().map(|value| format!("{} IS NOT NULL", value.sql)).collect();
        let places_of: Vec<String> = (1..=texts.len()).map(|at| at.to_string()).collect();
        let sql = format!(
            "SELECT {}, count(*)::text FROM {} AS t WHERE {} GROUP BY {}",
            texts.join(", "),
            from.rows(table),
            there.join(" AND "),
            places_of.join(", ")
        );
        let mut cursor = Cursor::open(from.reader, table, "restage_references", &sql).await?;
        let mut waiting: Vec<(Vec<String>, u64)> = Vec::new();
        loop {
            let row = cursor.next().await?;
            let ended = row.is_none();
            if let Some(row) = row {
                let fields: Vec<String> =
                    (0..=texts.len()).map(|at| Ok(maybe_text(&row, at)?.unwrap_or_default())).collect::<Result<_>>()?;
                let rows = fields.last().and_then(|count| count.parse().ok()).unwrap_or_default();
                waiting.push((fields[..texts.len()].to_vec(), rows));
            }
            if ended || waiting.len() >= LOOKUP_KEYS {
                self.stop.check()?;
                for (value, rows) in nowhere(std::mem::take(&mut waiting), key, places).await? {
                    count_dangling(found, table, key, rows, &value.join(", "));
                }
            }
            if ended {
                return cursor.close().await;
            }
        }
    }
}

async fn nowhere(mut open: Vec<(Vec<String>, u64)>, key: &ForeignKey, places: &[Side<'_>]) -> Result<Vec<(Vec<String>, u64)>> {
    for place in places {
        let keys: Vec<Vec<String>> = open.iter().map(|(value, _)| value.clone()).collect();
        let absent = missing(*place, &key.to, &key.to_columns, &keys).await?;
        open = open.into_iter().enumerate().filter(|(at, _)| absent.contains(at)).map(|(_, entry)| entry).collect();
    }
    Ok(open)
}
