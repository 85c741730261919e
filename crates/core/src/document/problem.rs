//! What is wrong with a file, ready to be shown.

use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The widest part of a line that a snippet shows, in characters.
const MAX_SNIPPET_CHARS: usize = 110;

/// A file's name and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What users call the file; a path relative to where they are.
    pub name: String,
    /// What it holds.
    pub text: String,
}

impl Source {
    /// A file from its name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
    /// A file from its name and bytes; bytes that are not UTF-8 are a problem.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self, Problems> {
        let name = name.into();
        String::from_utf8(bytes).map(|text| Self { name: name.clone(), text }).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..valid].split(|byte| *byte == b'\n').count();
            Problems::one(Problem {
                source: Arc::new(Self { name, text: String::new() }),
                span: None,
                message: format!("line {line} is not UTF-8"),
                help: Some("save the file as UTF-8".into()),
            })
        })
    }
    /// The last part of the name without `.yaml` or `.yml`; nothing for other names.
    pub fn stem(&self) -> Option<&str> {
        let file = self.name.rsplit(['/', '\\']).next()?;
        file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml"))
    }
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, every secret in its text replaced by as many stars; safe to show.
    pub source: Arc<Source>,
    /// Where in the text, in bytes; nothing where the whole file is meant.
    pub span: Option<Range<usize>>,
    /// One sentence in lower case, the thing named in backticks.
    pub message: String,
    /// An instruction.
    pub help: Option<String>,
}

impl Problem {
    /// The line, counted from 1.
    pub fn line(&self) -> Option<usize> {
        let before = &self.source.text[..self.span.as_ref()?.start];
        Some(1 + before.bytes().filter(|byte| *byte == b'\n').count())
    }
    /// The column in characters, counted from 1.
    pub fn column(&self) -> Option<usize> {
        let before = &self.source.text[..self.span.as_ref()?.start];
        Some(1 + before.rsplit('\n').next().map_or(0, |line| line.chars().count()))
    }
    /// The line of the text that `span` starts in, cut to a readable width, and the characters to underline in it.
    fn snippet(&self) -> Option<(String, Range<usize>)> {
        let (span, column) = (self.span.as_ref()?, self.column()?);
        let start = span.start - self.source.text[..span.start].rsplit('\n').next().map_or(0, str::len);
        let line = self.source.text[start..].lines().next().unwrap_or_default();
        let end = span.end.min(start + line.len()).max(span.start);
        let marked = self.source.text.get(span.start..end).map_or(1, |text| text.chars().count().max(1));
        let skipped = (column + marked).saturating_sub(MAX_SNIPPET_CHARS).min(column - 1);
        let shown = line.chars().skip(skipped).take(MAX_SNIPPET_CHARS);
        let shown = shown.map(|c| if c.is_control() { ' ' } else { c }).collect();
        let from = column - 1 - skipped;
        Some((shown, from..(from + marked).min(MAX_SNIPPET_CHARS)))
    }
}

impl fmt::Display for Problem {
    /// The problem as plain text: place and message, the line with the fault underlined, and the help.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.source.name)?;
        if let (Some(line), Some(column)) = (self.line(), self.column()) {
            write!(f, "{line}:{column}:")?;
        }
        write!(f, " {}", self.message)?;
        if let (Some(line), Some((text, marked))) = (self.line(), self.snippet()) {
            write!(f, "\n{line:>5} | {text}")?;
            write!(f, "\n      | {}{}", " ".repeat(marked.start), "^".repeat(marked.len().max(1)))?;
        }
        match &self.help {
            Some(help) => write!(f, "\n help: {help}"),
            None => Ok(()),
        }
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Problem", 5)?;
        map.serialize_field("file", &self.source.name)?;
        map.serialize_field("line", &self.line())?;
        map.serialize_field("column", &self.column())?;
        map.serialize_field("message", &self.message)?;
        map.serialize_field("help", &self.help)?;
        map.end()
    }
}

/// Everything that is wrong with one or more files; at least one problem, in the order of files and lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems, unless there are none.
    pub fn found(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }
    fn one(problem: Problem) -> Self {
        Self(vec![problem])
    }
    /// The problems in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'p> IntoIterator for &'p Problems {
    type Item = &'p Problem;
    type IntoIter = std::slice::Iter<'p, Problem>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl Serialize for Problems {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
