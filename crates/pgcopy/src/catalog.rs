//! Reading a database's structure into `restage_core::schema`, with a handful of queries whatever the number of tables.

mod column;
mod constraint;
mod kind;
mod names;
mod numbering;
mod relation;

pub(crate) use numbering::{Numbering, numberings};

use crate::connect::Reader;
use crate::{Kind, Result};
use restage_core::schema::{ColumnName, Schema, TableName};
use std::collections::{BTreeMap, HashMap};

/// Reads the structure of the session's database: everything a user made, extensions' own objects left out but for their
/// configuration tables.
///
/// For one moment's structure, run it in a `REPEATABLE READ` transaction.
pub async fn read(reader: Reader<'_>) -> Result<Schema> {
    let mut schema = Schema::default();
    let mut known = relation::read(reader, &mut schema).await?;
    known.columns = column::read(reader, &known.relations, &mut schema).await?;
    constraint::read(reader, &known, &mut schema).await?;
    relation::read_views_and_sequences(reader, &known, &mut schema).await?;
    names::read(reader, &mut schema).await?;
    Ok(schema)
}

/// The types that a table's columns are made of at last, domains followed to their base, by object id.
pub async fn base_types(reader: Reader<'_>, table: &TableName) -> Result<BTreeMap<ColumnName, u32>> {
    column::base_types(reader, table).await
}

/// The names behind object ids and column numbers.
#[derive(Default)]
struct Known {
    relations: HashMap<u32, TableName>,
    columns: HashMap<(u32, i16), ColumnName>,
}

impl Known {
    fn relation(&self, oid: u32) -> Option<&TableName> {
        self.relations.get(&oid)
    }

    /// The names of the columns with these numbers; `None` if one of them is an expression.
    fn columns(&self, relation: u32, numbers: &[i16]) -> Option<Vec<ColumnName>> {
        numbers.iter().map(|number| self.columns.get(&(relation, *number)).cloned()).collect()
    }
}

/// A condition on `pg_class c` and `pg_namespace n`: relations that a user made, or an extension's configuration tables.
const MADE_BY_USERS: &str = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't' \
     AND (NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') \
          OR c.oid IN (SELECT unnest(e.extconfig) FROM pg_extension e))";

/// A condition on `pg_event_trigger t`: those that no extension brings.
pub(crate) const EVENT_TRIGGERS_OF_USERS: &str = "NOT EXISTS (SELECT FROM pg_depend d \
     WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'e')";

/// Numbers that PostgreSQL keeps as a signed integer and that are never negative.
fn unsigned<T: TryFrom<i32>>(number: i32, what: &str) -> Result<T> {
    T::try_from(number).map_err(|_| Kind::Query.error(format!("the server says that {what} is {number}, which cannot be")))
}
