//! Lengths of time as users write them: `90s`, `5m`, `1h30m`, `1d`.

use crate::document::FromText;
use schemars::{Schema, json_schema};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The units with their milliseconds, the greatest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A length of time in whole milliseconds, from nothing to 365 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration {
    milliseconds: u64,
}

impl Duration {
    /// The longest duration.
    pub const MAX: Self = Self::from_days(365);

    /// So many milliseconds, at most `MAX`.
    pub const fn from_millis(milliseconds: u64) -> Self {
        let most = 365 * UNITS[0].1;
        Self { milliseconds: if milliseconds > most { most } else { milliseconds } }
    }
    /// So many seconds, at most `MAX`.
    pub const fn from_secs(seconds: u64) -> Self {
        Self::from_millis(seconds.saturating_mul(1_000))
    }
    /// So many minutes, at most `MAX`.
    pub const fn from_minutes(minutes: u64) -> Self {
        Self::from_secs(minutes.saturating_mul(60))
    }
    /// So many hours, at most `MAX`.
    pub const fn from_hours(hours: u64) -> Self {
        Self::from_minutes(hours.saturating_mul(60))
    }
    /// So many days, at most `MAX`.
    pub const fn from_days(days: u64) -> Self {
        Self::from_hours(days.saturating_mul(24))
    }
    /// The length in milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.milliseconds
    }
    /// The length for the standard library.
    pub const fn as_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.milliseconds)
    }
    /// Reads numbers with units, the greatest unit first and each at most once: `1d`, `1h30m`, `500ms`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a duration: write numbers with the units d, h, m, s and ms, as in `1h30m`");
        let mut rest = text;
        let mut units = UNITS.iter();
        let mut total = 0_u64;
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, after) = rest.split_at(digits);
            let length = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
            let (unit, after) = after.split_at(length);
            // The iterator goes on where the last unit was, so that units can only get smaller.
            let (_, milliseconds) = units.find(|(name, _)| *name == unit).ok_or_else(wrong)?;
            let number = number.parse::<u64>().map_err(|_| wrong())?;
            total = total.saturating_add(number.saturating_mul(*milliseconds));
            rest = after;
        }
        if text.is_empty() {
            return Err(wrong());
        }
        if total > Self::MAX.milliseconds {
            return Err(format!("`{text}` is longer than the limit of {}", Self::MAX));
        }
        Ok(Self { milliseconds: total })
    }
}

impl fmt::Display for Duration {
    /// The shortest way to write it: `90s` becomes `1m30s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.milliseconds;
        for (unit, milliseconds) in UNITS {
            if rest >= milliseconds {
                write!(f, "{}{unit}", rest / milliseconds)?;
                rest %= milliseconds;
            }
        }
        if self.milliseconds == 0 { f.write_str("0s") } else { Ok(()) }
    }
}

impl TryFrom<String> for Duration {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> Self {
        duration.to_string()
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        duration.as_std()
    }
}

impl FromText for Duration {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
    fn schema() -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
            "minLength": 1,
            "x-hint": "write a duration, as in `1h30m`",
        })
    }
    fn help(text: &str) -> Option<String> {
        let bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        bare.then(|| format!("add a unit: `{text}s` for seconds, `{text}m` for minutes"))
    }
}

#[cfg(test)]
mod tests {
    use super::Duration;

    #[test]
    fn durations_are_read_and_printed() {
        for (text, millis, printed) in [
            ("90s", 90_000, "1m30s"),
            ("5m", 300_000, "5m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("1d", 86_400_000, "1d"),
            ("500ms", 500, "500ms"),
            ("1s500ms", 1_500, "1s500ms"),
            ("0s", 0, "0s"),
            ("24h", 86_400_000, "1d"),
        ] {
            let duration = Duration::parse(text).unwrap();
            assert_eq!((duration.as_millis(), duration.to_string().as_str()), (millis, printed));
            assert_eq!(Duration::parse(printed), Ok(duration));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "5", "m", "5 m", "-5m", "1.5h", "30m1h", "1m1m", "5min", "366d", "99999999999999999999s", "5m3"] {
            assert!(Duration::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn constructors_stop_at_the_limit() {
        assert_eq!(Duration::from_days(u64::MAX), Duration::MAX);
    }
}
