//! Ranges of a key, for tables whose rows are not found by pages.
//!
//! The first range is open below and the last one above, all compare as the index does that finds their rows, and no key is NULL:
//! wherever the bounds are, each row is in one range and in no other.

use super::Part;
use crate::Result;
use crate::connect::Reader;
use crate::copy::statistics::may_be_read;
use crate::copy::table::TableCopy;
use restage_core::schema::{ColumnName, quote_literal};
use serde::{Deserialize, Serialize};
use tokio_postgres::types::{ToSql, Type};

/// The column that an index begins with, and how the index orders it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::copy) struct Order {
    column: ColumnName,
    /// The type of bounds, in SQL.
    kind: String,
    /// `COLLATE …`, or nothing for types that have none.
    collate: String,
    /// `OPERATOR(…)` for "comes before".
    before: String,
    /// `OPERATOR(…)` for "does not come before".
    not_before: String,
    /// Whether it is that of whole numbers.
    is_integer: bool,
}

impl Order {
    /// The condition for a column's value to be in a range, which does not hold its end.
    pub(super) fn condition(&self, from: Option<&str>, to: Option<&str>) -> String {
        let compared = |operator: &str, bound: &str| {
            let Self { column, kind, collate, .. } = self;
            format!("{}{collate} {operator} {}::{kind}", column.sql(), quote_literal(bound))
        };
        let from = from.map(|bound| compared(&self.not_before, bound));
        let to = to.map(|bound| compared(&self.before, bound));
        from.into_iter().chain(to).collect::<Vec<_>>().join(" AND ")
    }
}

/// About so many parts of a table by the first of its keys whose values are known well enough; else the whole.
pub(super) async fn split(source: Reader<'_>, table: &TableCopy, parts: u64) -> Result<Vec<Part>> {
    for order in orders(source, table).await? {
        // Statistics hold values of rows.
        let is_masked = !table.masks.is_empty();
        let mut bounds = if is_masked { vec![] } else { told(source, table, &order, parts).await? };
        if bounds.is_empty() && order.is_integer {
            bounds = looked_up(source, table, &order, parts).await?;
        }
        if !bounds.is_empty() {
            return Ok(between(&order, &bounds));
        }
    }
    Ok(vec![Part::Whole])
}

/// The orders that unique indexes of all rows keep, the primary key's first.
async fn orders(source: Reader<'_>, table: &TableCopy) -> Result<Vec<Order>> {
    let operator = |strategy: u8| {
        format!(
            "(SELECT format('OPERATOR(%I.%s)', n.nspname, p.oprname) FROM pg_amop s \
                JOIN pg_operator p ON p.oid = s.amopopr JOIN pg_namespace n ON n.oid = p.oprnamespace \
              WHERE s.amopfamily = o.opcfamily AND s.amoplefttype = o.opcintype AND s.amoprighttype = o.opcintype \
                AND s.amopstrategy = {strategy} AND has_schema_privilege(n.oid, 'USAGE'))"
        )
    };
    // Bounds are written as the index's type, which must read what the column's type writes. An index whose collation has changed
    // since, with the system's libraries, may not find all rows. What this role cannot name is left out.
    let sql = format!(
        "SELECT a.attname::text, format_type(t.oid, -1), coalesce(' COLLATE ' || quote_ident(cn.nspname) || '.' || quote_ident(c.collname), ''), \
           {}, {}, o.opcdefault AND t.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) \
         FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam \
           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] \
           JOIN pg_type b ON b.oid = a.atttypid \
           JOIN pg_opclass o ON o.oid = i.indclass[0] JOIN pg_type t ON t.oid = o.opcintype \
           LEFT JOIN (pg_collation c JOIN pg_namespace cn ON cn.oid = c.collnamespace) ON c.oid = i.indcollation[0] \
           JOIN pg_database d ON d.datname = current_database() CROSS JOIN pg_collation_actual_version(c.oid) AS v (version) \
         WHERE i.indrelid = {}::regclass AND m.amname = 'btree' AND i.indisunique AND i.indisvalid AND i.indpred IS NULL \
           AND coalesce(nullif(b.typbasetype, 0), b.oid) IN (t.oid, CASE t.oid WHEN 'text'::regtype THEN 'varchar'::regtype END) \
           AND t.typtype = 'b' AND t.typdelim = ',' AND has_schema_privilege(t.typnamespace, 'USAGE') \
           AND (c.oid IS NULL OR has_schema_privilege(cn.oid, 'USAGE')) \
           AND coalesce(CASE c.collprovider WHEN 'd' THEN to_jsonb(d) ->> 'datcollversion' ELSE c.collversion END, v.version) \
             IS NOT DISTINCT FROM v.version \
           AND a.attnotnull AND NOT EXISTS (SELECT FROM pg_constraint k \
             WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum] AND NOT k.convalidated) \
         ORDER BY i.indisprimary DESC, i.indnkeyatts, x.relname",
        operator(BEFORE),
        operator(NOT_BEFORE),
        quote_literal(&table.name.sql())
    );
    let found = source.query(format!("read the keys of `{}`", table.name), &sql, &[]).await?;
    let orders = found.iter().filter_map(|row| {
        let column = ColumnName(row.get(0));
        Some(Order {
            kind: row.get(1),
            collate: row.get(2),
            before: row.get::<_, Option<String>>(3)?,
            not_before: row.get::<_, Option<String>>(4)?,
            is_integer: row.get(5),
            column,
        })
    });
    let is_read = |column: &ColumnName| table.columns.iter().any(|read| read.name == *column) && !table.masks.contains_key(column);
    Ok(orders.filter(|order| is_read(&order.column)).collect())
}

