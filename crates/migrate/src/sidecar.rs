//! The `.conf` file beside a script, which says how that one script is read and run.
//!
//! It is made of Java properties, except that a backslash is one unless it ends a line that goes on.

mod expression;

use std::path::{Path, PathBuf};

use crate::encoding::Encoding;
use crate::placeholders::Placeholders;
use crate::{Error, Kind, Result};

/// What a script's own `.conf` says; what it leaves out is as the settings have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sidecar {
    /// Whether the script runs in a transaction, whatever its statements are.
    pub execute_in_transaction: Option<bool>,
    /// The encoding of the script.
    pub encoding: Option<Encoding>,
    /// Whether placeholders of the script are replaced.
    pub placeholder_replacement: Option<bool>,
    /// Whether the script runs at all.
    pub should_execute: Option<bool>,
}

impl Sidecar {
    /// Where the sidecar of a script would be.
    pub fn path_of(script: &Path) -> PathBuf {
        let mut path = script.as_os_str().to_owned();
        path.push(".conf");
        path.into()
    }

    /// Reads the text of the sidecar `file`, in which placeholders are replaced everywhere, comments included.
    pub fn parse(text: &str, file: &Path, placeholders: &Placeholders) -> Result<Self> {
        let script = file.with_extension("");
        let text = placeholders.replace_for(&script, text, file)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut sidecar = Self::default();
        for property in properties(text) {
            sidecar.take(&property).map_err(|error| error.at(file, Some(property.line)))?;
        }
        Ok(sidecar)
    }

    fn take(&mut self, property: &Property) -> Result<()> {
        match property.key.as_str() {
            "executeInTransaction" => self.execute_in_transaction = Some(property.truth()?),
            "encoding" => self.encoding = Some(Encoding::named(&property.value)?),
            "placeholderReplacement" => self.placeholder_replacement = Some(property.truth()?),
            "shouldExecute" => {
                let evaluated = expression::evaluate(&property.value);
                self.should_execute = Some(evaluated.map_err(|problem| property.unusable(problem))?);
            }
            unknown => {
                return Err(Kind::Setting
                    .error(format!("the setting `{unknown}` on line {} is not one of a script", property.line))
                    .help("use `executeInTransaction`, `encoding`, `placeholderReplacement` or `shouldExecute`"));
            }
        }
        Ok(())
    }
}

struct Property {
    line: usize,
    key: String,
    value: String,
}

impl Property {
    fn truth(&self) -> Result<bool> {
        match self.value.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.unusable("it is neither true nor false")),
        }
    }

    fn unusable(&self, problem: &str) -> Error {
        let Self { key, value, line } = self;
        Kind::Setting
            .error(format!("`{value}`, the value of `{key}` on line {line}, cannot be used: {problem}"))
            .help("write `true` or `false`; `shouldExecute` also takes `A==B`, `A!=B`, `&&`, `||` and parentheses")
    }
}

fn properties(text: &str) -> Vec<Property> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        let mut logical = line.trim().to_owned();
        if logical.is_empty() || logical.starts_with(['#', '!']) {
            continue;
        }
        while logical.ends_with('\\') && lines.peek().is_some_and(|(_, next)| !next.trim().is_empty()) {
            logical.pop();
            logical.push_str(lines.next().expect("it was peeked at").1.trim());
        }
        let (key, value) = split(&logical);
        found.push(Property { line: index + 1, key: key.to_owned(), value: value.to_owned() });
    }
    found
}

/// A key ends with `=`, `:` or a blank, and blanks may stand around the first two.
fn split(logical: &str) -> (&str, &str) {
    let end = logical.find(|character: char| matches!(character, '=' | ':') || character.is_whitespace()).unwrap_or(logical.len());
    let (key, rest) = logical.split_at(end);
    let rest = rest.trim_start();
    (key, rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Sidecar> {
        let mut placeholders = Placeholders::default();
        placeholders.insert("stage", "test");
        Sidecar::parse(text, Path::new("V1__a.sql.conf"), &placeholders)
    }

    #[test]
    fn all_settings_of_a_script_are_read() {
        let text = "\u{feff}# a comment\r\n! another\r\n\r\n executeInTransaction = false\r\nencoding: ISO-8859-1\nplaceholderReplacement TRUE
            shouldExecute=${stage}==prod || \\\n  (${stage} == test)";
        assert_eq!(
            parsed(text).unwrap(),
            Sidecar {
                execute_in_transaction: Some(false),
                encoding: Some(Encoding::Latin1),
                placeholder_replacement: Some(true),
                should_execute: Some(true),
            }
        );
        assert_eq!(parsed("").unwrap(), Sidecar::default());
    }

    #[test]
    fn a_sidecar_has_the_name_of_its_script_and_more() {
        assert_eq!(Sidecar::path_of(Path::new("a/V1__a.sql")), Path::new("a/V1__a.sql.conf"));
        assert_eq!(parsed("shouldExecute=${flyway:filename}==V1__a.sql").unwrap().should_execute, Some(true));
    }

    #[test]
    fn what_cannot_be_used_is_an_error_with_file_and_line() {
        for (line, message) in [
            ("executeInTransactions=true", "the setting `executeInTransactions` on line 2 is not one of a script"),
            (
                "executeInTransaction=yes",
                "`yes`, the value of `executeInTransaction` on line 2, cannot be used: it is neither true nor false",
            ),
            ("encoding=UTF-9", "the encoding `UTF-9` is not known"),
            ("shouldExecute=(a==b", "`(a==b`, the value of `shouldExecute` on line 2, cannot be used: a `(` has no `)`"),
        ] {
            let error = parsed(&format!("# a\n{line}\n")).unwrap_err();
            assert_eq!((error.kind, error.message.as_str()), (Kind::Setting, message));
            let place = error.place.unwrap();
            assert_eq!((place.file.as_path(), place.line), (Path::new("V1__a.sql.conf"), Some(2)));
        }
        assert_eq!(parsed("\n# ${other}").unwrap_err().place.unwrap().line, Some(2));
    }

    #[test]
    fn expressions_mean_what_they_mean_to_flyway() {
        for (expression, truth) in [
            ("true", true),
            (" FALSE ", false),
            ("a==a", true),
            ("a == b", false),
            ("==a", false),
            ("a!=b", true),
            ("a!=a || b==b", true),
            ("true && false", false),
            ("true || true && false", false),
            ("true || (true && false)", true),
            ("((a==a) && (a!=b))", true),
            ("false && nonsense", false),
            ("true || nonsense", true),
        ] {
            assert_eq!(expression::evaluate(expression), Ok(truth), "{expression}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for expression in ["", "a", "a==", "a==b==c", "(true", "true)", ")(", "true && nonsense", "a = a"] {
            assert!(expression::evaluate(expression).is_err(), "{expression}");
        }
    }
}
