//! UUIDs: read, written and made up.

use super::hex;
use super::siphash::{Digest, SipKey};

/// The letters a UUID is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Lower,
    Upper,
}

/// Where the groups begin and end, in bytes.
const GROUPS: [std::ops::Range<usize>; 5] = [0..4, 4..6, 6..8, 8..10, 10..16];

/// The fake of a UUID: version 4, random-looking.
pub(super) fn fake(key: &SipKey, uuid: [u8; 16]) -> [u8; 16] {
    version_4(key.hash(&uuid))
}

/// Appends the fake of a text: a UUID in its usual form gets the fake that it would get in a column of type uuid, in its own case.
pub(super) fn append(key: &SipKey, text: &[u8], made: &mut Vec<u8>) {
    match read(text) {
        Some((uuid, case)) => write(fake(key, uuid), case, made),
        // The tag keeps a text of 16 letters apart from the UUID of the same bytes.
        None => write(version_4(key.hash_tagged(0, text)), Case::Lower, made),
    }
}

fn version_4(digest: Digest) -> [u8; 16] {
    let mut bytes = digest.bytes();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

/// Reads the form with four hyphens, in letters of one case; digits alone count as lower case.
pub(super) fn read(text: &[u8]) -> Option<([u8; 16], Case)> {
    let text: &[u8; 36] = text.try_into().ok()?;
    let (mut bytes, mut nth) = ([0; 16], 0);
    for (at, byte) in text.iter().enumerate() {
        if matches!(at, 8 | 13 | 18 | 23) {
            if *byte != b'-' {
                return None;
            }
        } else {
            bytes[nth / 2] = bytes[nth / 2] << 4 | hex::value(*byte)?;
            nth += 1;
        }
    }
    match (text.iter().any(u8::is_ascii_lowercase), text.iter().any(u8::is_ascii_uppercase)) {
        (true, true) => None,
        (false, true) => Some((bytes, Case::Upper)),
        _ => Some((bytes, Case::Lower)),
    }
}

/// Appends the form with four hyphens.
pub(super) fn write(uuid: [u8; 16], case: Case, text: &mut Vec<u8>) {
    let start = text.len();
    for group in GROUPS {
        if group.start > 0 {
            text.push(b'-');
        }
        hex::append(&uuid[group.clone()], 2 * group.len(), text);
    }
    if case == Case::Upper {
        text[start..].make_ascii_uppercase();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> String {
        let mut made = Vec::new();
        append(&SipKey::new(*b"sixteen bytes ok"), text.as_bytes(), &mut made);
        String::from_utf8(made).unwrap()
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = b"6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        let (uuid, case) = read(text).unwrap();
        let mut written = Vec::new();
        write(uuid, case, &mut written);
        assert_eq!(written, text);
    }

    #[test]
    fn a_fake_is_a_random_uuid_in_the_letters_of_the_original() {
        let lower = made("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
        assert_eq!(lower.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&lower.as_bytes()[19]));
        assert_eq!(made("6BA7B810-9DAD-11D1-80B4-00C04FD430C8"), lower.to_uppercase());
    }

    #[test]
    fn other_texts_get_other_uuids() {
        assert_ne!(made("6ba7b8109dad11d180b400c04fd430c8"), made("6ba7b810-9dad-11d1-80b4-00c04fd430c8"));
        assert_eq!(made("booking 17").len(), 36);
    }
}