/// Numbers of a btree's operators, as its documentation has them.
const BEFORE: u8 = 1;
const NOT_BEFORE: u8 = 4;

/// Bounds by what the planner knows of the column.
async fn told(source: Reader<'_>, table: &TableCopy, order: &Order, parts: u64) -> Result<Vec<String>> {
    if !may_be_read(source).await? {
        return Ok(vec![]);
    }
    // In another encoding, values of rows that are gone since may be no text.
    let sql = format!(
        "SELECT bound FROM pg_stats, unnest(histogram_bounds::text::text[]) AS bound \
         WHERE schemaname = $1 AND tablename = $2 AND attname = $3 AND NOT inherited AND getdatabaseencoding() = 'UTF8' \
         ORDER BY bound::{}{} USING {}",
        order.kind, order.collate, order.before
    );
    let parameters: [(&(dyn ToSql + Sync), Type); 3] =
        [(&table.name.schema, Type::TEXT), (&table.name.name, Type::TEXT), (&order.column.0, Type::TEXT)];
    let rows = source.query(format!("read what is known of `{}`", table.name), &sql, &parameters).await?;
    let known: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok(chosen(&known, usize::try_from(parts).unwrap_or(usize::MAX)))
}

/// Bounds between the first and the last value, as if all were equally far apart.
async fn looked_up(source: Reader<'_>, table: &TableCopy, order: &Order, parts: u64) -> Result<Vec<String>> {
    let column = order.column.sql();
    let sql = format!("SELECT min({column})::int8, max({column})::int8 FROM ONLY {}", table.name.sql());
    let rows = source.query(format!("look up the ends of `{}`", table.name), &sql, &[]).await?;
    match (rows[0].get(0), rows[0].get(1)) {
        (Some(first), Some(last)) => Ok(even(first, last, parts)),
        _ => Ok(vec![]),
    }
}

/// Some of the values, in their order and equally far from each other, the first and the last left out.
fn chosen(known: &[String], parts: usize) -> Vec<String> {
    let last = known.len().saturating_sub(1);
    let mut bounds: Vec<String> = (1..parts.min(last)).map(|nth| known[last * nth / parts.min(last)].clone()).collect();
    bounds.dedup();
    bounds
}

fn even(first: i64, last: i64, parts: u64) -> Vec<String> {
    let (first, width) = (i128::from(first), i128::from(last) - i128::from(first) + 1);
    let mut bounds: Vec<i128> = (1..parts).map(|nth| first + width * i128::from(nth) / i128::from(parts)).collect();
    bounds.dedup();
    bounds.iter().filter(|bound| **bound > first).map(i128::to_string).collect()
}

fn between(order: &Order, bounds: &[String]) -> Vec<Part> {
    let from = std::iter::once(None).chain(bounds.iter().cloned().map(Some));
    let to = bounds.iter().cloned().map(Some).chain([None]);
    from.zip(to).map(|(from, to)| Part::Keys { order: order.clone(), from, to }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_each_other_and_are_open_at_both_ends() {
        let order = Order {
            column: ColumnName("the key".into()),
            kind: "text".into(),
            collate: " COLLATE pg_catalog.german".into(),
            before: "OPERATOR(pg_catalog.<)".into(),
            not_before: "OPERATOR(pg_catalog.>=)".into(),
            is_integer: false,
        };
        let key = "\"the key\" COLLATE pg_catalog.german";
        let parts = between(&order, &["it's".to_owned(), "later".to_owned()]);
        let conditions: Vec<String> = parts.iter().filter_map(Part::condition).collect();
        let expected = [
            format!("{key} OPERATOR(pg_catalog.<) 'it''s'::text"),
            format!("{key} OPERATOR(pg_catalog.>=) 'it''s'::text AND {key} OPERATOR(pg_catalog.<) 'later'::text"),
            format!("{key} OPERATOR(pg_catalog.>=) 'later'::text"),
        ];
        assert_eq!(conditions, expected);
    }

    #[test]
    fn bounds_are_equally_far_apart() {
        let known: Vec<String> = (0..=100).map(|bound| bound.to_string()).collect();
        assert_eq!(chosen(&known, 4), ["25", "50", "75"]);
        assert_eq!(chosen(&known[..3], 8), ["1"]);
        assert!(chosen(&known[..2], 8).is_empty() && chosen(&[], 8).is_empty());
        assert_eq!(even(-100, 99, 4), ["-50", "0", "50"]);
        assert_eq!(even(i64::MIN, i64::MAX, 2), ["0"]);
        assert_eq!(even(7, 9, 8), ["8", "9"]);
        assert!(even(7, 7, 8).is_empty());
    }
}
