//! Decimal numbers of any length, as PostgreSQL's numeric stores them: groups of four digits, exact.

use super::Misread;

/// The base of a group.
const BASE: u16 = 10_000;
/// Digits in a group.
const GROUP_DIGITS: i32 = 4;
/// The largest exponent that is read, either way; numeric itself ends at 131,072 digits before and 16,383 after the point.
const MAX_EXPONENT: i32 = 150_000;

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const SPECIALS: [u16; 3] = [0xc000, 0xd000, 0xf000];

const TOO_SHORT: Misread = Misread("is no numeric: it ends too early");

/// A finite number; the buffer is reused from value to value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decimal {
    pub negative: bool,
    /// Most significant first, without zeros at either end; none for zero.
    groups: Vec<u16>,
    /// The first group's power of 10,000.
    weight: i32,
    /// Digits after the point that are shown.
    pub scale: u16,
}

/// Whether a value is a number to calculate with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    Finite,
    /// NaN or an infinity; the number was not set.
    Special,
}

impl Decimal {
    /// Reads the binary form of numeric.
    pub(super) fn read_binary(&mut self, bytes: &[u8]) -> Result<Read, Misread> {
        let (head, groups) = bytes.split_first_chunk::<8>().ok_or(TOO_SHORT)?;
        let [count_high, count_low, weight_high, weight_low, sign_high, sign_low, scale_high, scale_low] = *head;
        let sign = u16::from_be_bytes([sign_high, sign_low]);
        if SPECIALS.contains(&sign) {
            return Ok(Read::Special);
        }
        let (pairs, rest) = groups.as_chunks::<2>();
        if !rest.is_empty() || pairs.len() != usize::from(u16::from_be_bytes([count_high, count_low])) {
            return Err(TOO_SHORT);
        }
        self.negative = match sign {
            POSITIVE => false,
            NEGATIVE => true,
            _ => return Err(Misread("is no numeric: its sign is unknown")),
        };
        self.groups.clear();
        self.groups.extend(pairs.iter().map(|pair| u16::from_be_bytes(*pair)));
        if self.groups.iter().any(|group| *group >= BASE) {
            return Err(Misread("is no numeric: a digit is out of range"));
        }
        self.weight = i16::from_be_bytes([weight_high, weight_low]).into();
        self.scale = u16::from_be_bytes([scale_high, scale_low]);
        self.tidy();
        Ok(Read::Finite)
    }

