//! The mask `number-noise`: a number moves by up to so many percent of itself, and never past zero.

use super::decimal::{Decimal, Read, mantissa};
use super::siphash::{SipKey, below};
use super::{Format, Misread};
use std::io::Write as _;

/// Noise is drawn in hundred-millionths of the value.
const WHOLE: u32 = 100_000_000;
/// The digits before the point that numeric can hold without a declared precision.
const NUMERIC_DIGITS: i32 = 131_072;

const NO_FLOAT: Misread = Misread("is no floating-point number of this size");

/// How far numbers move.
#[derive(Clone, Copy)]
pub(super) struct Noise {
    /// The greatest distance in hundred-millionths, at most a whole.
    reach: u32,
}

/// Precision and scale of a numeric column.
#[derive(Clone, Copy, Default)]
pub(super) struct Limits {
    pub precision: Option<u16>,
    pub scale: Option<i16>,
}

/// Room to calculate in, reused from value to value.
#[derive(Default)]
pub(super) struct Desk {
    decimal: Decimal,
    mantissa: Decimal,
    bytes: Vec<u8>,
}

impl Noise {
    /// Noise of up to so many percent, above 0 and up to 100.
    pub(super) fn new(percent: f64) -> Self {
        let parts = (percent / 100.0 * f64::from(WHOLE)).round().clamp(1.0, f64::from(WHOLE));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1 and a whole just above")]
        let reach = parts as u32;
        Self { reach }
    }

    /// How far the number on the desk moves, in hundred-millionths: the same for equal numbers of every type and scale.
    fn drawn(self, key: &SipKey, desk: &mut Desk) -> i64 {
        desk.bytes.clear();
        desk.decimal.append_magnitude(&mut desk.bytes);
        let random = below(key.hash(&desk.bytes).low, u64::from(self.reach) * 2 + 1);
        i64::try_from(random).unwrap_or(0) - i64::from(self.reach)
    }

    /// Moves a whole number, the other way if it would leave `low..=high`.
    pub(super) fn integer(self, key: &SipKey, value: i64, low: i64, high: i64, desk: &mut Desk) -> i64 {
        desk.decimal.set_integer(value);
        let parts = self.drawn(key, desk);
        let moved = |parts: i64| {
            let (whole, product) = (i128::from(WHOLE), i128::from(value) * (i128::from(WHOLE) + i128::from(parts)));
            // Division rounds towards zero: half a unit more makes halves go away from it.
            i64::try_from((product + product.signum() * whole / 2) / whole).ok().filter(|moved| (low..=high).contains(moved))
        };
        moved(parts).or_else(|| moved(-parts)).unwrap_or(value)
    }

    /// Moves a numeric; NaN and the infinities stay.
    pub(super) fn numeric(
        self,
        key: &SipKey,
        value: &[u8],
        format: Format,
        limits: Limits,
        desk: &mut Desk,
        fake: &mut Vec<u8>,
    ) -> Result<(), Misread> {
        let read = match format {
            Format::Binary => desk.decimal.read_binary(value)?,
            Format::Text => desk.decimal.read_text(value)?,
        };
        if read == Read::Special {
            fake.extend_from_slice(value);
            return Ok(());
        }
        self.move_within(key, limits, desk);
        match format {
            Format::Binary => desk.decimal.write_binary(fake)?,
            Format::Text => desk.decimal.write_text(fake),
        }
        Ok(())
    }

    /// Moves a number of a JSON document; an exponent stays as it is written.
    pub(super) fn json(self, key: &SipKey, value: &[u8], desk: &mut Desk, fake: &mut Vec<u8>) -> Result<(), Misread> {
        if desk.decimal.read_text(value)? == Read::Special {
            return Err(Misread("is no number"));
        }
        let parts = self.drawn(key, desk);
        let (digits, exponent) = mantissa(value);
        desk.mantissa.read_text(digits)?;
        let places = desk.mantissa.scale.into();
        move_by(&mut desk.mantissa, parts, places);
        desk.mantissa.write_text(fake);
        fake.extend_from_slice(exponent);
        Ok(())
    }

    /// Moves the number on the desk, the other way if it would pass the limits.
    fn move_within(self, key: &SipKey, limits: Limits, desk: &mut Desk) {
        let parts = self.drawn(key, desk);
        let scale = i32::from(desk.decimal.scale);
        let places = limits.scale.map_or(scale, |limit| scale.min(limit.into()));
        let digits = limits.precision.map_or(NUMERIC_DIGITS, |precision| i32::from(precision) - limits.scale.map_or(0, i32::from));
        let passes = |decimal: &Decimal| decimal.leading_power().is_none_or(|power| power < digits);
        desk.mantissa.clone_from(&desk.decimal);
        move_by(&mut desk.decimal, parts, places);
        if !passes(&desk.decimal) {
            desk.decimal.clone_from(&desk.mantissa);
            move_by(&mut desk.decimal, -parts, places);
        }
    }

    /// Moves a number of 8 bytes, the other way if it would become infinite; NaN and the infinities stay.
    pub(super) fn double(self, key: &SipKey, value: f64, desk: &mut Desk) -> Result<f64, Misread> {
        if !value.is_finite() {
            return Ok(value);
        }
        let share = self.share(key, format_args!("{value:e}"), desk)?;
        let moved = value * (1.0 + share);
        Ok(if moved.is_finite() { moved } else { value * (1.0 - share) })
    }

