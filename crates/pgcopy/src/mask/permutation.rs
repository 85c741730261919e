//! Keyed permutations of numbers: different numbers stay different, and nobody without the key can go back.
//!
//! Small sets are shuffled as a whole. Larger ones go through a Feistel network of ten rounds over two halves of equal size
//! (as FF1 of NIST SP 800-38G does), and again for as long as the result lies outside the set. Rows of more than 19 digits are
//! halved by digits instead.

use super::siphash::{SipKey, below};

/// Rounds of a Feistel network.
const ROUNDS: u64 = 10;

/// The most digits that are permuted as one number of 64 bits.
pub(super) const WORD_DIGITS: usize = 19;

/// The largest set that is shuffled as a whole.
const SHUFFLED_SIZE: u64 = 10_000;

/// Permutations of all rows of digits of one length, and of all whole numbers of one length, under one key.
pub(super) struct Permutation {
    key: SipKey,
    /// By the number of digits, from none.
    rows: Vec<Set>,
    /// Positive numbers by length, and by the largest numbers of 2, 4 and 8 bytes.
    positive: Vec<Stratum>,
    /// The same for negative numbers, which reach one further.
    negative: Vec<Stratum>,
}

/// The numbers from 0 up to a size.
struct Set {
    size: u64,
    /// Tells sets apart, so that one tells nothing about another.
    domain: u64,
    way: Way,
}

enum Way {
    Shuffled(Vec<u16>),
    /// The smallest half whose square holds the set.
    Feistel {
        half: u64,
    },
}

/// Numbers that are only exchanged for each other: of one number of digits, and fitting the same types.
struct Stratum {
    low: u64,
    high: u64,
    set: Set,
}

impl Permutation {
    pub(super) fn new(key: SipKey) -> Self {
        let rows = (0..=19).zip(0..).map(|(digits, domain)| Set::new(&key, 10_u64.pow(digits), domain)).collect();
        let positive = strata(&key, 0);
        let negative = strata(&key, 1);
        Self { key, rows, positive, negative }
    }

    /// Permutes a row of up to [`WORD_DIGITS`] digits, read as a number.
    #[inline]
    pub(super) fn word(&self, digits: usize, number: u64) -> u64 {
        self.rows.get(digits).map_or(number, |set| set.permute(&self.key, number))
    }

    /// Permutes a row of digits, each as its value, of any length.
    pub(super) fn row(&self, digits: &mut [u8]) {
        if digits.len() > WORD_DIGITS {
            return self.long_row(digits);
        }
        let number = digits.iter().fold(0_u64, |number, digit| number.wrapping_mul(10).wrapping_add(u64::from(*digit)));
        let mut permuted = self.word(digits.len(), number);
        for digit in digits.iter_mut().rev() {
            *digit = (permuted % 10).to_le_bytes()[0];
            permuted /= 10;
        }
    }

    /// Permutes a whole number among those of its sign and number of digits, never leaving the smallest of the types of 2, 4
    /// and 8 bytes that holds it; 0 stays 0, which has no sign.
    pub(super) fn integer(&self, value: i64) -> i64 {
        let strata = if value < 0 { &self.negative } else { &self.positive };
        let magnitude = value.unsigned_abs();
        let Some(stratum) = strata.get(strata.partition_point(|stratum| stratum.high < magnitude)) else { return value };
        if magnitude < stratum.low {
            return value;
        }
        let permuted = stratum.low + stratum.set.permute(&self.key, magnitude - stratum.low);
        if value < 0 { 0_i64.saturating_sub_unsigned(permuted) } else { 0_i64.saturating_add_unsigned(permuted) }
    }

    fn long_row(&self, digits: &mut [u8]) {
        let length = digits.len() as u64;
        let (left, right) = digits.split_at_mut(digits.len() / 2);
        for round in 0..ROUNDS {
            let (from, to) = if round % 2 == 0 { (&*right, &mut *left) } else { (&*left, &mut *right) };
            let digest = self.key.hash_tagged(length << 8 | round, from);
            for (digit, nth) in to.iter_mut().zip(0..) {
                *digit = ((u64::from(*digit) + below(digest.word(nth), 10)) % 10).to_le_bytes()[0];
            }
        }
    }
}

/// What lies between a power of ten and the next, cut where the types of 2, 4 and 8 bytes end; `extra` is how much further
/// those reach.
fn strata(key: &SipKey, extra: u64) -> Vec<Stratum> {
    let powers = (1..=18).map(|digits| 10_u64.pow(digits) - 1);
    let types =
        [i16::MAX.unsigned_abs().into(), i32::MAX.unsigned_abs().into(), i64::MAX.unsigned_abs()].map(|end: u64| end + extra);
    let mut ends: Vec<u64> = powers.chain(types).collect();
    ends.sort_unstable();
    let starts = std::iter::once(1).chain(ends.iter().map(|end| end + 1));
    let ranges = starts.zip(&ends).zip(32..);
    ranges.map(|((low, high), domain)| Stratum { low, high: *high, set: Set::new(key, high - low + 1, domain) }).collect()
}

