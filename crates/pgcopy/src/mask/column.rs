//! One masked column: what becomes of a value, in either format of COPY.

use super::date::Shift;
use super::fixed::Fixed;
use super::json::{self, JsonMask};
use super::key::Keys;
use super::later::Later;
use super::noise::{self, Limits, Noise, write_float};
use super::text::{self, Equality, TextMask, append_hash};
use super::uuid::{self, Case};
use super::{CopyColumn, Format, Misread, hex};
use restage_core::mask::Mask;
use restage_core::schema::TypeKind;

/// The oids of the types of text that are built in; citext, which an extension brings, has another in every database.
const TEXT_OIDS: [u32; 3] = [25, 1043, NAME_OID];
const CHAR_OID: u32 = 1042;
pub(super) const NAME_OID: u32 = 19;

/// The version of jsonb's binary form.
const JSONB_VERSION: u8 = 1;

/// What is done to a column's values. NULL stays NULL under every mask.
pub(super) enum Action {
    Null,
    Fixed(Fixed),
    Text(TextMask, Equality),
    /// bytea: the digits of the hash, as bytes.
    Bytes {
        length: u8,
    },
    Uuid,
    Digits(Width),
    Integer(Noise, Width),
    Numeric(Noise, Limits),
    Single(Noise),
    Double(Noise),
    Date(Shift),
    Timestamp(Shift),
    Json(JsonMask),
    Jsonb(JsonMask),
}

/// The size of an integer.
#[derive(Clone, Copy)]
pub(super) enum Width {
    Two,
    Four,
    Eight,
}

/// What a value has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    Null,
    /// What was appended.
    Value,
}

/// Room to work in, reused from value to value.
#[derive(Default)]
pub(super) struct Desk {
    text: text::Desk,
    noise: noise::Desk,
    json: json::Desk,
    bytes: Vec<u8>,
    later: Later,
}

impl Desk {
    /// Finishes the fakes that were appended and are not whole: digits wait for each other in their places in what was appended to.
    #[inline]
    pub(super) fn settle(&mut self, keys: &Keys, fakes: &mut [u8]) {
        self.later.settle(&keys.permutation, fakes);
    }
}

impl Action {
    /// The action of a mask on a column; fails with the reason, as the end of a sentence about the column.
    pub(super) fn new(mask: &Mask, column: &CopyColumn) -> Result<Self, String> {
        use TypeKind as T;
        let action = match (mask, &column.kind) {
            (Mask::Null, _) => Self::Null,
            (Mask::Fixed(value), kind) => Self::Fixed(Fixed::new(value, kind).ok_or_else(|| format!("cannot hold `{value}`"))?),
            (Mask::Hash { length }, T::Bytea) => Self::Bytes { length: *length },
            (Mask::Uuid, T::Uuid) => Self::Uuid,
            (Mask::Digits, T::Integer { bytes }) => Self::Digits(Width::new(*bytes)),
            (Mask::NumberNoise { percent }, T::Integer { bytes }) => Self::Integer(Noise::new(*percent), Width::new(*bytes)),
            (Mask::NumberNoise { percent }, T::Numeric { precision, scale }) => {
                Self::Numeric(Noise::new(*percent), Limits { precision: *precision, scale: *scale })
            }
            (Mask::NumberNoise { percent }, T::Float { bytes: 4 }) => Self::Single(Noise::new(*percent)),
            (Mask::NumberNoise { percent }, T::Float { .. }) => Self::Double(Noise::new(*percent)),
            (Mask::DateShift { days }, T::Date) => Self::Date(Shift::new(*days)),
            (Mask::DateShift { days }, T::Timestamp) => Self::Timestamp(Shift::new(*days)),
            (Mask::Json(paths), T::Json) => Self::Json(JsonMask::new(paths).map_err(|path| no_path(&path))?),
            (Mask::Json(paths), T::Jsonb) => Self::Jsonb(JsonMask::new(paths).map_err(|path| no_path(&path))?),
            (mask, T::Text { .. }) => {
                let mask = TextMask::of(mask).ok_or("cannot take a mask that is not one of text")?;
                Self::Text(mask, equality(column.type_oid))
            }
            _ => return Err("is of a type that the mask is not for".into()),
        };
        Ok(action)
    }