    /// Moves a number of 4 bytes likewise.
    pub(super) fn single(self, key: &SipKey, value: f32, desk: &mut Desk) -> Result<f32, Misread> {
        if !value.is_finite() {
            return Ok(value);
        }
        let share = self.share(key, format_args!("{value:e}"), desk)?;
        #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest number of 4 bytes")]
        let moved = |share: f64| (f64::from(value) * (1.0 + share)) as f32;
        Ok(if moved(share).is_finite() { moved(share) } else { moved(-share) })
    }

    /// The share by which a floating-point number moves, given the fewest digits that tell it apart.
    fn share(self, key: &SipKey, digits: std::fmt::Arguments<'_>, desk: &mut Desk) -> Result<f64, Misread> {
        desk.bytes.clear();
        desk.bytes.write_fmt(digits).map_err(|_| NO_FLOAT)?;
        desk.decimal.read_text(&desk.bytes)?;
        let parts = i32::try_from(self.drawn(key, desk)).map_err(|_| NO_FLOAT)?;
        Ok(f64::from(parts) / f64::from(WHOLE))
    }
}

fn move_by(decimal: &mut Decimal, parts: i64, places: i32) {
    decimal.multiply(u32::try_from(i64::from(WHOLE) + parts).unwrap_or(WHOLE));
    decimal.round(places);
}

/// Appends a floating-point number in the fewest digits that read back as the same.
pub(super) fn write_float<F: Into<f64> + std::fmt::Display + std::fmt::LowerExp + Copy>(
    value: F,
    text: &mut Vec<u8>,
) -> Result<(), Misread> {
    let wide: f64 = value.into();
    let plain = wide == 0.0 || (1e-5..1e15).contains(&wide.abs());
    let written = match wide {
        _ if wide.is_nan() => write!(text, "NaN"),
        f64::INFINITY => write!(text, "Infinity"),
        f64::NEG_INFINITY => write!(text, "-Infinity"),
        _ if plain => write!(text, "{value}"),
        _ => write!(text, "{value:e}"),
    };
    written.map_err(|_| NO_FLOAT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SipKey {
        SipKey::new(*b"sixteen bytes ok")
    }

    fn numeric(percent: f64, value: &str, limits: Limits) -> String {
        let mut fake = Vec::new();
        Noise::new(percent).numeric(&key(), value.as_bytes(), Format::Text, limits, &mut Desk::default(), &mut fake).unwrap();
        String::from_utf8(fake).unwrap()
    }

    #[test]
    fn numbers_move_within_the_percentage_and_keep_their_scale() {
        let mut moved = 0;
        for value in 1..1_000 {
            let made: f64 = numeric(10.0, &format!("{value}.00"), Limits::default()).parse().unwrap();
            let change = (made - f64::from(value)).abs();
            assert!(change <= f64::from(value) * 0.1 + 0.006, "{value} became {made}");
            moved += u32::from(change > 0.0);
        }
        assert!(moved > 990, "{moved}");
        assert_eq!(numeric(10.0, "NaN", Limits::default()), "NaN");
        assert_eq!(numeric(10.0, "0.000", Limits::default()), "0.000");
    }

    #[test]
    fn numbers_never_outgrow_their_column() {
        let limits = Limits { precision: Some(5), scale: Some(2) };
        for value in 0..500 {
            let made = numeric(100.0, &format!("{}.{:02}", 999 - value / 100, 99 - value % 100), limits);
            assert!(made.len() <= "999.99".len(), "{made}");
        }
        let thousands = Limits { precision: Some(3), scale: Some(-3) };
        assert!(numeric(50.0, "999000", thousands).ends_with("000"));
        for value in 1..=i64::from(i16::MAX) {
            let made = Noise::new(100.0).integer(&key(), -value, i16::MIN.into(), i16::MAX.into(), &mut Desk::default());
            assert!((i64::from(i16::MIN)..=0).contains(&made));
        }
        let made = Noise::new(100.0).double(&key(), f64::MAX, &mut Desk::default()).unwrap();
        assert!(made.is_finite());
    }

    #[test]
    fn equal_numbers_of_different_types_move_alike() {
        let mut desk = Desk::default();
        let noise = Noise::new(25.0);
        for value in [100_i32, -7_000, 123_456, 1_000_000] {
            let whole = noise.integer(&key(), value.into(), i64::MIN, i64::MAX, &mut desk);
            assert_eq!(numeric(25.0, &value.to_string(), Limits::default()), whole.to_string());
            let exact: f64 = numeric(25.0, &format!("{value}.00000000"), Limits::default()).parse().unwrap();
            let double = noise.double(&key(), value.into(), &mut desk).unwrap();
            assert!((double - exact).abs() < 1e-7, "{double} and {exact}");
        }
    }

    #[test]
    fn exponents_in_json_stay() {
        let mut fake = Vec::new();
        Noise::new(50.0).json(&key(), b"-1.250e+10", &mut Desk::default(), &mut fake).unwrap();
        let fake = String::from_utf8(fake).unwrap();
        assert!(fake.starts_with('-') && fake.ends_with("e+10") && fake.contains('.'), "{fake}");
    }
}
