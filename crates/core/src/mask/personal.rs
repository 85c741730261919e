//! Columns that look personal by their names.

use crate::schema::{Column, TypeKind};

/// Words that, as whole words of a column's name, suggest personal data.
const PERSONAL_WORDS: [&str; 36] = [
    "email",
    "mail",
    "phone",
    "telephone",
    "mobile",
    "fax",
    "address",
    "street",
    "postcode",
    "zip",
    "surname",
    "forename",
    "firstname",
    "lastname",
    "fullname",
    "nickname",
    "birth",
    "birthday",
    "dob",
    "ssn",
    "nin",
    "passport",
    "iban",
    "account",
    "card",
    "gender",
    "sex",
    "religion",
    "ethnicity",
    "nationality",
    "ip",
    "latitude",
    "longitude",
    "password",
    "token",
    "secret",
];

/// Pairs of words that together suggest personal data.
const PERSONAL_PAIRS: [(&str, &str); 6] =
    [("first", "name"), ("last", "name"), ("full", "name"), ("given", "name"), ("family", "name"), ("next", "kin")];

/// Whether the column's name suggests personal data and its type could hold it.
pub fn looks_personal(column: &Column) -> bool {
    let could_hold = !matches!(column.kind, TypeKind::Bool | TypeKind::Enum { .. } | TypeKind::Uuid);
    let words = words(&column.name.0);
    let has = |word: &str| words.iter().any(|known| known == word);
    // Keys to other tables carry no personal data themselves.
    let is_key = words.last().is_some_and(|word| word == "id");
    could_hold && !is_key && (PERSONAL_WORDS.iter().any(|word| has(word)) || PERSONAL_PAIRS.iter().any(|(a, b)| has(a) && has(b)))
}

/// Splits snake_case, camelCase and kebab-case into lower-case words.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last_was_lower = false;
    for c in name.chars() {
        let starts_word = !c.is_alphanumeric() || (c.is_uppercase() && last_was_lower);
        if starts_word && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        last_was_lower = c.is_lowercase();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{ColumnName, ColumnSource};

    fn personal(name: &str) -> bool {
        looks_personal(&Column {
            name: ColumnName(name.into()),
            type_name: "text".into(),
            kind: TypeKind::Text { max_chars: None },
            not_null: false,
            default: None,
            collation: None,
            source: ColumnSource::Written,
        })
    }

    #[test]
    fn names_are_read_word_by_word() {
        for name in ["email", "contact_email", "dateOfBirth", "first_name", "home-address", "IP"] {
            assert!(personal(name), "{name}");
        }
        for name in ["emails_sent_id", "zipper", "name_of_ship", "tip", "first_booking"] {
            assert!(!personal(name), "{name}");
        }
    }
}
