//! Values in the two formats of COPY, written and read without any code of the crate under test.

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Span};
use restage_core::mask::Mask;
use restage_core::schema::{ColumnName, TypeKind};
use restage_pgcopy::Result;
use restage_pgcopy::mask::{CopyColumn, Format, MaskKey, MaskSet, Masker};
use std::sync::LazyLock;

pub(crate) const TEXT: TypeKind = TypeKind::Text { max_chars: None };
pub(crate) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const SPECIALS: [(u16, &str); 3] = [(0xc000, "NaN"), (0xd000, "Infinity"), (0xf000, "-Infinity")];

/// A value of one of the types that masks know.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Integer(i64, u8),
    /// As numeric prints it.
    Numeric(String),
    Single(f32),
    Double(f64),
    /// Days since 2000-01-01.
    Date(i32),
    /// Microseconds since then.
    Timestamp(i64),
    /// The same, and an offset in minutes for the text form.
    Timestamptz(i64, i16),
    Uuid([u8; 16]),
    Json(String),
    Jsonb(String),
    Bytea(Vec<u8>),
}

impl Value {
    pub(crate) fn kind(&self) -> (TypeKind, u32) {
        match self {
            Self::Text(_) => (TEXT, 25),
            Self::Integer(_, 2) => (TypeKind::Integer { bytes: 2 }, 21),
            Self::Integer(_, 4) => (TypeKind::Integer { bytes: 4 }, 23),
            Self::Integer(..) => (TypeKind::Integer { bytes: 8 }, 20),
            Self::Numeric(_) => (TypeKind::Numeric { precision: None, scale: None }, 1700),
            Self::Single(_) => (TypeKind::Float { bytes: 4 }, 700),
            Self::Double(_) => (TypeKind::Float { bytes: 8 }, 701),
            Self::Date(_) => (TypeKind::Date, 1082),
            Self::Timestamp(_) => (TypeKind::Timestamp, 1114),
            Self::Timestamptz(..) => (TypeKind::Timestamp, 1184),
            Self::Uuid(_) => (TypeKind::Uuid, 2950),
            Self::Json(_) => (TypeKind::Json, 114),
            Self::Jsonb(_) => (TypeKind::Jsonb, 3802),
            Self::Bytea(_) => (TypeKind::Bytea, 17),
        }
    }

