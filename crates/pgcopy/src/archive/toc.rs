//! The table of contents of `pg_dump`'s custom format, versions 1.14 to 1.16 (PostgreSQL 12 to 18).

use super::reader::Reader;
use super::{Archive, Entry, EntryId, Section};
use crate::{Kind, Result};
use restage_core::facts::ObjectKind;

const MAGIC: &[u8] = b"PGDMP";
const CUSTOM: u8 = 1;
const OLDEST: (u8, u8) = (1, 14);
const NEWEST: (u8, u8) = (1, 16);
/// From here on, a byte names the compression; before, an integer gives its level.
const COMPRESSION_BYTE: (u8, u8) = (1, 15);
/// From here on, entries tell the kind of relation.
const RELATION_KIND: (u8, u8) = (1, 16);
/// Seconds, minutes, hours, day, month, year, daylight saving.
const DATE_FIELDS: usize = 7;

/// Reads the table of contents from an archive's bytes.
pub fn read(bytes: &[u8]) -> Result<Archive> {
    let mut reader = Reader::new(bytes);
    let version = header(&mut reader)?;
    let server_version = about(&mut reader, version)?;
    let count: u32 = reader.integer_as()?;
    // Not reserved beforehand: the count may be damaged, and an entry's bytes are looked at before it is believed.
    let mut entries = Vec::new();
    for _ in 0..count {
        entries.push(entry(&mut reader, version)?);
    }
    Ok(Archive { server_version, entries })
}

fn header(reader: &mut Reader<'_>) -> Result<(u8, u8)> {
    if reader.take(MAGIC.len())? != MAGIC {
        return Err(reader.broken("no beginning that is known"));
    }
    let version = (reader.byte()?, reader.byte()?);
    let _revision = reader.byte()?;
    if !(OLDEST..=NEWEST).contains(&version) {
        let error =
            Kind::ArchiveUnreadable.error(format!("the archive from `pg_dump` has the unknown format {}.{}", version.0, version.1));
        return Err(error.help("use a `pg_dump` of version 12 to 18"));
    }
    reader.integer_bytes = reader.byte()?.into();
    reader.offset_bytes = reader.byte()?.into();
    if reader.integer_bytes > size_of::<i64>() || reader.byte()? != CUSTOM {
        return Err(reader.broken("a header that cannot be"));
    }
    Ok(version)
}

/// What is said of the whole archive: the version of the dumped server.
fn about(reader: &mut Reader<'_>, version: (u8, u8)) -> Result<String> {
    if version >= COMPRESSION_BYTE {
        reader.byte()?;
    } else {
        reader.integer()?;
    }
    for _ in 0..DATE_FIELDS {
        reader.integer()?;
    }
    let _database = reader.text()?;
    let server_version = reader.text()?.unwrap_or_default();
    let _dump_version = reader.text()?;
    Ok(server_version)
}

fn entry(reader: &mut Reader<'_>, version: (u8, u8)) -> Result<Entry> {
    let id = EntryId(reader.integer_as()?);
    let _has_rows = reader.integer()?;
    let (catalog, oid) = (reader.number()?, reader.number()?);
    let tag = reader.text()?.unwrap_or_default();
    let kind = ObjectKind::from(reader.text()?.unwrap_or_default());
    let name = if WITH_IDENTIFIERS.contains(&kind) { without_needless_quotes(&tag) } else { tag };
    let section = match reader.integer()? {
        1 => Section::None,
        2 => Section::PreData,
        3 => Section::Data,
        4 => Section::PostData,
        _ => return Err(reader.broken("a section that is not known")),
    };
    let sql = reader.text()?.unwrap_or_default();
    let drop = reader.text()?.unwrap_or_default();
    let _copy_statement = reader.text()?;
    let schema = reader.text()?.unwrap_or_default();
    let tablespace = reader.text()?.unwrap_or_default();
    let access_method = reader.text()?.unwrap_or_default();
    let relation_kind =
        if version >= RELATION_KIND { char::from_u32(reader.integer_as()?).filter(|kind| *kind != '\0') } else { None };
    let owner = reader.text()?.unwrap_or_default();
    let _with_oids = reader.text()?;
    let dependencies = dependencies(reader)?;
    reader.skip_offset()?;
    Ok(Entry {
        id,
        kind,
        schema,
        name,
        owner,
        section,
        sql,
        drop,
        tablespace,
        access_method,
        relation_kind,
        catalog,
        oid,
        dependencies,
    })
}

/// The kinds whose names hold identifiers as SQL has them, such as the types of a function's arguments.
const WITH_IDENTIFIERS: [ObjectKind; 8] = [
    ObjectKind::Function,
    ObjectKind::Procedure,
    ObjectKind::Aggregate,
    ObjectKind::Cast,
    ObjectKind::Transform,
    ObjectKind::Comment,
    ObjectKind::Acl,
    ObjectKind::SecurityLabel,
];

