//! The values that scripts leave open, and where a script's text has them.
//!
//! They are replaced in the whole text, whether it is code, comment or literal, before it is split into statements, and
//! values are not looked through again. Repeatable migrations are hashed afterwards, so each oddity of Flyway's counts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use crate::{Error, Kind, Result};

/// How much of a placeholder's name a message shows, in characters: without a suffix, the rest of the script is its name.
const SHOWN_NAME_LENGTH: usize = 60;

/// How placeholders look and what they stand for, in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholders {
    prefix: String,
    suffix: String,
    separator: String,
    /// By name in small letters.
    given: BTreeMap<String, String>,
    /// By name in small letters; these win.
    own: BTreeMap<String, String>,
}

/// A placeholder that has its value from Flyway; `flyway:filename` is missing here, because each script has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnPlaceholder {
    /// The schema that holds the history.
    DefaultSchema,
    /// The schemas that are set, with commas between; nothing if none is.
    Schemas,
    /// The user of the session.
    User,
    /// The name of the database.
    Database,
    /// When the run began, as `yyyy-MM-dd HH:mm:ss` in local time.
    Timestamp,
    /// The folder that the process works in.
    WorkingDirectory,
    /// The name of the history's table.
    Table,
    /// The name of the environment.
    Environment,
}

impl OwnPlaceholder {
    fn name(self) -> &'static str {
        match self {
            Self::DefaultSchema => "defaultSchema",
            Self::Schemas => "schemas",
            Self::User => "user",
            Self::Database => "database",
            Self::Timestamp => "timestamp",
            Self::WorkingDirectory => "workingDirectory",
            Self::Table => "table",
            Self::Environment => "environment",
        }
    }
}

impl Default for Placeholders {
    fn default() -> Self {
        Self {
            prefix: "${".to_owned(),
            suffix: "}".to_owned(),
            separator: ":".to_owned(),
            given: BTreeMap::new(),
            own: BTreeMap::new(),
        }
    }
}

impl Placeholders {
    /// Placeholders without values yet; neither prefix nor suffix may be empty.
    pub fn new(prefix: &str, suffix: &str, separator: &str) -> Result<Self> {
        for (name, value) in [("placeholderPrefix", prefix), ("placeholderSuffix", suffix)] {
            if value.is_empty() {
                return Err(Kind::Setting
                    .error(format!("`{name}` is empty"))
                    .help("leave it out, or give it at least one character"));
            }
        }
        let [prefix, suffix, separator] = [prefix, suffix, separator].map(str::to_owned);
        Ok(Self { prefix, suffix, separator, ..Self::default() })
    }

    /// Gives a placeholder its value.
    pub fn insert(&mut self, name: &str, value: impl Into<String>) {
        self.given.insert(name.to_lowercase(), value.into());
    }

    /// Gives one of Flyway's own placeholders its value, which wins over a given one of that name.
    pub fn insert_own(&mut self, which: OwnPlaceholder, value: impl Into<String>) {
        self.own.insert(self.own_name(which.name()), value.into());
    }

