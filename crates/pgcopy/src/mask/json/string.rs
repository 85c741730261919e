//! What stands between the quotes of a JSON string.

use super::super::hex;

/// Appends the text that an escaped text stands for; half a surrogate pair becomes U+FFFD, as UTF-8 cannot hold it.
pub(super) fn append_plain(escaped: &[u8], plain: &mut Vec<u8>) {
    let mut rest = escaped;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        plain.extend_from_slice(&rest[..at]);
        rest = match &rest[at + 1..] {
            [b'u', after @ ..] => append_unicode(after, plain),
            [letter, after @ ..] => {
                plain.push(match letter {
                    b'b' => 0x08,
                    b'f' => 0x0c,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => *other,
                });
                after
            }
            [] => &[],
        };
    }
    plain.extend_from_slice(rest);
}

/// Appends the character whose four hexadecimal digits come next, with the other half of a pair, and returns what follows.
fn append_unicode<'a>(text: &'a [u8], plain: &mut Vec<u8>) -> &'a [u8] {
    let Some((first, after)) = unit(text) else { return text };
    let pair = match after {
        [b'\\', b'u', rest @ ..] if (0xd800..0xdc00).contains(&first) => {
            unit(rest).filter(|(second, _)| (0xdc00..0xe000).contains(second))
        }
        _ => None,
    };
    let (code, after) = match pair {
        Some((second, after)) => (0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00), after),
        None => (first, after),
    };
    let letter = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    plain.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    after
}

fn unit(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<4>()?;
    let mut unit = 0;
    for digit in digits {
        unit = unit << 4 | u32::from(hex::value(*digit)?);
    }
    Some((unit, rest))
}

/// Appends the text with quotes, backslashes and control characters escaped.
pub(super) fn append_escaped(plain: &[u8], escaped: &mut Vec<u8>) {
    let mut rest = plain;
    while let Some(at) = rest.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\')) {
        escaped.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'\n' => escaped.extend_from_slice(b"\\n"),
            b'\r' => escaped.extend_from_slice(b"\\r"),
            b'\t' => escaped.extend_from_slice(b"\\t"),
            quoted @ (b'"' | b'\\') => escaped.extend_from_slice(&[b'\\', quoted]),
            control => {
                escaped.extend_from_slice(b"\\u00");
                hex::append(&[control], 2, escaped);
            }
        }
        rest = &rest[at + 1..];
    }
    escaped.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(escaped: &str) -> String {
        let mut plain = Vec::new();
        append_plain(escaped.as_bytes(), &mut plain);
        String::from_utf8(plain).unwrap()
    }

    #[test]
    fn every_escape_is_read() {
        assert_eq!(plain(r#"a\"\\\/\b\f\n\r\tz"#), "a\"\\/\u{8}\u{c}\n\r\tz");
        assert_eq!(plain(r"\u00e9\ud83d\ude00\u0000"), "é😀\0");
        assert_eq!(plain(r"\ud83d!\ude00"), "\u{fffd}!\u{fffd}");
        assert_eq!(plain(r"\ud83d\u0041"), "\u{fffd}A");
        // What is no escape is never met in a document that PostgreSQL holds; it must not break anything.
        assert_eq!(plain(r"\u12"), "12");
    }

    #[test]
    fn what_is_escaped_reads_back_as_json() {
        let controls: String = (0..0x20_u8).map(char::from).collect();
        let text = format!("quote \" slash \\ é 😀 {controls}");
        let mut json = vec![b'"'];
        append_escaped(text.as_bytes(), &mut json);
        json.push(b'"');
        assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), text);
    }
}
