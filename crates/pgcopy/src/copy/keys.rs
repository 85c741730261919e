//! Primary keys and unique constraints that are made from their index.
//!
//! `ADD PRIMARY KEY` keeps everybody from the table while its index is built. The index alone lets the table's other indexes be
//! built meanwhile, and making a constraint of it afterwards takes no time.

use crate::Result;
use crate::archive::Entry;
use crate::connect::Reader;
use restage_core::facts::ObjectKind;
use restage_core::schema::{TableName, quote_identifier};
use std::collections::BTreeMap;
use tokio_postgres::types::{ToSql, Type};

/// How the index of each constraint is made, and the constraint of it.
#[derive(Debug, Default)]
pub(super) struct Keys(BTreeMap<Named, Statements>);

/// As `pg_dump` names a constraint: its schema, its table and itself.
type Named = (String, String);

#[derive(Clone, Debug)]
struct Statements {
    index: String,
    constraint: String,
}

/// Of partitions, exclusions and periods it is not possible, or not so.
const KEYS: &str = "SELECT n.nspname, t.relname, k.conname, pg_get_indexdef(k.conindid), k.contype = 'p', k.condeferrable, k.condeferred \
     FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace \
       JOIN pg_index i ON i.indexrelid = k.conindid \
     WHERE k.contype IN ('p', 'u') AND t.relkind = 'r' AND NOT t.relispartition AND NOT i.indisexclusion \
       AND (n.nspname, t.relname) IN (SELECT * FROM unnest($1::text[], $2::text[]))";

impl Keys {
    /// Those of some tables.
    pub(super) async fn read(source: Reader<'_>, tables: &[&TableName]) -> Result<Self> {
        if tables.is_empty() {
            return Ok(Self::default());
        }
        let schemas: Vec<&str> = tables.iter().map(|table| table.schema.as_str()).collect();
        let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        // What is a name here may be a word of the language on a newer server.
        source.rows("quote all names", "SET quote_all_identifiers = on").await?;
        let named: [(&(dyn ToSql + Sync), Type); 2] = [(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)];
        let rows = source.query("list the keys' indexes", KEYS, &named).await?;
        source.rows("quote names as usual", "RESET quote_all_identifiers").await?;
        let keys = rows.iter().filter_map(|row| {
            // One that was dropped since has none any more.
            let index: String = row.get::<_, Option<String>>(3)?;
            let (schema, table, name): (String, String, String) = (row.get(0), row.get(1), row.get(2));
            let kind = if row.get(4) { "PRIMARY KEY" } else { "UNIQUE" };
            let deferred = match (row.get(5), row.get(6)) {
                (false, _) => "",
                (true, false) => " DEFERRABLE",
                (true, true) => " DEFERRABLE INITIALLY DEFERRED",
            };
            let (on, quoted) = (format!("{}.{}", quote_identifier(&schema), quote_identifier(&table)), quote_identifier(&name));
            let constraint = format!("ALTER TABLE ONLY {on} ADD CONSTRAINT {quoted} {kind} USING INDEX {quoted}{deferred};\n");
            Some(((schema, format!("{table} {name}")), Statements { index: format!("{index};\n"), constraint }))
        });
        Ok(Self(keys.collect()))
    }

    /// The constraint as an index, and as what is made of the index; `None` where its entry says more than that.
    pub(super) fn in_two(&self, entry: &Entry) -> Option<(Entry, Entry)> {
        let statements = self.0.get(&(entry.schema.clone(), entry.name.clone()))?;
        // It may also say that the table is clustered by it, or that a column of the index has statistics of its own.
        (entry.kind == ObjectKind::Constraint && entry.is_one_statement()).then(|| {
            let index = Entry { kind: ObjectKind::Index, sql: statements.index.clone(), ..entry.clone() };
            (index, Entry { sql: statements.constraint.clone(), ..entry.clone() })
        })
    }
}
