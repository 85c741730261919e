//! The models file as it is written, and how it becomes models.

use std::collections::BTreeMap;
use std::path::PathBuf;

use restage_core::document::{self, At, Findings, Source, Text};
use restage_core::schema::{ColumnName, TableName};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{ColumnModel, ForeignKeyModel, Key, Models, Nullability, Said, Strictness, TableModel};

/// What an application expects of its database. What is not said here is not compared.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "models", title = "restage models")]
pub(super) struct WrittenModels {
    /// Whether what is not said must not be there; default false. It goes for other tables, and for each table that has no
    /// `strict:` of its own.
    #[serde(default)]
    strict: bool,
    /// The tables by name, `table` or `schema.table`; the schema is `public` where none is written.
    tables: BTreeMap<String, WrittenTable>,
}

/// One table.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "table")]
struct WrittenTable {
    /// Whether what is not said must not be there: other columns and keys, limits of types such as a length, and NOT NULL;
    /// default as the file's `strict:`.
    strict: Option<bool>,
    /// Columns that the table must have, each with its type as PostgreSQL has it, and `not null` or `null`: `bigint not null`.
    /// The type may be `any`. A type without a length or precision may have any.
    #[serde(default)]
    columns: BTreeMap<String, Text<ColumnModel>>,
    /// The columns of the primary key.
    #[schemars(length(min = 1))]
    primary_key: Option<Vec<String>>,
    /// Lists of columns that are unique together.
    #[serde(default)]
    unique: Vec<WrittenKey>,
    /// Foreign keys that the table must have, under whatever name.
    #[serde(default)]
    foreign_keys: Vec<WrittenForeignKey>,
}

/// The columns of one key.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(rename = "key")]
struct WrittenKey(#[schemars(length(min = 1))] Vec<String>);

/// One foreign key.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "foreign-key")]
struct WrittenForeignKey {
    /// The referring columns.
    #[schemars(length(min = 1))]
    columns: Vec<String>,
    /// The table referred to.
    to: Text<TableName>,
    /// The columns referred to, in the order of `columns`; any if left out.
    #[schemars(length(min = 1))]
    to_columns: Option<Vec<String>>,
}

pub(super) fn read(source: &Source, findings: &mut Findings) -> Models {
    let nothing = Models { file: Some(PathBuf::from(&source.name)), strictness: Strictness::Partial, tables: vec![] };
    let Some(mut root) = document::read(source, findings) else { return nothing };
    let Some(written) = document::deserialize::<WrittenModels>(&mut root, findings) else { return nothing };
    let strictness = strictness(written.strict);
    let at = At::root(&root).key("tables");
    if written.tables.is_empty() && !at.has_doubts() {
        findings.at(at, "there are no tables").help("add one; `restage migrate snapshot` writes those of a database");
    }
    let mut reading = Reading { lines: Lines::of(&source.text), findings };
    let mut tables: Vec<_> =
        written.tables.iter().filter_map(|(name, table)| reading.table(name, table, strictness, at.key(name))).collect();
    tables.sort_by_key(|table| table.name.line);
    refuse_twice(&tables, at, &written.tables, reading.findings);
    Models { strictness, tables, ..nothing }
}

fn strictness(strict: bool) -> Strictness {
    if strict { Strictness::Strict } else { Strictness::Partial }
}

/// `users` and `public.users` are one table.
fn refuse_twice(tables: &[TableModel], at: At<'_>, written: &BTreeMap<String, WrittenTable>, findings: &mut Findings) {
    let mut first: BTreeMap<&TableName, Option<usize>> = BTreeMap::new();
    for table in tables {
        let Some(line) = first.get(&table.name.value) else {
            first.insert(&table.name.value, table.name.line);
            continue;
        };
        let name = &table.name.value;
        let mut spelt = written.keys().filter(|key| TableName::parse(key).as_ref() == Ok(name)).map(|key| at.key(key).heading());
        let again = spelt.clone().max_by_key(|span| span.start).or_else(|| spelt.next());
        let finding = findings.add(again.unwrap_or_else(|| at.heading()), format!("the table `{name}` is given twice"));
        finding.help(format!("keep one of them; the first is in line {}", line.unwrap_or_default()));
    }
}

struct Reading<'f> {
    lines: Lines,
    findings: &'f mut Findings,
}

