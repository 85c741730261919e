//! What models say of one column: `bigint not null`.

use std::fmt;

use restage_core::document::FromText;

use super::DataType;
use super::data_type::is_serial;

/// What is expected of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnModel {
    /// Its type; any if nothing is said.
    pub data_type: Option<DataType>,
    /// Whether it may be NULL; either if nothing is said.
    pub nullability: Option<Nullability>,
}

/// Whether a column may be NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nullability {
    /// It may.
    Null,
    /// It may not.
    NotNull,
}

/// What stands for a type where the column alone matters.
const ANY: &str = "any";

impl FromText for ColumnModel {
    /// Reads a type, or `any`, with `not null` or `null` behind; `not null` may stand alone.
    fn from_text(text: &str) -> Result<Self, String> {
        let mut words = text.trim();
        let mut nullability = None;
        if let Some(before) = without_last(words, "null") {
            let (before, said) =
                without_last(before, "not").map_or((before, Nullability::Null), |before| (before, Nullability::NotNull));
            (words, nullability) = (before, Some(said));
        }
        if is_serial(words) {
            if nullability == Some(Nullability::Null) {
                return Err(format!("a column of the type `{words}` is never NULL"));
            }
            nullability = Some(Nullability::NotNull);
        }
        let any = words.eq_ignore_ascii_case(ANY) || (words.is_empty() && nullability.is_some());
        let data_type = if any { None } else { Some(DataType::parse(words)?) };
        Ok(Self { data_type, nullability })
    }

    fn help(text: &str) -> Option<String> {
        DataType::help(text)
    }
}

/// The text before its last word, if that is the word.
fn without_last<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let start = text.len().checked_sub(word.len())?;
    let (before, last) = (text.get(..start)?, text.get(start..)?);
    let apart = before.is_empty() || before.ends_with(|c: char| c.is_whitespace() || c == ')' || c == ']');
    (apart && last.eq_ignore_ascii_case(word)).then(|| before.trim_end())
}

impl fmt::Display for ColumnModel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.data_type {
            Some(data_type) => write!(formatter, "{data_type}")?,
            None => formatter.write_str(ANY)?,
        }
        formatter.write_str(match self.nullability {
            Some(Nullability::NotNull) => " not null",
            Some(Nullability::Null) => " null",
            None => "",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_says_its_type_and_whether_it_may_be_null_or_either() {
        for (written, read) in [
            ("int", "integer"),
            ("varchar(5)NOT  NULL", "character varying(5) not null"),
            ("text null", "text null"),
            ("bigserial", "bigint not null"),
            ("serial not null", "integer not null"),
            ("not null", "any not null"),
            ("any", "any"),
            ("nonnull", "nonnull"),
        ] {
            assert_eq!(ColumnModel::from_text(written).unwrap().to_string(), read, "{written}");
        }
        assert!(ColumnModel::from_text("serial null").unwrap_err().contains("never NULL"));
    }
}