    /// Reads `-12.50`, `+.5`, `1e-7`, `NaN`, `Infinity`; the scale is that of the digits written.
    pub(super) fn read_text(&mut self, text: &[u8]) -> Result<Read, Misread> {
        const NO_NUMBER: Misread = Misread("is no number");
        let (negative, unsigned) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            all => (false, all),
        };
        if [&b"NaN"[..], b"Infinity"].contains(&unsigned) {
            return Ok(Read::Special);
        }
        let (digits, exponent) = mantissa(unsigned);
        let exponent = if exponent.is_empty() { 0 } else { read_exponent(&exponent[1..]).ok_or(NO_NUMBER)? };
        let point = digits.iter().position(|byte| *byte == b'.');
        let count = digits.iter().filter(|byte| byte.is_ascii_digit()).count();
        if count == 0 || count + usize::from(point.is_some()) != digits.len() {
            return Err(NO_NUMBER);
        }
        let before = point.unwrap_or(digits.len());
        self.negative = negative;
        self.scale = u16::try_from((signed(count - before)? - exponent).max(0)).map_err(|_| NO_NUMBER)?;
        self.set_digits(digits, signed(before)? + exponent);
        Ok(Read::Finite)
    }

    /// Sets it to a whole number.
    pub(super) fn set_integer(&mut self, value: i64) {
        (self.negative, self.scale, self.weight) = (value < 0, 0, -1);
        self.groups.clear();
        let mut rest = value.unsigned_abs();
        while rest > 0 {
            self.groups.push(u16::try_from(rest % u64::from(BASE)).unwrap_or(0));
            rest /= u64::from(BASE);
            self.weight += 1;
        }
        self.groups.reverse();
        self.tidy();
    }

    /// Sets the magnitude to the digits with the point after the first `before` of them, which may lie outside.
    fn set_digits(&mut self, digits: &[u8], before: i32) {
        self.groups.clear();
        self.weight = (before - 1).div_euclid(GROUP_DIGITS);
        let powers = [1, 10, 100, 1_000];
        let mut place = before - 1;
        for digit in digits.iter().filter(|byte| byte.is_ascii_digit()) {
            let group = self.weight - place.div_euclid(GROUP_DIGITS);
            if usize::try_from(group).is_ok_and(|group| group == self.groups.len()) {
                self.groups.push(0);
            }
            if let Some(last) = self.groups.last_mut() {
                *last += u16::from(digit - b'0') * powers[power_within_group(place)];
            }
            place -= 1;
        }
        self.tidy();
    }

    /// Appends what tells the magnitude apart from every other: the same bytes however the number was written.
    pub(super) fn append_magnitude(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.weight.to_le_bytes());
        for group in &self.groups {
            bytes.extend_from_slice(&group.to_le_bytes());
        }
    }

    /// The power of ten of the leading digit; `None` for zero.
    pub(super) fn leading_power(&self) -> Option<i32> {
        let first = self.groups.first()?;
        Some(self.weight * GROUP_DIGITS + i32::try_from(first.checked_ilog10()?).ok()?)
    }

    /// Multiplies by so many hundred-millionths, exactly.
    pub(super) fn multiply(&mut self, hundred_millionths: u32) {
        let mut carry = 0_u64;
        for group in self.groups.iter_mut().rev() {
            let product = u64::from(*group) * u64::from(hundred_millionths) + carry;
            *group = u16::try_from(product % u64::from(BASE)).unwrap_or(0);
            carry = product / u64::from(BASE);
        }
        while carry > 0 {
            self.groups.insert(0, u16::try_from(carry % u64::from(BASE)).unwrap_or(0));
            carry /= u64::from(BASE);
            self.weight += 1;
        }
        self.weight -= 2;
        self.tidy();
    }

    /// Rounds to so many digits after the point, or before it if negative; halves go away from zero. The scale stays.
    pub(super) fn round(&mut self, places: i32) {
        let mut at = self.weight - (-places).div_euclid(GROUP_DIGITS);
        if at < -1 {
            self.groups.clear();
            return self.tidy();
        }
        if at == -1 {
            self.groups.insert(0, 0);
            self.weight += 1;
            at = 0;
        }
        let Some(at) = usize::try_from(at).ok().filter(|at| *at < self.groups.len()) else { return };
        let unit = [1, 10, 100, 1_000][power_within_group(-places)];
        let dropped = self.groups[at] % unit;
        let up = if unit > 1 { dropped * 2 >= unit } else { self.groups.get(at + 1).is_some_and(|next| *next >= BASE / 2) };
        self.groups.truncate(at + 1);
        self.groups[at] -= dropped;
        if up {
            self.add(at, unit);
        }
        self.tidy();
    }

    fn add(&mut self, mut at: usize, mut unit: u16) {
        loop {
            self.groups[at] += unit;
            if self.groups[at] < BASE {
                return;
            }
            self.groups[at] -= BASE;
            unit = 1;
            if at == 0 {
                self.groups.insert(0, 1);
                self.weight += 1;
                return;
            }
            at -= 1;
        }
    }

    /// Appends the binary form of numeric.
    pub(super) fn write_binary(&self, bytes: &mut Vec<u8>) -> Result<(), Misread> {
        const TOO_LARGE: Misread = Misread("is a number too large for numeric");
        let count = i16::try_from(self.groups.len()).map_err(|_| TOO_LARGE)?;
        let weight = i16::try_from(self.weight).map_err(|_| TOO_LARGE)?;
        bytes.extend_from_slice(&count.to_be_bytes());
        bytes.extend_from_slice(&weight.to_be_bytes());
        bytes.extend_from_slice(&(if self.negative && count > 0 { NEGATIVE } else { POSITIVE }).to_be_bytes());
        bytes.extend_from_slice(&self.scale.to_be_bytes());
        for group in &self.groups {
            bytes.extend_from_slice(&group.to_be_bytes());
        }
        Ok(())
    }

    /// Appends the number in digits, with as many after the point as the scale says.
    pub(super) fn write_text(&self, text: &mut Vec<u8>) {
        if self.negative && !self.groups.is_empty() {
            text.push(b'-');
        }
        let start = text.len();
        for power in (0..=self.weight).rev() {
            append_group(self.group_of(power), text);
        }
        let zeros = text[start..].iter().take_while(|byte| **byte == b'0').count();
        text.drain(start..start + zeros);
        if text.len() == start {
            text.push(b'0');
        }
        if self.scale > 0 {
            text.push(b'.');
            let end = text.len() + usize::from(self.scale);
            let mut power = -1;
            while text.len() < end {
                append_group(self.group_of(power), text);
                power -= 1;
            }
            text.truncate(end);
        }
    }

    fn group_of(&self, power: i32) -> u16 {
        usize::try_from(self.weight - power).ok().and_then(|at| self.groups.get(at)).copied().unwrap_or(0)
    }

    /// Drops zeros at both ends.
    fn tidy(&mut self) {
        let used = self.groups.iter().rposition(|group| *group != 0).map_or(0, |last| last + 1);
        self.groups.truncate(used);
        let zeros = self.groups.iter().take_while(|group| **group == 0).count();
        self.groups.drain(..zeros);
        self.weight =
            if self.groups.is_empty() { 0 } else { self.weight.saturating_sub_unsigned(u32::try_from(zeros).unwrap_or(u32::MAX)) };
    }
}