impl Reading<'_> {
    fn said<T>(&self, value: T, at: At<'_>) -> Said<T> {
        Said { value, line: Some(self.lines.line(at.heading().start)) }
    }

    fn table(&mut self, name: &str, table: &WrittenTable, file: Strictness, at: At<'_>) -> Option<TableModel> {
        let name = self.findings.parse_key(at, name);
        let mut columns: Vec<_> =
            table.columns.iter().filter_map(|(name, column)| self.column(name, column, at.key("columns").key(name))).collect();
        columns.sort_by_key(|(name, _)| name.line);
        let primary_key = table.primary_key.as_ref().map(|names| self.key(names, at.key("primary-key")));
        let unique = table.unique.iter().enumerate().map(|(place, key)| self.key(&key.0, at.key("unique").index(place))).collect();
        let foreign_keys = table.foreign_keys.iter().enumerate();
        let foreign_keys =
            foreign_keys.filter_map(|(place, key)| self.foreign_key(key, at.key("foreign-keys").index(place))).collect();
        let table = TableModel {
            name: self.said(name?, at),
            strictness: table.strict.map_or(file, strictness),
            columns,
            primary_key,
            unique,
            foreign_keys,
        };
        self.refuse_null_in_primary_key(&table, at);
        Some(table)
    }

    fn column(&mut self, name: &str, column: &Text<ColumnModel>, at: At<'_>) -> Option<(Said<ColumnName>, ColumnModel)> {
        if name.is_empty() {
            self.findings.add(at.heading(), "a column has no name").help("write its name in front of the `:`");
        }
        let column = self.findings.parse(at, column)?;
        Some((self.said(ColumnName(name.to_owned()), at), column))
    }

    fn key(&mut self, names: &[String], at: At<'_>) -> Said<Key> {
        for (place, name) in names.iter().enumerate() {
            if names[..place].contains(name) && !at.index(place).is_doubtful() {
                self.findings.at(at.index(place), format!("the column `{name}` is in the key twice")).help("remove it once");
            }
        }
        self.said(Key(names.iter().cloned().map(ColumnName).collect()), at)
    }

    fn foreign_key(&mut self, written: &WrittenForeignKey, at: At<'_>) -> Option<Said<ForeignKeyModel>> {
        let columns = self.key(&written.columns, at.key("columns")).value;
        let to_columns = written.to_columns.as_ref().map(|names| self.key(names, at.key("to-columns")).value);
        let to = self.findings.parse(at.key("to"), &written.to)?;
        if let Some(to_columns) = to_columns.as_ref().filter(|to| to.0.len() != columns.0.len() && !at.has_doubts()) {
            let message = format!("the key has {} columns and refers to {}", columns.0.len(), to_columns.0.len());
            self.findings.at(at.key("to-columns"), message).help("give each column of `columns:` the one that it refers to");
        }
        let line = Some(self.lines.line(at.span().start));
        Some(Said { value: ForeignKeyModel { columns, to, to_columns }, line })
    }

    fn refuse_null_in_primary_key(&mut self, table: &TableModel, at: At<'_>) {
        let Some(key) = &table.primary_key else { return };
        for (name, column) in &table.columns {
            if column.nullability == Some(Nullability::Null) && key.value.0.contains(&name.value) {
                let message = format!("`{}` is in the primary key, whose columns are never NULL", name.value);
                self.findings.at(at.key("columns").key(&name.value.0), message).help("write `not null`, or nothing");
            }
        }
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(place, _)| place + 1)).collect())
    }

    /// The line, from 1, that a byte lies in.
    fn line(&self, place: usize) -> usize {
        self.0.partition_point(|start| *start <= place)
    }
}
