//! In which format each table can be copied.
//!
//! Binary is faster, and possible where every column's type has the same binary form on both servers. That is so for
//! PostgreSQL's own types but those that are object ids (`regclass` and its like, which another database numbers otherwise),
//! `xml`, whose binary form depends on settings, `int2vector`, `oidvector` and `tsquery`, which send what is empty in a form
//! that they do not receive, and types without send and receive functions; for extensions' types between servers of one major
//! version; and for enumerations, domains, arrays, ranges and composites of such types.

use crate::Result;
use crate::connect::Reader;
use crate::mask::Format;
use restage_core::schema::TableName;
use std::collections::HashSet;
use tokio_postgres::types::Type;

/// The tables that must go as text.
#[derive(Debug, Default)]
pub(in crate::copy) struct Formats {
    text: HashSet<TableName>,
    /// Whether rows name objects, such as tables as `regclass`, which must be there before them.
    pub(in crate::copy) rows_name_objects: bool,
}

impl Formats {
    /// Asks the source's catalogs; `target_major` is the other server's version.
    pub(in crate::copy) async fn read(source: Reader<'_>, target_major: u32) -> Result<Self> {
        let same_major = source.version() / 10_000 == target_major;
        let rows = source.query("list the columns' formats", TEXT_ONLY, &[(&same_major, Type::BOOL)]).await?;
        let text = rows.iter().map(|row| TableName::new(row.get::<_, String>(0), row.get::<_, String>(1)));
        Ok(Self { text: text.collect(), rows_name_objects: rows.iter().any(|row| row.get(2)) })
    }

    pub(in crate::copy) fn of(&self, name: &TableName) -> Format {
        if self.text.contains(name) { Format::Text } else { Format::Binary }
    }
}

/// Object ids below 16384 are PostgreSQL's own.
const TEXT_ONLY: &str = "WITH RECURSIVE made_of(oid, part) AS ( \
       SELECT oid, typelem FROM pg_type WHERE typelem <> 0 AND typcategory = 'A' \
       UNION ALL SELECT oid, typbasetype FROM pg_type WHERE typtype = 'd' \
       UNION ALL SELECT t.oid, a.atttypid FROM pg_type t JOIN pg_attribute a ON a.attrelid = t.typrelid \
                  WHERE t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped \
       UNION ALL SELECT rngtypid, rngsubtype FROM pg_range \
       UNION ALL SELECT rngmultitypid, rngsubtype FROM pg_range), \
     text_only(oid, names) AS ( \
       SELECT oid, oid < 16384 AND typname ~ '^reg' FROM pg_type \
        WHERE typsend = 0 OR typreceive = 0 \
           OR (oid < 16384 AND (typname ~ '^reg' OR typname IN ('xml', 'int2vector', 'oidvector', 'tsquery'))) \
           OR (oid >= 16384 AND typtype = 'b' AND typcategory <> 'A' AND NOT $1) \
       UNION SELECT m.oid, t.names FROM made_of m JOIN text_only t ON t.oid = m.part) \
     SELECT n.nspname, c.relname, bool_or(t.names) FROM pg_attribute a \
       JOIN text_only t ON t.oid = a.atttypid JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
      WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
      GROUP BY 1, 2";
