//! Hexadecimal digits, in lower case.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Appends the first `count` digits of the bytes.
pub(super) fn append(bytes: &[u8], count: usize, text: &mut Vec<u8>) {
    let start = text.len();
    for byte in bytes.iter().take(count.div_ceil(2)) {
        text.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    text.truncate(start + count);
}

/// Appends the bytes that pairs of digits stand for, in either case; `None` where something else is met.
pub(super) fn read(text: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    for [high, low] in pairs {
        bytes.push(value(*high)? << 4 | value(*low)?);
    }
    Some(())
}

/// The value of one digit.
pub(super) fn value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value.to_le_bytes()[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let (mut text, mut bytes) = (Vec::new(), Vec::new());
        append(&[0, 0x7f, 0xff], 6, &mut text);
        assert_eq!(text, b"007fff");
        assert_eq!(read(&text, &mut bytes), Some(()));
        assert_eq!(bytes, [0, 0x7f, 0xff]);
        assert_eq!(read(b"0g", &mut bytes), None);
        assert_eq!(read(b"000", &mut bytes), None);
    }
}
