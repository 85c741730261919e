//! The version of a migration: numbers of any length between dots, compared as numbers.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Kind, Result};

/// A version as a script's name or the history has it; `1`, `1.0` and `1_0` are equal, and each keeps its text.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    text: String,
    parts: Vec<Part>,
}

/// A number of any length: no leading zeros, so that the longer one is the greater; zero has no digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Part {
    negative: bool,
    digits: String,
}

impl Version {
    /// How many characters of a version the history's column holds.
    pub const LENGTH_LIMIT: usize = 50;

    /// The version that this text is, an underscore standing for a dot; the error names the text.
    pub fn parse(text: &str) -> Result<Self> {
        let normal = text.replace('_', ".");
        let mut parts = normal
            .split('.')
            .enumerate()
            .map(|(place, part)| Part::parse(part, if place == 0 { Sign::Allowed } else { Sign::Refused }))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| {
                Kind::BrokenName
                    .error(format_args!("`{text}` is no version"))
                    .help("write a version as numbers between dots or underscores, such as `1.2`")
            })?;
        while parts.len() > 1 && parts.last().is_some_and(|part| part.digits.is_empty()) {
            parts.pop();
        }
        Ok(Self { text: normal, parts })
    }

    /// The text, with dots for underscores.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part at a place, where every version goes on with zeros for ever.
    fn part(&self, place: usize) -> &Part {
        static ZERO: Part = Part { negative: false, digits: String::new() };
        self.parts.get(place).unwrap_or(&ZERO)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Allowed,
    Refused,
}

impl Part {
    fn parse(text: &str, sign: Sign) -> Option<Self> {
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' if sign == Sign::Allowed => (true, &text[1..]),
            b'+' if sign == Sign::Allowed => (false, &text[1..]),
            _ => (false, text),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = digits.trim_start_matches('0').to_owned();
        Some(Self { negative: negative && !digits.is_empty(), digits })
    }
}

impl Ord for Part {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = || self.digits.len().cmp(&other.digits.len()).then_with(|| self.digits.cmp(&other.digits));
        match (self.negative, other.negative) {
            (false, false) => size(),
            (true, true) => size().reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Part {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        (0..self.parts.len().max(other.parts.len()))
            .map(|place| self.part(place).cmp(other.part(place)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for Version {}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts.hash(state);
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.text)
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Version {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn underscores_are_dots_and_the_text_is_kept() {
        assert_eq!(version("1_2_003").to_string(), "1.2.003");
        assert_eq!(version("0010").to_string(), "0010");
        assert_eq!(format!("{:>5}|", version("1.0")), "  1.0|");
    }

    #[test]
    fn trailing_zeros_and_leading_zeros_do_not_tell_versions_apart() {
        for (left, right) in [("1", "1.0"), ("1.0.0", "1"), ("0", "0.0"), ("01", "1"), ("1.02", "1.2"), ("-0", "0"), ("+1", "1")] {
            assert_eq!(version(left), version(right), "{left} and {right}");
            assert_eq!(version(left).cmp(&version(right)), Ordering::Equal, "{left} and {right}");
            assert_eq!(HashSet::from([version(left), version(right)]).len(), 1, "{left} and {right}");
        }
        assert_ne!(version("1.0.1"), version("1.1"));
    }

    #[test]
    fn versions_are_ordered_as_numbers_of_any_length() {
        let ordered =
            ["-2", "-1", "0", "0.0.1", "1", "1.1", "1.2", "1.10", "2", "10", "201004200021", "99999999999999999999999999999999"];
        for pair in ordered.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{} before {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn what_is_no_version_is_named() {
        for text in ["", "a", "1.", ".1", "1..2", "1.x", "1 ", "1__2", "1.-2", "-", "١", "1.2.", "next"] {
            let error = Version::parse(text).unwrap_err();
            assert_eq!(error.kind, Kind::BrokenName, "{text}");
            assert!(error.message.contains(&format!("`{text}`")), "{}", error.message);
        }
    }

    proptest! {
        #[test]
        fn order_of_small_versions_is_the_order_of_their_numbers(left in prop::collection::vec(0u32..30, 1..4), right in prop::collection::vec(0u32..30, 1..4)) {
            let text = |parts: &[u32]| parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
            let padded = |parts: &[u32]| { let mut parts = parts.to_vec(); parts.resize(4, 0); parts };
            prop_assert_eq!(version(&text(&left)).cmp(&version(&text(&right))), padded(&left).cmp(&padded(&right)));
        }

        #[test]
        fn any_text_is_a_version_or_an_error(text in ".*") {
            let _ = Version::parse(&text);
        }
    }
}
