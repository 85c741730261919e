//! Bytes of an archive, read with every length checked.

use crate::{Error, Kind, Result};

/// A place in the archive's bytes.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes of an integer and of an offset, which the header says.
    pub(super) integer_bytes: usize,
    pub(super) offset_bytes: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, integer_bytes: 4, offset_bytes: 8 }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count).ok_or_else(|| self.broken("a length that cannot be"))?;
        let taken = self.bytes.get(self.at..end).ok_or_else(|| self.broken("its end too early"))?;
        self.at = end;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// A sign, then the bytes of the absolute value, least first.
    pub(super) fn integer(&mut self) -> Result<i64> {
        let sign = self.byte()?;
        let bytes = self.take(self.integer_bytes)?;
        let value = bytes.iter().rev().try_fold(0_i64, |value, byte| value.checked_mul(256)?.checked_add(i64::from(*byte)));
        let value = value.ok_or_else(|| self.broken("a number that is too large"))?;
        Ok(if sign == 0 { value } else { -value })
    }

    /// An integer that must be one of another type.
    pub(super) fn integer_as<T: TryFrom<i64>>(&mut self) -> Result<T> {
        T::try_from(self.integer()?).map_err(|_| self.broken("a number out of its range"))
    }

    /// A text, or `None` for C's null pointer.
    pub(super) fn text(&mut self) -> Result<Option<String>> {
        let Ok(length) = usize::try_from(self.integer()?) else { return Ok(None) };
        let bytes = self.take(length)?;
        let text = std::str::from_utf8(bytes).map_err(|_| self.broken("text that is not UTF-8"))?;
        Ok(Some(text.to_owned()))
    }

    /// A number written as text.
    pub(super) fn number(&mut self) -> Result<u32> {
        let text = self.text()?.unwrap_or_default();
        text.parse().map_err(|_| self.broken("text where a number should be"))
    }

    /// An offset into the rows, which are not there.
    pub(super) fn skip_offset(&mut self) -> Result<()> {
        self.take(1 + self.offset_bytes).map(drop)
    }

    pub(super) fn broken(&self, has: &str) -> Error {
        let error = Kind::ArchiveUnreadable.error(format!("the archive from `pg_dump` has {has}, at byte {}", self.at));
        error.help("check that `pg_dump` is not damaged; if it is newer than 18, use an older one")
    }
}
