//! The mask `fixed`: one value in both formats, made once.

use super::date::day_of;
use super::decimal::{Decimal, Read};
use super::uuid;
use jiff::civil::{Date, DateTime};
use restage_core::schema::TypeKind;

const DAY_MICROSECONDS: i64 = 86_400_000_000;

/// A value as COPY writes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fixed {
    pub binary: Vec<u8>,
    pub text: Vec<u8>,
}

impl Fixed {
    /// Reads a value for a column; `None` if the column cannot hold it. A time without an offset is one in UTC.
    pub(super) fn new(value: &str, kind: &TypeKind) -> Option<Self> {
        let text = value.as_bytes().to_vec();
        let binary = match kind {
            TypeKind::Text { .. } | TypeKind::Json => text.clone(),
            TypeKind::Jsonb => [&[1], value.as_bytes()].concat(),
            TypeKind::Enum { labels } => labels.iter().any(|label| label == value).then(|| text.clone())?,
            TypeKind::Integer { bytes: 2 } => value.parse::<i16>().ok()?.to_be_bytes().to_vec(),
            TypeKind::Integer { bytes: 4 } => value.parse::<i32>().ok()?.to_be_bytes().to_vec(),
            TypeKind::Integer { .. } => value.parse::<i64>().ok()?.to_be_bytes().to_vec(),
            TypeKind::Float { bytes: 4 } => value.parse::<f32>().ok()?.to_be_bytes().to_vec(),
            TypeKind::Float { .. } => value.parse::<f64>().ok()?.to_be_bytes().to_vec(),
            TypeKind::Numeric { .. } => numeric(value)?,
            TypeKind::Bool => vec![u8::from(boolean(value)?)],
            TypeKind::Uuid => uuid::read(value.to_ascii_lowercase().as_bytes())?.0.to_vec(),
            TypeKind::Date => return date(value),
            TypeKind::Timestamp => return timestamp(value),
            TypeKind::Bytea | TypeKind::Other => return None,
        };
        Some(Self { binary, text })
    }
}

fn numeric(value: &str) -> Option<Vec<u8>> {
    let (mut decimal, mut binary) = (Decimal::default(), Vec::new());
    if decimal.read_text(value.as_bytes()).ok()? == Read::Special {
        return None;
    }
    decimal.write_binary(&mut binary).ok()?;
    Some(binary)
}

fn boolean(value: &str) -> Option<bool> {
    match value {
        "t" | "true" => Some(true),
        "f" | "false" => Some(false),
        _ => None,
    }
}

fn date(value: &str) -> Option<Fixed> {
    let date: Date = value.parse().ok()?;
    let day = i32::try_from(days(date)).ok()?;
    Some(Fixed { binary: day.to_be_bytes().to_vec(), text: written(date).into_bytes() })
}

fn timestamp(value: &str) -> Option<Fixed> {
    let time: DateTime = value.parse().ok()?;
    let nanoseconds = time.time().duration_until(jiff::civil::Time::midnight()).as_nanos().unsigned_abs();
    let microseconds = i64::try_from(nanoseconds / 1_000).ok()?;
    let binary = (days(time.date()) * DAY_MICROSECONDS + microseconds).to_be_bytes().to_vec();
    let clock = format!("{:02}:{:02}:{:02}.{:06}", time.hour(), time.minute(), time.second(), microseconds % 1_000_000);
    // A column without a time zone passes over the offset.
    let era = if time.year() > 0 { "" } else { " BC" };
    let text = format!("{} {clock}+00{era}", written(time.date()).trim_end_matches(" BC"));
    Some(Fixed { binary, text: text.into_bytes() })
}

fn days(date: Date) -> i64 {
    day_of(date.year().into(), date.month().into(), date.day().into())
}

fn written(date: Date) -> String {
    let (year, era) = if date.year() > 0 { (date.year(), "") } else { (1 - date.year(), " BC") };
    format!("{year:04}-{:02}-{:02}{era}", date.month(), date.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(value: &str, kind: &TypeKind) -> Option<(Vec<u8>, String)> {
        Fixed::new(value, kind).map(|fixed| (fixed.binary, String::from_utf8(fixed.text).unwrap()))
    }

    #[test]
    fn values_are_written_as_their_types_are() {
        let written = |value: &str, kind: &TypeKind| fixed(value, kind).unwrap();
        assert_eq!(written("-2", &TypeKind::Integer { bytes: 2 }), (vec![0xff, 0xfe], "-2".into()));
        assert_eq!(written("true", &TypeKind::Bool).0, [1]);
        assert_eq!(written("1.5", &TypeKind::Float { bytes: 4 }).0, 1.5_f32.to_be_bytes());
        assert_eq!(written("1999-12-31", &TypeKind::Date), (vec![0xff, 0xff, 0xff, 0xff], "1999-12-31".into()));
        let (binary, text) = written("2000-01-02T00:00:01.5", &TypeKind::Timestamp);
        assert_eq!(
            (i64::from_be_bytes(binary.try_into().unwrap()), text.as_str()),
            (86_401_500_000, "2000-01-02 00:00:01.500000+00")
        );
        assert_eq!(written("{\"a\":1}", &TypeKind::Jsonb).0, b"\x01{\"a\":1}");
        assert_eq!(
            written("12.50", &TypeKind::Numeric { precision: None, scale: None }).0,
            [0, 2, 0, 0, 0, 0, 0, 2, 0, 12, 19, 136]
        );
        assert_eq!(written("0000-01-01", &TypeKind::Date).1, "0001-01-01 BC");
    }

    #[test]
    fn values_that_the_type_cannot_hold_are_refused() {
        for (value, kind) in [
            ("40000", TypeKind::Integer { bytes: 2 }),
            ("x", TypeKind::Numeric { precision: None, scale: None }),
            ("yes", TypeKind::Bool),
            ("today", TypeKind::Date),
            ("x", TypeKind::Uuid),
            ("c", TypeKind::Enum { labels: vec!["a".into()] }),
            ("x", TypeKind::Bytea),
        ] {
            assert!(Fixed::new(value, &kind).is_none(), "{value}");
        }
    }
}
