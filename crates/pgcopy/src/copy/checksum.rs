//! A table's content in one line: a checksum that depends neither on the order of rows and columns nor on the server's version or
//! settings.
//!
//! Each row becomes text, in UTF-8 (or as it is, in a database that knows no encoding) and with the settings that every session
//! of this crate has, and the text an MD5 digest; the digests' halves are added up as two 64-bit integers, without overflow. Two
//! contents agree by chance once in 2^128; MD5 is no protection against somebody who means to deceive, and PostgreSQL has
//! nothing faster.

use crate::{Kind, Result};
use restage_core::schema::{Column, TableName, TypeKind};

/// Values longer than this many bytes go into the row as their own digest, so that a row never grows past what a server can hold.
const LONG_VALUE_BYTES: u32 = 1 << 20;
/// Text that is shorter than this, as the server stores it, is not long in UTF-8 either, in which a letter has up to 4 bytes.
const PERHAPS_LONG_BYTES: u32 = LONG_VALUE_BYTES / 4;

/// In which encoding text is summed up: a subquery, so that it is looked up once and not for every row.
const ENCODING: &str = "(SELECT CASE WHEN current_setting('server_encoding') = 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END)::name";

/// The query for a table's checksum over some columns; one row with one text. Rows of partitions and children count with their
/// own table only.
pub fn checksum_sql(table: &TableName, columns: &[Column]) -> String {
    checksum_sql_from(&format!("FROM ONLY {}", table.sql()), columns)
}

/// As [`checksum_sql`], of the rows that `from` names, from `FROM` on.
pub(super) fn checksum_sql_from(from: &str, columns: &[Column]) -> String {
    // A column that a parent got later stands behind those of its children's own, and before them in a copy.
    let mut columns: Vec<&Column> = columns.iter().collect();
    columns.sort_by(|one, other| one.name.cmp(&other.name));
    let values: Vec<String> = columns.into_iter().map(value).collect();
    format!(
        "SELECT concat_ws(':', count(*), coalesce(sum(('x' || left(h, 16))::bit(64)::int8), 0), coalesce(sum(('x' || right(h, 16))::bit(64)::int8), 0)) \
         FROM (SELECT md5(convert_to(ROW({})::text, {ENCODING})) AS h {from}) AS digests",
        values.join(", ")
    )
}

/// The checksum of two parts of a table together.
pub(super) fn sum(one: &str, other: &str) -> Result<String> {
    let numbers = |checksum: &str| checksum.split(':').map(|number| number.parse::<i128>().ok()).collect::<Option<Vec<_>>>();
    match (numbers(one), numbers(other)) {
        (Some(one), Some(other)) if one.len() == other.len() => {
            let sums: Vec<String> = one.iter().zip(other).map(|(one, other)| (one + other).to_string()).collect();
            Ok(sums.join(":"))
        }
        _ => Err(Kind::Query.error(format!("`{one}` and `{other}` are no checksums"))),
    }
}

fn value(column: &Column) -> String {
    let name = column.name.sql();
    match column.kind {
        TypeKind::Bytea => {
            format!("CASE WHEN octet_length({name}) > {LONG_VALUE_BYTES} THEN md5({name}) ELSE encode({name}, 'hex') END")
        }
        TypeKind::Text { .. } | TypeKind::Json | TypeKind::Jsonb => {
            let bytes = format!("convert_to({name}::text, {ENCODING})");
            format!(
                "CASE WHEN octet_length({name}::text) > {PERHAPS_LONG_BYTES} AND octet_length({bytes}) > {LONG_VALUE_BYTES} \
                 THEN md5({bytes}) ELSE {name}::text END"
            )
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn parts_add_up() {
        assert_eq!(sum("2:-9223372036854775808:5", "1:-9223372036854775808:-7").unwrap(), "3:-18446744073709551616:-2");
        assert!(sum("1:2:3", "1:2").is_err() && sum("", "1:2:3").is_err());
    }
}