    pub(crate) fn binary(&self) -> Vec<u8> {
        match self {
            Self::Text(text) | Self::Json(text) => text.clone().into_bytes(),
            Self::Integer(value, bytes) => value.to_be_bytes()[8 - usize::from(*bytes)..].to_vec(),
            Self::Numeric(text) => numeric_binary(text),
            Self::Single(value) => value.to_be_bytes().to_vec(),
            Self::Double(value) => value.to_be_bytes().to_vec(),
            Self::Date(day) => day.to_be_bytes().to_vec(),
            Self::Timestamp(time) | Self::Timestamptz(time, _) => time.to_be_bytes().to_vec(),
            Self::Uuid(uuid) => uuid.to_vec(),
            Self::Jsonb(text) => [&[1], text.as_bytes()].concat(),
            Self::Bytea(bytes) => bytes.clone(),
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(text) | Self::Json(text) | Self::Jsonb(text) | Self::Numeric(text) => text.clone(),
            Self::Integer(value, _) => value.to_string(),
            Self::Single(value) if value.is_infinite() => if *value > 0.0 { "Infinity" } else { "-Infinity" }.into(),
            Self::Single(value) => format!("{value:e}"),
            Self::Double(value) if value.is_infinite() => if *value > 0.0 { "Infinity" } else { "-Infinity" }.into(),
            Self::Double(value) => format!("{value:e}"),
            Self::Date(i32::MAX) | Self::Timestamp(i64::MAX) | Self::Timestamptz(i64::MAX, _) => "infinity".into(),
            Self::Date(i32::MIN) | Self::Timestamp(i64::MIN) | Self::Timestamptz(i64::MIN, _) => "-infinity".into(),
            Self::Date(day) => date_text(epoch().date().checked_add(Span::new().days(*day)).unwrap(), ""),
            Self::Timestamp(time) => timestamp_text(*time, ""),
            Self::Timestamptz(time, offset) => {
                let sign = if *offset < 0 { '-' } else { '+' };
                let written = format!("{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60);
                timestamp_text(time + i64::from(*offset) * 60_000_000, &written)
            }
            Self::Uuid(uuid) => {
                let hex = hex(uuid);
                format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
            }
            Self::Bytea(bytes) => format!("\\x{}", hex(bytes)),
        }
    }

    /// Reads a value of the same type from its binary form.
    pub(crate) fn read_binary(&self, bytes: &[u8]) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        match self {
            Self::Text(_) => Self::Text(text(bytes)),
            Self::Json(_) => Self::Json(text(bytes)),
            Self::Jsonb(_) => Self::Jsonb(text(bytes.strip_prefix(&[1]).unwrap())),
            Self::Integer(_, size) => {
                assert_eq!(bytes.len(), usize::from(*size));
                let fill = if bytes[0] & 0x80 == 0 { 0 } else { 0xff };
                let mut whole = [fill; 8];
                whole[8 - bytes.len()..].copy_from_slice(bytes);
                Self::Integer(i64::from_be_bytes(whole), *size)
            }
            Self::Numeric(_) => Self::Numeric(numeric_text(bytes)),
            Self::Single(_) => Self::Single(f32::from_be_bytes(bytes.try_into().unwrap())),
            Self::Double(_) => Self::Double(f64::from_be_bytes(bytes.try_into().unwrap())),
            Self::Date(_) => Self::Date(i32::from_be_bytes(bytes.try_into().unwrap())),
            Self::Timestamp(_) => Self::Timestamp(i64::from_be_bytes(bytes.try_into().unwrap())),
            Self::Timestamptz(_, offset) => Self::Timestamptz(i64::from_be_bytes(bytes.try_into().unwrap()), *offset),
            Self::Uuid(_) => Self::Uuid(bytes.try_into().unwrap()),
            Self::Bytea(_) => Self::Bytea(bytes.to_vec()),
        }
    }

    /// Reads a value of the same type from its text form.
    pub(crate) fn read_text(&self, text: &str) -> Self {
        match self {
            Self::Text(_) => Self::Text(text.into()),
            Self::Json(_) => Self::Json(text.into()),
            Self::Jsonb(_) => Self::Jsonb(text.into()),
            Self::Integer(_, size) => Self::Integer(text.parse().unwrap(), *size),
            Self::Numeric(_) => Self::Numeric(text.into()),
            Self::Single(_) => Self::Single(text.parse().unwrap()),
            Self::Double(_) => Self::Double(text.parse().unwrap()),
            Self::Date(_) => Self::Date(match text {
                "infinity" => i32::MAX,
                "-infinity" => i32::MIN,
                text => (text.parse::<Date>().unwrap() - epoch().date()).get_days(),
            }),
            Self::Timestamp(_) => Self::Timestamp(read_timestamp(text)),
            Self::Timestamptz(_, offset) => {
                let local = text.rfind(['+', '-']).filter(|at| *at > 10).map_or(text, |at| &text[..at]);
                let time = read_timestamp(local);
                let utc = if matches!(time, i64::MIN | i64::MAX) { time } else { time - i64::from(*offset) * 60_000_000 };
                Self::Timestamptz(utc, *offset)
            }
            Self::Uuid(_) => Self::Uuid(unhex(&text.replace('-', "")).try_into().unwrap()),
            Self::Bytea(_) => Self::Bytea(unhex(text.strip_prefix("\\x").unwrap())),
        }
    }
}

fn epoch() -> DateTime {
    jiff::civil::datetime(2000, 1, 1, 0, 0, 0, 0)
}

fn date_text(date: Date, time: &str) -> String {
    let (year, era) = if date.year() > 0 { (date.year(), "") } else { (1 - date.year(), " BC") };
    format!("{year:04}-{:02}-{:02}{time}{era}", date.month(), date.day())
}

