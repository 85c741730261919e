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

/// Numbers that go through their networks side by side: enough to fill the time that one waits for itself.
const LANES: usize = 4;

/// The largest set that is shuffled as a whole.
const SHUFFLED_SIZE: u64 = 10_000;

/// Permutations of all rows of digits of one length, and of all whole numbers of one length, under one key.
pub(super) struct Permutation {
    key: SipKey,
    /// By the number of digits, from none.
    rows: Vec<Set>,
    /// Positive numbers by length, and by the largest numbers of 2, 4 and 8 bytes.
    positive: Strata,
    /// The same for negative numbers, which reach one further.
    negative: Strata,
}

/// The numbers from 0 up to a size.
enum Set {
    Shuffled(Vec<u16>),
    Feistel(Network),
}

/// A Feistel network for the numbers from 0 up to a size.
#[derive(Clone, Copy)]
struct Network {
    size: u64,
    /// The smallest whose square holds the size.
    half: u64,
    /// Tells sets apart, so that one tells nothing about another.
    domain: u64,
}

/// All numbers of one sign but 0, in their order.
struct Strata {
    all: Vec<Stratum>,
    /// By the bits of a number: the first stratum that it can lie in.
    first: [usize; 65],
}

/// Numbers that are only exchanged for each other: of one number of digits, and fitting the same types.
struct Stratum {
    low: u64,
    high: u64,
    set: Set,
}

/// A number to permute within its set.
#[derive(Clone, Copy)]
pub(super) struct Member<'a> {
    set: &'a Set,
    number: u64,
}

/// What a number is permuted to, or the way there.
pub(super) enum Draw {
    Made(u64),
    Walk(Walk),
}

/// A number before a network, and with [`Permutation::lead`] behind it.
#[derive(Clone, Copy)]
pub(super) struct Walk {
    network: Network,
    pub number: u64,
}

/// What a permuted integer is counted from, away from zero.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    low: u64,
    negative: bool,
}

impl Permutation {
    pub(super) fn new(key: SipKey) -> Self {
        let rows = (0..=19).zip(0..).map(|(digits, domain)| Set::new(&key, 10_u64.pow(digits), domain)).collect();
        let positive = Strata::new(&key, 0);
        let negative = Strata::new(&key, 1);
        Self { key, rows, positive, negative }
    }

