//! SipHash-2-4 with a result of 128 bits: the keyed hash under every mask, fast on short values and the same on every machine.

/// A key of 128 bits.
#[derive(Clone)]
pub(super) struct SipKey {
    low: u64,
    high: u64,
}

/// What a value becomes under a key: 128 bits that tell nothing about the value without the key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest {
    pub low: u64,
    pub high: u64,
}

impl SipKey {
    pub(super) fn new(bytes: [u8; 16]) -> Self {
        let both = u128::from_le_bytes(bytes);
        let [low, high] = halves(both);
        Self { low, high }
    }

    /// SipHash-2-4-128 of the bytes.
    pub(super) fn hash(&self, bytes: &[u8]) -> Digest {
        let mut state = self.start();
        state.1 ^= 0xee;
        state.finish(bytes, bytes.len())
    }

    /// SipHash-2-4-128 of the tag's 8 bytes followed by the bytes.
    pub(super) fn hash_tagged(&self, tag: u64, bytes: &[u8]) -> Digest {
        let mut state = self.start();
        state.1 ^= 0xee;
        state.take(tag);
        state.finish(bytes, bytes.len().wrapping_add(8))
    }

    /// SipHash-2-4 (64 bits) of one word, without the block that tells the length: every word is as long as any other.
    #[inline]
    pub(super) fn word(&self, word: u64) -> u64 {
        let mut state = self.start();
        state.take(word);
        state.2 ^= 0xff;
        state.rounds::<4>();
        state.0 ^ state.1 ^ state.2 ^ state.3
    }

    /// The same as [`SipKey::word`] with half the rounds (SipHash-1-3), for networks that use it many times over one value.
    #[inline]
    pub(super) fn light_word(&self, word: u64) -> u64 {
        let mut state = self.start();
        state.3 ^= word;
        state.rounds::<1>();
        state.0 ^= word;
        state.2 ^= 0xff;
        state.rounds::<3>();
        state.0 ^ state.1 ^ state.2 ^ state.3
    }

    #[inline]
    fn start(&self) -> State {
        State(
            self.low ^ 0x736f_6d65_7073_6575,
            self.high ^ 0x646f_7261_6e64_6f6d,
            self.low ^ 0x6c79_6765_6e65_7261,
            self.high ^ 0x7465_6462_7974_6573,
        )
    }
}

impl Digest {
    /// The `nth` of a row of words spun out of the digest (SplitMix64); they are as secret as the digest, and no more.
    #[inline]
    pub(super) fn word(self, nth: u64) -> u64 {
        let mut word = self.low.wrapping_add(nth.wrapping_mul(self.high | 1));
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// All 16 bytes.
    pub(super) fn bytes(self) -> [u8; 16] {
        (u128::from(self.low) | u128::from(self.high) << 64).to_le_bytes()
    }
}

/// Spreads a random word over `0..limit`, all but evenly.
#[inline]
pub(super) fn below(random: u64, limit: u64) -> u64 {
    let [_, high] = halves(u128::from(random) * u128::from(limit));
    high
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "each half is what is wanted")]
fn halves(both: u128) -> [u64; 2] {
    [both as u64, (both >> 64) as u64]
}

struct State(u64, u64, u64, u64);

impl State {
    #[inline]
    fn rounds<const N: usize>(&mut self) {
        for _ in 0..N {
            self.0 = self.0.wrapping_add(self.1);
            self.2 = self.2.wrapping_add(self.3);
            self.1 = self.1.rotate_left(13) ^ self.0;
            self.3 = self.3.rotate_left(16) ^ self.2;
            self.0 = self.0.rotate_left(32);
            self.2 = self.2.wrapping_add(self.1);
            self.0 = self.0.wrapping_add(self.3);
            self.1 = self.1.rotate_left(17) ^ self.2;
            self.3 = self.3.rotate_left(21) ^ self.0;
            self.2 = self.2.rotate_left(32);
        }
    }

    #[inline]
    fn take(&mut self, word: u64) {
        self.3 ^= word;
        self.rounds::<2>();
        self.0 ^= word;
    }

    #[inline]
    fn finish(mut self, bytes: &[u8], length: usize) -> Digest {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.take(u64::from_le_bytes(*word));
        }
        self.take(last_word(rest, length));
        self.2 ^= 0xee;
        self.rounds::<4>();
        let low = self.0 ^ self.1 ^ self.2 ^ self.3;
        self.1 ^= 0xdd;
        self.rounds::<4>();
        Digest { low, high: self.0 ^ self.1 ^ self.2 ^ self.3 }
    }
}

/// Up to 7 bytes and the length modulo 256.
#[inline]
fn last_word(rest: &[u8], length: usize) -> u64 {
    let length = length.to_le_bytes()[0];
    let mut word = u64::from(length) << 56;
    for (nth, byte) in rest.iter().enumerate() {
        word |= u64::from(*byte) << (8 * nth);
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::hex;

    fn published_key() -> SipKey {
        SipKey::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
    }

    /// From `vectors_sip128` of the reference implementation: inputs 0, 1, 2, … of growing length.
    #[test]
    fn it_gives_the_published_results() {
        let input: Vec<u8> = (0..64).collect();
        let hex = |length: usize| {
            let mut text = Vec::new();
            hex::append(&published_key().hash(&input[..length]).bytes(), 32, &mut text);
            String::from_utf8(text).unwrap()
        };
        assert_eq!(hex(0), "a3817f04ba25a8e66df67214c7550293");
        assert_eq!(hex(1), "da87c1d86b99af44347659119b22fc45");
        assert_eq!(hex(7), "a1f1ebbed8dbc153c0b84aa61ff08239");
        assert_eq!(hex(8), "3b62a9ba6258f5610f83e264f31497b4");
        assert_eq!(hex(15), "5493e99933b0a8117e08ec0f97cfc3d9");
        assert_eq!(hex(63), "5150d1772f50834a503e069a973fbd7c");
    }

    #[test]
    fn a_tag_counts_as_eight_bytes_before_the_value() {
        let tag = 0x0706_0504_0302_0100;
        let whole: Vec<u8> = (0..13).collect();
        assert!(published_key().hash_tagged(tag, &whole[8..]) == published_key().hash(&whole));
    }

    #[test]
    fn words_are_spread_within_the_limit() {
        assert_eq!(below(u64::MAX, 10), 9);
        assert_eq!(below(0, 10), 0);
    }
}
