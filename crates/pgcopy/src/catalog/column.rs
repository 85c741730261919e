//! Columns.

use super::kind::{BaseType, kind_of};
use super::{MADE_BY_USERS, unsigned};
use crate::Result;
use crate::connect::Reader;
use restage_core::schema::{Column, ColumnName, ColumnSource, Generated, Identity, Schema, TableName};
use std::collections::{BTreeMap, HashMap};
use tokio_postgres::types::Type;

/// Reads the columns of every table into the schema; returns the names behind the numbers.
///
/// A domain is followed to the type it is made of; it is NOT NULL if any domain on the way is, and the outermost type modifier
/// counts.
pub(super) async fn read(
    reader: Reader<'_>,
    relations: &HashMap<u32, TableName>,
    schema: &mut Schema,
) -> Result<HashMap<(u32, i16), ColumnName>> {
    let labels = enum_labels(reader).await?;
    let sql = format!(
        "{DOMAINS} \
         SELECT a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), \
                a.attnotnull OR coalesce(b.not_null, false), \
                coalesce(pg_get_expr(f.adbin, f.adrelid), q.options), \
                a.attgenerated::text, a.attidentity::text, \
                t.oid, t.typname, t.typtype::text, coalesce(b.modifier, a.atttypmod), \
                CASE WHEN o.oid <> d.typcollation THEN quote_ident(s.nspname) || '.' || quote_ident(o.collname) END \
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN based b ON b.oid = a.atttypid \
         JOIN pg_type t ON t.oid = coalesce(b.base, a.atttypid) \
         JOIN pg_type d ON d.oid = a.atttypid \
         LEFT JOIN pg_collation o ON o.oid = a.attcollation LEFT JOIN pg_namespace s ON s.oid = o.collnamespace \
         LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum \
         LEFT JOIN ({NUMBERING}) q ON q.relation = a.attrelid AND q.number = a.attnum \
         WHERE c.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped AND {MADE_BY_USERS} \
         ORDER BY a.attrelid, a.attnum"
    );
    let mut names = HashMap::new();
    for row in reader.query("list the columns", &sql, &[]).await? {
        let (relation, number): (u32, i16) = (row.get(0), row.get(1));
        let name = ColumnName(row.get(2));
        names.insert((relation, number), name.clone());
        let Some(table) = relations.get(&relation).and_then(|name| schema.tables.get_mut(name)) else { continue };
        let base = BaseType { oid: row.get(8), name: row.get(9), class: row.get(10), modifier: row.get(11) };
        table.columns.push(Column {
            name,
            type_name: row.get(3),
            collation: row.get(12),
            kind: kind_of(&base, &labels)?,
            not_null: row.get(4),
            default: row.get(5),
            source: match (row.get::<_, &str>(6), row.get::<_, &str>(7)) {
                ("", "") => ColumnSource::Written,
                ("", "a") => ColumnSource::Identity(Identity::Always),
                ("", _) => ColumnSource::Identity(Identity::ByDefault),
                ("v", _) => ColumnSource::Generated(Generated::Virtual),
                _ => ColumnSource::Generated(Generated::Stored),
            },
        });
    }
    Ok(names)
}

/// The types that a table's columns are made of at last, by object id.
pub(super) async fn base_types(reader: Reader<'_>, table: &TableName) -> Result<BTreeMap<ColumnName, u32>> {
    let sql = format!(
        "{DOMAINS} SELECT a.attname, coalesce(b.base, a.atttypid) FROM pg_attribute a LEFT JOIN based b ON b.oid = a.atttypid \
         WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped"
    );
    let rows = reader.query(format!("look at the columns of `{table}`"), &sql, &[(&table.sql(), Type::TEXT)]).await?;
    Ok(rows.iter().map(|row| (ColumnName(row.get(0)), row.get(1))).collect())
}

/// `based`: every domain with what it is made of at last.
const DOMAINS: &str = "WITH RECURSIVE domain(oid, base, modifier, not_null) AS ( \
       SELECT oid, typbasetype, typtypmod, typnotnull FROM pg_type WHERE typtype = 'd' \
       UNION ALL \
       SELECT d.oid, t.typbasetype, CASE WHEN d.modifier < 0 THEN t.typtypmod ELSE d.modifier END, d.not_null OR t.typnotnull \
         FROM domain d JOIN pg_type t ON t.oid = d.base AND t.typtype = 'd'), \
     based AS (SELECT d.* FROM domain d JOIN pg_type t ON t.oid = d.base AND t.typtype <> 'd')";

/// What `AS IDENTITY (…)` says of each identity column's sequence.
const NUMBERING: &str = "SELECT p.refobjid AS relation, p.refobjsubid AS number, \
       format('SEQUENCE NAME %I.%I START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s %s', \
              n.nspname, c.relname, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, \
              CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END) AS options \
     FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
     JOIN pg_depend p ON p.classid = 'pg_class'::regclass AND p.objid = s.seqrelid \
       AND p.refclassid = 'pg_class'::regclass AND p.deptype = 'i'";

async fn enum_labels(reader: Reader<'_>) -> Result<HashMap<u32, Vec<String>>> {
    let sql = "SELECT enumtypid, array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum GROUP BY enumtypid";
    let rows = reader.query("list the enumerations", sql, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// How much of a type modifier is a header.
pub(super) const MODIFIER_HEADER: i32 = 4;

/// The greatest length that a modifier of `varchar` and its like gives.
pub(super) fn length_limit(modifier: i32) -> Result<Option<u32>> {
    if modifier < MODIFIER_HEADER { Ok(None) } else { unsigned(modifier - MODIFIER_HEADER, "a length").map(Some) }
}