/// All identifiers are quoted in a dump; in names, those that need no quotes lose them: `f("public"."t")` is `f(public.t)`.
fn without_needless_quotes(name: &str) -> String {
    let simple = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    // Every other part stands between two quotes.
    let parts: Vec<&str> = name.split('"').collect();
    let joined = parts.iter().enumerate().map(|(at, part)| {
        let quoted = at % 2 == 1 && at + 1 < parts.len() && !simple(part);
        if quoted { format!("\"{part}\"") } else { (*part).to_owned() }
    });
    if parts.len() % 2 == 1 { joined.collect() } else { name.to_owned() }
}

fn dependencies(reader: &mut Reader<'_>) -> Result<Vec<EntryId>> {
    let mut ids = Vec::new();
    while let Some(text) = reader.text()? {
        let id = text.parse().map_err(|_| reader.broken("a dependency that is no number"))?;
        ids.push(EntryId(id));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Writes what `read` reads, as `pg_dump` 17 does.
    fn archive_of(entries: &[(&str, &str, &str)]) -> Vec<u8> {
        let mut bytes = b"PGDMP\x01\x10\x00\x04\x08\x01\x00".to_vec();
        let integer = |bytes: &mut Vec<u8>, value: i32| {
            bytes.push(u8::from(value < 0));
            bytes.extend(value.abs().to_le_bytes());
        };
        let text = |bytes: &mut Vec<u8>, text: &str| {
            integer(bytes, i32::try_from(text.len()).unwrap());
            bytes.extend(text.as_bytes());
        };
        (0..7).for_each(|field| integer(&mut bytes, field));
        ["app", "17.9", "17.9"].iter().for_each(|word| text(&mut bytes, word));
        integer(&mut bytes, i32::try_from(entries.len()).unwrap());
        for (id, (kind, name, sql)) in (1..).zip(entries) {
            integer(&mut bytes, id);
            integer(&mut bytes, 0);
            ["1259", "16384", name, kind].iter().for_each(|word| text(&mut bytes, word));
            integer(&mut bytes, 2);
            [sql, "DROP TABLE public.t;\n", "", "public", "", "heap"].iter().for_each(|word| text(&mut bytes, word));
            integer(&mut bytes, i32::from(b'r'));
            ["app", "false", "7"].iter().for_each(|word| text(&mut bytes, word));
            integer(&mut bytes, -1);
            bytes.extend([3; 9]);
        }
        bytes
    }

    fn good() -> Vec<u8> {
        archive_of(&[("TABLE", "t", "CREATE TABLE public.t ();\n"), ("VIEW", "v", "CREATE VIEW public.v AS SELECT 1;\n")])
    }

    #[test]
    fn entries_are_read_with_their_statements() {
        let archive = read(&good()).unwrap();
        assert_eq!(archive.server_version, "17.9");
        let view = &archive.entries[1];
        assert_eq!((view.id, view.kind.word(), view.name.as_str()), (EntryId(2), "VIEW", "v"));
        assert_eq!((view.sql.as_str(), view.owner.as_str()), ("CREATE VIEW public.v AS SELECT 1;\n", "app"));
        assert_eq!((view.section, view.dependencies.as_slice()), (Section::PreData, [EntryId(7)].as_slice()));
    }

    #[test]
    fn names_keep_only_the_quotes_they_need() {
        assert_eq!(without_needless_quotes(r#"f("public"."t", "Odd"."t 1")"#), r#"f(public.t, "Odd"."t 1")"#);
        assert_eq!(without_needless_quotes("f(integer)"), "f(integer)");
        assert_eq!(without_needless_quotes("odd\"one"), "odd\"one");
    }

    #[test]
    fn an_unknown_version_is_refused() {
        let mut bytes = good();
        bytes[6] = 17;
        let error = read(&bytes).unwrap_err();
        assert_eq!(error.kind, Kind::ArchiveUnreadable);
        assert!(error.message.contains("1.17"), "{error}");
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = good();
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]).unwrap_err().kind, Kind::ArchiveUnreadable, "{length}");
        }
    }

    proptest! {
        #[test]
        fn damage_never_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
            let mut bytes = good();
            for (place, byte) in changes {
                let at = place.index(bytes.len());
                bytes[at] = byte;
            }
            // Either is fine, as long as it returns and takes no more memory than the bytes themselves.
            if let Ok(archive) = read(&bytes) {
                prop_assert!(archive.entries.iter().map(|entry| entry.sql.len() + entry.name.len()).sum::<usize>() <= bytes.len());
            }
        }

        #[test]
        fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&noise);
            let _ = read(&[b"PGDMP\x01\x10\x00\x04\x08\x01\x00".as_slice(), &noise].concat());
        }
    }
}
