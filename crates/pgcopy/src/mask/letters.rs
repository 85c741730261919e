//! The mask `text`: letters and digits become others of their kind, the length in characters and all else stay.

use super::siphash::Digest;

/// A kind of character: its first, and how many there are to choose from.
type Kind = (u8, u8);

const UPPER: Kind = (b'A', 26);
const LOWER: Kind = (b'a', 26);
const DIGIT: Kind = (b'0', 10);

/// Random bytes in a word; each place in the text takes one.
const LANES: usize = 8;

/// Bytes that are made at once; enough of them for the compiler to take the widest instructions there are.
const BLOCK_BYTES: usize = 32;

/// Appends the fake of a text; its letters depend on the digest and their places only.
pub(super) fn append(digest: Digest, text: &[u8], fake: &mut Vec<u8>) {
    if text.is_ascii() { append_ascii(digest, text, fake) } else { append_any(digest, text, fake) }
}

fn append_ascii(digest: Digest, text: &[u8], fake: &mut Vec<u8>) {
    fake.reserve(text.len());
    let (blocks, rest) = text.as_chunks();
    let mut nth = 0;
    for block in blocks {
        fake.extend_from_slice(&block_of(digest, nth, *block));
        nth += 1;
    }
    let mut last = [0; BLOCK_BYTES];
    last[..rest.len()].copy_from_slice(rest);
    fake.extend_from_slice(&block_of(digest, nth, last)[..rest.len()]);
}

/// The fake of the `nth` block of a text. Without a branch and of one size, so that many bytes are made at once.
#[inline]
fn block_of(digest: Digest, nth: u64, mut block: [u8; BLOCK_BYTES]) -> [u8; BLOCK_BYTES] {
    let mut random = [0; BLOCK_BYTES];
    let (words, _) = random.as_chunks_mut::<LANES>();
    for (word, at) in words.iter_mut().zip(nth * (BLOCK_BYTES / LANES) as u64..) {
        *word = digest.word(at).to_le_bytes();
    }
    for (place, random) in block.iter_mut().zip(random) {
        *place = chosen(kind_of(*place), random);
    }
    block
}

fn append_any(digest: Digest, text: &[u8], fake: &mut Vec<u8>) {
    fake.reserve(text.len());
    let mut place = 0;
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match wide_kind_of(letter) {
                Some(kind) => fake.push(chosen(kind, lane(digest, place))),
                None => fake.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            place += 1;
        }
        // Bytes that are no UTF-8 are letters of some other encoding.
        for _ in chunk.invalid() {
            fake.push(chosen(LOWER, lane(digest, place)));
            place += 1;
        }
    }
}

/// The kind of a byte of ASCII; what is neither letter nor digit is the only one of its kind.
#[inline]
fn kind_of(byte: u8) -> Kind {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let digit = byte.wrapping_sub(b'0') < 10;
    let first = if letter { (byte & 0x20) | b'A' } else { byte };
    let first = if digit { b'0' } else { first };
    let size = if letter { 26 } else { 0 };
    (first, if digit { 10 } else { size })
}

fn wide_kind_of(letter: char) -> Option<Kind> {
    match u8::try_from(letter) {
        Ok(byte) if byte.is_ascii() => Some(kind_of(byte)),
        _ if letter.is_alphabetic() => Some(if letter.is_uppercase() { UPPER } else { LOWER }),
        _ if letter.is_numeric() => Some(DIGIT),
        _ => None,
    }
}

fn lane(digest: Digest, place: usize) -> u8 {
    digest.word((place / LANES) as u64).to_le_bytes()[place % LANES]
}

/// One of the kind.
#[inline]
fn chosen((first, size): Kind, random: u8) -> u8 {
    let [_, chosen] = (u16::from(random) * u16::from(size)).to_le_bytes();
    first.wrapping_add(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fake(text: &str) -> String {
        let mut fake = Vec::new();
        append(Digest { low: 42, high: 4_242 }, text.as_bytes(), &mut fake);
        String::from_utf8(fake).unwrap()
    }

    #[test]
    fn shape_and_length_stay() {
        let made = fake("Dear Ms O'Neil-42,\n1st");
        let shape = |text: &str| -> String {
            let kind = |c: char| match c {
                'A'..='Z' => 'A',
                'a'..='z' => 'a',
                '0'..='9' => '0',
                other => other,
            };
            text.chars().map(kind).collect()
        };
        assert_eq!(shape(&made), shape("Dear Ms O'Neil-42,\n1st"));
        assert_ne!(made, "Dear Ms O'Neil-42,\n1st");
    }

    #[test]
    fn letters_of_other_alphabets_become_letters_of_ascii() {
        let made = fake("Žižkov 東京 №٣ €");
        assert_eq!(made.chars().count(), "Žižkov 東京 №٣ €".chars().count());
        assert!(made.starts_with(|c: char| c.is_ascii_uppercase()));
        assert!(made.ends_with(" €") && made.contains('№'));
        assert!(!made.contains(['Ž', 'ž', '東', '京', '٣']));
    }

    #[test]
    fn a_letter_depends_on_its_place_in_characters() {
        assert_eq!(fake("—abcdef").chars().skip(1).collect::<String>(), fake("-abcdef").chars().skip(1).collect::<String>());
    }

    #[test]
    fn every_byte_of_ascii_becomes_one_of_its_kind() {
        for byte in 0..=0x7f_u8 {
            let fakes: std::collections::BTreeSet<u8> = (0..=255).map(|random| chosen(kind_of(byte), random)).collect();
            let expected: Vec<u8> = match byte {
                b'A'..=b'Z' => (b'A'..=b'Z').collect(),
                b'a'..=b'z' => (b'a'..=b'z').collect(),
                b'0'..=b'9' => (b'0'..=b'9').collect(),
                other => vec![other],
            };
            assert!(fakes.into_iter().eq(expected), "{byte}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_become_letters() {
        let mut fake = Vec::new();
        append(Digest { low: 1, high: 2 }, b"caf\xe9 \xff\xfe1", &mut fake);
        assert_eq!(fake.len(), 8);
        assert!(fake.is_ascii());
    }
}
