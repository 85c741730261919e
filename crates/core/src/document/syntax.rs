//! What the YAML parser says, in the terms of this project: byte offsets and sentences.

use super::Findings;
use saphyr_parser::{ScanError, Span};
use std::ops::Range;

/// Turns the parser's character counts into byte offsets.
pub(super) struct Offsets {
    /// The offset of every character and of the end; nothing where characters are bytes.
    bytes: Option<Vec<usize>>,
    length: usize,
}

impl Offsets {
    pub(super) fn of(text: &str) -> Self {
        let offsets = || text.char_indices().map(|(index, _)| index).chain([text.len()]).collect();
        Self { bytes: (!text.is_ascii()).then(offsets), length: text.len() }
    }
    fn byte(&self, character: usize) -> usize {
        match &self.bytes {
            Some(bytes) => bytes.get(character).copied().unwrap_or(self.length),
            None => character.min(self.length),
        }
    }
    pub(super) fn range(&self, span: Span) -> Range<usize> {
        let (start, end) = (self.byte(span.start.index()), self.byte(span.end.index()));
        start..end.max(start)
    }
}

/// Reports why the text is not YAML.
pub(super) fn explain(error: &ScanError, text: &str, offsets: &Offsets, findings: &mut Findings) {
    let start = offsets.byte(error.marker().index());
    let end = text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
    let line_start = text[..start].rfind('\n').map_or(0, |index| index + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    if findings.is_reported(line_start..line_start + line.len()) {
        return;
    }
    let (message, help) = words(error.info(), line);
    findings.add(start..end, message).help(help);
}

/// A sentence and an instruction for what the parser says about a line.
fn words(info: &str, line: &str) -> (String, &'static str) {
    let (message, help) = match info {
        _ if line.contains(": {{") || line.contains("- {{") => {
            ("a value that starts with `{{` needs quotes", "write \"{{ … }}\" around the whole value")
        }
        _ if info.contains("tab") => ("a tab stands where spaces must be", "indent with spaces"),
        "mapping values are not allowed in this context" => (
            "a `:` stands where no key can be",
            "put text that contains `: ` in quotes, and check that this line is indented like its neighbours",
        ),
        "block sequence entries are not allowed in this context" => {
            ("a list cannot start here", "start the list on a line of its own")
        }
        _ if info.contains("unexpected character") => ("a value cannot start with this character", "put the value in quotes"),
        _ if info.contains("unknown anchor") => ("aliases are not supported", "write the value out"),
        _ if info.contains("quoted scalar, found unexpected end") => ("this quote does not end", "close it with the same quote"),
        _ if info.contains("indentation in quoted scalar") => (
            "this quote does not end, or its text is not indented",
            "close it with the same quote, and indent the lines that belong to it",
        ),
        _ if info.contains("unknown escape") => {
            ("this text has an escape that YAML does not know", "use single quotes, or write `\\\\` for a backslash")
        }
        _ if info.contains("bracket") || info.contains("flow") || info.contains("':' indicator") => {
            ("a bracket, brace or comma is missing or too many near here", "check that each `[` and `{` is closed")
        }
        _ if info.contains("did not find expected key") || info.contains("block collection") => (
            "this line does not fit the lines above it",
            "check its indentation, and that text with special characters is in quotes",
        ),
        other => return (format!("this is not YAML: {other}"), "check the indentation and the quotes near this line"),
    };
    (message.to_owned(), help)
}
