//! Which characters the bytes of a script are, by the encoding that settings or the script's sidecar name.
//!
//! Names and bytes mean what they mean to Java, since checksums are taken of the characters. That differs from the web's
//! meaning, which reads ISO-8859-1 as windows-1252 and finds a character for every byte of the latter.

use std::fmt;
use std::path::Path;

use encoding_rs as web;

use crate::{Error, Kind, Result};

/// An encoding that scripts may be written in; UTF-8 unless something else is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// UTF-16 in the order that its byte order mark says, big-endian without one.
    Utf16,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
    /// Seven bits.
    UsAscii,
    /// ISO-8859-1, each byte the character of that number.
    Latin1,
    /// One of those with one byte for each character, of which a table says which.
    OneByte(OneByte),
}

/// An encoding with one byte for each character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneByte(&'static web::Encoding);

/// Java's name in small letters without `-` and `_`, and the table.
const ONE_BYTE: [(&str, &web::Encoding); 16] = [
    ("iso88592", web::ISO_8859_2),
    ("iso88593", web::ISO_8859_3),
    ("iso88594", web::ISO_8859_4),
    ("iso88595", web::ISO_8859_5),
    ("iso88597", web::ISO_8859_7),
    ("iso885913", web::ISO_8859_13),
    ("iso885915", web::ISO_8859_15),
    ("koi8r", web::KOI8_R),
    ("windows1250", web::WINDOWS_1250),
    ("windows1251", web::WINDOWS_1251),
    ("windows1252", web::WINDOWS_1252),
    ("windows1253", web::WINDOWS_1253),
    ("windows1254", web::WINDOWS_1254),
    ("windows1256", web::WINDOWS_1256),
    ("windows1257", web::WINDOWS_1257),
    ("windows1258", web::WINDOWS_1258),
];

impl Encoding {
    /// The encoding that Java knows by this name, in any case.
    pub fn named(name: &str) -> Result<Self> {
        let mut key = name.to_ascii_lowercase().replace(['-', '_'], "");
        if let Some(page) = key.strip_prefix("cp") {
            key = format!("windows{page}");
        }
        match key.as_str() {
            "utf8" => Ok(Self::Utf8),
            "utf16" => Ok(Self::Utf16),
            "utf16le" => Ok(Self::Utf16Le),
            "utf16be" => Ok(Self::Utf16Be),
            "usascii" | "ascii" | "iso646us" => Ok(Self::UsAscii),
            "iso88591" | "latin1" | "l1" => Ok(Self::Latin1),
            _ => match ONE_BYTE.iter().find(|(known, _)| *known == key) {
                Some((_, table)) => Ok(Self::OneByte(OneByte(table))),
                None => Err(Kind::Setting.error(format!("the encoding `{name}` is not known")).help(
                    "use UTF-8, UTF-16, UTF-16LE, UTF-16BE, US-ASCII, ISO-8859-1 to -5, -7, -13 or -15, KOI8-R, \
                     windows-1250 to -1254 or -1256 to -1258",
                )),
            },
        }
    }

    /// The text that these bytes are, byte order mark included; the error names `file` and the line of the first bytes that are none.
    pub fn decode(self, bytes: Vec<u8>, file: &Path) -> Result<String> {
        match self {
            Self::Utf8 => utf8(bytes),
            Self::Utf16 => match bytes.as_slice() {
                [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
                [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
                all => utf16(all, u16::from_be_bytes),
            },
            Self::Utf16Le => utf16(&bytes, u16::from_le_bytes),
            Self::Utf16Be => utf16(&bytes, u16::from_be_bytes),
            Self::UsAscii => match bytes.iter().position(|byte| !byte.is_ascii()) {
                Some(bad) => Err(Undecodable { line: line_of(&bytes[..bad]), cause: None }),
                None => utf8(bytes),
            },
            Self::Latin1 => Ok(web::mem::decode_latin1(&bytes).into_owned()),
            Self::OneByte(encoding) => encoding.decode(&bytes),
        }
        .map_err(|undecodable| undecodable.error(self, file))
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16 => "UTF-16",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::UsAscii => "US-ASCII",
            Self::Latin1 => "ISO-8859-1",
            Self::OneByte(OneByte(table)) => table.name(),
        })
    }
}

impl OneByte {
    fn decode(self, bytes: &[u8]) -> Result<String, Undecodable> {
        let characters = self.characters();
        let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
        for (index, byte) in bytes.iter().enumerate() {
            match characters[usize::from(*byte)] {
                Some(character) => text.push(character),
                None => return Err(Undecodable { line: line_of(&bytes[..index]), cause: None }),
            }
        }
        Ok(text)
    }

