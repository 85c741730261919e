//! Masks of text: from the bytes of a value to the bytes of its fake. An empty text stays empty under every one of them.

use super::key::Keys;
use super::person::Person;
use super::siphash::SipKey;
use super::{address, digits, hex, letters, uuid};
use restage_core::mask::{HASH_DIGITS, Mask, NamePart};

/// The masks that make a text out of any text.
#[derive(Clone)]
pub(super) enum TextMask {
    /// So many hexadecimal digits.
    Hash(u8),
    Email,
    Name(NamePart),
    Address,
    Uuid,
    /// `digits` and `phone`.
    Digits,
    /// `text`.
    Letters,
    Template(Vec<Part>),
}

/// A part of a template.
#[derive(Clone)]
pub(super) enum Part {
    Literal(String),
    Word(TextMask),
}

/// Which texts are the same value in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Equality {
    /// Those of the same bytes.
    Bytes,
    /// citext: those that differ in case only.
    IgnoringCase,
    /// char(n): those that differ in trailing blanks only.
    IgnoringPadding,
}

impl TextMask {
    /// The mask as one of text, if it is one; a template with an unknown word is none.
    pub(super) fn of(mask: &Mask) -> Option<Self> {
        match mask {
            Mask::Hash { length } => Some(Self::Hash(*length)),
            Mask::Email => Some(Self::Email),
            Mask::Name(part) => Some(Self::Name(*part)),
            Mask::Address => Some(Self::Address),
            Mask::Uuid => Some(Self::Uuid),
            Mask::Digits | Mask::Phone => Some(Self::Digits),
            Mask::Text => Some(Self::Letters),
            Mask::Template(template) => parts(template).map(Self::Template),
            Mask::Null | Mask::Fixed(_) | Mask::DateShift { .. } | Mask::NumberNoise { .. } | Mask::Json(_) => None,
        }
    }

    /// Whether the fake keeps something of the value's shape, so that a column's rules for shapes hold for fakes as for values.
    pub(super) fn keeps_shape(&self) -> bool {
        match self {
            Self::Digits | Self::Letters => true,
            Self::Template(parts) => parts.iter().any(|part| matches!(part, Part::Word(word) if word.keeps_shape())),
            _ => false,
        }
    }

    /// Appends the fake of a text that is looked at through its column's equality.
    pub(super) fn append_equal(&self, keys: &Keys, text: &[u8], equality: Equality, fake: &mut Vec<u8>, desk: &mut Desk) {
        match equality {
            Equality::Bytes => self.append(keys, text, text, fake, &mut desk.row),
            Equality::IgnoringPadding => {
                let padding = text.iter().rev().take_while(|byte| **byte == b' ').count();
                let text = &text[..text.len() - padding];
                self.append(keys, text, text, fake, &mut desk.row);
            }
            Equality::IgnoringCase => {
                desk.folded.clear();
                fold(text, &mut desk.folded);
                self.append(keys, &desk.folded, text, fake, &mut desk.row);
            }
        }
    }

    /// Appends the fake of `value`, in the shape of `shape` where the mask keeps shapes.
    fn append(&self, keys: &Keys, value: &[u8], shape: &[u8], fake: &mut Vec<u8>, row: &mut Vec<u8>) {
        if value.is_empty() {
            return;
        }
        match self {
            Self::Hash(length) => append_hash(&keys.hash, value, *length, fake),
            Self::Email => Person::new(keys.person.hash(value)).append_email(fake),
            Self::Name(NamePart::Full) => Person::new(keys.person.hash(value)).append_full(fake),
            Self::Name(NamePart::First) => Person::new(keys.person.hash(value)).append_first(fake),
            Self::Name(NamePart::Last) => Person::new(keys.person.hash(value)).append_last(fake),
            Self::Address => address::append(keys.address.hash(value), fake),
            Self::Uuid => uuid::append(&keys.uuid, value, fake),
            Self::Digits => digits::append(&keys.permutation, shape, fake, row),
            Self::Letters => letters::append(keys.letters.hash(value), shape, fake),
            Self::Template(parts) => {
                for part in parts {
                    match part {
                        Part::Literal(text) => fake.extend_from_slice(text.as_bytes()),
                        Part::Word(word) => word.append(keys, value, shape, fake, row),
                    }
                }
            }
        }
    }
}

/// Room to work in, reused from value to value.
#[derive(Default)]
pub(super) struct Desk {
    folded: Vec<u8>,
    row: Vec<u8>,
}

/// The hexadecimal digits that one digest makes.
const HALF_DIGITS: usize = 32;

