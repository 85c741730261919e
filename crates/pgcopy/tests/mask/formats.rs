//! A value gets the same fake whichever format it travels in.

use super::cases::{Case, case};
use super::wire::{TEXT, Value, binary_stream, masked, read_binary_stream, read_text_stream, set, text_stream};
use proptest::prelude::*;
use restage_core::mask::Mask;
use restage_core::schema::TypeKind;
use restage_pgcopy::mask::Format;

/// Of a row: the value of a masked column, then one that is to stay.
fn columns(cases: &[Case]) -> Vec<((TypeKind, u32), Option<Mask>)> {
    cases.iter().flat_map(|(value, _, mask)| [(value.kind(), Some(mask.clone())), ((TEXT, 25), None)]).collect()
}

fn fields(cases: &[Case], bytes: impl Fn(&Value) -> Vec<u8>) -> Vec<Option<Vec<u8>>> {
    let stays = Some(b"stays\\ as\tit is\n".to_vec());
    cases.iter().flat_map(|(value, is_null, _)| [(!is_null).then(|| bytes(value)), stays.clone()]).collect()
}

/// Floating-point numbers are compared by their bits, NaN being NaN.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Single(one), Value::Single(other)) => one.to_bits() == other.to_bits() || (one.is_nan() && other.is_nan()),
        (Value::Double(one), Value::Double(other)) => one.to_bits() == other.to_bits() || (one.is_nan() && other.is_nan()),
        _ => one == other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn both_formats_give_the_same_fake(cases in prop::collection::vec(case(), 1..5), piece_bytes in 1..200_usize) {
        let set = set(&columns(&cases));
        let binary = binary_stream(&vec![fields(&cases, Value::binary); 2]);
        let text = text_stream(&vec![fields(&cases, |value| value.text().into_bytes()); 2]);
        let binary = read_binary_stream(&masked(&set, Format::Binary, &binary, piece_bytes).unwrap());
        let text = read_text_stream(&masked(&set, Format::Text, &text, piece_bytes).unwrap());
        prop_assert_eq!(binary.len(), 2);
        prop_assert_eq!(text.len(), 2);
        prop_assert_eq!(&binary[0], &binary[1]);
        for (nth, (value, is_null, mask)) in cases.iter().enumerate() {
            let (from_binary, from_text) = (&binary[0][2 * nth], &text[0][2 * nth]);
            prop_assert_eq!(from_binary.is_none(), *is_null || *mask == Mask::Null);
            prop_assert_eq!(from_binary.is_none(), from_text.is_none());
            if let (Some(from_binary), Some(from_text)) = (from_binary, from_text) {
                let from_binary = value.read_binary(from_binary);
                let from_text = value.read_text(std::str::from_utf8(from_text).unwrap());
                prop_assert!(same(&from_binary, &from_text), "{mask:?} makes {from_binary:?} and {from_text:?} of {value:?}");
            }
            prop_assert_eq!(&binary[0][2 * nth + 1], &text[0][2 * nth + 1]);
        }
    }

    #[test]
    fn a_text_keeps_its_length_under_masks_that_say_so(text in "\\PC{0,60}") {
        for mask in [Mask::Text, Mask::Digits, Mask::Phone] {
            let set = set(&[((TEXT, 25), Some(mask))]);
            let rows = vec![vec![Some(text.clone().into_bytes())]];
            let made = read_binary_stream(&masked(&set, Format::Binary, &binary_stream(&rows), 1_000).unwrap());
            let made = String::from_utf8(made[0][0].clone().unwrap()).unwrap();
            prop_assert_eq!(made.chars().count(), text.chars().count());
            prop_assert!(made.len() <= text.len());
        }
    }
}

#[test]
fn fixed_values_are_the_same_in_both_formats() {
    let cases: [(&str, Value); 10] = [
        ("Anybody\t\\N", Value::Text("x".into())),
        ("-7", Value::Integer(1, 2)),
        ("12.50", Value::Numeric("1".into())),
        ("2.5", Value::Single(1.0)),
        ("1e300", Value::Double(1.0)),
        ("2024-02-29", Value::Date(1)),
        ("2024-02-29T12:30:00.25", Value::Timestamptz(1, 0)),
        ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", Value::Uuid([1; 16])),
        ("{\"a\": 1}", Value::Jsonb("{}".into())),
        ("[]", Value::Json("{}".into())),
    ];
    for (fixed, value) in cases {
        let set = set(&[(value.kind(), Some(Mask::Fixed(fixed.into())))]);
        let rows = |bytes: Vec<u8>| vec![vec![Some(bytes)], vec![None]];
        let binary = masked(&set, Format::Binary, &binary_stream(&rows(value.binary())), 1_000).unwrap();
        let text = masked(&set, Format::Text, &text_stream(&rows(value.text().into_bytes())), 1_000).unwrap();
        let (binary, text) = (read_binary_stream(&binary), read_text_stream(&text));
        let from_text = String::from_utf8(text[0][0].clone().unwrap()).unwrap();
        assert_eq!(value.read_binary(binary[0][0].as_ref().unwrap()), value.read_text(&from_text), "{fixed}");
        assert_eq!((&binary[1][0], &text[1][0]), (&None, &None));
    }
}
