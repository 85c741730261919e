//! The mask `date-shift`: whole days earlier or later, never none; the time of day stays.

use super::Misread;
use super::siphash::{SipKey, below};
use std::ops::Range;

/// Days from 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
const EPOCH: i64 = 10_957;
/// The days that a date can be, counted from 2000-01-01: 4714-11-24 BC to 5874897-12-31.
const DATES: Range<i64> = -2_451_545..2_145_031_949;
/// The days that a timestamp can lie on: 4714-11-24 BC to 294276-12-31.
const TIMESTAMPS: Range<i64> = -2_451_545..106_751_983;
/// The days that a year of four digits can write: 0001-01-01 to 9999-12-31.
const FOUR_DIGITS: Range<i64> = -730_119..2_921_940;

const DAY_SECONDS: i64 = 86_400;
const DAY_MICROSECONDS: i64 = DAY_SECONDS * 1_000_000;

const NO_DATE: Misread = Misread("is no date in the ISO style");

/// How far dates move.
#[derive(Clone, Copy)]
pub(super) struct Shift {
    /// The greatest distance, either way.
    days: u32,
}

impl Shift {
    pub(super) fn new(days: u32) -> Self {
        Self { days: days.max(1) }
    }

    /// Another day at most so far away, on the other side if the first choice lies outside the range.
    fn moved(self, key: &SipKey, day: i64, range: &Range<i64>) -> i64 {
        let reach = i64::from(self.days);
        let drawn = below(key.word(day.cast_unsigned()), u64::from(self.days) * 2);
        let distance = i64::try_from(drawn).unwrap_or(0) - reach;
        let distance = if distance >= 0 { distance + 1 } else { distance };
        if range.contains(&(day + distance)) { day + distance } else { day - distance }
    }

    /// Moves days since 2000-01-01; the infinities stay.
    pub(super) fn date_binary(self, key: &SipKey, day: i32) -> i32 {
        if matches!(day, i32::MIN | i32::MAX) {
            return day;
        }
        i32::try_from(self.moved(key, day.into(), &DATES)).unwrap_or(day)
    }

    /// Moves microseconds since 2000-01-01; the infinities stay.
    pub(super) fn timestamp_binary(self, key: &SipKey, time: i64) -> i64 {
        if matches!(time, i64::MIN | i64::MAX) {
            return time;
        }
        let day = time.div_euclid(DAY_MICROSECONDS);
        let distance = self.moved(key, day, &TIMESTAMPS) - day;
        time.saturating_add(distance * DAY_MICROSECONDS)
    }

    /// Moves `2024-02-29` or `0044-03-15 BC`.
    pub(super) fn date_text(self, key: &SipKey, text: &[u8], fake: &mut Vec<u8>) -> Result<(), Misread> {
        self.text(key, text, &DATES, fake)
    }

    /// Moves `2024-02-29 12:00:00.5`, with or without an offset; the offset stays.
    pub(super) fn timestamp_text(self, key: &SipKey, text: &[u8], fake: &mut Vec<u8>) -> Result<(), Misread> {
        self.text(key, text, &TIMESTAMPS, fake)
    }

    /// Moves a date in a string of a JSON document, `2024-02-29` or `2024-02-29T12:00:00Z`.
    pub(super) fn json(self, key: &SipKey, text: &[u8], fake: &mut Vec<u8>) -> Result<(), Misread> {
        self.text(key, text, &FOUR_DIGITS, fake)
    }

    fn text(self, key: &SipKey, text: &[u8], range: &Range<i64>, fake: &mut Vec<u8>) -> Result<(), Misread> {
        if matches!(text, b"infinity" | b"-infinity") {
            fake.extend_from_slice(text);
            return Ok(());
        }
        let written = Written::read(text).ok_or(NO_DATE)?;
        let day = written.local_day + written.days_to_utc;
        // The day in UTC decides, so that a time means the same with every offset.
        let moved = self.moved(key, day, range) - written.days_to_utc;
        write(moved, written.time, fake);
        Ok(())
    }
}

/// A date in text, taken apart.
struct Written<'a> {
    /// Days since 2000-01-01.
    local_day: i64,
    /// The time and offset behind the date, as they are written.
    time: &'a [u8],
    /// What brings the local day to the one in UTC: -1, 0 or 1.
    days_to_utc: i64,
}

impl<'a> Written<'a> {
    fn read(text: &'a [u8]) -> Option<Self> {
        let (text, before_christ) = text.strip_suffix(b" BC").map_or((text, false), |text| (text, true));
        let (year, rest) = number(text)?;
        let (month, rest) = number(rest.strip_prefix(b"-")?)?;
        let (day, time) = number(rest.strip_prefix(b"-")?)?;
        let year = if before_christ { 1 - year } else { year };
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let days_to_utc = if time.is_empty() { 0 } else { days_to_utc(time)? };
        Some(Self { local_day: day_of(year, month, day), time, days_to_utc })
    }
}

/// Reads ` 12:00:00.5+05:30` or `T12:00Z` and says how many days further it is in UTC.
fn days_to_utc(time: &[u8]) -> Option<i64> {
    let [b' ' | b'T', time @ ..] = time else { return None };
    let (seconds, rest) = clock(time)?;
    let rest = match rest {
        [b'.', fraction @ ..] => number(fraction)?.1,
        rest => rest,
    };
    let offset = match rest {
        [] | [b'Z'] => 0,
        [b'+', offset @ ..] => clock(offset).filter(|(_, rest)| rest.is_empty())?.0,
        [b'-', offset @ ..] => -clock(offset).filter(|(_, rest)| rest.is_empty())?.0,
        _ => return None,
    };
    Some((seconds - offset).div_euclid(DAY_SECONDS))
}