/// Splits a number before its `e`.
pub(super) fn mantissa(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(text.len()))
}

fn read_exponent(text: &[u8]) -> Option<i32> {
    let exponent: i32 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (exponent.abs() <= MAX_EXPONENT).then_some(exponent)
}

fn signed(count: usize) -> Result<i32, Misread> {
    i32::try_from(count).ok().filter(|count| *count <= MAX_EXPONENT).ok_or(Misread("is a number with too many digits"))
}

fn power_within_group(place: i32) -> usize {
    usize::try_from(place.rem_euclid(GROUP_DIGITS)).unwrap_or(0)
}

fn append_group(group: u16, text: &mut Vec<u8>) {
    let digit = |unit: u16| b'0' + (group / unit % 10).to_le_bytes()[0];
    text.extend_from_slice(&[digit(1_000), digit(100), digit(10), digit(1)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        let mut decimal = Decimal::default();
        assert_eq!(decimal.read_text(text.as_bytes()), Ok(Read::Finite), "{text}");
        decimal
    }

    fn text(decimal: &Decimal) -> String {
        let mut text = Vec::new();
        decimal.write_text(&mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn numbers_read_and_write_exactly() {
        let long = format!("{}.{}", "9".repeat(50), "1".repeat(33));
        for number in ["0", "0.00", "1", "-1", "10000", "12345.6789", "0.0001", "0.00000001", "-99999999.10", "100000000", &long] {
            assert_eq!(text(&decimal(number)), number);
            let mut bytes = Vec::new();
            decimal(number).write_binary(&mut bytes).unwrap();
            let mut read = Decimal::default();
            assert_eq!(read.read_binary(&bytes), Ok(Read::Finite));
            assert_eq!(text(&read), number);
        }
    }

    #[test]
    fn exponents_move_the_point() {
        for (written, read) in
            [("1e3", "1000"), ("1.5e-3", "0.0015"), ("+12.50E1", "125.0"), (".5", "0.5"), ("5.", "5"), ("-0e9", "0")]
        {
            assert_eq!(text(&decimal(written)), read);
        }
    }

    #[test]
    fn the_binary_form_is_postgresqls() {
        let mut bytes = Vec::new();
        decimal("-12345.670").write_binary(&mut bytes).unwrap();
        assert_eq!(bytes, [0, 3, 0, 1, 0x40, 0, 0, 3, 0, 1, 9, 41, 26, 44]);
    }

    #[test]
    fn products_are_exact_and_rounded_half_away_from_zero() {
        let times = |number: &str, factor: u32, places: i32| {
            let mut product = decimal(number);
            product.multiply(factor);
            product.round(places);
            text(&product)
        };
        assert_eq!(times("100.00", 110_000_000, 2), "110.00");
        assert_eq!(times("0.05", 110_000_000, 2), "0.06");
        assert_eq!(times("-0.05", 109_999_999, 2), "-0.05");
        assert_eq!(times("9999", 100_010_000, 0), "10000");
        assert_eq!(times("9999.9999", 100_000_001, 4), "10000.0000");
        assert_eq!(times("123456", 100_000_000, -3), "123000");
        assert_eq!(times("5000", 100_000_000, -4), "10000");
        assert_eq!(times("4999", 100_000_000, -4), "0");
        assert_eq!(times("7", 0, 0), "0");
        assert_eq!(times("12", 100_000_000, -9), "0");
    }

    #[test]
    fn the_magnitude_is_the_same_however_it_is_written() {
        let magnitude = |text: &str| {
            let mut bytes = Vec::new();
            decimal(text).append_magnitude(&mut bytes);
            bytes
        };
        for same in ["100", "100.00", "1e2", "-100", "00100.0"] {
            assert_eq!(magnitude(same), magnitude("100"));
        }
        let mut integer = Decimal::default();
        integer.set_integer(-123_450_000);
        assert_eq!(integer, decimal("-123450000"));
        assert_ne!(magnitude("100"), magnitude("10"));
    }

    #[test]
    fn the_leading_digit_is_found() {
        let power = |text: &str| decimal(text).leading_power();
        assert_eq!(
            [power("0"), power("1"), power("99999"), power("0.001"), power("0.00001")],
            [None, Some(0), Some(4), Some(-3), Some(-5)]
        );
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "1.2.3", "1e", "1e999999999", "0x10", "12a", "--1", "1e5e5"] {
            assert!(Decimal::default().read_text(text.as_bytes()).is_err(), "{text}");
        }
        for bytes in
            [&[0, 1][..], &[0, 2, 0, 0, 0, 0, 0, 0, 0, 1], &[0, 1, 0, 0, 0, 0, 0, 0, 0x7f, 0xff], &[0, 0, 0, 0, 1, 1, 0, 0]]
        {
            assert!(Decimal::default().read_binary(bytes).is_err(), "{bytes:?}");
        }
    }
}
