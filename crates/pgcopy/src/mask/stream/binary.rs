//! The binary format: a header; rows as a count of fields and each field as its length and bytes; the count -1 at the end.

use super::{Bench, Made, misread, unreadable};
use crate::Result;
use crate::mask::{Compiled, MaskedColumn};

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// The signature, flags and the length of what follows them.
const HEADER_BYTES: usize = 19;
/// The longest extension of the header that is read; PostgreSQL sends none.
const MAX_EXTENSION_BYTES: usize = 1 << 16;
const COUNT_BYTES: usize = 2;
const LENGTH_BYTES: usize = 4;

const NULL: i32 = -1;
const TRAILER: i16 = -1;

/// Where in the stream the last piece ended.
#[derive(Default)]
pub(super) struct Place {
    next: Next,
    /// The field that comes next, or whose value does.
    field: usize,
    /// What was kept from pieces before, of a header, a count, a length or a masked value.
    held: Vec<u8>,
}

/// What comes next.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Next {
    #[default]
    Header,
    Count,
    Length,
    /// The rest of a value without a mask.
    Passing {
        left: usize,
    },
    /// The rest of a value with one, which has so many bytes in all.
    Masked {
        bytes: usize,
    },
    End,
}

impl Place {
    pub(super) fn is_end(&self) -> bool {
        self.next == Next::End
    }

    /// Moves the bytes still wanting from the message to what is held; whether that makes it whole.
    fn hold(&mut self, wanted: usize, message: &mut &[u8]) -> bool {
        let (taken, rest) = message.split_at(wanted.saturating_sub(self.held.len()).min(message.len()));
        self.held.extend_from_slice(taken);
        *message = rest;
        self.held.len() == wanted
    }
}

pub(super) fn feed(place: &mut Place, set: &Compiled, bench: &mut Bench, message: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let mut message = message;
    while !message.is_empty() {
        // Within a message everything is looked at where it lies; only what goes on from the one before needs care.
        if place.held.is_empty() && matches!(place.next, Next::Count | Next::Length) {
            return rows(place, set, bench, message, out);
        }
        resume(place, set, bench, &mut message, out)?;
    }
    Ok(())
}

/// Goes on with what the last piece left unfinished, up to the next count or length.
fn resume(place: &mut Place, set: &Compiled, bench: &mut Bench, message: &mut &[u8], out: &mut Vec<u8>) -> Result<()> {
    match place.next {
        Next::Header => {
            place.hold(header_bytes(&place.held)?, message);
            // What has come may tell that it is longer, or none.
            if place.held.len() == header_bytes(&place.held)? {
                out.extend_from_slice(&place.held);
                place.held.clear();
                place.next = Next::Count;
            }
        }
        Next::Count => {
            if place.hold(COUNT_BYTES, message) {
                let held = std::mem::take(&mut place.held);
                rows(place, set, bench, &held, out)?;
            }
        }
        Next::Length => {
            if place.hold(LENGTH_BYTES, message) {
                let held = std::mem::take(&mut place.held);
                rows(place, set, bench, &held, out)?;
            }
        }
        Next::Passing { left } => {
            let (passing, rest) = message.split_at(left.min(message.len()));
            out.extend_from_slice(passing);
            *message = rest;
            place.next = if passing.len() == left { after_field(place, set) } else { Next::Passing { left: left - passing.len() } };
        }
        Next::Masked { bytes } => {
            if place.hold(bytes, message) {
                let held = std::mem::take(&mut place.held);
                if let Some(Some(column)) = set.columns.get(place.field) {
                    replace(set, column, bench, &held, out)?;
                }
                place.field += 1;
                place.next = after_field(place, set);
            }
        }
        Next::End => return Err(unreadable("more follows after their end")),
    }
    Ok(())
}