    /// The text of the script `file` with its placeholders replaced, borrowed if it has none.
    pub fn replace<'text>(&self, text: &'text str, file: &Path) -> Result<Cow<'text, str>> {
        self.replace_for(file, text, file)
    }

    /// The same for another `file` that belongs to the script.
    pub(crate) fn replace_for<'text>(&self, script: &Path, text: &'text str, file: &Path) -> Result<Cow<'text, str>> {
        let mut replaced = String::new();
        let mut copied = 0;
        let mut at = 0;
        while let Some(found) = self.find(text, at) {
            let rest = &text[found + self.prefix.len()..];
            let Some(length) = rest.find(&self.suffix) else {
                return Err(self.endless(text, found, file));
            };
            let name = &rest[..length];
            let value = self.value(name, script).ok_or_else(|| self.missing(text, found, name, file))?;
            replaced.push_str(&text[copied..found]);
            replaced.push_str(&value);
            at = found + self.prefix.len() + length + self.suffix.len();
            copied = at;
        }
        if copied == 0 {
            return Ok(Cow::Borrowed(text));
        }
        replaced.push_str(&text[copied..]);
        Ok(Cow::Owned(replaced))
    }

    /// Where the next placeholder begins. What was read to tell whether it is a prefix is not looked at again, so that `$${x}`
    /// has no placeholder and `$$${x}` has one: Flyway reads so, and its checksums depend on it.
    fn find(&self, text: &str, from: usize) -> Option<usize> {
        let first = *self.prefix.as_bytes().first()?;
        let mut at = from;
        loop {
            at += memchr::memchr(first, &text.as_bytes()[at..])?;
            // A first character of several bytes may share its first byte with another.
            if !text.is_char_boundary(at) {
                at += 1;
                continue;
            }
            let mut rest = text[at..].chars();
            let mut length = 0;
            let is_prefix = self.prefix.chars().all(|wanted| {
                let read = rest.next();
                length += read.map_or(0, char::len_utf8);
                read == Some(wanted)
            });
            if is_prefix {
                return Some(at);
            }
            at += length;
        }
    }

    fn value(&self, name: &str, script: &Path) -> Option<Cow<'_, str>> {
        let name = name.to_lowercase();
        if name == self.own_name("filename") {
            return Some(Cow::Owned(script.file_name()?.to_string_lossy().into_owned()));
        }
        self.own.get(&name).or_else(|| self.given.get(&name)).map(|value| Cow::Borrowed(value.as_str()))
    }

    fn own_name(&self, name: &str) -> String {
        format!("flyway{}{name}", self.separator).to_lowercase()
    }

    fn missing(&self, text: &str, found: usize, name: &str, file: &Path) -> Error {
        let shown: String = name.chars().take(SHOWN_NAME_LENGTH).collect();
        let (line, placeholder) = (line_of(text, found), format!("{}{shown}{}", self.prefix, self.suffix));
        Kind::Placeholder
            .error(format!("placeholder `{placeholder}` on line {line} of `{}` has no value", file.display()))
            .help(format!("give `{shown}` a value, or write `placeholderReplacement=false` into the script's `.conf`"))
            .at(file, Some(line))
    }

    fn endless(&self, text: &str, found: usize, file: &Path) -> Error {
        let line = line_of(text, found);
        let (prefix, suffix) = (&self.prefix, &self.suffix);
        Kind::Placeholder
            .error(format!("the placeholder that begins with `{prefix}` on line {line} of `{}` does not end", file.display()))
            .help(format!("end it with `{suffix}`, or write `placeholderReplacement=false` into the script's `.conf`"))
            .at(file, Some(line))
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + memchr::memchr_iter(b'\n', &text.as_bytes()[..offset]).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::ProptestConfig;

    use super::*;

    fn placeholders() -> Placeholders {
        let mut placeholders = Placeholders::default();
        placeholders.insert("Name", "value");
        placeholders.insert("empty", "");
        placeholders.insert("again", "${name}");
        placeholders
    }

    fn replaced(text: &str) -> Cow<'_, str> {
        placeholders().replace(text, Path::new("sql/V1__a.sql")).unwrap()
    }

    #[test]
    fn placeholders_are_replaced_everywhere_in_any_case() {
        assert_eq!(replaced("${name} '${NAME}' -- ${Name}\n$a$${name}$a$"), "value 'value' -- value\n$a$${name}$a$");
        assert_eq!(replaced("[${empty}]${flyway:filename}"), "[]V1__a.sql");
    }

    #[test]
    fn values_are_not_looked_through_again() {
        assert_eq!(replaced("${again}"), "${name}");
    }

    #[test]
    fn characters_read_for_a_prefix_are_not_read_again() {
        assert_eq!(replaced("$${name}"), "$${name}");
        assert_eq!(replaced("$$${name}$$"), "$$value$$");
        assert_eq!(replaced("$é${name}$"), "$évalue$");
        let mut long = Placeholders::new("<<<", ">>", "_").unwrap();
        long.insert("a", "b");
        assert_eq!(long.replace("<<<<a>><<-<<<a>><<", Path::new("a.sql")).unwrap_err().kind, Kind::Placeholder);
        assert_eq!(long.replace("<<-<<<a>>><<", Path::new("a.sql")).unwrap(), "<<-b><<");
    }

    #[test]
    fn a_text_without_placeholders_is_borrowed() {
        assert!(matches!(replaced("$1 $$ {name} $"), Cow::Borrowed(_)));
    }

    #[test]
    fn own_placeholders_have_the_separator_and_win() {
        let mut placeholders = Placeholders::new("é", "é", "_").unwrap();
        placeholders.insert("flyway_table", "given");
        placeholders.insert_own(OwnPlaceholder::Table, "history");
        assert_eq!(placeholders.replace("èéFLYWAY_TABLEé", Path::new("a.sql")).unwrap(), "èhistory");
    }

    #[test]
    fn a_placeholder_without_value_is_an_error_with_file_and_line() {
        let error = placeholders().replace("${name}\n\n ${other}", Path::new("V1__a.sql")).unwrap_err();
        assert_eq!(error.kind, Kind::Placeholder);
        assert_eq!(error.message, "placeholder `${other}` on line 3 of `V1__a.sql` has no value");
        assert_eq!(error.place.unwrap().line, Some(3));
    }

    #[test]
    fn a_placeholder_that_does_not_end_is_an_error_with_file_and_line() {
        let error = placeholders().replace("\n${name", Path::new("V1__a.sql")).unwrap_err();
        assert_eq!(error.message, "the placeholder that begins with `${` on line 2 of `V1__a.sql` does not end");
        assert_eq!(error.place.unwrap().line, Some(2));
    }

    #[test]
    fn an_empty_prefix_or_suffix_cannot_be_used() {
        assert_eq!(Placeholders::new("", "}", ":").unwrap_err().kind, Kind::Setting);
        assert_eq!(Placeholders::new("${", "", ":").unwrap_err().kind, Kind::Setting);
    }

    proptest::proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_replaced_or_refused(text in "[$é{}name\n]{0,40}", prefix in "[$é{]{1,3}", suffix in "[}e]{1,2}") {
            let mut placeholders = Placeholders::new(&prefix, &suffix, ":").unwrap();
            placeholders.insert("", "x");
            placeholders.insert("name", "y");
            let read_one_by_one = replaced_one_by_one(&text, &prefix, &suffix);
            let replaced = placeholders.replace(&text, Path::new("a.sql")).ok();
            proptest::prop_assert_eq!(replaced.as_deref(), read_one_by_one.as_deref());
        }
    }

    /// The same character by character, as a reader would that keeps what it has read ahead.
    fn replaced_one_by_one(text: &str, prefix: &str, suffix: &str) -> Option<String> {
        let mut replaced = String::new();
        let mut rest = text.chars();
        loop {
            let mut ahead = String::new();
            while ahead != prefix && prefix.starts_with(&ahead) {
                match rest.next() {
                    Some(character) => ahead.push(character),
                    None => return Some(replaced + &ahead),
                }
            }
            if ahead != prefix {
                replaced.push_str(&ahead);
                continue;
            }
            let mut name = String::new();
            while !name.ends_with(suffix) {
                name.push(rest.next()?);
            }
            replaced.push_str(match name.strip_suffix(suffix)? {
                "" => "x",
                "name" => "y",
                _ => return None,
            });
        }
    }
}