    fn characters(self) -> [Option<char>; 256] {
        let mut characters = [None; 256];
        let of_windows = self.0.name().starts_with("windows");
        for (byte, character) in (0..=u8::MAX).zip(&mut characters) {
            let decoded = self.0.decode_without_bom_handling_and_without_replacement(std::slice::from_ref(&byte));
            // The web fills the gaps of these tables with control characters, which Java refuses.
            *character =
                decoded.and_then(|text| text.chars().next()).filter(|found| !(of_windows && ('\u{80}'..='\u{9f}').contains(found)));
        }
        characters
    }
}

struct Undecodable {
    line: usize,
    cause: Option<std::string::FromUtf8Error>,
}

impl Undecodable {
    fn error(self, encoding: Encoding, file: &Path) -> Error {
        let message = format!("`{}` is not written in {encoding}, as line {} shows", file.display(), self.line);
        let help = "save it in that encoding, or name the one it has as `encoding`, in the settings or in the script's `.conf`";
        let error = Kind::Encoding.error(message).help(help).at(file, Some(self.line));
        match self.cause {
            Some(cause) => error.because(cause.utf8_error()),
            None => error,
        }
    }
}

fn utf8(bytes: Vec<u8>) -> Result<String, Undecodable> {
    String::from_utf8(bytes).map_err(|cause| {
        let valid = cause.utf8_error().valid_up_to();
        Undecodable { line: line_of(&cause.as_bytes()[..valid]), cause: Some(cause) }
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Undecodable> {
    let mut text = String::with_capacity(bytes.len());
    let (pairs, odd) = bytes.as_chunks::<2>();
    for character in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match character {
            Ok(character) => text.push(character),
            Err(_) => return Err(Undecodable { line: line_of(text.as_bytes()), cause: None }),
        }
    }
    if odd.is_empty() { Ok(text) } else { Err(Undecodable { line: line_of(text.as_bytes()), cause: None }) }
}

fn line_of(before: &[u8]) -> usize {
    1 + memchr::memchr_iter(b'\n', before).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(name: &str, bytes: &[u8]) -> Result<String> {
        Encoding::named(name).unwrap().decode(bytes.to_vec(), Path::new("V1__a.sql"))
    }

    #[test]
    fn bytes_become_the_characters_of_their_encoding() {
        assert_eq!(decoded("utf-8", "\u{feff}é€".as_bytes()).unwrap(), "\u{feff}é€");
        assert_eq!(decoded("ISO-8859-1", b"\xe9\x80").unwrap(), "é\u{80}");
        assert_eq!(decoded("windows-1252", b"\xe9\x80").unwrap(), "é€");
        assert_eq!(decoded("UTF-16", b"\xff\xfea\0").unwrap(), "a");
        assert_eq!(decoded("UTF-16", b"\0a").unwrap(), "a");
        assert_eq!(decoded("UTF_16LE", b"\xff\xfe=\xd8\0\xde").unwrap(), "\u{feff}😀");
        assert_eq!(decoded("ASCII", b"a").unwrap(), "a");
    }

    #[test]
    fn bytes_that_are_no_characters_are_refused_with_file_and_line() {
        for (name, bytes) in [
            ("UTF-8", b"a\r\nb\nc\xe9".as_slice()),
            ("US-ASCII", b"a\nb\n\xe9\n"),
            ("windows-1252", b"a\nb\n\x81"),
            ("UTF-16", b"\0\n\0\n\xd8\0\0a"),
            ("UTF-16LE", b"\n\0\n\0a"),
        ] {
            let error = decoded(name, bytes).unwrap_err();
            assert_eq!(error.kind, Kind::Encoding);
            assert_eq!(error.message, format!("`V1__a.sql` is not written in {name}, as line 3 shows"));
            assert_eq!(error.place.unwrap().line, Some(3));
        }
    }

    #[test]
    fn an_unknown_encoding_is_a_setting_that_cannot_be_used() {
        for name in ["", "UTF-7", "ISO-8859-9", "cp"] {
            assert_eq!(Encoding::named(name).unwrap_err().kind, Kind::Setting);
        }
    }

    #[test]
    fn an_encoding_is_shown_by_a_name_that_it_is_known_by() {
        for name in ["UTF-16LE", "US-ASCII", "ISO-8859-1", "ISO-8859-15", "windows-1252", "KOI8-R"] {
            let encoding = Encoding::named(name).unwrap();
            assert_eq!(Encoding::named(&encoding.to_string()).unwrap(), encoding);
        }
    }
}
