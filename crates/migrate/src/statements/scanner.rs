//! Tells tokens apart, as far as it matters to where a statement ends: what is quoted or commented out, and words.
//!
//! It follows the lexer of the server with `standard_conforming_strings` on. Operators and numbers are not told apart:
//! `--` and `/*` begin a comment in the midst of an operator, too.

use memchr::{memchr, memchr2, memmem};

use super::Unclosed;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Comment,
    Word,
    /// A literal or a quoted name.
    Quoted,
    Open,
    Close,
    Semicolon,
    /// Operators, digits and the like, one or several.
    Other,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Scanner<'text> {
    text: &'text str,
    at: usize,
}

/// What editors and `cat` leave between statements though PostgreSQL takes it for a letter: byte order mark, hard space.
const STRAYS: [char; 2] = ['\u{feff}', '\u{a0}'];

impl<'text> Scanner<'text> {
    pub(super) fn new(text: &'text str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn text(&self) -> &'text str {
        self.text
    }

    pub(super) fn go_to(&mut self, offset: usize) {
        self.at = offset;
    }

    /// Skips blanks and what else is blank where no statement has begun.
    pub(super) fn skip_strays(&mut self) {
        loop {
            self.skip_whitespace();
            let Some(rest) = self.text[self.at..].strip_prefix(STRAYS) else { return };
            self.at = self.text.len() - rest.len();
        }
    }

    pub(super) fn next_token(&mut self) -> Result<Option<Token>, Unclosed> {
        self.skip_whitespace();
        let start = self.at;
        let Some(first) = self.byte(start) else { return Ok(None) };
        let (kind, end) = match first {
            b'\'' => (TokenKind::Quoted, self.end_of(start, 1, b"'", "a literal")?),
            b'"' => (TokenKind::Quoted, self.end_of(start, 1, b"\"", "a quoted name")?),
            b'E' | b'e' if self.byte(start + 1) == Some(b'\'') => (TokenKind::Quoted, self.end_of_escapes(start)?),
            b'$' => self.dollar(start)?,
            b'-' if self.byte(start + 1) == Some(b'-') => (TokenKind::Comment, self.end_of_line(start)),
            b'/' if self.byte(start + 1) == Some(b'*') => (TokenKind::Comment, self.end_of_comment(start)?),
            b'(' => (TokenKind::Open, start + 1),
            b')' => (TokenKind::Close, start + 1),
            b';' => (TokenKind::Semicolon, start + 1),
            first if is_word_start(first) => (TokenKind::Word, self.end_while(start, is_word_part)),
            first if is_plain(first) => (TokenKind::Other, self.end_while(start, is_plain)),
            _ => (TokenKind::Other, start + 1),
        };
        self.at = end;
        Ok(Some(Token { kind, start, end }))
    }

    fn byte(&self, offset: usize) -> Option<u8> {
        self.text.as_bytes().get(offset).copied()
    }

    fn skip_whitespace(&mut self) {
        self.at = self.end_while(self.at, is_whitespace);
    }

    fn end_while(&self, start: usize, belongs: fn(u8) -> bool) -> usize {
        let rest = &self.text.as_bytes()[start..];
        start + rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len())
    }

    fn end_of_line(&self, start: usize) -> usize {
        memchr2(b'\n', b'\r', &self.text.as_bytes()[start..]).map_or(self.text.len(), |length| start + length)
    }

    /// The end of what begins at `start` with `opening` bytes and ends with `closing`. A doubled quote within quotes is found to be
    /// two literals, which end where the one ends.
    fn end_of(&self, start: usize, opening: usize, closing: &[u8], what: &'static str) -> Result<usize, Unclosed> {
        let from = start + opening;
        let rest = &self.text.as_bytes()[from..];
        let found = if let [one] = closing { memchr(*one, rest) } else { memmem::find(rest, closing) };
        found.map(|length| from + length + closing.len()).ok_or(Unclosed { what, offset: start, help: "close it where it ends" })
    }

    /// `E'…'`, in which a backslash takes the next character's meaning away, also after a break between two parts of it.
    fn end_of_escapes(&self, start: usize) -> Result<usize, Unclosed> {
        let unclosed = Unclosed { what: "a literal", offset: start, help: "close it where it ends; `\\'` does not close it" };
        let bytes = self.text.as_bytes();
        let mut at = start + 2;
        loop {
            at += memchr2(b'\'', b'\\', bytes.get(at..).unwrap_or_default()).ok_or(unclosed)?;
            if bytes[at] == b'\\' || self.byte(at + 1) == Some(b'\'') {
                at += 2;
            } else if let Some(next_part) = self.next_part(at + 1) {
                at = next_part;
            } else {
                return Ok(at + 1);
            }
        }
    }

    /// A literal goes on behind blanks and line comments if there is a line break among them.
    fn next_part(&self, from: usize) -> Option<usize> {
        let mut at = from;
        let mut has_break = false;
        loop {
            match self.byte(at)? {
                b'\n' | b'\r' => has_break = true,
                b'\'' => return has_break.then_some(at + 1),
                b'-' if self.byte(at + 1) == Some(b'-') => {
                    at = self.end_of_line(at);
                    continue;
                }
                other if is_whitespace(other) => {}
                _ => return None,
            }
            at += 1;
        }
    }

    fn end_of_comment(&self, start: usize) -> Result<usize, Unclosed> {
        let unclosed = Unclosed { what: "a comment", offset: start, help: "close it with `*/`; comments within it need their own" };
        let bytes = self.text.as_bytes();
        let mut depth = 1;
        let mut at = start + 2;
        while depth > 0 {
            at += memchr2(b'/', b'*', bytes.get(at..).unwrap_or_default()).ok_or(unclosed)?;
            match (bytes[at], self.byte(at + 1)) {
                (b'/', Some(b'*')) => depth += 1,
                (b'*', Some(b'/')) => depth -= 1,
                _ => {
                    at += 1;
                    continue;
                }
            }
            at += 2;
        }
        Ok(at)
    }

    /// A dollar-quoted literal, if a delimiter begins here; else a parameter's dollar.
    fn dollar(&self, start: usize) -> Result<(TokenKind, usize), Unclosed> {
        let tag = start + 1;
        let tag_end = if self.byte(tag).is_some_and(is_word_start) { self.end_while(tag, is_tag_part) } else { tag };
        if self.byte(tag_end) != Some(b'$') {
            return Ok((TokenKind::Other, start + 1));
        }
        let delimiter = &self.text.as_bytes()[start..=tag_end];
        Ok((TokenKind::Quoted, self.end_of(start, delimiter.len(), delimiter, "a dollar-quoted literal")?))
    }
}

fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0b' | b'\x0c')
}

fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

fn is_tag_part(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit()
}

fn is_word_part(byte: u8) -> bool {
    is_tag_part(byte) || byte == b'$'
}

/// Nothing begins with it that ends elsewhere.
fn is_plain(byte: u8) -> bool {
    !is_word_start(byte) && !is_whitespace(byte) && !matches!(byte, b'\'' | b'"' | b'$' | b'-' | b'/' | b'(' | b')' | b';')
}
