//! Tables, views, sequences and indexes, without their columns.

use super::{Known, MADE_BY_USERS};
use crate::Result;
use crate::connect::Reader;
use restage_core::schema::{ColumnPath, ExtensionConfig, Persistence, Schema, Sequence, Table, TableKind, TableName, View};
use std::collections::{BTreeSet, HashMap};

/// Reads every relation's name, and the tables into the schema.
pub(super) async fn read(reader: Reader<'_>, schema: &mut Schema) -> Result<Known> {
    let sql = format!(
        "SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relispartition, c.relpersistence::text, \
                pg_get_userbyid(c.relowner), p.inhparent, e.extname, e.condition, \
                ARRAY(SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = c.oid AND NOT c.relispartition ORDER BY i.inhseqno) \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN pg_inherits p ON p.inhrelid = c.oid AND c.relispartition \
         LEFT JOIN (SELECT x.extname, t.oid, t.condition FROM pg_extension x, unnest(x.extconfig, x.extcondition) AS t(oid, condition)) e \
                ON e.oid = c.oid AND c.relkind IN ('r', 'p') \
         WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND {MADE_BY_USERS} ORDER BY c.oid"
    );
    let rows = reader.query("list the tables", &sql, &[]).await?;
    let names: HashMap<u32, TableName> =
        rows.iter().map(|row| (row.get(0), TableName::new(row.get::<_, String>(1), row.get::<_, String>(2)))).collect();
    for row in &rows {
        let name = &names[&row.get::<_, u32>(0)];
        let kind = match row.get::<_, &str>(3) {
            "r" => TableKind::Ordinary,
            "p" => TableKind::Partitioned,
            "f" => TableKind::Foreign,
            _ => continue,
        };
        let table = Table {
            kind,
            partition_of: row.get::<_, Option<u32>>(7).and_then(|oid| names.get(&oid)).cloned(),
            inherits: row.get::<_, Vec<u32>>(10).iter().filter_map(|oid| names.get(oid)).cloned().collect(),
            persistence: persistence(row.get(5)),
            owner: row.get(6),
            columns: vec![],
            primary_key: None,
            unique: vec![],
            foreign_keys: vec![],
            checks: vec![],
            partition_key: vec![],
            extension_config: row
                .get::<_, Option<String>>(8)
                .map(|extension| ExtensionConfig { extension, condition: row.get::<_, Option<String>>(9).unwrap_or_default() }),
        };
        schema.tables.insert(name.clone(), table);
    }
    Ok(Known { relations: names, columns: HashMap::new() })
}

pub(super) async fn read_views_and_sequences(reader: Reader<'_>, known: &Known, schema: &mut Schema) -> Result<()> {
    views(reader, known, schema).await?;
    sequences(reader, known, schema).await?;
    indexes(reader, known, schema).await
}

async fn views(reader: Reader<'_>, known: &Known, schema: &mut Schema) -> Result<()> {
    let sql = format!(
        "SELECT c.oid, c.relkind = 'm', pg_get_userbyid(c.relowner), pg_get_viewdef(c.oid), \
                (SELECT coalesce(array_agg(DISTINCT d.refobjid), '{{}}') FROM pg_rewrite r \
                   JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass \
                  WHERE r.ev_class = c.oid AND d.refobjid <> c.oid AND d.deptype = 'n') \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND {MADE_BY_USERS}"
    );
    for row in reader.query("list the views", &sql, &[]).await? {
        let Some(name) = known.relation(row.get(0)) else { continue };
        let reads: BTreeSet<TableName> =
            row.get::<_, Vec<u32>>(4).into_iter().filter_map(|oid| known.relation(oid)).cloned().collect();
        let view = View { materialized: row.get(1), owner: row.get(2), definition: row.get(3), reads };
        schema.views.insert(name.clone(), view);
    }
    Ok(())
}

async fn sequences(reader: Reader<'_>, known: &Known, schema: &mut Schema) -> Result<()> {
    let sql = format!(
        "SELECT c.oid, s.seqincrement > 0, d.refobjid, d.refobjsubid::int2, c.relpersistence::text \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid \
         LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass \
                AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') \
         WHERE c.relkind = 'S' AND {MADE_BY_USERS}"
    );
    for row in reader.query("list the sequences", &sql, &[]).await? {
        let Some(name) = known.relation(row.get(0)) else { continue };
        let owned_by = row.get::<_, Option<u32>>(2).zip(row.get::<_, Option<i16>>(3)).and_then(|(table, number)| {
            let (table, column) = (known.relation(table)?, known.columns.get(&(table, number))?);
            Some(ColumnPath { table: table.clone(), column: column.clone() })
        });
        let sequence = Sequence { owned_by, ascending: row.get(1), persistence: persistence(row.get(4)) };
        schema.sequences.insert(name.clone(), sequence);
    }
    Ok(())
}

fn persistence(letter: &str) -> Persistence {
    if letter == "u" { Persistence::Unlogged } else { Persistence::Permanent }
}

async fn indexes(reader: Reader<'_>, known: &Known, schema: &mut Schema) -> Result<()> {
    let sql = format!(
        "SELECT n.nspname, c.relname, i.indrelid FROM pg_index i \
         JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')) \
           AND {MADE_BY_USERS}"
    );
    for row in reader.query("list the indexes", &sql, &[]).await? {
        if let Some(table) = known.relation(row.get(2)) {
            schema.indexes.insert(TableName::new(row.get::<_, String>(0), row.get::<_, String>(1)), table.clone());
        }
    }
    Ok(())
}
