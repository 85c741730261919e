//! How fast rows go through the masks, on one core: nothing masked, three columns of a wide row, and every column.
//!
//! `cargo bench -p restage-pgcopy --bench mask`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use restage_core::mask::{Mask, NamePart};
use restage_core::schema::{ColumnName, TypeKind};
use restage_pgcopy::mask::{CopyColumn, Format, MaskKey, MaskSet, Masker};
use std::collections::BTreeMap;
use std::hint::black_box;

const ROWS: usize = 20_000;
/// About what a connection delivers at once.
const PIECE_BYTES: usize = 64 * 1024;

const TEXT: TypeKind = TypeKind::Text { max_chars: None };

struct Table {
    columns: Vec<CopyColumn>,
    rows: Vec<Vec<Vec<u8>>>,
}

/// A person with an address, a note and a dozen of the columns that every table has.
fn wide() -> Table {
    let mut columns = vec![column("id", TypeKind::Uuid, 2950)];
    for name in ["name", "email", "phone", "address", "note"] {
        columns.push(column(name, TEXT, 25));
    }
    for nth in 0..6 {
        columns.push(column(&format!("number_{nth}"), TypeKind::Integer { bytes: 8 }, 20));
        columns.push(column(&format!("time_{nth}"), TypeKind::Timestamp, 1184));
    }
    let row = |nth: usize| {
        let note = "Called about the booking; asked to be called back in the week after next. ".repeat(1 + nth % 6);
        let mut row = vec![
            format!("{nth:016}").into_bytes(),
            format!("Ada Example {nth}").into_bytes(),
            format!("ada.example.{nth}@example.org").into_bytes(),
            format!("+44 7700 {:06}", nth * 37 % 1_000_000).into_bytes(),
            format!("{nth} Long Street, Some Town, AB1 2CD").into_bytes(),
            note.into_bytes(),
        ];
        row.extend((0..12).map(|other| (nth * 1_000 + other).to_be_bytes().to_vec()));
        row
    };
    Table { columns, rows: (0..ROWS).map(row).collect() }
}

/// One column of short values.
fn narrow(kind: TypeKind, type_oid: u32, value: impl Fn(usize) -> Vec<u8>) -> Table {
    Table { columns: vec![column("value", kind, type_oid)], rows: (0..ROWS).map(|nth| vec![value(nth)]).collect() }
}

fn column(name: &str, kind: TypeKind, type_oid: u32) -> CopyColumn {
    CopyColumn { name: ColumnName(name.into()), kind, type_oid }
}

impl Table {
    fn binary(&self) -> Vec<u8> {
        let mut bytes = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
        for row in &self.rows {
            bytes.extend(u16::try_from(row.len()).expect("rows are short").to_be_bytes());
            for value in row {
                bytes.extend(u32::try_from(value.len()).expect("values are short").to_be_bytes());
                bytes.extend(value);
            }
        }
        bytes.extend([0xff, 0xff]);
        bytes
    }

    /// Only for tables of text.
    fn text(&self) -> Vec<u8> {
        let lines = self.rows.iter().map(|row| [row.join(&b'\t'), b"\n".to_vec()].concat());
        lines.collect::<Vec<_>>().concat()
    }
}

fn measure(c: &mut Criterion, name: &str, table: &Table, masks: &[(&str, Mask)], format: Format) {
    let masks: BTreeMap<ColumnName, Mask> = masks.iter().map(|(name, mask)| (ColumnName((*name).into()), mask.clone())).collect();
    let key = MaskKey::new(b"bench").expect("the secret is not empty");
    let set = MaskSet::compile(&key, &table.columns, &masks).expect("every mask fits its column");
    let stream = match format {
        Format::Binary => table.binary(),
        Format::Text => table.text(),
    };
    let mut group = c.benchmark_group("mask");
    group.throughput(Throughput::Bytes(stream.len() as u64));
    group.sample_size(20);
    let mut out = Vec::with_capacity(2 * PIECE_BYTES);
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let mut masker = Masker::new(&set, format);
            for piece in stream.chunks(PIECE_BYTES) {
                out.clear();
                masker.feed(piece, &mut out).expect("the rows are sound");
                black_box(&out);
            }
            masker.finish().expect("the rows end");
        });
    });
    group.finish();
}

fn rows(c: &mut Criterion) {
    let table = wide();
    let three = [("name", Mask::Name(NamePart::Full)), ("email", Mask::Email), ("phone", Mask::Phone)];
    let five = [three.as_slice(), &[("address", Mask::Address), ("note", Mask::Text)]].concat();
    let mut all = five.clone();
    all.push(("id", Mask::Uuid));
    let numbers: Vec<String> = (0..6).map(|nth| format!("number_{nth}")).collect();
    let times: Vec<String> = (0..6).map(|nth| format!("time_{nth}")).collect();
    all.extend(numbers.iter().map(|name| (name.as_str(), Mask::Digits)));
    all.extend(times.iter().map(|name| (name.as_str(), Mask::DateShift { days: 30 })));
    measure(c, "wide row, one mask after all else", &table, &[("time_5", Mask::Null)], Format::Binary);
    measure(c, "wide row, three masks", &table, &three, Format::Binary);
    measure(c, "wide row, five texts", &table, &five, Format::Binary);
    measure(c, "wide row, every column", &table, &all, Format::Binary);
    let texts = Table { columns: table.columns[1..6].to_vec(), rows: table.rows.iter().map(|row| row[1..6].to_vec()).collect() };
    measure(c, "texts in text format, one mask", &texts, &[("note", Mask::Null)], Format::Text);
    measure(c, "texts in text format, every column", &texts, &five, Format::Text);
}

fn values(c: &mut Criterion) {
    let email = narrow(TEXT, 25, |nth| format!("ada.example.{nth}@example.org").into_bytes());
    let phone = narrow(TEXT, 25, |nth| format!("+44 7700 {:06}", nth * 37 % 1_000_000).into_bytes());
    let long = narrow(TEXT, 25, |nth| format!("{nth:06} and a text of a hundred letters, more or less; ").repeat(4).into_bytes());
    let document = narrow(TypeKind::Jsonb, 3802, |nth| {
        let json =
            format!(r#"{{"id":{nth},"contact":{{"email":"ada.{nth}@example.org","tags":["one","two","three"]}},"score":12.50}}"#);
        [&[1], json.as_bytes()].concat()
    });
    let path = |path: &str, mask: Mask| Mask::Json([(path.to_owned(), mask)].into());
    let masks: [(&str, &Table, Mask); 11] = [
        ("hash", &email, Mask::Hash { length: 16 }),
        ("email", &email, Mask::Email),
        ("name", &email, Mask::Name(NamePart::Full)),
        ("address", &email, Mask::Address),
        ("uuid", &email, Mask::Uuid),
        ("phone", &phone, Mask::Phone),
        ("text", &long, Mask::Text),
        ("template", &email, Mask::Template("{first}.{last}-{hash}@example.net".into())),
        ("json", &document, path("$.contact.email", Mask::Email)),
        ("digits", &narrow(TypeKind::Integer { bytes: 8 }, 20, |nth| (nth * 1_000_003).to_be_bytes().to_vec()), Mask::Digits),
        (
            "number-noise",
            &narrow(TypeKind::Integer { bytes: 8 }, 20, |nth| (nth * 1_000_003).to_be_bytes().to_vec()),
            Mask::NumberNoise { percent: 10.0 },
        ),
    ];
    for (name, table, mask) in masks {
        measure(c, name, table, &[("value", mask)], Format::Binary);
    }
}

criterion_group!(benches, rows, values);
criterion_main!(benches);
