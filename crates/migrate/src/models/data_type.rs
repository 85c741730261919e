//! Types of columns as PostgreSQL reads and prints them, the many names of one type made one.

use std::fmt;

use restage_core::document::did_you_mean;

use super::Strictness;

/// A column's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataType {
    /// The schema, of a type that is not PostgreSQL's own.
    schema: Option<String>,
    /// The one name of a type that has several, such as `timestamp with time zone`.
    name: String,
    /// What stands in brackets, such as a length; whether that limits nothing or is not said is up to whoever compares.
    modifier: Option<String>,
    shape: Shape,
}

/// One value or many; PostgreSQL ignores how many dimensions an array is declared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    One,
    Array,
}

/// Names that mean another type's, the latter being what `format_type` prints.
const ALIASES: [(&str, &str); 34] = [
    ("int", "integer"),
    ("int4", "integer"),
    ("serial", "integer"),
    ("serial4", "integer"),
    ("int8", "bigint"),
    ("bigserial", "bigint"),
    ("serial8", "bigint"),
    ("int2", "smallint"),
    ("smallserial", "smallint"),
    ("serial2", "smallint"),
    ("float4", "real"),
    ("float8", "double precision"),
    ("decimal", "numeric"),
    ("dec", "numeric"),
    ("bool", "boolean"),
    ("varchar", "character varying"),
    ("char varying", "character varying"),
    ("national character varying", "character varying"),
    ("national char varying", "character varying"),
    ("nchar varying", "character varying"),
    ("char", "character"),
    ("nchar", "character"),
    ("national character", "character"),
    ("national char", "character"),
    ("varbit", "bit varying"),
    ("timestamp", "timestamp without time zone"),
    ("timestamptz", "timestamp with time zone"),
    ("time", "time without time zone"),
    ("timetz", "time with time zone"),
    // What these are already called, so that they are known to be names of several words.
    ("double precision", "double precision"),
    ("character varying", "character varying"),
    ("bit varying", "bit varying"),
    ("timestamp with time zone", "timestamp with time zone"),
    ("time with time zone", "time with time zone"),
];

/// Names of several words that have no shorter one.
const LONG: [&str; 2] = ["timestamp without time zone", "time without time zone"];

impl DataType {
    /// Reads a type, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Parts::default();
        parts.take(text)?;
        let Parts { schema, words, modifier, shape, quoted } = parts;
        if words.is_empty() {
            return Err(format!("`{text}` names no type"));
        }
        let written = words.join(" ");
        let own = schema.as_deref().is_none_or(|schema| schema == "pg_catalog");
        if !own || quoted {
            // `"char"` and `"bit"` are other types than `char` and `bit`; PostgreSQL prints them in quotes, too.
            let other = own && (written == "bit" || ALIASES.iter().any(|(alias, _)| *alias == written));
            let name = if other { format!("\"{written}\"") } else { written };
            return Ok(Self { schema: schema.filter(|_| !own), name, modifier, shape });
        }
        let name = one_name(&written, modifier.as_deref());
        let known = words.len() == 1 || words[0] == "interval" || name.is_some();
        if !known {
            return Err(format!("`{text}` is not a type"));
        }
        let (name, modifier) = match (name.unwrap_or(written.as_str()), modifier) {
            (name, _) if written == "float" => (name, None),
            ("numeric", Some(precision)) if !precision.contains(',') => ("numeric", Some(format!("{precision},0"))),
            (name, modifier) => (name, modifier),
        };
        Ok(Self { schema: None, name: name.to_owned(), modifier, shape })
    }

    /// What to write instead of what is no type.
    pub(super) fn help(text: &str) -> Option<String> {
        let words = text.split(['(', '[']).next().unwrap_or_default().trim().to_lowercase();
        let beyond = ["primary", "unique", "references", "default", "generated", "collate", "check"];
        if words.split_whitespace().any(|word| beyond.contains(&word)) {
            return Some(
                "write the type and `not null` or `null`; keys stand beside `columns:`, and nothing else is compared".into(),
            );
        }
        did_you_mean(&words, "types of several words", ALIASES.iter().map(|(_, name)| *name).filter(|name| name.contains(' ')))
            .filter(|help| help.starts_with("did you mean"))
    }

    /// Whether a database's type is this one; a type without schema may be in any, and without limits may have any, unless
    /// models are strict.
    pub fn is(&self, found: &Self, strictness: Strictness) -> bool {
        let limits = match (&self.modifier, strictness) {
            (None, Strictness::Partial) => true,
            (Some(said), _) => found.modifier.as_ref().is_some_and(|modifier| modifier.eq_ignore_ascii_case(said)),
            (None, Strictness::Strict) => found.modifier.as_deref() == self.implied_modifier(),
        };
        let named = self.name == found.name && (self.schema.is_none() || self.schema == found.schema);
        named && self.shape == found.shape && limits
    }

    /// PostgreSQL takes `character` for `character(1)`.
    fn implied_modifier(&self) -> Option<&'static str> {
        (self.schema.is_none() && matches!(self.name.as_str(), "character" | "bit")).then_some("1")
    }
}