impl Set {
    fn new(key: &SipKey, size: u64, domain: u64) -> Self {
        let way = if size <= SHUFFLED_SIZE {
            Way::Shuffled(shuffled(key, size, domain))
        } else {
            let root = size.isqrt();
            Way::Feistel { half: if root * root < size { root + 1 } else { root } }
        };
        Self { size, domain, way }
    }

    #[inline]
    fn permute(&self, key: &SipKey, number: u64) -> u64 {
        match &self.way {
            Way::Shuffled(all) => usize::try_from(number).ok().and_then(|at| all.get(at)).map_or(number, |to| u64::from(*to)),
            Way::Feistel { half } => {
                let mut permuted = number;
                // Ends: a permutation leads back to where it came from, which is inside. Fewer than 1 in 50 lie outside.
                loop {
                    permuted = feistel(key, self.domain, *half, permuted);
                    if permuted < self.size {
                        return permuted;
                    }
                }
            }
        }
    }
}

/// Permutes the numbers below the square of `half`, which is below 2^32.
#[inline]
fn feistel(key: &SipKey, domain: u64, half: u64, number: u64) -> u64 {
    let (mut left, mut right) = (number / half, number % half);
    for round in 0..ROUNDS {
        let moved = left + below(key.light_word(domain << 40 | round << 32 | right), half);
        (left, right) = (right, if moved >= half { moved - half } else { moved });
    }
    left * half + right
}

/// The numbers from 0 up to the size in a keyed order (Fisher-Yates).
fn shuffled(key: &SipKey, size: u64, domain: u64) -> Vec<u16> {
    let digest = key.hash_tagged(domain, b"shuffle");
    let mut all: Vec<u16> = (0..u16::MAX).take_while(|number| u64::from(*number) < size).collect();
    for at in (1..all.len()).rev() {
        // Shuffling needs more randomness than one digest holds: each step takes a keyed word of its own.
        let random = key.word(digest.word(at as u64));
        let other = usize::try_from(below(random, at as u64 + 1)).unwrap_or(at);
        all.swap(at, other);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn permutation() -> Permutation {
        Permutation::new(SipKey::new(*b"sixteen bytes ok"))
    }

    #[test]
    fn every_row_of_up_to_five_digits_has_another_fake() {
        let permutation = permutation();
        for digits in 1..=5 {
            let size = 10_u64.pow(u32::try_from(digits).unwrap());
            let fakes: BTreeSet<u64> = (0..size).map(|number| permutation.word(digits, number)).collect();
            assert_eq!(fakes.len() as u64, size, "{digits}");
            assert_eq!(fakes.last(), Some(&(size - 1)), "{digits}");
        }
    }

    #[test]
    fn every_integer_of_two_bytes_has_another_fake_of_its_sign_and_length() {
        let permutation = permutation();
        let mut fakes = BTreeSet::new();
        for value in i16::MIN..=i16::MAX {
            let fake = permutation.integer(value.into());
            assert_eq!(fake.signum(), i64::from(value.signum()));
            assert_eq!(fake.to_string().len(), value.to_string().len());
            fakes.insert(i16::try_from(fake).unwrap());
        }
        assert_eq!(fakes.len(), 65_536);
    }

    #[test]
    fn integers_stay_within_the_smallest_type_that_holds_them() {
        let permutation = permutation();
        for value in (0..2_000).flat_map(|nth| [i32::MAX - nth * 1_000, i32::MIN + nth * 1_000]) {
            assert!(i32::try_from(permutation.integer(value.into())).is_ok());
        }
        for value in [i64::MIN, i64::MIN + 1, i64::MAX, 1_000_000_000_000_000_000] {
            assert_eq!(permutation.integer(value).signum(), value.signum());
        }
        assert_eq!(permutation.integer(0), 0);
    }

    #[test]
    fn long_rows_stay_apart() {
        let permutation = permutation();
        for length in [19, 20, 21, 64] {
            let fakes: BTreeSet<Vec<u8>> = (0..10_000_u32)
                .map(|number| {
                    let mut digits: Vec<u8> = format!("{number:0length$}").bytes().map(|byte| byte - b'0').collect();
                    permutation.row(&mut digits);
                    assert!(digits.iter().all(|digit| *digit < 10));
                    digits
                })
                .collect();
            assert_eq!(fakes.len(), 10_000, "{length}");
        }
    }

    /// A change of one digit changes each digit of the fake nine times in ten.
    #[test]
    fn a_small_change_changes_everything() {
        let permutation = permutation();
        let mut same = 0_u32;
        for number in 0..10_000 {
            let (one, other) = (permutation.word(8, number), permutation.word(8, number + 1));
            same += (0..8).filter(|at| one / 10_u64.pow(*at) % 10 == other / 10_u64.pow(*at) % 10).map(|_| 1).sum::<u32>();
        }
        assert!((7_000..9_000).contains(&same), "{same} of 80,000 digits are the same");
    }
}
