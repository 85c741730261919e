//! Rows on their way through: what has no mask passes, what has one is replaced.

mod binary;
mod text;

use super::column::{Desk, Made};
use super::{Compiled, MaskSet, MaskedColumn, Misread};
use crate::{Error, Kind, Result};
use std::sync::Arc;

/// How much room for one value is kept from row to row; what a larger value took is given back after it.
const KEPT_ROOM_BYTES: usize = 1 << 20;

/// The formats of COPY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `COPY … (FORMAT binary)`.
    Binary,
    /// `COPY … (FORMAT text)`, with its delimiter and NULL as they are by default, from a session with `bytea_output` hex,
    /// `DateStyle` ISO and `client_encoding` UTF8.
    Text,
}

/// Masks one COPY; values of masked columns are held whole, all else passes as it comes.
pub struct Masker {
    set: Arc<Compiled>,
    place: Place,
    bench: Bench,
}

enum Place {
    Binary(binary::Place),
    Text(text::Place),
}

/// Where values are masked.
#[derive(Default)]
struct Bench {
    /// A value or a fake without its escapes.
    plain: Vec<u8>,
    desk: Box<Desk>,
}

impl Masker {
    /// A masker for one COPY of the columns that the masks were compiled for.
    pub fn new(set: &MaskSet, format: Format) -> Self {
        let place = match format {
            Format::Binary => Place::Binary(binary::Place::default()),
            Format::Text => Place::Text(text::Place::default()),
        };
        Self { set: Arc::clone(&set.inner), place, bench: Bench::default() }
    }

    /// Takes the next piece of the stream and appends what is ready; where pieces end makes no difference.
    pub fn feed(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<()> {
        out.reserve(message.len());
        let fed = match &mut self.place {
            Place::Binary(place) => binary::feed(place, &self.set, &mut self.bench, message, out),
            Place::Text(place) => text::feed(place, &self.set, &mut self.bench, message, out),
        };
        self.bench.desk.settle(&self.set.key.keys, out);
        fed
    }

    /// Fails if the stream ended in the middle of a row.
    pub fn finish(&self) -> Result<()> {
        let whole = match &self.place {
            Place::Binary(place) => place.is_end(),
            Place::Text(place) => place.is_end(),
        };
        if whole { Ok(()) } else { Err(unreadable("they end in the middle of a row")) }
    }
}

impl Bench {
    /// Gives back the room that a large value took.
    #[inline]
    fn tidy(&mut self, set: &Compiled, value_bytes: usize, out: &mut [u8]) {
        if value_bytes > KEPT_ROOM_BYTES {
            self.desk.settle(&set.key.keys, out);
            *self = Self::default();
        }
    }
}

fn unreadable(why: &str) -> Error {
    Kind::Mismatch.error(format!("the rows that the source sends cannot be read: {why}"))
}

fn misread(column: &MaskedColumn, misread: Misread) -> Error {
    let message = format!("the column `{}` holds a value that {} and cannot be masked", column.name, misread.0);
    Kind::MaskUnfit.error(message).help("correct the value in the source, or choose `null` or `fixed` for this column")
}
