//! Values as SQL expressions: a text that is the same on every server, and equality that means the same everywhere.
//!
//! Sessions look names up nowhere (`search_path` is empty), so `=` on a type of an extension would not be found, or worse,
//! would be found for another type: two `citext` values compare as `text` then. Such types are compared by their canonical text.

/// Types of the system whose `=` holds exactly when their canonical texts are the same.
const PLAIN: [&str; 18] = [
    "smallint",
    "integer",
    "bigint",
    "numeric",
    "text",
    "character varying",
    "character",
    "bpchar",
    "name",
    "uuid",
    "boolean",
    "date",
    "timestamp without time zone",
    "timestamp with time zone",
    "time without time zone",
    "oid",
    "inet",
    "bytea",
];
const INTEGERS: [&str; 3] = ["smallint", "integer", "bigint"];
const TEXTS: [&str; 2] = ["text", "character varying"];

/// A value and its type as `format_type` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) sql: String,
    pub(crate) type_name: String,
}

impl Value {
    pub(crate) fn new(sql: impl Into<String>, type_name: impl Into<String>) -> Self {
        Self { sql: sql.into(), type_name: type_name.into() }
    }

    /// The value as its type prints it.
    pub(crate) fn text(&self) -> String {
        format!("({})::text", self.sql)
    }

    /// A text that equal values share: `1.0` is `1`, and `citext` has no case.
    pub(crate) fn canonical(&self) -> String {
        match self.plain_name().as_str() {
            "citext" => format!("lower(({})::text)", self.sql),
            "numeric" => format!("trim_scale({})::text", self.sql),
            _ => self.text(),
        }
    }

    /// The canonical text of a value of this type that is given as its text.
    pub(crate) fn canonical_of_text(&self) -> String {
        match self.plain_name().as_str() {
            "citext" => format!("lower({})", self.sql),
            "numeric" => format!("trim_scale(({})::numeric)::text", self.sql),
            _ => self.sql.clone(),
        }
    }

    fn plain_name(&self) -> String {
        let base = base(&self.type_name);
        base.rsplit_once('.').map_or(base.clone(), |(_, name)| name.to_owned())
    }

    /// A condition that holds when both are the same value.
    pub(crate) fn equals(&self, other: &Self) -> String {
        let (one, two) = (base(&self.type_name), base(&other.type_name));
        let family = |family: &[&str]| family.contains(&one.as_str()) && family.contains(&two.as_str());
        if (one == two && PLAIN.contains(&one.as_str())) || family(&INTEGERS) || family(&TEXTS) {
            format!("{} = {}", self.sql, other.sql)
        } else {
            format!("{} = {}", self.canonical(), other.canonical())
        }
    }

    /// A condition that holds when they are not printed the same.
    pub(crate) fn differs(&self, other: &Self) -> String {
        format!("{} IS DISTINCT FROM {}", self.text(), other.text())
    }
}

/// A type without its length, precision or scale.
pub(crate) fn base(type_name: &str) -> String {
    match (type_name.find('('), type_name.rfind(')')) {
        (Some(open), Some(close)) if open < close && !type_name.starts_with('"') => {
            format!("{}{}", &type_name[..open], &type_name[close + 1..])
        }
        _ => type_name.to_owned(),
    }
}

/// Several texts as one, so that different ones stay different.
pub(crate) fn record(texts: &[String]) -> String {
    format!("ROW({})::text", texts.join(", "))
}

/// 32 bytes that stand for a text on any server, in hexadecimal digits, whose order is the same everywhere.
pub(crate) fn digest(text: &str) -> String {
    format!("encode(sha256(convert_to({text}, 'UTF8')), 'hex')")
}

/// Conditions that must all hold; none is true.
pub(crate) fn all(conditions: &[String]) -> String {
    joined(conditions, " AND ", "true")
}

/// Conditions of which one must hold; none is false.
pub(crate) fn any(conditions: &[String]) -> String {
    joined(conditions, " OR ", "false")
}

fn joined(conditions: &[String], word: &str, none: &str) -> String {
    if conditions.is_empty() { none.to_owned() } else { format!("({})", conditions.join(word)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_the_system_use_their_own_equality_and_others_their_text() {
        let equal = |one: &str, two: &str| Value::new("a", one).equals(&Value::new("b", two));
        assert_eq!(equal("integer", "bigint"), "a = b");
        assert_eq!(equal("character varying(20)", "text"), "a = b");
        assert_eq!(equal("public.citext", "public.citext"), "lower((a)::text) = lower((b)::text)");
        assert_eq!(equal("uuid", "text"), "(a)::text = (b)::text");
        assert_eq!(equal("public.status", "public.status"), "(a)::text = (b)::text");
    }

    #[test]
    fn a_type_loses_its_measures_only() {
        assert_eq!(base("numeric(10,2)"), "numeric");
        assert_eq!(base("timestamp(3) with time zone"), "timestamp with time zone");
        assert_eq!(base("\"odd(1)\""), "\"odd(1)\"");
    }
}
