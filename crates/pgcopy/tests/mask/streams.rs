//! What comes in pieces, broken or hostile.

use super::cases::case;
use super::wire::{HEADER, TEXT, Value, binary_stream, column, key, masked, set, text_stream};
use proptest::prelude::*;
use restage_core::mask::Mask;
use restage_core::schema::{ColumnName, TypeKind};
use restage_pgcopy::Kind;
use restage_pgcopy::mask::{Format, MaskSet};

fn two_columns() -> MaskSet {
    set(&[((TEXT, 25), None), ((TEXT, 25), Some(Mask::Email))])
}

fn rows() -> Vec<Vec<Option<Vec<u8>>>> {
    let row = |one: &[u8], other: Option<&[u8]>| vec![Some(one.to_vec()), other.map(<[u8]>::to_vec)];
    vec![
        row(b"one", Some(b"ada@example.org")),
        row(b"", None),
        row(b"tab\t and \\N", Some(b"back\\slash\n")),
        row(&[b'x'; 300], Some(b"")),
    ]
}

#[test]
fn it_makes_no_difference_where_pieces_end() {
    for (format, stream) in [(Format::Binary, binary_stream(&rows())), (Format::Text, text_stream(&rows()))] {
        let whole = masked(&two_columns(), format, &stream, stream.len()).unwrap();
        for piece_bytes in 1..stream.len() {
            assert_eq!(masked(&two_columns(), format, &stream, piece_bytes).unwrap(), whole, "{format:?} {piece_bytes}");
        }
    }
}

/// Digits wait for each other in the output; a large value and escapes come between.
#[test]
fn digits_are_put_in_their_places_whatever_follows_them() {
    let set = set(&[((TEXT, 25), Some(Mask::Phone)), ((TEXT, 25), Some(Mask::Text))]);
    let notes = [&b"short"[..], &b"a\tb".repeat(350_000), b"tab\t", b"short"];
    let rows =
        notes.iter().zip(0..).map(|(note, nth)| vec![Some(format!("+44 7700\t90012{nth}").into_bytes()), Some(note.to_vec())]);
    let rows: Vec<_> = rows.collect();
    for (format, stream) in [(Format::Binary, binary_stream(&rows)), (Format::Text, text_stream(&rows))] {
        let whole = masked(&set, format, &stream, stream.len()).unwrap();
        assert!(whole == masked(&set, format, &stream, 40).unwrap(), "{format:?}");
        assert_eq!(whole.len(), stream.len());
    }
}

#[test]
fn without_masks_a_stream_passes_as_it_is() {
    let set = set(&[((TEXT, 25), None), ((TEXT, 25), None)]);
    assert!(set.is_empty());
    for (format, stream) in [(Format::Binary, binary_stream(&rows())), (Format::Text, text_stream(&rows()))] {
        assert_eq!(masked(&set, format, &stream, 7).unwrap(), stream);
    }
}

#[test]
fn tables_without_rows_and_without_columns_pass() {
    for set in [two_columns(), set(&[])] {
        assert_eq!(masked(&set, Format::Binary, &binary_stream(&vec![]), 5).unwrap(), binary_stream(&vec![]));
        assert_eq!(masked(&set, Format::Text, b"", 5).unwrap(), b"");
    }
    let empty = binary_stream(&vec![vec![], vec![]]);
    assert_eq!(masked(&set(&[]), Format::Binary, &empty, 1).unwrap(), empty);
    assert_eq!(masked(&set(&[]), Format::Text, b"\n\n", 1).unwrap(), b"\n\n");
}

#[test]
fn an_extension_of_the_header_passes() {
    let mut stream = HEADER[..15].to_vec();
    stream.extend(b"\0\0\0\x03abc\xff\xff");
    for piece_bytes in 1..=stream.len() {
        assert_eq!(masked(&two_columns(), Format::Binary, &stream, piece_bytes).unwrap(), stream);
    }
}

/// Every stream that ends too early is noticed, whatever the last thing in it is.
#[test]
fn a_stream_that_ends_early_is_noticed() {
    let binary = binary_stream(&rows());
    for length in 0..binary.len() {
        assert!(masked(&two_columns(), Format::Binary, &binary[..length], 64).is_err(), "{length}");
    }
    let text = text_stream(&rows());
    for length in (0..text.len()).filter(|length| *length > 0 && text[length - 1] != b'\n') {
        assert!(masked(&two_columns(), Format::Text, &text[..length], 64).is_err(), "{length}");
    }
}

#[track_caller]
fn broken(format: Format, stream: &[u8], wanted: &str) {
    let error = masked(&two_columns(), format, stream, 1_000).unwrap_err();
    assert_eq!(error.kind, Kind::Mismatch);
    assert!(error.message.contains(wanted), "{error}");
}

