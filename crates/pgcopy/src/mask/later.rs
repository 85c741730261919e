//! Digits that lie in the output before they are permuted, so that the numbers of several values are permuted side by side.
//!
//! A fake of digits has the size of its value, and its place is known at once; what it says can wait for a few others.

use super::Misread;
use super::column::Width;
use super::digits;
use super::permutation::{Draw, Member, Origin, Permutation, Walk};
use std::ops::Range;

/// How many numbers wait at most: a few rounds of those that go side by side, and still close by in memory.
const WAITING: usize = 16;

/// Numbers on their way to their places in an output, where zeros stand until then and nothing of the value; to be settled before
/// the output is cut, moved or handed on.
#[derive(Default)]
pub(super) struct Later {
    walks: Vec<Walk>,
    /// Where each of them goes.
    places: Vec<Place>,
    row: Vec<u8>,
}

/// Where in the output a permuted number goes.
enum Place {
    Integer {
        start: usize,
        width: Width,
        origin: Origin,
    },
    /// The digits in a text of ASCII.
    Digits(Range<usize>),
}

impl Later {
    /// Appends an integer in its binary form.
    pub(super) fn append_integer(
        &mut self,
        permutation: &Permutation,
        width: Width,
        value: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Misread> {
        let among = permutation.among_integers(width.read_binary(value)?);
        let start = out.len();
        out.resize(start + value.len(), 0);
        if let Some((origin, member)) = among {
            self.put(permutation, member, Place::Integer { start, width, origin }, out);
        }
        Ok(())
    }

    /// Appends a text.
    pub(super) fn append_text(&mut self, permutation: &Permutation, text: &[u8], out: &mut Vec<u8>) {
        let (count, number) = digits::read(text);
        let Some(member) = permutation.among_rows(count, number).filter(|_| text.is_ascii()) else {
            return digits::append(permutation, text, out, &mut self.row);
        };
        let start = out.len();
        out.extend(text.iter().map(|byte| if byte.is_ascii_digit() { b'0' } else { *byte }));
        self.put(permutation, member, Place::Digits(start..out.len()), out);
    }

    #[inline]
    fn put(&mut self, permutation: &Permutation, member: Member<'_>, place: Place, out: &mut [u8]) {
        match member.draw() {
            Draw::Made(permuted) => place.fill(permuted, out),
            Draw::Walk(walk) => {
                self.walks.push(walk);
                self.places.push(place);
                if self.walks.len() == WAITING {
                    self.settle(permutation, out);
                }
            }
        }
    }

    /// Puts every number that waits into its place.
    pub(super) fn settle(&mut self, permutation: &Permutation, out: &mut [u8]) {
        permutation.lead(&mut self.walks);
        for (walk, place) in self.walks.drain(..).zip(self.places.drain(..)) {
            place.fill(walk.number, out);
        }
    }
}

impl Place {
    fn fill(self, permuted: u64, out: &mut [u8]) {
        match self {
            Self::Integer { start, width, origin } => width.write_binary(origin.integer(permuted), &mut out[start..]),
            Self::Digits(text) => digits::write(permuted, &mut out[text]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::MaskKey;

    const PHONE: &[u8] = b"+44 7700 900123";

    #[test]
    fn fakes_are_the_same_whether_they_wait_for_others_or_not() {
        let keys = MaskKey::new(b"example").unwrap().keys;
        let permutation = &keys.permutation;
        for count in 0..=2 * WAITING + 5 {
            let (mut together, mut alone, mut later) = (Vec::new(), Vec::new(), Later::default());
            for nth in 0..count {
                let value = 7_i64.pow(u32::try_from(nth).unwrap() % 22) * if nth % 3 == 0 { -1 } else { 1 };
                later.append_integer(permutation, Width::Eight, &value.to_be_bytes(), &mut together).unwrap();
                alone.extend(permutation.integer(value).to_be_bytes());
                let text = format!("№ {value}").into_bytes();
                for text in [&text[..], &text["№ ".len()..], &b"1".repeat(nth), PHONE] {
                    later.append_text(permutation, text, &mut together);
                    digits::append(permutation, text, &mut alone, &mut Vec::new());
                }
            }
            later.settle(permutation, &mut together);
            assert_eq!(together, alone, "{count}");
        }
    }

    #[test]
    fn integers_of_every_size_are_put_where_they_belong() {
        let keys = MaskKey::new(b"example").unwrap().keys;
        let (mut out, mut later) = (b"before".to_vec(), Later::default());
        later.append_integer(&keys.permutation, Width::Two, &(-12_345_i16).to_be_bytes(), &mut out).unwrap();
        later.append_integer(&keys.permutation, Width::Four, &1_234_567_i32.to_be_bytes(), &mut out).unwrap();
        later.settle(&keys.permutation, &mut out);
        let fake = |value: i64| keys.permutation.integer(value);
        let two = i16::try_from(fake(-12_345)).unwrap().to_be_bytes();
        let four = i32::try_from(fake(1_234_567)).unwrap().to_be_bytes();
        assert_eq!(out, [&b"before"[..], &two, &four].concat());
    }

    #[test]
    fn nothing_of_a_value_is_in_the_output_before_its_fake_is() {
        let keys = MaskKey::new(b"example").unwrap().keys;
        let (mut out, mut later) = (Vec::new(), Later::default());
        later.append_text(&keys.permutation, PHONE, &mut out);
        later.append_integer(&keys.permutation, Width::Four, &[1, 2, 3, 4], &mut out).unwrap();
        assert_eq!(out, b"+00 0000 000000\0\0\0\0");
    }
}
