//! Whether a statement tells the server that this session speaks another encoding.

use super::scanner::{Scanner, TokenKind};

/// The encoding that a `SET client_encoding` or `SET NAMES` names, without its quotes.
pub(super) fn set_by(sql: &str) -> Option<&str> {
    let mut words = words(sql);
    let is = |word: &str, wanted: &str| word.eq_ignore_ascii_case(wanted);
    if !is(words.next()?, "SET") {
        return None;
    }
    let mut name = words.next()?;
    if is(name, "SESSION") || is(name, "LOCAL") {
        name = words.next()?;
    }
    let value = if is(name, "NAMES") {
        words.next()?
    } else if is(name.trim_matches('"'), "client_encoding") {
        // What stands between is `TO` or `=`.
        words.nth(1)?
    } else {
        return None;
    };
    Some(value.trim_matches(['\'', '"']))
}

fn words(sql: &str) -> impl Iterator<Item = &str> {
    let mut scanner = Scanner::new(sql);
    std::iter::from_fn(move || scanner.next_token().ok().flatten())
        .filter(|token| token.kind != TokenKind::Comment)
        .map(|token| &sql[token.start..token.end])
}