#[test]
fn broken_streams_are_refused_with_the_reason() {
    let after_header = |rest: &[u8]| [HEADER, rest].concat();
    broken(Format::Binary, b"1\tada@example.org\n", "binary format");
    broken(Format::Binary, &[&HEADER[..15], b"\x7f\xff\xff\xff"].concat(), "header is too long");
    broken(Format::Binary, &after_header(b"\0\x03"), "3 fields where 2");
    broken(Format::Binary, &after_header(b"\xff\xfe"), "-2 fields");
    broken(Format::Binary, &after_header(b"\0\x02\xff\xff\xff\xfe"), "negative length");
    broken(Format::Binary, &after_header(b"\xff\xff\0"), "more follows");
    broken(Format::Text, b"only\n", "2 fields");
    broken(Format::Text, b"one\ttwo\tthree\n", "2 fields");
}

#[test]
fn a_value_that_is_not_of_its_type_is_refused_without_being_told() {
    let cases = [
        (TypeKind::Integer { bytes: 4 }, Mask::Digits),
        (TypeKind::Uuid, Mask::Uuid),
        (TypeKind::Date, Mask::DateShift { days: 1 }),
        (TypeKind::Numeric { precision: None, scale: None }, Mask::NumberNoise { percent: 1.0 }),
        (TypeKind::Float { bytes: 8 }, Mask::NumberNoise { percent: 1.0 }),
        (TypeKind::Jsonb, Mask::Json([("$.a".to_owned(), Mask::Email)].into())),
    ];
    for (kind, mask) in cases {
        let set = set(&[((kind, 0), Some(mask.clone()))]);
        let rows = vec![vec![Some(b"ada@example.org".to_vec())]];
        for (format, stream) in [(Format::Binary, binary_stream(&rows)), (Format::Text, text_stream(&rows))] {
            let error = masked(&set, format, &stream, 1_000).unwrap_err();
            assert_eq!(error.kind, Kind::MaskUnfit, "{mask:?}");
            assert!(error.message.contains("`c0`") && !error.message.contains("ada"), "{error}");
        }
    }
}

#[test]
fn masks_that_do_not_fit_are_refused_by_name() {
    let columns = [column("born", TypeKind::Date, 1082), column("name", TEXT, 25)];
    for (name, mask) in
        [("born", Mask::Email), ("name", Mask::DateShift { days: 1 }), ("gone", Mask::Null), ("name", Mask::Template("{x}".into()))]
    {
        let masks = [(ColumnName(name.into()), mask)].into();
        let error = MaskSet::compile(&key(), &columns, &masks).unwrap_err();
        assert_eq!(error.kind, Kind::MaskUnfit);
        assert!(error.message.contains(&format!("`{name}`")), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Sound streams with a few bytes changed, put in or taken out: an error or a result, never a panic.
    #[test]
    fn nothing_that_comes_makes_it_panic(
        cases in prop::collection::vec(case(), 1..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..6),
        piece_bytes in 1..100_usize,
    ) {
        let columns: Vec<_> = cases.iter().map(|(value, _, mask)| (value.kind(), Some(mask.clone()))).collect();
        let set = set(&columns);
        let row = |bytes: fn(&Value) -> Vec<u8>| cases.iter().map(|(value, is_null, _)| (!is_null).then(|| bytes(value))).collect();
        let streams = [
            (Format::Binary, binary_stream(&vec![row(Value::binary); 2])),
            (Format::Text, text_stream(&vec![row(|value| value.text().into_bytes()); 2])),
        ];
        for (format, mut stream) in streams {
            for (place, byte, change) in &changes {
                let at = place.index(stream.len());
                match change {
                    0 => stream[at] = *byte,
                    1 => stream.insert(at, *byte),
                    _ if stream.len() > 1 => drop(stream.remove(at)),
                    _ => {}
                }
            }
            let whole = masked(&set, format, &stream, usize::MAX).ok();
            prop_assert_eq!(masked(&set, format, &stream, piece_bytes).ok(), whole);
        }
    }

    #[test]
    fn noise_instead_of_rows_makes_it_no_panic_either(stream in prop::collection::vec(any::<u8>(), 0..200), piece_bytes in 1..50_usize) {
        let cut_short = [HEADER, &stream].concat();
        let _ = masked(&two_columns(), Format::Binary, &cut_short, piece_bytes);
        let _ = masked(&two_columns(), Format::Binary, &stream, piece_bytes);
        let _ = masked(&two_columns(), Format::Text, &stream, piece_bytes);
    }
}
