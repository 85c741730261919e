//! Different values get different fakes where the mask says so, equal ones equal fakes, and fakes fit where the plan counts on it.

use super::wire::{TEXT, Value, binary_stream, masked, read_binary_stream, set};
use restage_core::mask::{Mask, NamePart};
use restage_core::schema::TypeKind;
use restage_pgcopy::mask::Format;
use std::collections::BTreeSet;

const VALUES: usize = 100_000;

/// The longest fakes that `restage_core::mask::fit` counts on, in characters.
const LONGEST: [(Mask, usize); 4] = [(Mask::Email, 48), (Mask::Name(NamePart::Full), 32), (Mask::Address, 64), (Mask::Uuid, 36)];

fn fakes(kind: (TypeKind, u32), mask: Mask, values: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let set = set(&[(kind, Some(mask))]);
    let rows = values.map(|value| vec![Some(value)]).collect();
    let made = masked(&set, Format::Binary, &binary_stream(&rows), 1 << 16).unwrap();
    read_binary_stream(&made).into_iter().map(|mut row| row.remove(0).unwrap()).collect()
}

fn texts() -> impl Iterator<Item = Vec<u8>> {
    (0..VALUES).map(|nth| format!("ada.{nth}@example.org").into_bytes())
}

#[track_caller]
fn assert_apart(fakes: Vec<Vec<u8>>) {
    assert_eq!(fakes.len(), VALUES);
    assert_eq!(fakes.into_iter().collect::<BTreeSet<_>>().len(), VALUES);
}

#[test]
fn a_hundred_thousand_texts_get_as_many_fakes() {
    for mask in [Mask::Hash { length: 16 }, Mask::Email, Mask::Uuid, Mask::Digits, Mask::Phone, Mask::Template("{email}".into())] {
        assert_apart(fakes((TEXT, 25), mask, texts()));
    }
}

#[test]
fn a_hundred_thousand_numbers_get_as_many_fakes() {
    for size in [4, 8] {
        let numbers = (0..VALUES).map(|nth| Value::Integer(i64::try_from(nth * 7).unwrap() - 100_000, size).binary());
        assert_apart(fakes(Value::Integer(0, size).kind(), Mask::Digits, numbers));
    }
    let numbers = (0..VALUES).map(|nth| format!("{nth:05}").into_bytes());
    assert_apart(fakes((TEXT, 25), Mask::Digits, numbers));
    let uuids = (0..VALUES).map(|nth| Value::Uuid((nth as u128).to_be_bytes()).binary());
    assert_apart(fakes(Value::Uuid([0; 16]).kind(), Mask::Uuid, uuids));
}

#[test]
fn no_fake_is_longer_than_the_plan_counts_on() {
    for (mask, longest) in LONGEST {
        let made = fakes((TEXT, 25), mask.clone(), texts());
        assert!(made.iter().all(|fake| fake.is_ascii() && fake.len() <= longest), "{mask:?}");
    }
}

#[test]
fn a_value_has_one_fake_whatever_its_column_is() {
    let one =
        |kind: (TypeKind, u32), mask: &Mask, value: &[u8]| fakes(kind, mask.clone(), std::iter::once(value.to_vec())).remove(0);
    let limited = (TypeKind::Text { max_chars: Some(100) }, 1043);
    let citext = (TEXT, 60_000);
    let char_of_20 = (TypeKind::Text { max_chars: Some(20) }, 1042);
    for mask in
        [Mask::Email, Mask::Hash { length: 16 }, Mask::Text, Mask::Digits, Mask::Uuid, Mask::Address, Mask::Name(NamePart::Full)]
    {
        let fake = one((TEXT, 25), &mask, b"ada 17");
        assert_eq!(one(limited.clone(), &mask, b"ada 17"), fake);
        assert_eq!(one(citext.clone(), &mask, b"ada 17"), fake);
        assert_eq!(one(char_of_20.clone(), &mask, b"ada 17              "), fake);
        assert!(one(citext.clone(), &mask, b"ADA 17").eq_ignore_ascii_case(&fake));
    }
    let uuid = Value::Uuid([0xab; 16]);
    assert_eq!(
        uuid.read_binary(&one(uuid.kind(), &Mask::Uuid, &uuid.binary())),
        uuid.read_text(std::str::from_utf8(&one((TEXT, 25), &Mask::Uuid, uuid.text().as_bytes())).unwrap())
    );
    for value in [0, 7, -30_000, 32_767] {
        let of_size = |size| {
            let value = Value::Integer(value, size);
            match value.read_binary(&one(value.kind(), &Mask::Digits, &value.binary())) {
                Value::Integer(fake, _) => fake,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!((of_size(2), of_size(4)), (of_size(8), of_size(8)), "{value}");
    }
    assert_eq!(
        one(Value::Bytea(vec![]).kind(), &Mask::Hash { length: 16 }, b"ada"),
        one((TEXT, 25), &Mask::Hash { length: 16 }, b"ada")
    );
}

/// Rooms to work in are reused from value to value; nothing of one value may get into the fake of another.
#[test]
fn a_fake_depends_on_nothing_that_came_before() {
    let path = |mask: Mask| Mask::Json([("$.a".to_owned(), mask)].into());
    let long = "Ž ÿ 1234567890 ".repeat(9);
    let texts = ["Ada 17", "ADA 17", "", "x", &long, "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "no digits"];
    let numbers = ["1", "-99999.5", "0", "123456789012345678901234567890.5", "1e-7"];
    let documents =
        [r#"{"a":"x\\y"}"#, r#"{"a":{"b":"Ada","c":12345678901234567890123}}"#, "{}", r#"{"\u0061":["2024-02-29",1.5]}"#];
    let bytes = |values: &[&str]| values.iter().map(|value| value.as_bytes().to_vec()).collect::<Vec<_>>();
    let numeric = |value: &&str| Value::Numeric(if *value == "1e-7" { "0.0000001".into() } else { (*value).into() }).binary();
    let (text, template) = ((TEXT, 25), Mask::Template("{digits} {name} {hash}".into()));
    let (citext, char_of_n) = ((TEXT, 60_000), (TEXT, 1042));
    let noise = Mask::NumberNoise { percent: 20.0 };
    let cases = [
        (citext.clone(), Mask::Hash { length: 40 }, bytes(&texts)),
        (citext, Mask::Text, bytes(&texts)),
        (char_of_n, Mask::Uuid, bytes(&texts)),
        (text.clone(), template, bytes(&texts)),
        (text, Mask::Digits, bytes(&texts)),
        ((TypeKind::Numeric { precision: None, scale: None }, 1700), noise.clone(), numbers.iter().map(numeric).collect()),
        ((TypeKind::Json, 114), path(Mask::Text), bytes(&documents)),
        ((TypeKind::Json, 114), path(noise), bytes(&documents)),
        ((TypeKind::Json, 114), path(Mask::DateShift { days: 9 }), bytes(&documents)),
    ];
    for (kind, mask, values) in cases {
        let alone: Vec<Vec<u8>> =
            values.iter().map(|value| fakes(kind.clone(), mask.clone(), std::iter::once(value.clone())).remove(0)).collect();
        assert_eq!(fakes(kind.clone(), mask.clone(), values.iter().cloned()), alone, "{mask:?}");
        let mut backwards = fakes(kind, mask.clone(), values.iter().rev().cloned());
        backwards.reverse();
        assert_eq!(backwards, alone, "{mask:?}");
    }
}
