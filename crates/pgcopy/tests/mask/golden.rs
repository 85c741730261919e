//! The examples of `docs/masks.md` are what the masks give: in this release as in every other.

use super::wire::{TEXT, column, key};
use restage_core::mask::{HASH_DIGITS, Mask, NamePart};
use restage_core::schema::TypeKind;
use restage_pgcopy::mask::samples_like;
use sha2::{Digest, Sha256};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/masks.md");

/// Masks as the page writes them.
fn masks() -> Vec<(&'static str, Mask)> {
    let json = |paths: &[(&str, Mask)]| Mask::Json(paths.iter().map(|(path, mask)| ((*path).to_owned(), mask.clone())).collect());
    vec![
        ("{ fixed: withheld }", Mask::Fixed("withheld".into())),
        ("{ fixed: \"2000-01-01\" }", Mask::Fixed("2000-01-01".into())),
        ("hash", Mask::Hash { length: HASH_DIGITS }),
        ("{ hash: { length: 40 } }", Mask::Hash { length: 40 }),
        ("{ hash: { length: 4 } }", Mask::Hash { length: 4 }),
        ("email", Mask::Email),
        ("name", Mask::Name(NamePart::Full)),
        ("first-name", Mask::Name(NamePart::First)),
        ("last-name", Mask::Name(NamePart::Last)),
        ("phone", Mask::Phone),
        ("address", Mask::Address),
        ("uuid", Mask::Uuid),
        ("digits", Mask::Digits),
        ("text", Mask::Text),
        ("{ date-shift: { days: 30 } }", Mask::DateShift { days: 30 }),
        ("{ number-noise: { percent: 10 } }", Mask::NumberNoise { percent: 10.0 }),
        ("{ json: { \"$.email\": email } }", json(&[("$.email", Mask::Email)])),
        ("{ json: { \"$.phones[*]\": phone } }", json(&[("$.phones[*]", Mask::Phone)])),
        (
            "{ json: { \"$.notes\": text, \"$.notes.id\": { fixed: \"0\" } } }",
            json(&[("$.notes", Mask::Text), ("$.notes.id", Mask::Fixed("0".into()))]),
        ),
        ("{ template: \"{first}.{last}@test.example.com\" }", Mask::Template("{first}.{last}@test.example.com".into())),
        ("{ template: \"user-{hash}\" }", Mask::Template("user-{hash}".into())),
    ]
}

/// Types as the page writes them.
fn type_of(name: &str) -> (TypeKind, u32) {
    match name {
        "text" => (TEXT, 25),
        "citext" => (TEXT, 60_000),
        "bytea" => (TypeKind::Bytea, 17),
        "uuid" => (TypeKind::Uuid, 2950),
        "integer" => (TypeKind::Integer { bytes: 4 }, 23),
        "numeric" => (TypeKind::Numeric { precision: None, scale: None }, 1700),
        "double precision" => (TypeKind::Float { bytes: 8 }, 701),
        "date" => (TypeKind::Date, 1082),
        "timestamp" => (TypeKind::Timestamp, 1114),
        "timestamptz" => (TypeKind::Timestamp, 1184),
        "json" => (TypeKind::Json, 114),
        "jsonb" => (TypeKind::Jsonb, 3802),
        other => panic!("the page has a type `{other}` that this test does not know"),
    }
}

/// The line with the fake that the masks give; other lines as they are.
fn with_fake(line: &str) -> String {
    let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
    let [mask, kind, value, fake] = cells[..] else { return line.into() };
    let Some(value) = value.strip_prefix('`').and_then(|value| value.strip_suffix('`')) else { return line.into() };
    let written = mask.trim_matches('`');
    let masks = masks();
    let (_, known) = masks.iter().find(|(known, _)| *known == written).unwrap_or_else(|| panic!("this test does not know {mask}"));
    let (kind, oid) = type_of(kind);
    let fakes = samples_like(&key(), known, &column("example", kind, oid), &[value]).unwrap();
    line.replace(&format!("| {fake} |"), &format!("| `{}` |", fakes[0]))
}

#[test]
fn fakes_are_those_of_every_release_before() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let expected: Vec<String> = page.lines().map(with_fake).collect();
    let differing: Vec<&String> =
        page.lines().zip(&expected).filter(|(line, expected)| line != expected).map(|(_, expected)| expected).collect();
    assert!(differing.is_empty(), "the masks give other fakes than docs/masks.md says:\n{differing:#?}");
}

#[test]
fn the_page_shows_every_mask() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    for (written, _) in masks() {
        assert!(page.contains(&format!("| `{written}` |")), "{written}");
    }
}

/// The examples touch few of the names and words that fakes are made of; this touches all of them.
#[test]
fn a_thousand_fakes_of_every_mask_are_those_of_every_release_before() {
    let mut all = Sha256::new();
    let texts: Vec<String> = (0..1_000).map(|nth| format!("Value {nth} 0123")).collect();
    let numbers: Vec<String> = (0..1_000_i64).map(|nth| (nth * nth * nth - 500_000_000).to_string()).collect();
    let dates: Vec<String> = (1_000..2_000).map(|year| format!("{year}-06-15")).collect();
    for (_, mask) in masks() {
        let (kind, oid, values) = match mask {
            Mask::Json(_) | Mask::Fixed(_) => continue,
            Mask::DateShift { .. } => (TypeKind::Date, 1082, &dates),
            Mask::NumberNoise { .. } => (TypeKind::Integer { bytes: 8 }, 20, &numbers),
            _ => (TEXT, 25, &texts),
        };
        all.update(samples_like(&key(), &mask, &column("c", kind, oid), values).unwrap().join("\n"));
    }
    let integers = column("c", TypeKind::Integer { bytes: 8 }, 20);
    all.update(samples_like(&key(), &Mask::Digits, &integers, &numbers).unwrap().join("\n"));
    assert_eq!(format!("{:x}", all.finalize()), "e6b87e297559a5383a4398e481c933c1073d547df523d22b9269c73aed2f2252");
}
