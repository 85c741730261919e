//! A table's content in one line: a checksum that depends neither on the rows' order nor on the server's version or settings.
//!
//! Each row becomes text, in UTF-8 and with the settings that every session of this crate has, and the text an MD5 digest; the
//! digests' halves are added up as two 64-bit integers, without overflow. Two contents agree by chance once in 2^128; MD5 is
//! no protection against somebody who means to deceive, and PostgreSQL has nothing faster.

use restage_core::schema::{Column, TableName, TypeKind};

/// Values longer than this many bytes go into the row as their own digest, so that a row never grows past what a server can hold.
const LONG_VALUE_BYTES: u32 = 1 << 20;

/// The query for a table's checksum over some columns; one row with one text. `condition` is the `WHERE …` of the rows that
/// count, if not all do; rows of partitions and children count with their own table only.
pub fn checksum_sql(table: &TableName, columns: &[Column], condition: Option<&str>) -> String {
    checksum_sql_from(&format!("FROM ONLY {} {}", table.sql(), condition.unwrap_or_default()), columns)
}

/// As [`checksum_sql`], of the rows that `from` names, from `FROM` on.
pub(super) fn checksum_sql_from(from: &str, columns: &[Column]) -> String {
    let values: Vec<String> = columns.iter().map(value).collect();
    format!(
        "SELECT concat_ws(':', count(*), coalesce(sum(('x' || left(h, 16))::bit(64)::int8), 0), coalesce(sum(('x' || right(h, 16))::bit(64)::int8), 0)) \
         FROM (SELECT md5(convert_to(ROW({})::text, 'UTF8')) AS h {from}) AS digests",
        values.join(", ")
    )
}

fn value(column: &Column) -> String {
    let name = column.name.sql();
    match column.kind {
        TypeKind::Bytea => {
            format!("CASE WHEN octet_length({name}) > {LONG_VALUE_BYTES} THEN md5({name}) ELSE encode({name}, 'hex') END")
        }
        TypeKind::Text { .. } | TypeKind::Json | TypeKind::Jsonb => {
            format!(
                "CASE WHEN octet_length({name}::text) > {LONG_VALUE_BYTES} THEN md5(convert_to({name}::text, 'UTF8')) ELSE {name}::text END"
            )
        }
        _ => name,
    }
}
