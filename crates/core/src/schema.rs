//! What a PostgreSQL database holds, as data: the model that facts carry, checks compare and the copy engine reads.

mod name;
mod pattern;

pub use name::{ColumnName, ColumnPath, TableName};
pub use pattern::TablePattern;

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The structure of one database, without its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Ordinary, partitioned and foreign tables, and partitions.
    pub tables: BTreeMap<TableName, Table>,
    /// Views and materialized views.
    pub views: BTreeMap<TableName, View>,
    /// Indexes that no constraint made, with the table of each.
    pub indexes: BTreeMap<TableName, TableName>,
    /// Sequences, with the column that owns each.
    pub sequences: BTreeMap<TableName, Sequence>,
    /// Extensions and their versions.
    pub extensions: BTreeMap<String, String>,
    /// Schemas other than the system's.
    pub namespaces: BTreeSet<String>,
    /// Every role that owns an object or is granted one.
    pub roles: BTreeSet<String>,
    /// Names of logical replication publications.
    pub publications: BTreeSet<String>,
    /// Those of them that are of all tables, and of whatever comes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub publications_of_everything: BTreeSet<String>,
    /// Names of logical replication subscriptions.
    pub subscriptions: BTreeSet<String>,
    /// Names of event triggers; creating one takes a superuser, or a role that a managed service has for it.
    pub event_triggers: BTreeSet<String>,
    /// Tables whose policies hold for their owner too.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub forced_policies: BTreeSet<TableName>,
}

impl Schema {
    /// The table itself and every table it is a partition of or inherits from, however far up: what is said of those goes for it.
    pub fn lineage(&self, table: &TableName) -> BTreeSet<TableName> {
        let mut found = BTreeSet::new();
        let mut open = vec![table.clone()];
        while let Some(next) = open.pop() {
            let facts = self.tables.get(&next);
            open.extend(facts.into_iter().flat_map(|facts| facts.partition_of.iter().chain(&facts.inherits)).cloned());
            found.insert(next);
        }
        found
    }

    /// The table above each partition.
    pub fn parents(&self) -> BTreeMap<TableName, TableName> {
        self.tables.iter().filter_map(|(name, table)| Some((name.clone(), table.partition_of.clone()?))).collect()
    }

    /// The tables right below each: its partitions, or those that inherit from it.
    pub fn children(&self) -> BTreeMap<&TableName, Vec<&TableName>> {
        let mut children: BTreeMap<&TableName, Vec<&TableName>> = BTreeMap::new();
        for (name, table) in &self.tables {
            for above in table.partition_of.iter().chain(&table.inherits) {
                children.entry(above).or_default().push(name);
            }
        }
        children
    }

    /// The tables that hold the rows of a table: itself, or all partitions below it, however deep.
    pub fn row_tables(&self, table: &TableName) -> Vec<TableName> {
        let mut found = Vec::new();
        let mut open = vec![table.clone()];
        while let Some(next) = open.pop() {
            match self.tables.get(&next).map(|table| table.kind) {
                Some(TableKind::Partitioned) => {
                    let parts = self.tables.iter().filter(|(_, child)| child.partition_of.as_ref() == Some(&next));
                    open.extend(parts.map(|(name, _)| name.clone()));
                }
                Some(TableKind::Ordinary | TableKind::Foreign) => found.push(next),
                None => {}
            }
        }
        found
    }
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// What kind of table it is.
    pub kind: TableKind,
    /// The table it is a partition of; a partition may be partitioned itself.
    pub partition_of: Option<TableName>,
    /// The tables it inherits from, other than as a partition.
    pub inherits: Vec<TableName>,
    /// Whether its rows survive a crash and reach standbys.
    pub persistence: Persistence,
    /// The role that owns it.
    pub owner: String,
    /// Its columns in their order, dropped ones left out.
    pub columns: Vec<Column>,
    /// The columns of its primary key.
    pub primary_key: Option<Vec<ColumnName>>,
    /// Unique constraints and unique indexes without expression or predicate, the primary key left out.
    pub unique: Vec<Vec<ColumnName>>,
    /// Foreign keys from this table.
    pub foreign_keys: Vec<ForeignKey>,
    /// Check constraints.
    pub checks: Vec<Check>,
    /// The columns that decide a row's partition.
    pub partition_key: Vec<ColumnName>,
    /// The extension whose configuration table this is, with the condition for the rows a copy takes.
    pub extension_config: Option<ExtensionConfig>,
}

/// A table that belongs to an extension and holds the user's rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtensionConfig {
    /// The extension's name.
    pub extension: String,
    /// The `WHERE …` that the extension declared, or nothing for every row.
    pub condition: String,
}

/// The kinds of table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableKind {
    /// A table with rows of its own; may have children by inheritance.
    Ordinary,
    /// A partitioned table, whose rows lie in its partitions.
    Partitioned,
    /// A foreign table: its rows live elsewhere and are not copied.
    Foreign,
}

/// How a table's rows are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Persistence {
    /// Logged.
    Permanent,
    /// Unlogged: lost in a crash, unreadable on a standby.
    Unlogged,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: ColumnName,
    /// Its type as `format_type` prints it.
    pub type_name: String,
    /// The collation as SQL, where it is not that of the type.
    pub collation: Option<String>,
    /// What a mask must know about the type.
    pub kind: TypeKind,
    /// Whether NULL is refused.
    pub not_null: bool,
    /// The default as an expression; of a generated column, what it is computed from; of an identity column, its sequence's
    /// options.
    pub default: Option<String>,
    /// Where its value comes from.
    pub source: ColumnSource,
}

