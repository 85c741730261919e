//! The rows behind a `COPY … FROM STDIN`, as far as the line `\.`.

use memchr::memchr;

use super::Unclosed;

pub(super) struct Rows<'text> {
    pub(super) data: &'text str,
    /// Behind the line that ends them.
    pub(super) end: usize,
}

/// Finds the rows of the statement that begins at `statement` and of which the semicolon ends at `from`.
pub(super) fn find(text: &str, from: usize, statement: usize) -> Result<Rows<'_>, Unclosed> {
    let unclosed = Unclosed {
        what: "a `COPY` from standard input",
        offset: statement,
        help: "write its rows into the lines below, and end them with a line `\\.`",
    };
    let behind = &text[from..];
    let length = memchr(b'\n', behind.as_bytes()).ok_or(unclosed)?;
    let rest_of_line = behind[..length].trim();
    // Flyway drops what stands here, and psql runs it behind the rows: whoever wrote it did not mean both.
    if !rest_of_line.is_empty() && !rest_of_line.starts_with("--") {
        return Err(Unclosed { help: "break the line behind its semicolon; its rows begin on the next one", ..unclosed });
    }
    let start = from + length + 1;
    let mut line_start = start;
    loop {
        let rest = &text.as_bytes()[line_start..];
        let line_length = memchr(b'\n', rest).unwrap_or(rest.len());
        let next_line = (line_start + line_length + 1).min(text.len());
        if is_end(&rest[..line_length]) {
            return Ok(Rows { data: &text[start..line_start], end: next_line });
        }
        if next_line == text.len() {
            return Err(unclosed);
        }
        line_start = next_line;
    }
}

/// Blanks around it do no harm in Flyway.
fn is_end(line: &[u8]) -> bool {
    let is_blank = |byte: &u8| *byte <= b' ';
    let Some(start) = line.iter().position(|byte| !is_blank(byte)) else { return false };
    line[start..].starts_with(b"\\.") && line[start + 2..].iter().all(is_blank)
}
