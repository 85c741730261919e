//! A script's statements, told apart as PostgreSQL's own lexer would.
//!
//! What stands between statements is left out: blanks, comments, and statements without anything in them.

mod scanner;
mod draft;
mod transaction;
mod control;
mod encoding;
mod rows;

use std::path::Path;

pub use self::control::Control;
use self::draft::Draft;
use self::scanner::{Scanner, TokenKind};
use self::transaction::Transaction;
use crate::{Error, Kind, Result};

/// One statement of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement<'text> {
    /// The statement without what separates it from the next, and without comments at either end.
    pub sql: &'text str,
    /// Where it begins in the text, in bytes.
    pub offset: usize,
    /// The line it begins on, from 1.
    pub line: usize,
    /// The column it begins at, in characters, from 1.
    pub column: usize,
    /// What it is to whoever sends it.
    pub kind: StatementKind<'text>,
    transaction: Transaction,
    control: Option<Control>,
}

/// What a statement is to whoever sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementKind<'text> {
    /// It is sent as it stands.
    Ordinary,
    /// A `COPY … FROM STDIN`, whose rows stand in the script.
    CopyFromStdin {
        /// The rows, as far as the line `\.`.
        data: &'text str,
    },
}

impl Statement<'_> {
    /// Whether a server of this major version refuses the statement within a transaction.
    pub fn needs_no_transaction(&self, server_major: u32) -> bool {
        self.transaction.is_refused_by(server_major)
    }

    /// What it does with the transaction that it is in, if it begins or ends one.
    pub fn control(&self) -> Option<Control> {
        self.control
    }

    /// The encoding that it tells the server to expect from now on, if it does so.
    pub fn client_encoding(&self) -> Option<&str> {
        encoding::set_by(self.sql)
    }

    /// The command of psql that it is or begins with, such as `\connect`, which no server knows.
    pub fn psql_command(&self) -> Option<&str> {
        self.sql.starts_with('\\').then(|| self.sql.split_whitespace().next().unwrap_or(self.sql))
    }
}

/// The statements of the script `file`, one after another; `text` is the script with its placeholders replaced.
pub fn split<'text>(text: &'text str, file: &'text Path) -> Statements<'text> {
    Statements { file, scanner: Scanner::new(text), reached: Position { offset: 0, line: 1, column: 1 }, has_ended: false }
}

/// An iterator over the statements of a text, which ends after an error.
#[derive(Clone, Debug)]
pub struct Statements<'text> {
    file: &'text Path,
    scanner: Scanner<'text>,
    reached: Position,
    has_ended: bool,
}

impl<'text> Iterator for Statements<'text> {
    type Item = Result<Statement<'text>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let read = self.read().map_err(|unclosed| unclosed.error(self.scanner.text(), self.file)).transpose();
        self.has_ended = !matches!(read, Some(Ok(_)));
        read
    }
}

impl std::iter::FusedIterator for Statements<'_> {}

impl<'text> Statements<'text> {
    fn read(&mut self) -> Result<Option<Statement<'text>>, Unclosed> {
        let mut draft = Draft::default();
        loop {
            if !draft.has_begun() {
                self.scanner.skip_strays();
            }
            let Some(token) = self.scanner.next_token()? else {
                draft.check_end()?;
                return Ok(draft.has_begun().then(|| self.statement(&draft, StatementKind::Ordinary)));
            };
            if token.kind != TokenKind::Semicolon || !draft.is_level() {
                draft.take(token, self.scanner.text());
            } else if draft.is_copy_from_stdin() {
                let statement = self.statement(&draft, StatementKind::Ordinary);
                let rows = rows::find(self.scanner.text(), token.end, statement.offset)?;
                self.scanner.go_to(rows.end);
                return Ok(Some(Statement { kind: StatementKind::CopyFromStdin { data: rows.data }, ..statement }));
            } else if draft.has_begun() {
                return Ok(Some(self.statement(&draft, StatementKind::Ordinary)));
            } else {
                draft = Draft::default();
            }
        }
    }

    fn statement(&mut self, draft: &Draft<'text>, kind: StatementKind<'text>) -> Statement<'text> {
        let (start, end) = draft.bounds();
        let text = self.scanner.text();
        self.reached.advance(text, start);
        let Position { offset, line, column } = self.reached;
        let (transaction, control) = (draft.transaction(), draft.control());
        Statement { sql: &text[start..end], offset, line, column, kind, transaction, control }
    }
}

/// Moves forward only, so that finding the places of all statements reads the text once.
#[derive(Clone, Copy, Debug)]
struct Position {
    offset: usize,
    line: usize,
    column: usize,
}

impl Position {
    fn advance(&mut self, text: &str, to: usize) {
        let mut passed = &text.as_bytes()[self.offset..to];
        if let Some(last) = memchr::memrchr(b'\n', passed) {
            self.line += memchr::memchr_iter(b'\n', passed).count();
            self.column = 1;
            passed = &passed[last + 1..];
        }
        self.column += text[to - passed.len()..to].chars().count();
        self.offset = to;
    }
}

/// Something that begins and does not end.
#[derive(Clone, Copy, Debug)]
struct Unclosed {
    what: &'static str,
    offset: usize,
    help: &'static str,
}

impl Unclosed {
    fn error(self, text: &str, file: &Path) -> Error {
        let mut position = Position { offset: 0, line: 1, column: 1 };
        position.advance(text, self.offset);
        let Self { what, help, .. } = self;
        Kind::Unterminated
            .error(format!("{what} that begins on line {} of `{}` does not end", position.line, file.display()))
            .help(help)
            .at(file, Some(position.line))
    }
}
