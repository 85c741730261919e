//! The text format: a line for each row, fields between tabs, `\N` for NULL, backslashes before what would be misread.
//!
//! PostgreSQL writes a tab or a line's end inside a value with a backslash and a letter, so that a bare one always ends the field.

use super::{Bench, Made, misread, unreadable};
use crate::Result;
use crate::mask::{Compiled, MaskedColumn, hex};
use memchr::{memchr, memchr2};

const NULL: &[u8] = b"\\N";

/// Where in the stream the last piece ended.
#[derive(Default)]
pub(super) struct Place {
    /// The field that comes next, or whose rest does.
    field: usize,
    /// Whether the field has begun: then there is more of it to come.
    within: bool,
    /// The beginning of a masked value.
    held: Vec<u8>,
}

impl Place {
    pub(super) fn is_end(&self) -> bool {
        self.field == 0 && !self.within
    }
}

pub(super) fn feed(place: &mut Place, set: &Compiled, bench: &mut Bench, message: &[u8], out: &mut Vec<u8>) -> Result<()> {
    // What lies before `copied` is in `out`, what lies before `at` is read: between them lies a run that passes.
    let (mut copied, mut at) = (0, 0);
    while at < message.len() {
        let rest = &message[at..];
        let column = set.columns.get(place.field).and_then(Option::as_ref);
        // After the last mask only the end of the row matters.
        let end = if place.field < set.masked_end { memchr2(b'\t', b'\n', rest) } else { memchr(b'\n', rest) };
        let Some(end) = end else {
            if column.is_some() {
                out.extend_from_slice(&message[copied..at]);
                place.held.extend_from_slice(rest);
                copied = message.len();
            }
            place.within = true;
            break;
        };
        if let Some(column) = column {
            out.extend_from_slice(&message[copied..at]);
            copied = at + end;
            if place.held.is_empty() {
                replace(set, column, bench, &rest[..end], out)?;
            } else {
                place.held.extend_from_slice(&rest[..end]);
                let held = std::mem::take(&mut place.held);
                replace(set, column, bench, &held, out)?;
            }
        }
        place.within = false;
        place.field = next_field(place.field, rest[end], set)?;
        at += end + 1;
    }
    out.extend_from_slice(&message[copied..]);
    Ok(())
}

/// The field after one that ends with a tab or a line.
fn next_field(field: usize, end: u8, set: &Compiled) -> Result<usize> {
    let wanted = set.columns.len();
    match end {
        b'\t' if field + 1 < wanted => Ok(field + 1),
        b'\n' if field + 1 == wanted || field >= set.masked_end => Ok(0),
        _ => Err(unreadable(&format!("a row has not the {wanted} fields that are expected"))),
    }
}

/// Appends the fake with its escapes.
fn replace(set: &Compiled, column: &MaskedColumn, bench: &mut Bench, field: &[u8], out: &mut Vec<u8>) -> Result<()> {
    if field == NULL {
        out.extend_from_slice(NULL);
        return Ok(());
    }
    bench.plain.clear();
    let value = if memchr(b'\\', field).is_some() {
        append_plain(field, &mut bench.plain);
        &bench.plain
    } else {
        field
    };
    let start = out.len();
    let made = column.action.text(&set.key.keys, value, out, &mut bench.desk);
    match made.map_err(|why| misread(column, why))? {
        Made::Null => out.extend_from_slice(NULL),
        // Most need no escapes and may stay where they are.
        Made::Value if first_special(&out[start..]).is_none() => {}
        Made::Value => {
            bench.desk.settle(&set.key.keys, out);
            bench.plain.clear();
            bench.plain.extend(out.drain(start..));
            append_escaped(&bench.plain, out);
        }
    }
    bench.tidy(set, field.len(), out);
    Ok(())
}

/// Appends the value that a field with backslashes stands for.
fn append_plain(field: &[u8], plain: &mut Vec<u8>) {
    let mut rest = field;
    while let Some(at) = memchr(b'\\', rest) {
        plain.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let (byte, length) = match rest {
            [] => (b'\\', 0),
            [b'b', ..] => (0x08, 1),
            [b'f', ..] => (0x0c, 1),
            [b'n', ..] => (b'\n', 1),
            [b'r', ..] => (b'\r', 1),
            [b't', ..] => (b'\t', 1),
            [b'v', ..] => (0x0b, 1),
            [b'0'..=b'7', ..] => octal(rest),
            [b'x', digits @ ..] => hexadecimal(digits),
            [other, ..] => (*other, 1),
        };
        plain.push(byte);
        rest = &rest[length..];
    }
    plain.extend_from_slice(rest);
}

/// Up to three octal digits.
fn octal(text: &[u8]) -> (u8, usize) {
    let digits = text.iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte));
    digits.fold((0, 0), |(value, count): (u8, usize), byte| (value.wrapping_mul(8).wrapping_add(byte - b'0'), count + 1))
}

/// Up to two hexadecimal digits after an x; without any, the x itself.
fn hexadecimal(text: &[u8]) -> (u8, usize) {
    let mut digits = text.iter().take(2).map_while(|byte| hex::value(*byte));
    match (digits.next(), digits.next()) {
        (Some(high), Some(low)) => (high << 4 | low, 3),
        (Some(only), None) => (only, 2),
        _ => (b'x', 1),
    }
}

/// Appends the value with backslashes where COPY writes them.
fn append_escaped(value: &[u8], out: &mut Vec<u8>) {
    let mut rest = value;
    while let Some(at) = first_special(rest) {
        out.extend_from_slice(&rest[..at]);
        let letter = match rest[at] {
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0b => b'v',
            0x0c => b'f',
            b'\r' => b'r',
            other => other,
        };
        out.extend_from_slice(&[b'\\', letter]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// Where the first byte lies that needs a backslash; looks at many bytes at once.
fn first_special(value: &[u8]) -> Option<usize> {
    let special = |byte: u8| byte == b'\\' || byte.wrapping_sub(0x08) < 6;
    let (blocks, _) = value.as_chunks::<16>();
    let clean = blocks.iter().take_while(|block| !block.iter().fold(false, |any, byte| any | special(*byte))).count() * 16;
    value[clean..].iter().position(|byte| special(*byte)).map(|at| clean + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_and_written_as_postgresql_does() {
        let plain = |field: &[u8]| {
            let mut plain = Vec::new();
            append_plain(field, &mut plain);
            plain
        };
        let value = b"tab\t line\n back\\ cr\r bs\x08 vt\x0b ff\x0c end";
        let mut field = Vec::new();
        append_escaped(value, &mut field);
        assert_eq!(field, br"tab\t line\n back\\ cr\r bs\b vt\v ff\f end");
        assert_eq!(plain(&field), value);
        assert_eq!(plain(br"\101\x42\x4g\q\."), b"AB\x04gq.");
        assert_eq!(plain(br"\7\xz\"), b"\x07xz\\");
        assert_eq!(plain(br"\777"), b"\xff");
    }
}
