//! Where a database is not what models say.

use std::collections::BTreeSet;
use std::fmt;

use restage_core::document::nearest;
use restage_core::schema::{ColumnName, ForeignKey, Schema, Table, TableName};

use super::snapshot::is_modelled;
use super::{ColumnModel, DataType, ForeignKeyModel, Key, Models, Nullability, Said, Strictness, TableModel};
use crate::{Error, Kind};

/// Every difference between models and a database, in the order of the models; of each table first what is missing or different,
/// then what is there without being expected.
#[derive(Debug, Default)]
pub struct Differences {
    /// The differences, each with its place in the models file.
    pub found: Vec<Error>,
}

impl Differences {
    /// Whether the database is what the models say.
    pub fn is_none(&self) -> bool {
        self.found.is_empty()
    }
}

impl fmt::Display for Differences {
    /// One line each, the place in front.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.found {
            if let Some(place) = &error.place {
                write!(formatter, "{}:", place.file.display())?;
                if let Some(line) = place.line {
                    write!(formatter, "{line}:")?;
                }
                write!(formatter, " ")?;
            }
            writeln!(formatter, "{error}")?;
        }
        Ok(())
    }
}

/// Compares a database with what is expected of it.
pub fn compare(models: &Models, schema: &Schema) -> Differences {
    let mut comparison = Comparison { models, schema, renamed: perhaps_renamed(models, schema), found: vec![] };
    for table in &models.tables {
        match schema.tables.get(&table.name.value) {
            Some(actual) => comparison.table(table, actual),
            None => comparison.table_missing(&table.name),
        }
    }
    if models.strictness == Strictness::Strict {
        comparison.unexpected_tables();
    }
    Differences { found: comparison.found }
}

/// How many tables may be missing for one to be looked for under other names; where more are, it is another database.
const MAX_RENAMED: usize = 100;

/// Tables of the database that are not in the models.
fn perhaps_renamed(models: &Models, schema: &Schema) -> Vec<String> {
    let modelled: BTreeSet<_> = models.tables.iter().map(|table| &table.name.value).collect();
    if modelled.iter().filter(|name| !schema.tables.contains_key(name)).count() > MAX_RENAMED {
        return vec![];
    }
    schema.tables.keys().filter(|name| !modelled.contains(name)).map(ToString::to_string).collect()
}

struct Comparison<'a> {
    models: &'a Models,
    schema: &'a Schema,
    /// Tables that a missing one may now be called.
    renamed: Vec<String>,
    found: Vec<Error>,
}

const MIGRATE_OR_CORRECT: &str = "change the database by a migration, or correct the models";
const ADD_OR_REMOVE: &str = "add it to the models, or remove it by a migration";