/// Reads `12`, `12:30` or `12:30:15` as seconds.
fn clock(text: &[u8]) -> Option<(i64, &[u8])> {
    let (hours, mut rest) = number(text)?;
    let mut seconds = hours * 3_600;
    for unit in [60, 1] {
        let Some(after) = rest.strip_prefix(b":") else { break };
        let (more, after) = number(after)?;
        seconds += more * unit;
        rest = after;
    }
    Some((seconds, rest))
}

/// Reads up to nine digits; without any there is no number.
fn number(text: &[u8]) -> Option<(i64, &[u8])> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&count) {
        return None;
    }
    let (digits, rest) = text.split_at(count);
    Some((digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')), rest))
}

/// Appends a date and what follows it.
fn write(day: i64, time: &[u8], text: &mut Vec<u8>) {
    let (year, month, day) = civil(day);
    let (shown, before_christ) = if year > 0 { (year, false) } else { (1 - year, true) };
    append_padded(shown, 4, text);
    text.push(b'-');
    append_padded(month, 2, text);
    text.push(b'-');
    append_padded(day, 2, text);
    text.extend_from_slice(time);
    if before_christ {
        text.extend_from_slice(b" BC");
    }
}

fn append_padded(number: i64, digits: usize, text: &mut Vec<u8>) {
    let start = text.len();
    let mut rest = number.unsigned_abs();
    while rest > 0 || text.len() < start + digits {
        text.push(b'0' + (rest % 10).to_le_bytes()[0]);
        rest /= 10;
    }
    text[start..].reverse();
}

/// Days since 2000-01-01 of a day in the proleptic Gregorian calendar (after Howard Hinnant's `days_from_civil`).
pub(super) fn day_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468 - EPOCH
}

/// The way back: year, month and day.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + EPOCH + 719_468;
    let era = day.div_euclid(146_097);
    let day_of_era = day.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SipKey {
        SipKey::new(*b"sixteen bytes ok")
    }

    fn shifted(days: u32, text: &str) -> String {
        let mut fake = Vec::new();
        Shift::new(days).timestamp_text(&key(), text.as_bytes(), &mut fake).unwrap();
        String::from_utf8(fake).unwrap()
    }

    #[test]
    fn days_and_calendar_agree() {
        assert_eq!([day_of(2000, 1, 1), day_of(1970, 1, 1), day_of(2024, 2, 29)], [0, -EPOCH, 8_825]);
        assert_eq!(day_of(-4713, 11, 24), DATES.start);
        assert_eq!(day_of(5_874_898, 1, 1), DATES.end);
        assert_eq!(day_of(294_277, 1, 1), TIMESTAMPS.end);
        assert_eq!((day_of(1, 1, 1), day_of(10_000, 1, 1)), (FOUR_DIGITS.start, FOUR_DIGITS.end));
        for day in (DATES.start..1_000_000).step_by(97) {
            let (year, month, date) = civil(day);
            assert_eq!(day_of(year, month, date), day);
        }
    }

    #[test]
    fn a_date_always_moves_and_never_too_far() {
        for day in -20_000..20_000 {
            let moved = Shift::new(3).date_binary(&key(), day) - day;
            assert!(moved != 0 && moved.abs() <= 3);
        }
        assert_eq!(Shift::new(1).date_binary(&key(), i32::MAX), i32::MAX);
        assert_eq!(Shift::new(1).timestamp_binary(&key(), i64::MIN), i64::MIN);
    }

    #[test]
    fn the_ends_of_time_are_not_passed() {
        for day in 0..100 {
            let first = i32::try_from(DATES.start).unwrap() + day;
            assert!(DATES.contains(&Shift::new(36_500).date_binary(&key(), first).into()));
            let last = (TIMESTAMPS.end - 1 - i64::from(day)) * DAY_MICROSECONDS;
            assert!(TIMESTAMPS.contains(&Shift::new(36_500).timestamp_binary(&key(), last).div_euclid(DAY_MICROSECONDS)));
        }
    }

    #[test]
    fn the_time_of_day_and_the_offset_stay() {
        assert!(shifted(30, "2024-02-29 23:59:59.123456+05:30").ends_with(" 23:59:59.123456+05:30"));
        assert!(shifted(30, "0044-03-15 12:00:00 BC").ends_with(" 12:00:00 BC"));
        assert_eq!(shifted(30, "infinity"), "infinity");
    }

    #[test]
    fn one_instant_moves_alike_with_every_offset() {
        let day = |text: &str| shifted(1_000, text);
        assert_eq!(&day("2024-02-29 23:30:00+00")[..10], &day("2024-02-29 18:30:00-05")[..10]);
        // The next day in Kolkata, but the same instant.
        let (utc, kolkata) = (day("2024-02-29 23:30:00+00"), day("2024-03-01 05:00:00+05:30"));
        let utc_day = |text: &str| Written::read(text.as_bytes()).map(|written| written.local_day + written.days_to_utc);
        assert_eq!(utc_day(&utc), utc_day(&kolkata));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "today",
            "2024",
            "2024-13-01",
            "2024-01-32",
            "29/02/2024",
            "2024-02-29x",
            "2024-02-29 12:00:00 CET",
            "99999999999-01-01",
        ] {
            let mut fake = Vec::new();
            assert!(Shift::new(1).timestamp_text(&key(), text.as_bytes(), &mut fake).is_err(), "{text}");
        }
    }
}
