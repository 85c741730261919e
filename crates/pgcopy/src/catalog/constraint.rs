//! Keys, foreign keys, checks, and the columns that decide a row's partition.

use super::{Known, MADE_BY_USERS};
use crate::Result;
use crate::connect::Reader;
use restage_core::schema::{Check, ColumnName, ForeignKey, Schema};
use std::collections::BTreeSet;

pub(super) async fn read(reader: Reader<'_>, known: &Known, schema: &mut Schema) -> Result<()> {
    keys(reader, known, schema).await?;
    foreign_keys(reader, known, schema).await?;
    checks(reader, known, schema).await?;
    partition_keys(reader, known, schema).await?;
    hand_down_partition_keys(schema);
    Ok(())
}

async fn keys(reader: Reader<'_>, known: &Known, schema: &mut Schema) -> Result<()> {
    let sql = format!(
        "SELECT i.indrelid, i.indisprimary, (i.indkey::int2[])[0:i.indnkeyatts - 1] \
         FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND {MADE_BY_USERS} ORDER BY i.indexrelid"
    );
    for row in reader.query("list the keys", &sql, &[]).await? {
        let oid: u32 = row.get(0);
        let columns = known.columns(oid, &row.get::<_, Vec<i16>>(2));
        let table = known.relation(oid).and_then(|name| schema.tables.get_mut(name));
        let (Some(table), Some(columns)) = (table, columns) else { continue };
        if row.get(1) {
            table.primary_key = Some(columns);
        } else if !table.unique.contains(&columns) {
            table.unique.push(columns);
        }
    }
    Ok(())
}

async fn foreign_keys(reader: Reader<'_>, known: &Known, schema: &mut Schema) -> Result<()> {
    // Those with a parent were made by PostgreSQL, one for each partition.
    let sql = format!(
        "SELECT k.conrelid, k.conname, k.conkey, k.confrelid, k.confkey, pg_get_constraintdef(k.oid) \
         FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE k.contype = 'f' AND k.conparentid = 0 AND {MADE_BY_USERS} ORDER BY k.conrelid, k.conname"
    );
    for row in reader.query("list the foreign keys", &sql, &[]).await? {
        let (from, to): (u32, u32) = (row.get(0), row.get(3));
        let columns = known.columns(from, &row.get::<_, Vec<i16>>(2));
        let to_columns = known.columns(to, &row.get::<_, Vec<i16>>(4));
        let table = known.relation(from).and_then(|name| schema.tables.get_mut(name));
        let (Some(table), Some(columns), Some(to), Some(to_columns)) = (table, columns, known.relation(to), to_columns) else {
            continue;
        };
        table.foreign_keys.push(ForeignKey { name: row.get(1), columns, to: to.clone(), to_columns, definition: row.get(5) });
    }
    Ok(())
}

async fn checks(reader: Reader<'_>, known: &Known, schema: &mut Schema) -> Result<()> {
    let sql = format!(
        "SELECT k.conrelid, k.conname, ARRAY(SELECT unnest(k.conkey) ORDER BY 1), pg_get_expr(k.conbin, k.conrelid) \
         FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE k.contype = 'c' AND {MADE_BY_USERS} ORDER BY k.conrelid, k.conname"
    );
    for row in reader.query("list the check constraints", &sql, &[]).await? {
        let oid: u32 = row.get(0);
        let columns = known.columns(oid, &row.get::<_, Vec<i16>>(2));
        let table = known.relation(oid).and_then(|name| schema.tables.get_mut(name));
        if let (Some(table), Some(columns)) = (table, columns) {
            table.checks.push(Check { name: row.get(1), columns, expression: row.get(3) });
        }
    }
    Ok(())
}

/// A partition key's columns, also those inside its expressions, depend internally on their table, and no other columns do.
async fn partition_keys(reader: Reader<'_>, known: &Known, schema: &mut Schema) -> Result<()> {
    let sql = "SELECT DISTINCT d.objid, d.objsubid::int2 FROM pg_depend d JOIN pg_partitioned_table p ON p.partrelid = d.objid \
               WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = d.objid \
                 AND d.objsubid > 0 AND d.refobjsubid = 0 AND d.deptype = 'i' ORDER BY 1, 2";
    for row in reader.query("list the partition keys", sql, &[]).await? {
        let (table, number): (u32, i16) = (row.get(0), row.get(1));
        let column = known.columns.get(&(table, number));
        let table = known.relation(table).and_then(|name| schema.tables.get_mut(name));
        if let (Some(table), Some(column)) = (table, column) {
            table.partition_key.push(column.clone());
        }
    }
    Ok(())
}

/// A partition's rows must stay within the bounds of every table above it, so it has their keys too.
fn hand_down_partition_keys(schema: &mut Schema) {
    let parents = schema.parents();
    for name in parents.keys() {
        let above = std::iter::successors(parents.get(name), |parent| parents.get(*parent));
        let keys = above.filter_map(|parent| schema.tables.get(parent)).flat_map(|parent| parent.partition_key.iter().cloned());
        let keys: BTreeSet<ColumnName> = keys.collect();
        if let Some(table) = schema.tables.get_mut(name) {
            let missing: Vec<ColumnName> = keys.into_iter().filter(|key| !table.partition_key.contains(key)).collect();
            table.partition_key.extend(missing);
        }
    }
}