    /// Where a row of digits, read as a number, is permuted; nowhere if it has more than [`WORD_DIGITS`].
    #[inline]
    pub(super) fn among_rows(&self, digits: usize, number: u64) -> Option<Member<'_>> {
        self.rows.get(digits).map(|set| Member { set, number })
    }

    /// Permutes a row of up to [`WORD_DIGITS`] digits, read as a number.
    pub(super) fn word(&self, digits: usize, number: u64) -> u64 {
        self.among_rows(digits, number).map_or(number, |member| member.permuted(&self.key))
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
        self.among_integers(value).map_or(value, |(origin, member)| origin.integer(member.permuted(&self.key)))
    }

    /// Where a whole number is permuted; nowhere if it is 0.
    #[inline]
    pub(super) fn among_integers(&self, value: i64) -> Option<(Origin, Member<'_>)> {
        let negative = value < 0;
        let strata = if negative { &self.negative } else { &self.positive };
        let magnitude = value.unsigned_abs();
        let Stratum { low, set, .. } = strata.of(magnitude)?;
        Some((Origin { low: *low, negative }, Member { set, number: magnitude.checked_sub(*low)? }))
    }

    /// Leads every number through its network, a few side by side: each round of one waits for the round before, so that a
    /// processor with one alone is idle most of the time.
    pub(super) fn lead(&self, walks: &mut [Walk]) {
        let (groups, rest) = walks.as_chunks_mut::<LANES>();
        groups.iter_mut().for_each(|group| walk(&self.key, group));
        rest.iter_mut().for_each(|alone| walk(&self.key, std::array::from_mut(alone)));
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

impl Strata {
    /// What lies between a power of ten and the next, cut where the types of 2, 4 and 8 bytes end; `extra` is how much further
    /// those reach.
    fn new(key: &SipKey, extra: u64) -> Self {
        let powers = (1..=18).map(|digits| 10_u64.pow(digits) - 1);
        let types =
            [i16::MAX.unsigned_abs().into(), i32::MAX.unsigned_abs().into(), i64::MAX.unsigned_abs()].map(|end: u64| end + extra);
        let mut ends: Vec<u64> = powers.chain(types).collect();
        ends.sort_unstable();
        let starts = std::iter::once(1).chain(ends.iter().map(|end| end + 1));
        let ranges = starts.zip(&ends).zip(32..);
        let all = ranges.map(|((low, high), domain)| Stratum { low, high: *high, set: Set::new(key, high - low + 1, domain) });
        let smallest = |bits: usize| if bits == 0 { 0 } else { 1_u64 << (bits - 1) };
        let first = std::array::from_fn(|bits| ends.partition_point(|end| *end < smallest(bits)));
        Self { all: all.collect(), first }
    }

    #[inline]
    fn of(&self, magnitude: u64) -> Option<&Stratum> {
        let first = self.first[(u64::BITS - magnitude.leading_zeros()) as usize];
        self.all[first..].iter().find(|stratum| magnitude <= stratum.high)
    }
}

impl Set {
    fn new(key: &SipKey, size: u64, domain: u64) -> Self {
        if size <= SHUFFLED_SIZE {
            return Self::Shuffled(shuffled(key, size, domain));
        }
        let root = size.isqrt();
        Self::Feistel(Network { size, half: if root * root < size { root + 1 } else { root }, domain })
    }
}

impl Member<'_> {
    /// Begins to permute it.
    #[inline]
    pub(super) fn draw(self) -> Draw {
        let number = self.number;
        match self.set {
            Set::Shuffled(all) => {
                Draw::Made(usize::try_from(number).ok().and_then(|at| all.get(at)).map_or(number, |to| u64::from(*to)))
            }
            Set::Feistel(network) => Draw::Walk(Walk { network: *network, number }),
        }
    }

    fn permuted(self, key: &SipKey) -> u64 {
        match self.draw() {
            Draw::Made(number) => number,
            Draw::Walk(mut alone) => {
                walk(key, std::array::from_mut(&mut alone));
                alone.number
            }
        }
    }
}

impl Origin {
    /// The integer that so much is counted to.
    pub(super) fn integer(self, permuted: u64) -> i64 {
        let magnitude = self.low + permuted;
        if self.negative { 0_i64.saturating_sub_unsigned(magnitude) } else { 0_i64.saturating_add_unsigned(magnitude) }
    }
}

/// Leads numbers through their networks until each is inside its set again.
fn walk<const N: usize>(key: &SipKey, walks: &mut [Walk; N]) {
    feistel(key, walks);
    for alone in walks {
        // Ends: a permutation leads back to where it came from, which is inside. Fewer than 1 in 50 lie outside.
        while alone.number >= alone.network.size {
            feistel(key, std::array::from_mut(alone));
        }
    }
}

/// Permutes numbers below the squares of their halves, which are below 2^32.
#[inline]
fn feistel<const N: usize>(key: &SipKey, walks: &mut [Walk; N]) {
    let mut halves = walks.map(|Walk { network, number }| (number / network.half, number % network.half));
    for round in 0..ROUNDS {
        for (Walk { network, .. }, (left, right)) in walks.iter().zip(&mut halves) {
            let moved = *left + below(key.light_word(network.domain << 40 | round << 32 | *right), network.half);
            (*left, *right) = (*right, if moved >= network.half { moved - network.half } else { moved });
        }
    }
    for (walk, (left, right)) in walks.iter_mut().zip(halves) {
        walk.number = left * walk.network.half + right;
    }
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
