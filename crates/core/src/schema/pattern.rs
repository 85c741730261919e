//! Patterns over table names, with `*` for any characters and `?` for one.

use super::{TableName, name::split};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// `table` or `schema.table`, either with `*` and `?`; the schema is `public` where none was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct TablePattern {
    schema: String,
    name: String,
}

impl TablePattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        match split(text)?.as_slice() {
            [name] => Ok(Self { schema: "public".into(), name: name.clone() }),
            [schema, name] => Ok(Self { schema: schema.clone(), name: name.clone() }),
            _ => Err(format!("`{text}` is not a table pattern: write `table` or `schema.table`, with `*` and `?`")),
        }
    }
    /// Whether the pattern covers the table.
    pub fn matches(&self, table: &TableName) -> bool {
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        fits(&letters(&self.schema), &letters(&table.schema)) && fits(&letters(&self.name), &letters(&table.name))
    }
}

/// Linear two-pointer glob: on a mismatch, the last star takes one character more.
fn fits(pattern: &[char], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == '?' || *c == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            p = at + 1;
            t = taken + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

impl fmt::Display for TablePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl TryFrom<String> for TablePattern {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<TablePattern> for String {
    fn from(pattern: TablePattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(pattern: &str, table: &str) -> bool {
        TablePattern::parse(pattern).unwrap().matches(&TableName::parse(table).unwrap())
    }

    #[test]
    fn stars_and_question_marks_cover_what_they_say() {
        assert!(covers("event_*", "event_log"));
        assert!(covers("*.*", "audit.log"));
        assert!(covers("a*b*c", "aXbYbc"));
        assert!(covers("part_202?", "part_2024"));
        assert!(!covers("event_*", "audit.event_log"));
        assert!(!covers("part_202?", "part_202"));
    }
}