/// Appends so many hexadecimal digits of the bytes' hash, 64 at most; those after the 32nd are spun out of the first 32.
pub(super) fn append_hash(key: &SipKey, bytes: &[u8], length: u8, fake: &mut Vec<u8>) {
    let digest = key.hash(bytes);
    let first = digest.bytes();
    let count = usize::from(length);
    hex::append(&first, count.min(HALF_DIGITS), fake);
    if count > HALF_DIGITS {
        let second = key.hash_tagged(digest.low, &digest.high.to_le_bytes()).bytes();
        hex::append(&second, (count - HALF_DIGITS).min(HALF_DIGITS), fake);
    }
}

/// Appends the text in lower case, letter by letter, as citext compares.
fn fold(text: &[u8], folded: &mut Vec<u8>) {
    if text.is_ascii() {
        folded.extend(text.iter().map(u8::to_ascii_lowercase));
        return;
    }
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars().flat_map(char::to_lowercase) {
            folded.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
        folded.extend_from_slice(chunk.invalid());
    }
}

fn parts(template: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((literal, after)) = rest.split_once('{') {
        let (word, after) = after.split_once('}')?;
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.to_owned()));
        }
        parts.push(Part::Word(word_of(word)?));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest.to_owned()));
    }
    Some(parts)
}

fn word_of(word: &str) -> Option<TextMask> {
    Some(match word {
        "hash" => TextMask::Hash(HASH_DIGITS),
        "uuid" => TextMask::Uuid,
        "email" => TextMask::Email,
        "first" => TextMask::Name(NamePart::First),
        "last" => TextMask::Name(NamePart::Last),
        "name" => TextMask::Name(NamePart::Full),
        "phone" | "digits" => TextMask::Digits,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::MaskKey;

    fn fake(mask: &Mask, text: &str, equality: Equality) -> String {
        let keys = MaskKey::new(b"example").unwrap().keys;
        let mut fake = Vec::new();
        TextMask::of(mask).unwrap().append_equal(&keys, text.as_bytes(), equality, &mut fake, &mut Desk::default());
        String::from_utf8(fake).unwrap()
    }

    fn all() -> Vec<Mask> {
        vec![
            Mask::Hash { length: 16 },
            Mask::Email,
            Mask::Name(NamePart::Full),
            Mask::Name(NamePart::First),
            Mask::Name(NamePart::Last),
            Mask::Address,
            Mask::Uuid,
            Mask::Digits,
            Mask::Phone,
            Mask::Text,
            Mask::Template("{hash} {first} {digits}".into()),
        ]
    }

    #[test]
    fn an_empty_text_stays_empty() {
        for mask in all() {
            assert_eq!(fake(&mask, "", Equality::Bytes), "");
            assert_eq!(fake(&mask, "   ", Equality::IgnoringPadding), "");
        }
    }

    #[test]
    fn equal_texts_get_equal_fakes() {
        for mask in all() {
            let (one, other) = (fake(&mask, "Zoë-17", Equality::IgnoringCase), fake(&mask, "ZOË-17", Equality::IgnoringCase));
            assert_eq!(one.to_lowercase(), other.to_lowercase());
            assert_eq!(fake(&mask, "Ada 17   ", Equality::IgnoringPadding), fake(&mask, "Ada 17", Equality::Bytes));
            assert_eq!(fake(&mask, "ada 17", Equality::IgnoringCase), fake(&mask, "ada 17", Equality::Bytes));
        }
        assert_ne!(fake(&Mask::Email, "A@example.org", Equality::Bytes), fake(&Mask::Email, "a@example.org", Equality::Bytes));
    }

    #[test]
    fn a_hash_has_the_length_asked_for() {
        let whole = fake(&Mask::Hash { length: 64 }, "value", Equality::Bytes);
        for length in 4..=64 {
            assert_eq!(fake(&Mask::Hash { length }, "value", Equality::Bytes), whole[..usize::from(length)]);
        }
        assert_ne!(whole[..32], whole[32..]);
    }

    #[test]
    fn the_words_of_a_template_agree_with_each_other() {
        let made = fake(&Mask::Template("{first} {last}|{name}|{email}".into()), "Ada", Equality::Bytes);
        let [apart, whole, email] = made.split('|').collect::<Vec<_>>()[..] else { panic!("{made}") };
        assert_eq!(apart, whole);
        assert!(email.starts_with(&apart.to_lowercase().replace(' ', ".")), "{made}");
        assert_eq!(fake(&Mask::Template("no words".into()), "Ada", Equality::Bytes), "no words");
    }

    #[test]
    fn a_template_with_a_fault_is_none() {
        for template in ["{nope}", "{hash", "{}"] {
            assert!(TextMask::of(&Mask::Template(template.into())).is_none(), "{template}");
        }
    }
}
