//! A statement of which the end is not known yet: what of it was read decides whether a semicolon ends it.

use super::Unclosed;
use super::control::Control;
use super::scanner::{Token, TokenKind};
use super::transaction::Transaction;

/// How many keywords say what a statement is; Flyway looks at as many.
const KEYWORDS_LIMIT: usize = 10;

#[derive(Clone, Debug, Default)]
pub(super) struct Draft<'text> {
    hint_start: Option<usize>,
    bounds: Option<(usize, usize)>,
    /// Words that may be keywords, as Flyway sees it: outside of parentheses, of letters alone, and not part of a dotted name.
    keywords: Vec<&'text str>,
    is_copy_from_stdin: bool,
    previous: Previous,
    parentheses: Depth,
    /// `BEGIN ATOMIC`, and each `CASE` in it.
    blocks: Depth,
}

/// What the token before was, where it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Previous {
    #[default]
    Other,
    /// `AS` or a dot, behind which a keyword is but a name.
    Names,
    Begin,
    From,
}

#[derive(Clone, Copy, Debug, Default)]
struct Depth {
    depth: usize,
    /// Where the outermost begins.
    start: usize,
}

impl Depth {
    fn open(&mut self, offset: usize) {
        if self.depth == 0 {
            self.start = offset;
        }
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}

impl<'text> Draft<'text> {
    pub(super) fn has_begun(&self) -> bool {
        self.bounds.is_some()
    }

    /// Whether a semicolon would end the statement here.
    pub(super) fn is_level(&self) -> bool {
        self.parentheses.depth == 0 && self.blocks.depth == 0
    }

    pub(super) fn is_copy_from_stdin(&self) -> bool {
        self.is_copy_from_stdin
    }

    pub(super) fn bounds(&self) -> (usize, usize) {
        self.bounds.unwrap_or_default()
    }

    pub(super) fn transaction(&self) -> Transaction {
        Transaction::of(&self.keywords)
    }

    pub(super) fn control(&self) -> Option<Control> {
        Control::of(&self.keywords)
    }

    pub(super) fn take(&mut self, token: Token, text: &'text str) {
        let sql = &text[token.start..token.end];
        if token.kind == TokenKind::Comment {
            // Extensions of the server read hints from the comment before a statement.
            if sql.starts_with("/*+") && !self.has_begun() {
                self.hint_start.get_or_insert(token.start);
            }
            return;
        }
        let start = self.bounds.map_or_else(|| self.hint_start.unwrap_or(token.start), |(start, _)| start);
        self.bounds = Some((start, token.end));
        self.previous = match token.kind {
            TokenKind::Word => {
                if self.parentheses.depth == 0 {
                    self.take_word(token, sql, text);
                }
                Previous::of_word(sql)
            }
            TokenKind::Open => {
                self.parentheses.open(token.start);
                Previous::Other
            }
            TokenKind::Close => {
                self.parentheses.close();
                Previous::Other
            }
            TokenKind::Other if sql.ends_with('.') => Previous::Names,
            _ => Previous::Other,
        };
    }

    fn take_word(&mut self, token: Token, word: &'text str, text: &str) {
        let is_letters = word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        let bytes = text.as_bytes();
        let is_dotted = bytes.get(token.end) == Some(&b'.') || (token.start > 0 && bytes[token.start - 1] == b'.');
        if is_letters && !is_dotted && self.keywords.len() < KEYWORDS_LIMIT {
            self.keywords.push(word);
        }
        if self.previous == Previous::From && word.eq_ignore_ascii_case("stdin") && self.begins_with(&["copy"]) {
            self.is_copy_from_stdin = true;
        }
        if self.previous == Previous::Names {
            return;
        }
        if self.previous == Previous::Begin && word.eq_ignore_ascii_case("atomic") {
            if self.is_routine() {
                self.blocks.open(token.start);
            }
        } else if self.blocks.depth > 0 && word.eq_ignore_ascii_case("case") {
            self.blocks.open(token.start);
        } else if self.blocks.depth > 0 && word.eq_ignore_ascii_case("end") {
            self.blocks.close();
        }
    }

    fn is_routine(&self) -> bool {
        ["function", "procedure"]
            .iter()
            .any(|what| self.begins_with(&["create", what]) || self.begins_with(&["create", "or", "replace", what]))
    }

    fn begins_with(&self, words: &[&str]) -> bool {
        self.keywords.len() >= words.len()
            && words.iter().zip(&self.keywords).all(|(word, keyword)| word.eq_ignore_ascii_case(keyword))
    }

    /// At the end of the text, nothing may be open any more.
    pub(super) fn check_end(&self) -> Result<(), Unclosed> {
        if self.parentheses.depth > 0 {
            return Err(Unclosed { what: "a parenthesis", offset: self.parentheses.start, help: "close it with `)`" });
        }
        if self.blocks.depth > 0 {
            return Err(Unclosed { what: "an atomic block", offset: self.blocks.start, help: "close it with `END`" });
        }
        if self.is_copy_from_stdin {
            let help = "end it with `;`, and write its rows and a line `\\.` behind it";
            return Err(Unclosed { what: "a `COPY` from standard input", offset: self.bounds().0, help });
        }
        Ok(())
    }
}

impl Previous {
    fn of_word(word: &str) -> Self {
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
        match word.len() {
            2 if is("as") => Self::Names,
            4 if is("from") => Self::From,
            5 if is("begin") => Self::Begin,
            _ => Self::Other,
        }
    }
}
