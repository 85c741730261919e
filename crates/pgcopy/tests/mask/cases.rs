//! Values with masks that fit them, at random.

use super::wire::Value;
use proptest::prelude::*;
use restage_core::mask::{Mask, NamePart};

/// A value, or NULL, of a column with a mask.
pub(crate) type Case = (Value, bool, Mask);

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let masked = prop_oneof![
        4 => (text(), text_mask()),
        1 => (bytea(), hash()),
        1 => (any::<[u8; 16]>().prop_map(Value::Uuid), Just(Mask::Uuid)),
        2 => (integer(), prop_oneof![Just(Mask::Digits), noise()]),
        2 => (numeric(), noise()),
        2 => (float(), noise()),
        2 => (time(), (1..=36_500_u32).prop_map(|days| Mask::DateShift { days })),
        2 => (json(), json_mask()),
        1 => (any_value(), Just(Mask::Null)),
    ];
    (masked, prop::bool::weighted(0.1)).prop_map(|((value, mask), is_null)| (value, is_null, mask))
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![text(), bytea(), integer(), numeric(), float(), time(), json()]
}

fn text() -> impl Strategy<Value = Value> {
    prop_oneof![
        "\\PC{0,40}",
        "[a-zA-Z0-9 .@+()-]{0,60}",
        "[\\x01-\\x7f]{0,20}",
        "[0-9]{0,50}",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ]
    .prop_map(Value::Text)
}

fn text_mask() -> impl Strategy<Value = Mask> {
    let part = prop::sample::select(vec![NamePart::Full, NamePart::First, NamePart::Last]);
    let template = "[a-z\\t\\n\\\\]{0,3}\\{(hash|uuid|email|first|last|name|phone|digits)\\}[a-z\\\\]{0,3}";
    let plain = vec![Mask::Email, Mask::Phone, Mask::Address, Mask::Uuid, Mask::Digits, Mask::Text];
    prop_oneof![
        6 => prop::sample::select(plain),
        1 => hash(),
        1 => part.prop_map(Mask::Name),
        1 => template.prop_map(Mask::Template),
        1 => "\\PC{0,10}[\\t\\n\\\\]?".prop_map(Mask::Fixed),
    ]
}

fn hash() -> impl Strategy<Value = Mask> {
    (4..=64_u8).prop_map(|length| Mask::Hash { length })
}

fn noise() -> impl Strategy<Value = Mask> {
    (0.01..=100.0).prop_map(|percent| Mask::NumberNoise { percent })
}

fn bytea() -> impl Strategy<Value = Value> {
    prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytea)
}

fn integer() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i16>().prop_map(|value| Value::Integer(value.into(), 2)),
        any::<i32>().prop_map(|value| Value::Integer(value.into(), 4)),
        any::<i64>().prop_map(|value| Value::Integer(value, 8)),
        (-1_000..1_000_i64, prop::sample::select(vec![2, 4, 8])).prop_map(|(value, size)| Value::Integer(value, size)),
        prop::sample::select(vec![
            Value::Integer(i16::MIN.into(), 2),
            Value::Integer(i32::MIN.into(), 4),
            Value::Integer(i32::MAX.into(), 4),
            Value::Integer(i64::MIN, 8),
            Value::Integer(i64::MAX, 8),
        ]),
    ]
}

fn numeric() -> impl Strategy<Value = Value> {
    prop_oneof![
        9 => "-?([1-9][0-9]{0,30}|0)(\\.[0-9]{1,20})?",
        1 => prop::sample::select(vec!["NaN", "Infinity", "-Infinity", "0", "0.000"]).prop_map(str::to_owned),
    ]
    // Numeric has no negative zero.
    .prop_map(|text| {
        Value::Numeric(if text.contains(|c: char| ('1'..='9').contains(&c)) || text.contains('N') || text.contains('I') {
            text
        } else {
            text.replace('-', "")
        })
    })
}

fn float() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<f32>().prop_map(Value::Single),
        any::<f64>().prop_map(Value::Double),
        (-1e6..1e6).prop_map(Value::Double),
        prop::sample::select(vec![f64::NEG_INFINITY, f64::MAX, -0.0, f64::MIN_POSITIVE, 5e-324]).prop_map(Value::Double),
    ]
}

/// Years within those that the tests' calendar knows, far enough from their ends for every shift.
fn time() -> impl Strategy<Value = Value> {
    let microseconds = -200_000_000_000_000_000..240_000_000_000_000_000_i64;
    prop_oneof![
        (-700_000..2_800_000).prop_map(Value::Date),
        microseconds.clone().prop_map(|time| Value::Timestamp(time % 60_000_000_000_000_000)),
        (microseconds, -900..=900_i16).prop_map(|(time, offset)| Value::Timestamptz(time % 60_000_000_000_000_000, offset)),
        prop::sample::select(vec![
            Value::Date(i32::MAX),
            Value::Date(i32::MIN),
            Value::Timestamp(i64::MAX),
            Value::Timestamp(i64::MIN),
            Value::Timestamptz(i64::MAX, 60),
        ]),
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1e9..1e9).prop_map(Into::into),
        "\\PC{0,12}[\\n\"\\\\]?".prop_map(Into::into),
        "[12][0-9]{3}-0[1-9]-1[0-9](T10:00:00Z)?".prop_map(Into::into),
    ];
    let document = leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-c]", inner, 0..4).prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    });
    (document, any::<bool>()).prop_map(|(document, is_binary)| {
        if is_binary { Value::Jsonb(document.to_string()) } else { Value::Json(format!(" {document:#}\n")) }
    })
}

fn json_mask() -> impl Strategy<Value = Mask> {
    let path = "\\$(\\.[a-c]|\\.\\*|\\[\\*\\]|\\[0\\]){1,3}";
    let mask = prop_oneof![
        4 => text_mask(),
        1 => noise(),
        1 => Just(Mask::DateShift { days: 400 }),
        1 => Just(Mask::Null),
    ];
    prop::collection::btree_map(path, mask, 1..4).prop_map(Mask::Json)
}