fn timestamp_text(microseconds: i64, offset: &str) -> String {
    let time = epoch().checked_add(SignedDuration::from_micros(microseconds)).unwrap();
    let fraction = if time.subsec_nanosecond() == 0 { String::new() } else { format!(".{:06}", time.subsec_nanosecond() / 1_000) };
    date_text(time.date(), &format!(" {:02}:{:02}:{:02}{fraction}{offset}", time.hour(), time.minute(), time.second()))
}

fn read_timestamp(text: &str) -> i64 {
    match text {
        "infinity" => i64::MAX,
        "-infinity" => i64::MIN,
        text => {
            let since = text.parse::<DateTime>().unwrap().duration_since(epoch());
            i64::try_from(since.as_micros()).unwrap()
        }
    }
}

fn numeric_binary(text: &str) -> Vec<u8> {
    if let Some((sign, _)) = SPECIALS.iter().find(|(_, name)| *name == text) {
        return [&[0; 4][..], &sign.to_be_bytes(), &[0; 2]].concat();
    }
    let (sign, unsigned) = text.strip_prefix('-').map_or((0_u16, text), |rest| (0x4000, rest));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let padded = format!("{}{whole}{fraction}{}", "0".repeat((4 - whole.len() % 4) % 4), "0".repeat((4 - fraction.len() % 4) % 4));
    let groups: Vec<u16> = padded.as_bytes().chunks(4).map(|four| std::str::from_utf8(four).unwrap().parse().unwrap()).collect();
    let zeros = groups.iter().take_while(|group| **group == 0).count();
    let weight = i16::try_from(whole.len().div_ceil(4)).unwrap() - 1 - i16::try_from(zeros).unwrap();
    let mut groups = &groups[zeros..];
    while let [rest @ .., 0] = groups {
        groups = rest;
    }
    let weight = if groups.is_empty() { 0 } else { weight };
    let mut bytes = u16::try_from(groups.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(weight.to_be_bytes());
    bytes.extend((if groups.is_empty() { 0 } else { sign }).to_be_bytes());
    bytes.extend(u16::try_from(fraction.len()).unwrap().to_be_bytes());
    bytes.extend(groups.iter().flat_map(|group| group.to_be_bytes()));
    bytes
}

fn numeric_text(bytes: &[u8]) -> String {
    let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let (count, weight, sign, scale) = (word(0), word(2).cast_signed(), word(4), word(6));
    if let Some((_, name)) = SPECIALS.iter().find(|(special, _)| *special == sign) {
        return (*name).into();
    }
    assert_eq!(bytes.len(), 8 + 2 * usize::from(count));
    let group = |power: i16| {
        let at = i32::from(weight) - i32::from(power);
        if (0..i32::from(count)).contains(&at) { word(8 + 2 * usize::try_from(at).unwrap()) } else { 0 }
    };
    let digits = |powers: Vec<i16>| powers.into_iter().map(|power| format!("{:04}", group(power))).collect::<Vec<_>>().concat();
    let whole = digits((0..=weight).rev().collect());
    let whole = whole.trim_start_matches('0');
    let groups = i16::try_from(scale.div_ceil(4)).unwrap();
    let fraction = digits((1..=groups).map(|power| -power).collect());
    let point = if scale > 0 { "." } else { "" };
    let minus = if sign == 0x4000 { "-" } else { "" };
    format!("{minus}{}{point}{}", if whole.is_empty() { "0" } else { whole }, &fraction[..usize::from(scale)])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from_digit(digit.into(), 16).unwrap()).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|nth| u8::from_str_radix(&text[2 * nth..2 * nth + 2], 16).unwrap()).collect()
}

/// Rows of fields, `None` being NULL.
pub(crate) type Rows = Vec<Vec<Option<Vec<u8>>>>;

