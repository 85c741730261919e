//! Giving a copied data directory a system identifier of its own.
//!
//! Servers copied from one template would share the identifier that `initdb` chose, and restage rightly takes two servers with
//! the same identifier for one. No official program changes it, but its place is stable: the first eight bytes of
//! `global/pg_control`, which ends in a CRC-32C. `pg_resetwal` then writes a log that carries the new identifier.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::account::Account;
use crate::{Error, Installation, Result, template, tool};

/// The checksum stands behind the fields, and no version has fewer bytes of them than this.
const FEWEST_FIELD_BYTES: usize = 200;

static CALLS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn renew(installation: &Installation, account: Account, data: &Path) -> Result<()> {
    let path = data.join("global/pg_control");
    let mut control = fs::read(&path).map_err(Error::file("read", &path))?;
    let end = find_checksum(&control).ok_or_else(|| Error::ControlFile { path: path.clone() })?;
    control[..8].copy_from_slice(&unused_identifier().to_ne_bytes());
    let checksum = Crc32c::of(&control[..end]);
    control[end..end + 4].copy_from_slice(&checksum.to_ne_bytes());
    fs::write(&path, control).map_err(Error::file("write", &path))?;

    let mut reset = account.command(&installation.bin("pg_resetwal"));
    reset.arg("-D").arg(data);
    tool::run(reset, "", template::INIT_LIMIT).map(drop)
}

/// Built as PostgreSQL builds it: seconds, microseconds, process id; the counter tells one process's clusters apart.
fn unused_identifier() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let nonce = u64::from(std::process::id()) ^ (CALLS.fetch_add(1, Ordering::Relaxed) << 6);
    (now.as_secs() << 32) | (u64::from(now.subsec_micros()) << 12) | (nonce & 0xfff)
}

/// Where the checksum of all bytes before it stands.
fn find_checksum(control: &[u8]) -> Option<usize> {
    let mut crc = Crc32c::new();
    control.chunks_exact(4).enumerate().find_map(|(index, word)| {
        let end = index * 4;
        let found = end >= FEWEST_FIELD_BYTES && crc.value().to_ne_bytes() == word;
        crc.add(word);
        found.then_some(end)
    })
}

struct Crc32c(u32);

impl Crc32c {
    const POLYNOMIAL: u32 = 0x82f6_3b78;

    fn new() -> Self {
        Self(u32::MAX)
    }

    fn of(bytes: &[u8]) -> u32 {
        let mut crc = Self::new();
        crc.add(bytes);
        crc.value()
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 ^= u32::from(*byte);
            for _ in 0..8 {
                self.0 = (self.0 >> 1) ^ (Self::POLYNOMIAL & (self.0 & 1).wrapping_neg());
            }
        }
    }

    fn value(&self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_published_one() {
        assert_eq!(Crc32c::of(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn the_checksum_is_found_where_it_stands() {
        let mut control: Vec<u8> = (0..=255).cycle().take(288).collect();
        let checksum = Crc32c::of(&control);
        control.extend(checksum.to_ne_bytes());
        control.extend([0; 100]);
        assert_eq!(find_checksum(&control), Some(288));
    }
}
