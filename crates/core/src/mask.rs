//! Masks: deterministic transformations of a column on its way out of production. Their meaning is here; their execution is the copy engine's.

mod fit;
mod personal;

pub use fit::{Unfit, fit};
pub use personal::looks_personal;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How one column is masked; under one secret the same value always gives the same fake.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Written", into = "Written")]
#[schemars(with = "Written")]
pub enum Mask {
    /// NULL.
    Null,
    /// The same text for every row.
    Fixed(String),
    /// The first `length` hexadecimal digits of the value's keyed hash (SipHash-2-4, its key derived from the secret by
    /// HMAC-SHA-256); 4 to 64, default 16.
    Hash {
        /// Digits.
        length: u8,
    },
    /// A made-up address `<first>.<last>.<hexadecimal digits>@example.com`.
    Email,
    /// A made-up name.
    Name(NamePart),
    /// A made-up telephone number of the same shape: digits replaced, all else kept; different numbers stay different.
    Phone,
    /// A made-up street address in one line.
    Address,
    /// A made-up random-looking (version 4) UUID.
    Uuid,
    /// Each digit replaced, all else kept; different numbers stay different (a keyed permutation of the digits).
    Digits,
    /// Letters and digits replaced by others of their kind, length and all else kept.
    Text,
    /// A date moved by up to so many days, either way, never by 0.
    DateShift {
        /// The greatest distance in days, 1 to 36,500.
        days: u32,
    },
    /// A number changed by up to so many percent, either way.
    NumberNoise {
        /// The greatest change in percent of the value, above 0 and up to 100.
        percent: f64,
    },
    /// Masks inside a JSON document, by path such as `$.contact.email` or `$.phones[*]`; what is absent stays absent.
    Json(BTreeMap<String, Mask>),
    /// Text with `{hash}`, `{uuid}`, `{email}`, `{first}`, `{last}`, `{name}`, `{phone}`, `{digits}` filled in from the value.
    Template(String),
}

/// Which part of a name is made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NamePart {
    /// First and last.
    Full,
    /// The first name only.
    First,
    /// The last name only.
    Last,
}

/// The default length of a hash, in hexadecimal digits.
pub const HASH_DIGITS: u8 = 16;

/// A mask as users write it: a word, or a word with its parameters.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Written {
    Plain(Plain),
    With(With),
}

/// A mask by its word alone.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Plain {
    /// NULL.
    Null,
    /// 16 hexadecimal digits of the value's keyed hash.
    Hash,
    /// A made-up e-mail address at example.com.
    Email,
    /// A made-up first and last name.
    Name,
    /// A made-up first name.
    FirstName,
    /// A made-up last name.
    LastName,
    /// A made-up telephone number of the same shape.
    Phone,
    /// A made-up street address in one line.
    Address,
    /// A made-up UUID.
    Uuid,
    /// Each digit replaced, all else kept; different numbers stay different.
    Digits,
    /// Letters and digits replaced, length and all else kept.
    Text,
}

/// A mask with parameters.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum With {
    /// The same text for every row.
    Fixed(String),
    /// Hexadecimal digits of the value's keyed hash.
    Hash(HashParameters),
    /// A date moved by up to so many days, either way.
    DateShift(DateShiftParameters),
    /// A number changed by up to so many percent, either way.
    NumberNoise(NumberNoiseParameters),
    /// Masks inside a JSON document, by path such as `$.contact.email` or `$.phones[*]`.
    Json(BTreeMap<String, Mask>),
    /// Text with `{hash}`, `{uuid}`, `{email}`, `{first}`, `{last}`, `{name}`, `{phone}`, `{digits}` filled in.
    Template(String),
}

/// Parameters of `hash`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HashParameters {
    /// Digits, 4 to 64.
    #[schemars(range(min = 4, max = 64))]
    length: u8,
}

/// Parameters of `date-shift`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DateShiftParameters {
    /// The greatest distance in days, 1 to 36,500.
    #[schemars(range(min = 1, max = 36_500))]
    days: u32,
}

/// Parameters of `number-noise`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumberNoiseParameters {
    /// The greatest change in percent of the value, above 0 and up to 100.
    #[schemars(range(min = 0.01, max = 100.0))]
    percent: f64,
}

impl From<Written> for Mask {
    fn from(written: Written) -> Self {
        match written {
            Written::Plain(Plain::Null) => Self::Null,
            Written::Plain(Plain::Hash) => Self::Hash { length: HASH_DIGITS },
            Written::Plain(Plain::Email) => Self::Email,
            Written::Plain(Plain::Name) => Self::Name(NamePart::Full),
            Written::Plain(Plain::FirstName) => Self::Name(NamePart::First),
            Written::Plain(Plain::LastName) => Self::Name(NamePart::Last),
            Written::Plain(Plain::Phone) => Self::Phone,
            Written::Plain(Plain::Address) => Self::Address,
            Written::Plain(Plain::Uuid) => Self::Uuid,
            Written::Plain(Plain::Digits) => Self::Digits,
            Written::Plain(Plain::Text) => Self::Text,
            Written::With(With::Fixed(text)) => Self::Fixed(text),
            Written::With(With::Hash(hash)) => Self::Hash { length: hash.length },
            Written::With(With::DateShift(shift)) => Self::DateShift { days: shift.days },
            Written::With(With::NumberNoise(noise)) => Self::NumberNoise { percent: noise.percent },
            Written::With(With::Json(paths)) => Self::Json(paths),
            Written::With(With::Template(text)) => Self::Template(text),
        }
    }
}

impl From<Mask> for Written {
    fn from(mask: Mask) -> Self {
        match mask {
            Mask::Null => Self::Plain(Plain::Null),
            Mask::Fixed(text) => Self::With(With::Fixed(text)),
            Mask::Hash { length: HASH_DIGITS } => Self::Plain(Plain::Hash),
            Mask::Hash { length } => Self::With(With::Hash(HashParameters { length })),
            Mask::Email => Self::Plain(Plain::Email),
            Mask::Name(NamePart::Full) => Self::Plain(Plain::Name),
            Mask::Name(NamePart::First) => Self::Plain(Plain::FirstName),
            Mask::Name(NamePart::Last) => Self::Plain(Plain::LastName),
            Mask::Phone => Self::Plain(Plain::Phone),
            Mask::Address => Self::Plain(Plain::Address),
            Mask::Uuid => Self::Plain(Plain::Uuid),
            Mask::Digits => Self::Plain(Plain::Digits),
            Mask::Text => Self::Plain(Plain::Text),
            Mask::DateShift { days } => Self::With(With::DateShift(DateShiftParameters { days })),
            Mask::NumberNoise { percent } => Self::With(With::NumberNoise(NumberNoiseParameters { percent })),
            Mask::Json(paths) => Self::With(With::Json(paths)),
            Mask::Template(text) => Self::With(With::Template(text)),
        }
    }
}