pub(crate) fn binary_stream(rows: &Rows) -> Vec<u8> {
    let mut bytes = HEADER.to_vec();
    for row in rows {
        bytes.extend(i16::try_from(row.len()).unwrap().to_be_bytes());
        for field in row {
            let length = field.as_ref().map_or(-1, |field| i32::try_from(field.len()).unwrap());
            bytes.extend(length.to_be_bytes());
            bytes.extend(field.iter().flatten());
        }
    }
    bytes.extend([0xff, 0xff]);
    bytes
}

pub(crate) fn read_binary_stream(bytes: &[u8]) -> Rows {
    let mut rest = bytes.strip_prefix(HEADER).unwrap();
    let mut take = |count: usize| {
        let (taken, after) = rest.split_at(count);
        rest = after;
        taken
    };
    let mut rows = Vec::new();
    loop {
        let fields = i16::from_be_bytes(take(2).try_into().unwrap());
        if fields == -1 {
            assert_eq!(rest, b"");
            return rows;
        }
        let mut field = |_| {
            let length = i32::from_be_bytes(take(4).try_into().unwrap());
            usize::try_from(length).ok().map(|length| take(length).to_vec())
        };
        rows.push((0..fields).map(&mut field).collect());
    }
}

pub(crate) fn text_stream(rows: &Rows) -> Vec<u8> {
    let escaped = |field: &Option<Vec<u8>>| match field {
        None => b"\\N".to_vec(),
        Some(value) => value.iter().flat_map(|byte| escape(*byte)).collect(),
    };
    rows.iter().flat_map(|row| [row.iter().map(escaped).collect::<Vec<_>>().join(&b'\t'), b"\n".to_vec()].concat()).collect()
}

fn escape(byte: u8) -> Vec<u8> {
    let letter = match byte {
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0b => b'v',
        0x0c => b'f',
        b'\r' => b'r',
        b'\\' => b'\\',
        other => return vec![other],
    };
    vec![b'\\', letter]
}

pub(crate) fn read_text_stream(bytes: &[u8]) -> Rows {
    let field = |field: &[u8]| (field != b"\\N").then(|| unescape(field));
    let lines = bytes.strip_suffix(b"\n").into_iter().flat_map(|bytes| bytes.split(|byte| *byte == b'\n'));
    lines.map(|line| line.split(|byte| *byte == b'\t').map(field).collect()).collect()
}

fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut bytes = field.iter();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next().unwrap() {
                b'b' => 0x08,
                b't' => b'\t',
                b'n' => b'\n',
                b'v' => 0x0b,
                b'f' => 0x0c,
                b'r' => b'\r',
                other => *other,
            },
            other => *other,
        });
    }
    plain
}

/// Made once: deriving it shuffles some thousands of numbers.
static KEY: LazyLock<MaskKey> = LazyLock::new(|| MaskKey::new(b"example").unwrap());

pub(crate) fn key() -> MaskKey {
    KEY.clone()
}

pub(crate) fn column(name: &str, kind: TypeKind, type_oid: u32) -> CopyColumn {
    CopyColumn { name: ColumnName(name.into()), kind, type_oid }
}

/// The masks of columns named `c0`, `c1`, …
pub(crate) fn set(columns: &[((TypeKind, u32), Option<Mask>)]) -> MaskSet {
    let name = |nth: usize| ColumnName(format!("c{nth}"));
    let copied: Vec<CopyColumn> = columns
        .iter()
        .enumerate()
        .map(|(nth, ((kind, oid), _))| CopyColumn { name: name(nth), kind: kind.clone(), type_oid: *oid })
        .collect();
    let masks = columns.iter().enumerate().filter_map(|(nth, (_, mask))| Some((name(nth), mask.clone()?))).collect();
    MaskSet::compile(&key(), &copied, &masks).unwrap()
}

/// Masks a stream in pieces of so many bytes.
pub(crate) fn masked(set: &MaskSet, format: Format, stream: &[u8], piece_bytes: usize) -> Result<Vec<u8>> {
    let mut masker = Masker::new(set, format);
    let mut out = Vec::new();
    for piece in stream.chunks(piece_bytes) {
        masker.feed(piece, &mut out)?;
    }
    masker.finish()?;
    Ok(out)
}
