//! The models of a good database: exactly what is there.

use restage_core::facts::MigrationTool;
use restage_core::schema::{Schema, Table, TableName, TablePattern};

use super::{ColumnModel, DataType, ForeignKeyModel, Key, Models, Nullability, Said, Strictness, TableModel};
use crate::{Kind, Result};

/// Which tables a snapshot is of.
#[derive(Clone, Copy, Debug)]
pub enum Which<'p> {
    /// Every table, and there may be no others.
    Every,
    /// Those that match a pattern; others may come and go.
    Matching(&'p [TablePattern]),
}

impl Models {
    /// What a database is, as models that are strict.
    ///
    /// Tables of migration tools and extensions are left out, and so are partitions, which come and go and are what the table
    /// above them is. It is an error if nothing is left.
    pub fn of(schema: &Schema, which: Which<'_>) -> Result<Self> {
        let wanted = |name: &TableName| match which {
            Which::Every => true,
            Which::Matching(patterns) => patterns.iter().any(|pattern| pattern.matches(name)),
        };
        let tables = schema.tables.iter().filter(|(name, table)| is_modelled(name, table) && wanted(name));
        let tables = tables.map(|(name, table)| table_model(name, table)).collect::<Result<Vec<_>>>()?;
        if tables.is_empty() {
            let none = match which {
                Which::Every => Kind::Differs.error("the database has no tables"),
                Which::Matching(_) => Kind::Differs.error("no table of the database matches"),
            };
            return Err(none.help("check which database this is, and how the tables are called there"));
        }
        let strictness = match which {
            Which::Every => Strictness::Strict,
            Which::Matching(_) => Strictness::Partial,
        };
        Ok(Self { file: None, strictness, tables })
    }
}

/// Whether a table is an application's own.
pub(super) fn is_modelled(name: &TableName, table: &Table) -> bool {
    table.partition_of.is_none() && table.extension_config.is_none() && MigrationTool::keeping(name, table).is_none()
}

fn said<T>(value: T) -> Said<T> {
    Said { value, line: None }
}

fn table_model(name: &TableName, table: &Table) -> Result<TableModel> {
    let columns = table.columns.iter().map(|column| {
        let data_type = DataType::parse(&column.type_name).map_err(|message| Kind::Differs.error(message))?;
        let nullability = column.not_null.then_some(Nullability::NotNull);
        Ok((said(column.name.clone()), ColumnModel { data_type: Some(data_type), nullability }))
    });
    // Keys have no order of their own but that of their making, which differs from database to database.
    let mut unique = table.unique.clone();
    unique.sort();
    let mut foreign_keys = table.foreign_keys.clone();
    foreign_keys
        .sort_by(|left, right| (&left.columns, &left.to, &left.to_columns).cmp(&(&right.columns, &right.to, &right.to_columns)));
    foreign_keys
        .dedup_by(|left, right| (&left.columns, &left.to, &left.to_columns) == (&right.columns, &right.to, &right.to_columns));
    Ok(TableModel {
        name: said(name.clone()),
        strictness: Strictness::Strict,
        columns: columns.collect::<Result<_>>()?,
        primary_key: table.primary_key.clone().map(|columns| said(Key(columns))),
        unique: unique.into_iter().map(|columns| said(Key(columns))).collect(),
        foreign_keys: foreign_keys
            .into_iter()
            .map(|key| said(ForeignKeyModel { columns: Key(key.columns), to: key.to, to_columns: Some(Key(key.to_columns)) }))
            .collect(),
    })
}
