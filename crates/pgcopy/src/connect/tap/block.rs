//! Rows on their way from one session to another.

use super::CHUNK_BYTES;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

/// A message's type and length.
pub(super) const HEADER_BYTES: usize = 5;
/// A block of whole rows is a little larger than [`CHUNK_BYTES`]; most rows fit into this without moving the others.
const LAST_ROW_BYTES: usize = 32 << 10;
/// What a block takes.
const BLOCK_BYTES: usize = HEADER_BYTES + CHUNK_BYTES + LAST_ROW_BYTES;
/// Blocks that are kept for the next rows; no more are ever under way between two sessions.
const SPARE_BLOCKS: usize = 16;

/// Some rows with room for a message's header before them, so that a session sends them on as they lie. It is also its rows.
#[derive(Debug)]
pub struct Block {
    bytes: Vec<u8>,
    shelf: Shelf,
}

/// Where the memory of blocks waits for its next use: fresh memory costs the kernel more than the rows in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf(Arc<Mutex<Vec<Vec<u8>>>>);

impl Shelf {
    pub(super) fn block(&self) -> Block {
        let spare = self.spares().pop();
        let mut bytes = spare.unwrap_or_else(|| Vec::with_capacity(BLOCK_BYTES));
        bytes.resize(HEADER_BYTES, 0);
        Block { bytes, shelf: self.clone() }
    }

    fn spares(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Block {
    /// Another one, empty.
    #[must_use]
    pub fn next(&self) -> Self {
        self.shelf.block()
    }

    /// Where rows are appended; what is in it already stays.
    pub fn room(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The rows with their header, as a message of the type `kind`.
    pub(super) fn message(&mut self, kind: u8) -> &[u8] {
        // The server takes no message above 1 GB, and says so.
        let length = u32::try_from(self.bytes.len() - 1).unwrap_or(u32::MAX);
        self.bytes[0] = kind;
        self.bytes[1..HEADER_BYTES].copy_from_slice(&length.to_be_bytes());
        &self.bytes
    }
}

impl Deref for Block {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes[HEADER_BYTES..]
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        let mut spares = self.shelf.spares();
        // What a large row has taken is given back.
        if bytes.capacity() == BLOCK_BYTES && spares.len() < SPARE_BLOCKS {
            bytes.clear();
            spares.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_its_rows_and_sends_them_with_a_header() {
        let mut block = Shelf::default().block();
        assert!(block.is_empty());
        block.room().extend_from_slice(b"rows");
        assert_eq!(&*block, b"rows");
        assert_eq!(block.message(b'd'), b"d\0\0\0\x08rows");
        assert_eq!(&*block, b"rows");
    }

    #[test]
    fn memory_is_used_again_unless_it_is_large() {
        let shelf = Shelf::default();
        let mut first = shelf.block();
        first.room().push(1);
        let at = first.bytes.as_ptr();
        drop(first);
        let mut second = shelf.block();
        assert!(second.bytes.as_ptr() == at && second.is_empty());
        second.room().resize(2 * BLOCK_BYTES, 0);
        drop(second);
        assert!(shelf.spares().is_empty());
    }
}
