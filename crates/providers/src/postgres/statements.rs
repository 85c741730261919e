//! Where the statements of a script begin, so that those which would end its transaction can be refused.

use restage_core::{Code, Result};

/// The words that begin or end transactions.
const TRANSACTION_WORDS: [&str; 7] = ["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "PREPARE"];

/// Refuses statements that would end the transaction they run in.
pub(crate) fn expect_no_transactions(sql: &str) -> Result<()> {
    match openings(sql).into_iter().find(Opening::controls_transaction) {
        None => Ok(()),
        Some(opening) => Err(Code::QueryFailed
            .error(format!("the statements contain `{}`", opening.words.join(" ")))
            .help("remove it: restage runs all statements in one transaction and commits it")),
    }
}

/// Refuses anything but one statement that stays in its transaction.
pub(crate) fn expect_one_harmless(sql: &str) -> Result<()> {
    expect_no_transactions(sql)?;
    match openings(sql).len() {
        1 => Ok(()),
        count => Err(Code::QueryFailed.error(format!("the query has {count} statements")).help("write one query")),
    }
}

/// How a statement begins.
struct Opening {
    /// Its first two words, in upper case.
    words: Vec<String>,
}

impl Opening {
    fn controls_transaction(&self) -> bool {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            // A prepared statement, and going back to a savepoint, stay inside.
            ["PREPARE", second] => *second == "TRANSACTION",
            ["ROLLBACK", "TO"] | ["PREPARE"] | [] => false,
            [first, ..] => TRANSACTION_WORDS.contains(first),
        }
    }
}

/// Reads a script as PostgreSQL's scanner does: strings, quoted names, dollar quotes and comments hold no statements.
fn openings(sql: &str) -> Vec<Opening> {
    let mut scanner = Scanner { rest: sql };
    let (mut found, mut words, mut has_content) = (Vec::new(), Vec::new(), false);
    // Statements inside the body of a function that is written in SQL belong to it.
    let mut depth = 0_u32;
    while let Some(token) = scanner.next() {
        match token {
            Token::End if depth == 0 => {
                if has_content {
                    found.push(Opening { words: std::mem::take(&mut words) });
                }
                has_content = false;
            }
            Token::End => {}
            Token::Word(word) => {
                depth = body_depth(depth, &word, &words);
                has_content = true;
                if words.len() < 2 {
                    words.push(word);
                }
            }
            Token::Other => {
                has_content = true;
                // Whatever follows is not the second word.
                while words.len() < 2 && !words.is_empty() {
                    words.push(String::new());
                }
            }
        }
    }
    if has_content {
        found.push(Opening { words });
    }
    for opening in &mut found {
        opening.words.retain(|word| !word.is_empty());
    }
    found
}

/// `CREATE FUNCTION … BEGIN ATOMIC …; …; END` holds semicolons; so does `CASE … END` in it.
fn body_depth(depth: u32, word: &str, words: &[String]) -> u32 {
    let creates = words.first().is_some_and(|first| first == "CREATE");
    match word {
        "ATOMIC" if creates && depth == 0 => 1,
        "CASE" if depth > 0 => depth + 1,
        "END" => depth.saturating_sub(1),
        _ => depth,
    }
}

enum Token {
    /// A bare word, in upper case.
    Word(String),
    /// A semicolon.
    End,
    /// Anything else that is not white space or comment.
    Other,
}

struct Scanner<'a> {
    rest: &'a str,
}