/// Whether a type as written numbers its column, which therefore is never NULL.
pub(super) fn is_serial(text: &str) -> bool {
    let text = text.to_lowercase();
    matches!(text.as_str(), "serial" | "serial2" | "serial4" | "serial8" | "smallserial" | "bigserial")
}

/// The name that `format_type` prints; nothing for names that are their own.
fn one_name<'t>(written: &'t str, modifier: Option<&str>) -> Option<&'t str> {
    if written == "float" {
        // Up to 24 binary digits it is a `real`.
        let digits = modifier.and_then(|digits| digits.parse::<u8>().ok());
        return Some(if digits.is_some_and(|digits| digits <= 24) { "real" } else { "double precision" });
    }
    let alias = ALIASES.iter().find(|(alias, _)| *alias == written).map(|(_, name)| *name);
    alias.or_else(|| LONG.contains(&written).then_some(written))
}

/// The parts of a type's text.
struct Parts {
    schema: Option<String>,
    words: Vec<String>,
    modifier: Option<String>,
    shape: Shape,
    /// Whether the name is in quotes, so that it is nobody's alias.
    quoted: bool,
}

impl Default for Parts {
    fn default() -> Self {
        Self { schema: None, words: vec![], modifier: None, shape: Shape::One, quoted: false }
    }
}

impl Parts {
    fn take(&mut self, text: &str) -> Result<(), String> {
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let after = match first {
                '"' => self.quoted(rest),
                '(' => rest.split_once(')').and_then(|(inside, after)| self.modifier(&inside[1..], after)),
                '[' => rest.split_once(']').and_then(|(inside, after)| self.array(&inside[1..], after)),
                '.' => self.qualify(&rest[1..]),
                _ => self.word(rest),
            };
            rest = after.ok_or_else(|| format!("`{text}` is not a type"))?.trim_start();
        }
        Ok(())
    }

    fn quoted<'t>(&mut self, rest: &'t str) -> Option<&'t str> {
        let mut name = String::new();
        let mut letters = rest.char_indices().skip(1).peekable();
        while let Some((place, letter)) = letters.next() {
            if letter != '"' {
                name.push(letter);
            } else if letters.next_if(|(_, next)| *next == '"').is_some() {
                name.push('"');
            } else {
                self.quoted = true;
                self.words.push(name);
                return Some(&rest[place + 1..]);
            }
        }
        None
    }

    fn modifier<'t>(&mut self, inside: &str, after: &'t str) -> Option<&'t str> {
        if self.modifier.is_some() || self.words.is_empty() || inside.trim().is_empty() {
            return None;
        }
        self.modifier = Some(inside.split_whitespace().collect());
        Some(after)
    }

    fn array<'t>(&mut self, inside: &str, after: &'t str) -> Option<&'t str> {
        self.shape = Shape::Array;
        (inside.trim().bytes().all(|byte| byte.is_ascii_digit()) && !self.words.is_empty()).then_some(after)
    }

    fn qualify<'t>(&mut self, after: &'t str) -> Option<&'t str> {
        let alone = self.words.len() == 1 && self.schema.is_none() && self.modifier.is_none();
        self.quoted = false;
        self.schema = self.words.pop().filter(|_| alone);
        self.schema.as_ref().map(|_| after)
    }

    fn word<'t>(&mut self, rest: &'t str) -> Option<&'t str> {
        let end = rest.find(|c: char| !c.is_alphanumeric() && !"_$".contains(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        self.words.push(word.to_lowercase());
        // Nothing but a name's own words follows brackets of an array, and nothing follows a name in quotes.
        (end > 0 && !self.quoted && self.shape == Shape::One).then_some(after)
    }
}

