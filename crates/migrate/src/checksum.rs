//! What a script hashes to, as Flyway hashes it, and the hash of text that its lock is named by.

use std::fmt;

/// The checksum of a script, as it stands in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Checksum(pub i32);

impl Checksum {
    /// The CRC32 of all lines of a text in UTF-8, without what ends them and without a leading byte order mark; 0 if all are empty.
    pub fn of_text(text: &str) -> Self {
        let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes();
        let mut crc = crc32fast::Hasher::new();
        // An empty line adds nothing, so `\r\n` need not be told from `\r` and `\n`.
        while let Some(end) = memchr::memchr2(b'\r', b'\n', rest) {
            crc.update(&rest[..end]);
            rest = &rest[end + 1..];
        }
        crc.update(rest);
        Self(crc.finalize().cast_signed())
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The hash that Java's `String.hashCode` gives a text.
pub fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_a_byte_order_mark_do_not_count() {
        for text in ["CREATE TABLE t(a int);\n", "\u{feff}CREATE TABLE t(a int);\r\n", "\rCREATE TABLE\n t(a int);"] {
            assert_eq!(Checksum::of_text(text), Checksum(962_658_605));
        }
        assert_ne!(Checksum::of_text("\n\u{feff}CREATE TABLE t(a int);"), Checksum(962_658_605));
    }

    #[test]
    fn nothing_hashes_to_nothing() {
        for text in ["", "\u{feff}", "\r\n\n\r"] {
            assert_eq!(Checksum::of_text(text), Checksum(0));
        }
    }

    #[test]
    fn the_name_of_the_history_hashes_to_what_flyway_locks() {
        let lock = 77_431_708_279_161 + i64::from(java_hash("\"public\".\"flyway_schema_history\""));
        assert_eq!(lock, 77_433_833_903_597);
    }
}
