//! The problems of one file while it is being read.

use super::{At, FileKind, FromText, MAX_PROBLEMS, Problem, Problems, Source, Text, Values, secrets};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Collects problems of one file and knows which parts of its text must never be shown.
#[derive(Debug)]
pub struct Findings {
    kind: FileKind,
    shown: Source,
    found: Vec<Finding>,
}

/// A problem that still can get its help.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    span: Option<Range<usize>>,
    message: String,
    help: Option<String>,
}

impl Finding {
    /// Adds what to do.
    pub fn help(&mut self, help: impl fmt::Display) {
        self.help = Some(help.to_string());
    }
    /// Adds what to do, if that is known.
    pub fn maybe_help(&mut self, help: Option<String>) {
        self.help = help;
    }
}

impl Findings {
    /// None yet, of a file of scenarios or environments.
    pub(crate) fn new(source: &Source) -> Self {
        Self::of(source, FileKind::CONFIGURATION)
    }
    /// None yet, of a file of that kind.
    pub fn of(source: &Source, kind: FileKind) -> Self {
        let mut findings = Self { kind, shown: source.clone(), found: Vec::new() };
        if kind.values == Values::MayBeSecret {
            for span in secrets::find(&source.text) {
                findings.redact(span);
            }
        }
        findings
    }
    /// The kind of file.
    pub(super) fn kind(&self) -> FileKind {
        self.kind
    }
    /// Keeps a part of the text out of every snippet.
    pub(crate) fn redact(&mut self, span: Range<usize>) {
        let Some(text) = self.shown.text.get(span.clone()) else { return };
        // A star for each byte keeps every later span where it is.
        let stars = text.bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' }).collect::<String>();
        self.shown.text.replace_range(span, &stars);
    }
    /// A problem at a place in the text.
    pub fn add(&mut self, span: Range<usize>, message: impl fmt::Display) -> &mut Finding {
        self.push(Some(span), message)
    }
    /// A problem of the file as a whole.
    pub(crate) fn add_to_file(&mut self, message: impl fmt::Display) -> &mut Finding {
        self.push(None, message)
    }
    /// A problem at a node.
    pub fn at(&mut self, at: At<'_>, message: impl fmt::Display) -> &mut Finding {
        self.push(Some(at.span()), message)
    }
    fn push(&mut self, span: Option<Range<usize>>, message: impl fmt::Display) -> &mut Finding {
        let index = self.found.len();
        self.found.push(Finding { span, message: message.to_string(), help: None });
        &mut self.found[index]
    }
    /// Reads text as what it stands for; nothing where that fails, or where the text is not known or already reported.
    pub fn parse<T: FromText>(&mut self, at: At<'_>, text: &Text<T>) -> Option<T> {
        self.parse_str(at, text.as_str())
    }
    /// As `parse`, for text that may be a default.
    pub fn parse_str<T: FromText>(&mut self, at: At<'_>, text: &str) -> Option<T> {
        if at.is_doubtful() {
            return None;
        }
        T::from_text(text).map_err(|message| self.at(at, message).maybe_help(T::help(text))).ok()
    }
    /// As `parse`, for the key that a value stands under.
    pub fn parse_key<T: FromText>(&mut self, at: At<'_>, key: &str) -> Option<T> {
        T::from_text(key).map_err(|message| self.add(at.heading(), message).maybe_help(T::help(key))).ok()
    }
    /// The value, or every problem found.
    pub fn into_result<T>(self, value: T) -> Result<T, Problems> {
        Problems::found(self.into_problems()).map(|()| value)
    }
    /// Whether a problem was found that starts in a part of the text.
    pub(crate) fn is_reported(&self, part: Range<usize>) -> bool {
        self.found.iter().filter_map(|finding| finding.span.as_ref()).any(|span| part.contains(&span.start))
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
    /// The problems by their place, each once.
    pub(crate) fn into_problems(mut self) -> Vec<Problem> {
        let end = self.shown.text.len();
        let place = |finding: &Finding| finding.span.as_ref().map_or((end, end), |span| (span.start, span.end));
        self.found.sort_by_key(place);
        self.found.dedup();
        let count = self.found.len();
        let source = Arc::new(self.shown);
        let problem = |Finding { span, message, help }| Problem { source: source.clone(), span, message, help };
        let mut problems = self.found.into_iter().take(MAX_PROBLEMS).map(problem).collect::<Vec<_>>();
        if count > MAX_PROBLEMS {
            let message = format!("{} more problems are not shown", count - MAX_PROBLEMS);
            problems.push(Problem { source, span: None, message, help: Some("solve the first ones first".into()) });
        }
        problems
    }
}