    /// Appends what becomes of a value in its binary form, whole once the desk is settled.
    pub(super) fn binary(&self, keys: &Keys, value: &[u8], fake: &mut Vec<u8>, desk: &mut Desk) -> Result<Made, Misread> {
        match self {
            Self::Null => return Ok(Made::Null),
            Self::Fixed(fixed) => fake.extend_from_slice(&fixed.binary),
            Self::Text(mask, equality) => append_text(mask, *equality, keys, value, fake, desk),
            Self::Bytes { length } => append_bytes_hash(keys, value, *length, fake),
            Self::Uuid => {
                let value: [u8; 16] = value.try_into().map_err(|_| Misread("is no uuid"))?;
                fake.extend_from_slice(&uuid::fake(&keys.uuid, value));
            }
            Self::Digits(width) => desk.later.append_integer(&keys.permutation, *width, value, fake)?,
            Self::Integer(noise, width) => {
                let (low, high) = width.range();
                let moved = noise.integer(&keys.noise, width.read_binary(value)?, low, high, &mut desk.noise);
                width.append_binary(moved, fake)?;
            }
            Self::Numeric(noise, limits) => noise.numeric(&keys.noise, value, Format::Binary, *limits, &mut desk.noise, fake)?,
            Self::Single(noise) => {
                let value = value.try_into().map(f32::from_be_bytes).map_err(|_| Misread("is no real"))?;
                fake.extend_from_slice(&noise.single(&keys.noise, value, &mut desk.noise)?.to_be_bytes());
            }
            Self::Double(noise) => {
                let value = value.try_into().map(f64::from_be_bytes).map_err(|_| Misread("is no double precision"))?;
                fake.extend_from_slice(&noise.double(&keys.noise, value, &mut desk.noise)?.to_be_bytes());
            }
            Self::Date(shift) => {
                let day = value.try_into().map(i32::from_be_bytes).map_err(|_| Misread("is no date"))?;
                fake.extend_from_slice(&shift.date_binary(&keys.date, day).to_be_bytes());
            }
            Self::Timestamp(shift) => {
                let time = value.try_into().map(i64::from_be_bytes).map_err(|_| Misread("is no timestamp"))?;
                fake.extend_from_slice(&shift.timestamp_binary(&keys.date, time).to_be_bytes());
            }
            Self::Json(mask) => mask.append(keys, value, fake, &mut desk.json)?,
            Self::Jsonb(mask) => {
                let [JSONB_VERSION, document @ ..] = value else { return Err(Misread("is no jsonb of version 1")) };
                fake.push(JSONB_VERSION);
                mask.append(keys, document, fake, &mut desk.json)?;
            }
        }
        Ok(Made::Value)
    }

    /// Appends what becomes of a value in its text form, without the escapes of COPY, whole once the desk is settled.
    pub(super) fn text(&self, keys: &Keys, value: &[u8], fake: &mut Vec<u8>, desk: &mut Desk) -> Result<Made, Misread> {
        match self {
            Self::Null => return Ok(Made::Null),
            Self::Fixed(fixed) => fake.extend_from_slice(&fixed.text),
            Self::Text(mask, equality) => append_text(mask, *equality, keys, value, fake, desk),
            Self::Bytes { length } => {
                desk.bytes.clear();
                let digits = value.strip_prefix(b"\\x").and_then(|digits| hex::read(digits, &mut desk.bytes));
                digits.ok_or(Misread("is no bytea in hexadecimal digits"))?;
                let start = fake.len();
                append_bytes_hash(keys, &desk.bytes, *length, fake);
                desk.bytes.clear();
                desk.bytes.extend_from_slice(&fake[start..]);
                fake.truncate(start);
                fake.extend_from_slice(b"\\x");
                hex::append(&desk.bytes, 2 * desk.bytes.len(), fake);
            }
            Self::Uuid => {
                let (value, case) = uuid::read(value).filter(|(_, case)| *case == Case::Lower).ok_or(Misread("is no uuid"))?;
                uuid::write(uuid::fake(&keys.uuid, value), case, fake);
            }
            Self::Digits(width) => append_integer(keys.permutation.integer(width.read_text(value)?), fake),
            Self::Integer(noise, width) => {
                let (low, high) = width.range();
                append_integer(noise.integer(&keys.noise, width.read_text(value)?, low, high, &mut desk.noise), fake);
            }
            Self::Numeric(noise, limits) => noise.numeric(&keys.noise, value, Format::Text, *limits, &mut desk.noise, fake)?,
            Self::Single(noise) => write_float(noise.single(&keys.noise, read(value)?, &mut desk.noise)?, fake)?,
            Self::Double(noise) => write_float(noise.double(&keys.noise, read(value)?, &mut desk.noise)?, fake)?,
            Self::Date(shift) => shift.date_text(&keys.date, value, fake)?,
            Self::Timestamp(shift) => shift.timestamp_text(&keys.date, value, fake)?,
            Self::Json(mask) | Self::Jsonb(mask) => mask.append(keys, value, fake, &mut desk.json)?,
        }
        Ok(Made::Value)
    }
}

