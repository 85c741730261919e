//! Made-up names and e-mail addresses.

use super::hex;
use super::siphash::Digest;
use std::sync::LazyLock;

/// How many names each list has: as many as a byte has values.
const NAMES: usize = 256;

/// Hexadecimal digits in an e-mail address; with the names they carry 72 bits of the digest.
const EMAIL_DIGITS: usize = 14;

static FIRST: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("first_names.txt").lines().collect());
static LAST: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("last_names.txt").lines().collect());

/// Somebody who does not exist, made from a value's digest.
#[derive(Clone, Copy)]
pub(super) struct Person {
    first: &'static str,
    last: &'static str,
    digest: Digest,
}

impl Person {
    #[inline]
    pub(super) fn new(digest: Digest) -> Self {
        let [first, last, ..] = digest.low.to_le_bytes().map(usize::from);
        Self { first: FIRST[first % NAMES], last: LAST[last % NAMES], digest }
    }

    pub(super) fn append_first(self, fake: &mut Vec<u8>) {
        fake.extend_from_slice(self.first.as_bytes());
    }

    pub(super) fn append_last(self, fake: &mut Vec<u8>) {
        fake.extend_from_slice(self.last.as_bytes());
    }

    pub(super) fn append_full(self, fake: &mut Vec<u8>) {
        self.append_first(fake);
        fake.push(b' ');
        self.append_last(fake);
    }

    /// `<first>.<last>.<14 hexadecimal digits>@example.com`, all in lower case.
    pub(super) fn append_email(self, fake: &mut Vec<u8>) {
        let start = fake.len();
        self.append_first(fake);
        fake.push(b'.');
        self.append_last(fake);
        fake.push(b'.');
        fake[start..].make_ascii_lowercase();
        hex::append(&self.digest.high.to_le_bytes(), EMAIL_DIGITS, fake);
        fake.extend_from_slice(b"@example.com");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The longest fakes that the plan counts on (`restage_core::mask::fit`).
    const EMAIL_CHARS: usize = 48;
    const NAME_CHARS: usize = 32;

    #[test]
    fn both_lists_are_full_of_different_plain_names() {
        for list in [&FIRST, &LAST] {
            assert_eq!(list.iter().collect::<BTreeSet<_>>().len(), NAMES);
            assert_eq!(list.len(), NAMES);
            assert!(list.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_alphabetic())));
        }
    }

    #[test]
    fn no_fake_is_longer_than_the_plan_counts_on() {
        let longest = |list: &[&str]| list.iter().map(|name| name.len()).max().unwrap();
        let (first, last) = (longest(&FIRST), longest(&LAST));
        assert!(first + " ".len() + last <= NAME_CHARS);
        assert!(first + last + "..@example.com".len() + EMAIL_DIGITS <= EMAIL_CHARS);
    }

    #[test]
    fn every_name_is_used() {
        let person = |byte: u8| Person::new(Digest { low: u64::from_le_bytes([byte; 8]), high: 0 });
        let people: Vec<Person> = (0..=255).map(person).collect();
        assert_eq!(people.iter().map(|person| person.first).collect::<BTreeSet<_>>().len(), NAMES);
        assert_eq!(people.iter().map(|person| person.last).collect::<BTreeSet<_>>().len(), NAMES);
    }
}
