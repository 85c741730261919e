//! Names inside a database.

use super::quote_identifier;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A table, view or sequence with its schema, `public` where none was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct TableName {
    /// The schema.
    pub schema: String,
    /// The name within the schema.
    pub name: String,
}

/// A column's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct ColumnName(pub String);

/// A column with its table: `table.column` or `schema.table.column`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ColumnPath {
    /// The table.
    pub table: TableName,
    /// The column.
    pub column: ColumnName,
}

impl TableName {
    /// A name from its two parts, taken as they are.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }
    /// Reads `table`, `schema.table`, and either part in double quotes as SQL has it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match split(text)?.as_slice() {
            [name] => Ok(Self::new("public", name)),
            [schema, name] => Ok(Self::new(schema, name)),
            _ => Err(format!("`{text}` is not a table name: write `table` or `schema.table`")),
        }
    }
    /// The name as SQL takes it, both parts quoted.
    pub fn sql(&self) -> String {
        format!("{}.{}", quote_identifier(&self.schema), quote_identifier(&self.name))
    }
}

impl ColumnName {
    /// The name as SQL takes it.
    pub fn sql(&self) -> String {
        quote_identifier(&self.0)
    }
}

impl ColumnPath {
    /// Reads `table.column` or `schema.table.column`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (table, column) = match split(text)?.as_slice() {
            [table, column] => (TableName::new("public", table), column.clone()),
            [schema, table, column] => (TableName::new(schema, table), column.clone()),
            _ => return Err(format!("`{text}` is not a column: write `table.column` or `schema.table.column`")),
        };
        Ok(Self { table, column: ColumnName(column) })
    }
}

/// Splits a dotted name whose parts may be in double quotes.
pub(super) fn split(text: &str) -> Result<Vec<String>, String> {
    let mut parts = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        let mut part = String::new();
        if chars.next_if_eq(&'"').is_some() {
            loop {
                match chars.next() {
                    Some('"') if chars.next_if_eq(&'"').is_some() => part.push('"'),
                    Some('"') => break,
                    Some(c) => part.push(c),
                    None => return Err(format!("`{text}` has a quote that does not end")),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| *c != '.') {
                part.push(c);
            }
        }
        if part.is_empty() {
            return Err(format!("`{text}` has an empty part"));
        }
        parts.push(part);
        match chars.next() {
            None => return Ok(parts),
            Some('.') => {}
            Some(_) => return Err(format!("`{text}` goes on after a closing quote")),
        }
    }
}

fn plain(part: &str) -> String {
    let simple = part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$' || c == '-');
    if simple { part.to_owned() } else { quote_identifier(part) }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.schema != "public" {
            write!(f, "{}.", plain(&self.schema))?;
        }
        f.write_str(&plain(&self.name))
    }
}

impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ColumnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.table, plain(&self.column.0))
    }
}

impl TryFrom<String> for TableName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<TableName> for String {
    fn from(name: TableName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for ColumnPath {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<ColumnPath> for String {
    fn from(path: ColumnPath) -> Self {
        path.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_printing_and_reading() {
        for text in ["users", "audit.log", "\"Odd \"\"name\".t", "\"a.b\".\"c.d\""] {
            let name = TableName::parse(text).unwrap();
            assert_eq!(TableName::parse(&name.to_string()), Ok(name));
        }
    }

    #[test]
    fn broken_names_are_refused() {
        for text in ["", ".", "a.", "a..b", "\"a", "\"a\"b", "a.b.c"] {
            assert!(TableName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_column_path_names_its_schema() {
        let path = ColumnPath::parse("audit.log.actor").unwrap();
        assert_eq!((path.table.schema.as_str(), path.column.0.as_str()), ("audit", "actor"));
    }
}