impl Scanner<'_> {
    fn next(&mut self) -> Option<Token> {
        self.skip_blank();
        let first = self.rest.chars().next()?;
        match first {
            ';' => {
                self.advance(1);
                Some(Token::End)
            }
            '\'' => {
                self.quoted('\'', Backslash::Plain);
                Some(Token::Other)
            }
            '"' => {
                self.quoted('"', Backslash::Plain);
                Some(Token::Other)
            }
            '$' if self.dollar_quoted() => Some(Token::Other),
            c if is_word_start(c) => Some(self.word()),
            c => {
                self.advance(c.len_utf8());
                Some(Token::Other)
            }
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn skip_blank(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            if self.rest.starts_with("--") {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                self.advance(end);
            } else if self.rest.starts_with("/*") {
                self.comment();
            } else {
                return;
            }
        }
    }

    /// Comments of this kind nest.
    fn comment(&mut self) {
        let mut depth = 0_u32;
        loop {
            if self.rest.starts_with("/*") {
                depth += 1;
                self.advance(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.advance(2);
                if depth == 0 {
                    return;
                }
            } else {
                match self.rest.chars().next() {
                    Some(c) => self.advance(c.len_utf8()),
                    None => return,
                }
            }
        }
    }

    fn quoted(&mut self, quote: char, backslash: Backslash) {
        self.advance(1);
        while let Some(c) = self.rest.chars().next() {
            self.advance(c.len_utf8());
            if c == '\\' && backslash == Backslash::Escapes {
                let next = self.rest.chars().next().map_or(0, char::len_utf8);
                self.advance(next);
            } else if c == quote {
                if !self.rest.starts_with(quote) {
                    return;
                }
                self.advance(1);
            }
        }
    }

    /// `$tag$ … $tag$`; a dollar that opens none is left where it is.
    fn dollar_quoted(&mut self) -> bool {
        let Some(length) = self.rest[1..].find('$') else { return false };
        let tag = &self.rest[..length + 2];
        let inside = &tag[1..=length];
        if !inside.chars().all(|c| c == '_' || c.is_alphanumeric()) || inside.starts_with(|c: char| c.is_ascii_digit()) {
            return false;
        }
        let after = &self.rest[tag.len()..];
        let end = after.find(tag).map_or(after.len(), |at| at + tag.len());
        let used = tag.len() + end;
        self.advance(used);
        true
    }

    fn word(&mut self) -> Token {
        let end = self.rest.find(|c: char| !is_word_start(c) && !c.is_ascii_digit() && c != '$').unwrap_or(self.rest.len());
        let word = self.rest[..end].to_uppercase();
        self.advance(end);
        // E'…' takes backslashes; the other letters before a string change nothing about its end.
        if self.rest.starts_with('\'') && word == "E" {
            self.quoted('\'', Backslash::Escapes);
            return Token::Other;
        }
        Token::Word(word)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Backslash {
    Plain,
    Escapes,
}

fn is_word_start(c: char) -> bool {
    c == '_' || c.is_alphabetic() || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(sql: &str) -> Vec<String> {
        openings(sql).iter().map(|opening| opening.words.join(" ")).collect()
    }

    #[test]
    fn statements_begin_where_the_server_sees_them_begin() {
        assert_eq!(
            words("select 1; -- commit;\n update t set a = ';commit'; /* x; /* y; */ z; */ delete from t"),
            ["SELECT", "UPDATE T", "DELETE FROM"]
        );
        assert_eq!(words("do $$ begin commit; end $$; select $a$;$b$;$a$, $1"), ["DO", "SELECT"]);
        assert_eq!(words(r#"select E'\';commit;', 'a\'; insert into "a;b" values ('it''s;')"#), ["SELECT", "INSERT INTO"]);
        assert_eq!(words(" ;; \n"), Vec::<String>::new());
        assert_eq!(
            words("create function f() returns int begin atomic select case when true then 1 end; select 2; end; select 3"),
            ["CREATE FUNCTION", "SELECT"]
        );
    }

    #[test]
    fn statements_that_end_the_transaction_are_refused_wherever_they_stand() {
        for sql in [
            "commit",
            "select 1; COMMIT",
            "select 1;/**/end",
            "begin; select 1",
            "rollback",
            "start transaction",
            "prepare transaction 'x'",
            "select 'a'; abort",
        ] {
            let error = expect_no_transactions(sql).unwrap_err();
            assert_eq!(error.code, Code::QueryFailed, "{sql}");
        }
        for sql in [
            "savepoint a; rollback to a",
            "prepare q as select 1",
            "update t set done = true",
            "select 'commit'",
            "do $$ begin perform 1; end $$",
            "",
        ] {
            expect_no_transactions(sql).unwrap();
        }
    }

    #[test]
    fn a_condition_is_one_query() {
        expect_one_harmless("select 1;").unwrap();
        for sql in ["select 1; select 2", "commit", "", "select 1; commit; drop table t"] {
            assert!(expect_one_harmless(sql).is_err(), "{sql}");
        }
    }

    #[test]
    fn unfinished_text_ends_with_the_script() {
        for sql in ["select 'a", "select \"a", "select $$a", "/* a", "select E'\\", "$", "select $x"] {
            assert!(openings(sql).len() <= 1, "{sql}");
        }
    }
}
