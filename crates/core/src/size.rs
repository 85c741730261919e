//! Amounts of data as users write them: `512kB`, `64MB`, `2GB`; the units are PostgreSQL's, powers of 1024.

use crate::document::FromText;
use schemars::{Schema, json_schema};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The units with their bytes, the greatest first.
const UNITS: [(&str, u64); 4] = [("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)];

/// An amount of data in whole kibibytes, from `1kB` to `1024TB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize {
    bytes: u64,
}

impl ByteSize {
    /// The largest amount.
    pub const MAX: Self = Self { bytes: 1 << 50 };

    /// The amount in bytes.
    pub const fn bytes(self) -> u64 {
        self.bytes
    }

    /// Reads a number with its unit: `64MB`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not an amount of data: write a number with the unit kB, MB, GB or TB, as in `64MB`");
        let length = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(length);
        let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        match number.parse::<u64>().map_err(|_| wrong())?.saturating_mul(*bytes) {
            0 => Err(wrong()),
            bytes if bytes > Self::MAX.bytes => Err(format!("`{text}` is more than the limit of {}", Self::MAX)),
            bytes => Ok(Self { bytes }),
        }
    }
}

impl fmt::Display for ByteSize {
    /// With the greatest unit that leaves a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fitting = UNITS.iter().find(|(_, bytes)| self.bytes.is_multiple_of(*bytes));
        let (unit, bytes) = fitting.unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.bytes / bytes)
    }
}

impl TryFrom<String> for ByteSize {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> Self {
        size.to_string()
    }
}

impl std::str::FromStr for ByteSize {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl FromText for ByteSize {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
    fn schema() -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]*[1-9][0-9]*(kB|MB|GB|TB)$",
            "x-hint": "write an amount of data, as in `64MB`",
        })
    }
    fn help(text: &str) -> Option<String> {
        let bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        bare.then(|| format!("add a unit: `{text}MB`"))
    }
}

#[cfg(test)]
mod tests {
    use super::ByteSize;

    #[test]
    fn sizes_are_read_and_printed() {
        for (text, bytes, printed) in
            [("64MB", 64 << 20, "64MB"), ("1kB", 1024, "1kB"), ("2048kB", 2 << 20, "2MB"), ("1500GB", 1500 << 30, "1500GB")]
        {
            let size = ByteSize::parse(text).unwrap();
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, printed));
            assert_eq!(ByteSize::parse(printed), Ok(size));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "5", "5 MB", "-5MB", "1.5GB", "0MB", "5mb", "5KB", "MB", "1025TB", "99999999999999999999MB", "5MBs"] {
            assert!(ByteSize::parse(text).is_err(), "{text}");
        }
    }
}