impl Comparison<'_> {
    fn differ(&mut self, line: Option<usize>, message: impl fmt::Display, help: impl fmt::Display) {
        let error = Kind::Differs.error(message).help(help);
        self.found.push(match &self.models.file {
            Some(file) => error.at(file, line),
            None => error,
        });
    }

    fn table_missing(&mut self, name: &Said<TableName>) {
        let (said, line) = (&name.value, name.line);
        if self.schema.views.contains_key(said) {
            let help = "leave it out of the models, which are of tables, or make it a table by a migration";
            return self.differ(line, format_args!("`{said}` is a view in the database and a table in the models"), help);
        }
        let help = help_for_missing("table", &said.to_string(), &self.renamed);
        self.differ(line, format_args!("the table `{said}` is missing"), help);
    }

    fn table(&mut self, model: &TableModel, actual: &Table) {
        for (name, column) in &model.columns {
            self.column(model, name, column, actual);
        }
        self.primary_key(model, actual);
        for key in &model.unique {
            let primary = actual.primary_key.as_ref().is_some_and(|columns| key.value.is_of(columns));
            if !primary && !actual.unique.iter().any(|columns| key.value.is_of(columns)) {
                let message = format_args!("`{}` has no unique key {}", model.name.value, key.value).to_string();
                self.differ(key.line, message, MIGRATE_OR_CORRECT);
            }
        }
        for key in &model.foreign_keys {
            self.foreign_key(&model.name.value, key, actual);
        }
        if model.strictness == Strictness::Strict {
            self.unexpected(model, actual);
        }
    }

    fn column(&mut self, model: &TableModel, name: &Said<ColumnName>, column: &ColumnModel, actual: &Table) {
        let path = format!("{}.{}", model.name.value, name.value);
        let Some(found) = actual.column(&name.value) else {
            let others = actual.columns.iter().map(|column| &column.name);
            let others = others.filter(|other| !model.columns.iter().any(|(known, _)| &known.value == *other));
            let help = help_for_missing("column", &name.value.0, &others.map(ToString::to_string).collect::<Vec<_>>());
            return self.differ(name.line, format_args!("the column `{path}` is missing"), help);
        };
        if let Some(wanted) = &column.data_type {
            let is = DataType::parse(&found.type_name).is_ok_and(|found| wanted.is(&found, model.strictness));
            if !is {
                let message = format!("the column `{path}` is `{}` in the database and `{wanted}` in the models", found.type_name);
                self.differ(name.line, message, MIGRATE_OR_CORRECT);
            }
        }
        let implied = match model.strictness {
            Strictness::Partial => None,
            // The columns of a primary key are NOT NULL without anybody saying so.
            Strictness::Strict if model.primary_key.as_ref().is_some_and(|key| key.value.0.contains(&name.value)) => None,
            Strictness::Strict => Some(Nullability::Null),
        };
        match (column.nullability.or(implied), found.not_null) {
            (Some(Nullability::NotNull), false) => {
                let message = format!("the column `{path}` can be NULL in the database and is `not null` in the models");
                self.differ(name.line, message, MIGRATE_OR_CORRECT);
            }
            (Some(Nullability::Null), true) => {
                let message = format!("the column `{path}` is NOT NULL in the database and can be NULL in the models");
                self.differ(name.line, message, MIGRATE_OR_CORRECT);
            }
            _ => {}
        }
    }

    fn primary_key(&mut self, model: &TableModel, actual: &Table) {
        let name = &model.name.value;
        let message = match (&model.primary_key, &actual.primary_key) {
            (Some(wanted), Some(found)) if !wanted.value.is_of(found) => {
                let found = Key(found.clone());
                format!("the primary key of `{name}` is {found} in the database and {} in the models", wanted.value)
            }
            (Some(wanted), None) => format!("`{name}` has no primary key, which is {} in the models", wanted.value),
            _ => return,
        };
        self.differ(model.primary_key.as_ref().and_then(|key| key.line), message, MIGRATE_OR_CORRECT);
    }

    fn foreign_key(&mut self, table: &TableName, key: &Said<ForeignKeyModel>, actual: &Table) {
        let wanted = &key.value;
        if actual.foreign_keys.iter().any(|found| is_foreign_key(wanted, found)) {
            return;
        }
        let columns = &wanted.columns;
        let message = match actual.foreign_keys.iter().find(|found| columns.is_of(&found.columns)) {
            Some(found) => {
                let found = model_of(found);
                format!(
                    "the foreign key of `{table}` {} goes to {} in the database and to {} in the models",
                    found.columns,
                    Target(&found),
                    Target(wanted)
                )
            }
            None => format!("`{table}` has no foreign key {columns} to {}", Target(wanted)),
        };
        self.differ(key.line, message, MIGRATE_OR_CORRECT);
    }

    /// What a table has and its models do not say.
    fn unexpected(&mut self, model: &TableModel, actual: &Table) {
        let (table, line) = (&model.name.value, model.name.line);
        for column in &actual.columns {
            if !model.columns.iter().any(|(known, _)| known.value == column.name) {
                let message = format!("the column `{table}.{}`, `{}`, is not in the models", column.name, column.type_name);
                self.differ(line, message, ADD_OR_REMOVE);
            }
        }
        if let (None, Some(columns)) = (&model.primary_key, &actual.primary_key) {
            self.differ(
                line,
                format_args!("the primary key of `{table}`, {}, is not in the models", Key(columns.clone())),
                ADD_OR_REMOVE,
            );
        }
        let mut unique = actual.unique.clone();
        unique.sort();
        for columns in unique {
            let known = model.unique.iter().chain(&model.primary_key).any(|key| key.value.is_of(&columns));
            if !known {
                self.differ(line, format_args!("the unique key {} of `{table}` is not in the models", Key(columns)), ADD_OR_REMOVE);
            }
        }
        let mut foreign_keys: Vec<_> = actual.foreign_keys.iter().collect();
        foreign_keys.sort_by_key(|key| (&key.columns, &key.to, &key.to_columns));
        for found in foreign_keys {
            // One that goes elsewhere has been named.
            if !model.foreign_keys.iter().any(|wanted| wanted.value.columns.is_of(&found.columns)) {
                let found = model_of(found);
                let message = format!("the foreign key of `{table}` {} to {} is not in the models", found.columns, Target(&found));
                self.differ(line, message, ADD_OR_REMOVE);
            }
        }
    }

    fn unexpected_tables(&mut self) {
        let known: BTreeSet<_> = self.models.tables.iter().map(|table| &table.name.value).collect();
        for (name, table) in &self.schema.tables {
            if !known.contains(name) && is_modelled(name, table) {
                self.differ(
                    None,
                    format_args!("the table `{name}` is not in the models"),
                    "add it to the models, or drop it by a migration",
                );
            }
        }
    }
}

fn is_foreign_key(wanted: &ForeignKeyModel, found: &ForeignKey) -> bool {
    let Some(to_columns) = &wanted.to_columns else {
        return wanted.to == found.to && wanted.columns.is_of(&found.columns);
    };
    let pairs: BTreeSet<_> = wanted.columns.0.iter().zip(&to_columns.0).collect();
    wanted.to == found.to && pairs == found.columns.iter().zip(&found.to_columns).collect()
}

fn model_of(key: &ForeignKey) -> ForeignKeyModel {
    ForeignKeyModel { columns: Key(key.columns.clone()), to: key.to.clone(), to_columns: Some(Key(key.to_columns.clone())) }
}

/// What to do about something that is missing, which may only be called otherwise.
fn help_for_missing(what: &str, name: &str, others: &[String]) -> String {
    match nearest(name, others.iter().map(String::as_str)) {
        Some(near) => format!("the database has a {what} `{near}`, which the models have not; if that is meant, correct the name"),
        None => format!("run the migration that adds the {what}, or take it out of the models"),
    }
}

impl fmt::Display for Key {
    /// `(a, b)`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "({})", self.0.iter().map(|column| column.0.as_str()).collect::<Vec<_>>().join(", "))
    }
}

/// What a foreign key refers to.
struct Target<'k>(&'k ForeignKeyModel);

impl fmt::Display for Target<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`", self.0.to)?;
        self.0.to_columns.as_ref().map_or(Ok(()), |columns| write!(formatter, " {columns}"))
    }
}