impl fmt::Display for DataType {
    /// The type as `format_type` prints it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(formatter, "{}.", identifier(schema))?;
        }
        let modifier = self.modifier.as_ref().map(|modifier| format!("({modifier})")).unwrap_or_default();
        match self.name.split_once(' ') {
            Some((time @ ("timestamp" | "time"), zone)) if self.schema.is_none() => write!(formatter, "{time}{modifier} {zone}")?,
            _ if self.schema.is_none() && self.name.contains([' ', '"']) => write!(formatter, "{}{modifier}", self.name)?,
            _ => write!(formatter, "{}{modifier}", identifier(&self.name))?,
        }
        formatter.write_str(if self.shape == Shape::Array { "[]" } else { "" })
    }
}

fn identifier(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { name.to_owned() } else { restage_core::schema::quote_identifier(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> String {
        DataType::parse(text).unwrap().to_string()
    }

    #[test]
    fn every_name_of_a_type_is_the_one_that_postgresql_prints() {
        for (written, one) in [
            ("varchar(50)", "character varying(50)"),
            ("CHARACTER  VARYING ( 50 )", "character varying(50)"),
            ("int", "integer"),
            ("serial", "integer"),
            ("bigserial", "bigint"),
            ("timestamptz(3)", "timestamp(3) with time zone"),
            ("timestamp(3) with time zone", "timestamp(3) with time zone"),
            ("timestamp", "timestamp without time zone"),
            ("float(24)", "real"),
            ("float", "double precision"),
            ("numeric(10)", "numeric(10,0)"),
            ("decimal(10, 2)", "numeric(10,2)"),
            ("interval day to second(3)", "interval day to second(3)"),
            ("int[3][]", "integer[]"),
            ("pg_catalog.int4", "integer"),
            ("\"char\"", "\"char\""),
            ("\"bit\"[]", "\"bit\"[]"),
            ("bit", "bit"),
            ("public.mood", "public.mood"),
            ("public.geometry(Point,4326)", "public.geometry(Point,4326)"),
            ("\"Odd\".\"a\"\"b\"[]", "\"Odd\".\"a\"\"b\"[]"),
        ] {
            assert_eq!(printed(written), one, "{written}");
            assert_eq!(printed(one), one, "{written}");
        }
    }

    #[test]
    fn what_is_no_type_is_refused_with_what_was_meant() {
        for text in
            ["", "(3)", "charcter varying(3)", "text primary key", "a.b.c", "varchar(3", "\"a", "int[] x", "int(1)(2)", "int[x]"]
        {
            assert!(DataType::parse(text).is_err(), "{text}");
        }
        assert_eq!(DataType::help("charcter varying(3)").unwrap(), "did you mean `character varying`?");
        assert!(DataType::help("text primary key").unwrap().contains("keys stand beside"));
    }

    #[test]
    fn an_unsaid_limit_is_any_limit_unless_models_are_strict() {
        let is =
            |said: &str, found: &str, strictness| DataType::parse(said).unwrap().is(&DataType::parse(found).unwrap(), strictness);
        for strictness in [Strictness::Partial, Strictness::Strict] {
            assert!(is("varchar(50)", "character varying(50)", strictness));
            assert!(!is("varchar(50)", "character varying(51)", strictness));
            assert!(!is("varchar(50)", "character varying", strictness));
            assert!(!is("integer", "bigint", strictness));
            assert!(!is("integer", "integer[]", strictness));
            assert!(is("char", "character(1)", strictness));
            assert!(is("mood", "public.mood", strictness) && !is("other.mood", "public.mood", strictness));
        }
        for (said, found) in [("varchar", "character varying(50)"), ("numeric", "numeric(10,2)"), ("char", "character(2)")] {
            assert!(is(said, found, Strictness::Partial) && !is(said, found, Strictness::Strict), "{said} {found}");
        }
    }
}
