//! Sequences with the columns that they number.

use super::MADE_BY_USERS;
use crate::Result;
use crate::connect::Reader;
use restage_core::schema::{ColumnName, ColumnPath, Schema, TableKind, TableName, TypeKind};

/// A sequence and the column of integers that it numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Numbering {
    pub(crate) sequence: TableName,
    pub(crate) column: ColumnPath,
    pub(crate) ascending: bool,
}

impl Numbering {
    /// What a sequence numbers, if that is a column of integers.
    pub(crate) fn of(schema: &Schema, sequence: &TableName) -> Option<Self> {
        let known = schema.sequences.get(sequence)?;
        let column = known.owned_by.as_ref()?;
        let table = schema.tables.get(&column.table)?;
        let of_integers =
            matches!(table.column(&column.column)?.kind, TypeKind::Integer { .. }) && table.kind != TableKind::Foreign;
        let numbering = || Self { sequence: sequence.clone(), column: column.clone(), ascending: known.ascending };
        of_integers.then(numbering)
    }
}

/// What every sequence numbers, with one query and without the rest of the structure.
pub(crate) async fn numberings(reader: Reader<'_>) -> Result<Vec<Numbering>> {
    let sql = format!(
        "WITH RECURSIVE integer(oid) AS ( \
           SELECT unnest(ARRAY['int2'::regtype, 'int4'::regtype, 'int8'::regtype])::oid \
           UNION ALL SELECT t.oid FROM pg_type t JOIN integer i ON t.typbasetype = i.oid WHERE t.typtype = 'd') \
         SELECT n.nspname, c.relname, tn.nspname, t.relname, a.attname, s.seqincrement > 0 \
         FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
           JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass \
             AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') \
           JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.atttypid IN (SELECT oid FROM integer) \
           JOIN pg_class t ON t.oid = d.refobjid AND t.relkind IN ('r', 'p') JOIN pg_namespace tn ON tn.oid = t.relnamespace \
         WHERE {MADE_BY_USERS} ORDER BY 1, 2"
    );
    let rows = reader.query("list what sequences number", &sql, &[]).await?;
    let text = |row: &tokio_postgres::Row, column| row.get::<_, String>(column);
    let numbering = |row: &tokio_postgres::Row| Numbering {
        sequence: TableName::new(text(row, 0), text(row, 1)),
        column: ColumnPath { table: TableName::new(text(row, 2), text(row, 3)), column: ColumnName(text(row, 4)) },
        ascending: row.get(5),
    };
    Ok(rows.iter().map(numbering).collect())
}