impl Column {
    /// What follows `ADD COLUMN`.
    pub fn definition(&self) -> String {
        let mut parts = vec![self.name.sql(), self.type_name.clone()];
        parts.extend(self.collation.iter().map(|collation| format!("COLLATE {collation}")));
        let value = self.default.as_deref();
        parts.extend(match self.source {
            ColumnSource::Written => value.map(|value| format!("DEFAULT {value}")),
            ColumnSource::Identity(when) => {
                let when = if when == Identity::Always { "ALWAYS" } else { "BY DEFAULT" };
                let options = value.map(|options| format!(" ({options})")).unwrap_or_default();
                Some(format!("GENERATED {when} AS IDENTITY{options}"))
            }
            ColumnSource::Generated(Generated::Stored) => value.map(|value| format!("GENERATED ALWAYS AS ({value}) STORED")),
            ColumnSource::Generated(Generated::Virtual) => value.map(|value| format!("GENERATED ALWAYS AS ({value}) VIRTUAL")),
        });
        // An identity column is NOT NULL anyway.
        if self.not_null && !matches!(self.source, ColumnSource::Identity(_)) {
            parts.push("NOT NULL".into());
        }
        parts.join(" ")
    }

    /// Whether rows carry a value for it; a generated column has only what is computed.
    pub fn is_written(&self) -> bool {
        !matches!(self.source, ColumnSource::Generated(_))
    }
}

/// Where a column's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnSource {
    /// Written by whoever writes the row.
    Written,
    /// Numbered by its own sequence.
    Identity(Identity),
    /// Computed from other columns; never copied.
    Generated(Generated),
}

/// Whether an identity column takes values that are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// Only by `OVERRIDING SYSTEM VALUE`.
    Always,
    /// As any column does.
    ByDefault,
}

/// When a generated column is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Generated {
    /// When the row is written.
    Stored,
    /// When the row is read; since PostgreSQL 18.
    Virtual,
}

/// The types a mask can tell apart; domains are their base type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TypeKind {
    /// text, varchar, char, citext, name; with the greatest length in characters.
    Text {
        /// The greatest length in characters, if limited.
        max_chars: Option<u32>,
    },
    /// smallint, integer, bigint.
    Integer {
        /// 2, 4 or 8.
        bytes: u8,
    },
    /// numeric with its precision and scale.
    Numeric {
        /// Digits in all, if limited.
        precision: Option<u16>,
        /// Digits after the point, if limited.
        scale: Option<i16>,
    },
    /// real and double precision.
    Float {
        /// 4 or 8.
        bytes: u8,
    },
    /// boolean.
    Bool,
    /// date.
    Date,
    /// timestamp, with or without time zone.
    Timestamp,
    /// uuid.
    Uuid,
    /// json.
    Json,
    /// jsonb.
    Jsonb,
    /// bytea.
    Bytea,
    /// An enumeration with its labels.
    Enum {
        /// The labels in their order.
        labels: Vec<String>,
    },
    /// Anything else.
    Other,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// The constraint's name.
    pub name: String,
    /// The referring columns.
    pub columns: Vec<ColumnName>,
    /// The table referred to.
    pub to: TableName,
    /// The columns referred to, in the order of `columns`.
    pub to_columns: Vec<ColumnName>,
    /// The whole definition as `pg_get_constraintdef` prints it.
    pub definition: String,
}

/// A check constraint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The constraint's name.
    pub name: String,
    /// The columns it reads.
    pub columns: Vec<ColumnName>,
    /// The expression, without `CHECK`.
    pub expression: String,
}

/// A view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Whether it stores its rows.
    pub materialized: bool,
    /// The role that owns it.
    pub owner: String,
    /// The query as `pg_get_viewdef` prints it.
    pub definition: String,
    /// The tables and views it reads.
    pub reads: BTreeSet<TableName>,
}

/// A sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// The column it belongs to, as `serial` and identity columns have it.
    pub owned_by: Option<ColumnPath>,
    /// Whether it counts upwards.
    pub ascending: bool,
    /// How it is stored; that of its table where it has one, unless somebody has changed it.
    pub persistence: Persistence,
}

impl Table {
    /// The column of that name.
    pub fn column(&self, name: &ColumnName) -> Option<&Column> {
        self.columns.iter().find(|column| &column.name == name)
    }
    /// Whether it stores rows of its own that a copy must carry.
    pub fn has_own_rows(&self) -> bool {
        self.kind == TableKind::Ordinary
    }
    /// The columns whose values a copy carries: all but the generated ones.
    pub fn written_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.is_written())
    }
    /// Whether one column alone is unique in the table.
    pub fn is_unique(&self, name: &ColumnName) -> bool {
        let alone = |key: &Vec<ColumnName>| key.as_slice() == std::slice::from_ref(name);
        self.primary_key.as_ref().is_some_and(alone) || self.unique.iter().any(alone)
    }
}

/// Quotes an identifier for SQL, always: `a"b` becomes `"a""b"`.
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a literal for SQL; the result holds for any setting of `standard_conforming_strings`.
pub fn quote_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!(" E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}