fn no_path(path: &str) -> String {
    format!("has a mask for `{path}`, which is no path or leads to a mask that JSON cannot take")
}

fn equality(type_oid: u32) -> Equality {
    match type_oid {
        CHAR_OID => Equality::IgnoringPadding,
        oid if TEXT_OIDS.contains(&oid) => Equality::Bytes,
        _ => Equality::IgnoringCase,
    }
}

fn append_text(mask: &TextMask, equality: Equality, keys: &Keys, value: &[u8], fake: &mut Vec<u8>, desk: &mut Desk) {
    match (mask, equality) {
        (TextMask::Digits, Equality::Bytes | Equality::IgnoringCase) => desk.later.append_text(&keys.permutation, value, fake),
        _ => mask.append_equal(keys, value, equality, fake, &mut desk.text),
    }
}

/// An empty bytea stays empty, as an empty text does.
fn append_bytes_hash(keys: &Keys, value: &[u8], length: u8, fake: &mut Vec<u8>) {
    if !value.is_empty() {
        append_hash(&keys.hash, value, length, fake);
    }
}

fn append_integer(value: i64, text: &mut Vec<u8>) {
    let start = text.len();
    let mut rest = value.unsigned_abs();
    loop {
        text.push(b'0' + (rest % 10).to_le_bytes()[0]);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        text.push(b'-');
    }
    text[start..].reverse();
}

/// Reads what Rust's own types read.
fn read<T: std::str::FromStr>(value: &[u8]) -> Result<T, Misread> {
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or(Misread("is no number of its type"))
}

impl Width {
    fn new(bytes: u8) -> Self {
        match bytes {
            2 => Self::Two,
            4 => Self::Four,
            _ => Self::Eight,
        }
    }

    fn range(self) -> (i64, i64) {
        match self {
            Self::Two => (i16::MIN.into(), i16::MAX.into()),
            Self::Four => (i32::MIN.into(), i32::MAX.into()),
            Self::Eight => (i64::MIN, i64::MAX),
        }
    }

    pub(super) fn read_binary(self, value: &[u8]) -> Result<i64, Misread> {
        let read = match self {
            Self::Two => value.try_into().map(|bytes| i16::from_be_bytes(bytes).into()),
            Self::Four => value.try_into().map(|bytes| i32::from_be_bytes(bytes).into()),
            Self::Eight => value.try_into().map(i64::from_be_bytes),
        };
        read.map_err(|_| Misread("is no integer of its size"))
    }

    fn read_text(self, value: &[u8]) -> Result<i64, Misread> {
        let (low, high) = self.range();
        read(value).ok().filter(|value| (low..=high).contains(value)).ok_or(Misread("is no integer of its size"))
    }

    /// Writes an integer that is known to have this size.
    pub(super) fn write_binary(self, value: i64, bytes: &mut [u8]) {
        let whole = value.to_be_bytes();
        let size = match self {
            Self::Two => 2,
            Self::Four => 4,
            Self::Eight => 8,
        };
        bytes[..size].copy_from_slice(&whole[whole.len() - size..]);
    }

    fn append_binary(self, value: i64, bytes: &mut Vec<u8>) -> Result<(), Misread> {
        const PASSED: Misread = Misread("has no fake of its size");
        match self {
            Self::Two => bytes.extend_from_slice(&i16::try_from(value).map_err(|_| PASSED)?.to_be_bytes()),
            Self::Four => bytes.extend_from_slice(&i32::try_from(value).map_err(|_| PASSED)?.to_be_bytes()),
            Self::Eight => bytes.extend_from_slice(&value.to_be_bytes()),
        }
        Ok(())
    }
}
