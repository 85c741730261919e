//! The masks `digits` and `phone` on text: the digits are permuted as one number, all else stays.

use super::permutation::{Permutation, WORD_DIGITS};

/// The zeros of the decimal digits outside ASCII that are in daily use: Arabic, Persian, Devanagari, Bengali, Gurmukhi,
/// Gujarati, Tamil, Telugu, Kannada, Malayalam, Thai, Lao, Tibetan, Myanmar, Khmer and full-width.
const ZEROS: [char; 16] = [
    '\u{0660}', '\u{06f0}', '\u{0966}', '\u{09e6}', '\u{0a66}', '\u{0ae6}', '\u{0be6}', '\u{0c66}', '\u{0ce6}', '\u{0d66}',
    '\u{0e50}', '\u{0ed0}', '\u{0f20}', '\u{1040}', '\u{17e0}', '\u{ff10}',
];

/// Appends the fake of a text; `row` is room to work in.
pub(super) fn append(permutation: &Permutation, text: &[u8], fake: &mut Vec<u8>, row: &mut Vec<u8>) {
    if !text.is_ascii() {
        return append_any(permutation, text, fake, row);
    }
    let start = fake.len();
    fake.extend_from_slice(text);
    let (count, number) = read(text);
    if count <= WORD_DIGITS {
        return write(permutation.word(count, number), &mut fake[start..]);
    }
    row.clear();
    row.extend(text.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0'));
    permutation.row(row);
    let places = fake[start..].iter_mut().filter(|byte| byte.is_ascii_digit());
    places.zip(row.iter()).for_each(|(place, digit)| *place = b'0' + digit);
}

/// How many digits of ASCII a text has and, up to [`WORD_DIGITS`], the number that they make.
pub(super) fn read(text: &[u8]) -> (usize, u64) {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit());
    digits.fold((0, 0), |(count, number), byte| (count + 1, number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'))))
}

/// Replaces a text's digits of ASCII by those of a number, the last by the last.
pub(super) fn write(number: u64, text: &mut [u8]) {
    let mut rest = number;
    for place in text.iter_mut().rev().filter(|byte| byte.is_ascii_digit()) {
        *place = b'0' + (rest % 10).to_le_bytes()[0];
        rest /= 10;
    }
}

fn append_any(permutation: &Permutation, text: &[u8], fake: &mut Vec<u8>, row: &mut Vec<u8>) {
    row.clear();
    let letters = text.utf8_chunks().flat_map(|chunk| chunk.valid().chars());
    row.extend(letters.filter_map(digit_of).map(|(_, digit)| digit));
    permutation.row(row);
    let mut digits = row.iter();
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars() {
            let replaced = digit_of(letter).and_then(|(zero, _)| char::from_u32(zero + u32::from(*digits.next()?)));
            fake.extend_from_slice(replaced.unwrap_or(letter).encode_utf8(&mut [0; 4]).as_bytes());
        }
        fake.extend_from_slice(chunk.invalid());
    }
}

/// The zero of the digit's script, and its value.
fn digit_of(letter: char) -> Option<(u32, u8)> {
    let value_after = |zero: char| {
        let value = u32::from(letter).checked_sub(u32::from(zero)).filter(|value| *value < 10)?;
        Some((u32::from(zero), value.to_le_bytes()[0]))
    };
    if letter.is_ascii() { value_after('0') } else { ZEROS.into_iter().find_map(value_after) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::MaskKey;

    fn fake(text: &str) -> String {
        let keys = MaskKey::new(b"example").unwrap().keys;
        let mut fake = Vec::new();
        append(&keys.permutation, text.as_bytes(), &mut fake, &mut Vec::new());
        String::from_utf8(fake).unwrap()
    }

    #[test]
    fn shape_stays_and_every_digit_may_change() {
        let made = fake("+44 (0)7700 900-123 ext. 9");
        assert_eq!(made.replace(|c: char| c.is_ascii_digit(), "0"), "+00 (0)0000 000-000 ext. 0");
        assert_ne!(made, "+44 (0)7700 900-123 ext. 9");
        assert_eq!(fake("none"), "none");
        assert_eq!(fake(""), "");
    }

    #[test]
    fn the_same_digits_in_another_shape_get_the_same_digits() {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        assert_eq!(digits(&fake("07700 900123")), digits(&fake("(07700)-900123")));
        let long = "1".repeat(30);
        assert_eq!(digits(&fake(&long)), digits(&fake(&format!("№ {long}"))));
    }

    #[test]
    fn digits_of_other_scripts_are_replaced_in_their_script() {
        let made = fake("tel. ０９０１２３４");
        assert!(made.starts_with("tel. "));
        assert!(made.chars().skip(5).all(|c| ('\u{ff10}'..='\u{ff19}').contains(&c)), "{made}");
        assert_ne!(made, "tel. ０９０１２３４");
    }
}