/// Reads from a count or a length on, to the end of the message.
fn rows(place: &mut Place, set: &Compiled, bench: &mut Bench, message: &[u8], out: &mut Vec<u8>) -> Result<()> {
    // What lies before `copied` is in `out`, what lies before `at` is read: between them lies a run that passes.
    let (mut copied, mut at) = (0, 0);
    loop {
        if place.next == Next::Count {
            let Some(count) = message[at..].first_chunk::<COUNT_BYTES>() else { break };
            at += COUNT_BYTES;
            place.next = begin_row(place, set, i16::from_be_bytes(*count))?;
            if place.next == Next::End {
                if at < message.len() {
                    return Err(unreadable("more follows after their end"));
                }
                break;
            }
            continue;
        }
        let Some(length) = message[at..].first_chunk::<LENGTH_BYTES>() else { break };
        let length = i32::from_be_bytes(*length);
        let bytes = usize::try_from(length).unwrap_or(0);
        if length < NULL {
            return Err(unreadable("a field has a negative length"));
        }
        let value = at + LENGTH_BYTES;
        let here = message.get(value..value + bytes);
        match (&set.columns[place.field], here) {
            (None, Some(_)) => at = value + bytes,
            (None, None) => {
                out.extend_from_slice(&message[copied..]);
                place.field += 1;
                place.next = Next::Passing { left: bytes - (message.len() - value) };
                return Ok(());
            }
            (Some(column), Some(here)) => {
                out.extend_from_slice(&message[copied..at]);
                if length == NULL {
                    out.extend_from_slice(&NULL.to_be_bytes());
                } else {
                    replace(set, column, bench, here, out)?;
                }
                at = value + bytes;
                copied = at;
            }
            (Some(_), None) => {
                out.extend_from_slice(&message[copied..at]);
                place.held.extend_from_slice(&message[value..]);
                place.next = Next::Masked { bytes };
                return Ok(());
            }
        }
        place.field += 1;
        place.next = after_field(place, set);
    }
    out.extend_from_slice(&message[copied..at]);
    place.held.extend_from_slice(&message[at..]);
    Ok(())
}

/// The length of the whole header, as far as is known from its beginning.
fn header_bytes(held: &[u8]) -> Result<usize> {
    let known = held.len().min(SIGNATURE.len());
    if held[..known] != SIGNATURE[..known] {
        return Err(unreadable("they do not begin as COPY's binary format does"));
    }
    let Some(extension) = held.get(HEADER_BYTES - 4..HEADER_BYTES).and_then(|bytes| bytes.first_chunk::<4>()) else {
        return Ok(HEADER_BYTES);
    };
    let extension = usize::try_from(i32::from_be_bytes(*extension)).ok().filter(|bytes| *bytes <= MAX_EXTENSION_BYTES);
    extension.map(|bytes| HEADER_BYTES + bytes).ok_or_else(|| unreadable("their header is too long"))
}

fn begin_row(place: &mut Place, set: &Compiled, count: i16) -> Result<Next> {
    if count == TRAILER {
        return Ok(Next::End);
    }
    if usize::try_from(count) != Ok(set.columns.len()) {
        return Err(unreadable(&format!("a row has {count} fields where {} are expected", set.columns.len())));
    }
    place.field = 0;
    Ok(after_field(place, set))
}

#[inline]
fn after_field(place: &Place, set: &Compiled) -> Next {
    if place.field < set.columns.len() { Next::Length } else { Next::Count }
}

/// Appends the length and the bytes of the fake.
#[inline]
fn replace(set: &Compiled, column: &MaskedColumn, bench: &mut Bench, value: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let head = out.len();
    out.extend_from_slice(&NULL.to_be_bytes());
    let made = column.action.binary(&set.key.keys, value, out, &mut bench.desk);
    if made.map_err(|why| misread(column, why))? == Made::Value {
        let length = i32::try_from(out.len() - head - LENGTH_BYTES);
        let length = length.map_err(|_| unreadable("a fake is longer than a field can be"))?;
        out[head..head + LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
    }
    bench.tidy(set, value.len(), out);
    Ok(())
}
