//! Copying databases, on real servers.

#![cfg(test)]

#[path = "copy/place.rs"]
mod place;

#[path = "copy/compared.rs"]
mod compared;

#[path = "copy/whole.rs"]
mod whole;

#[path = "copy/read_once.rs"]
mod read_once;

#[path = "copy/faithful.rs"]
mod faithful;

#[path = "copy/names.rs"]
mod names;

#[path = "copy/encodings.rs"]
mod encodings;

#[path = "copy/sizes.rs"]
mod sizes;

#[path = "copy/generated.rs"]
mod generated;

#[path = "copy/parts.rs"]
mod parts;

#[path = "copy/handed_down.rs"]
mod handed_down;

#[path = "copy/busy.rs"]
mod busy;

#[path = "copy/faults.rs"]
mod faults;

#[path = "copy/proxy.rs"]
mod proxy;

#[path = "copy/cut.rs"]
mod cut;

#[path = "copy/connection.rs"]
mod connection;

#[path = "copy/pooler.rs"]
mod pooler;

#[path = "copy/statistics.rs"]
mod statistics;

#[path = "copy/within.rs"]
mod within;

#[path = "copy/waits.rs"]
mod waits;

#[path = "copy/ranges.rs"]
mod ranges;

#[path = "copy/limits.rs"]
mod limits;

#[path = "copy/resumed.rs"]
mod resumed;

#[path = "copy/broken_down.rs"]
mod broken_down;

#[path = "copy/cleared.rs"]
mod cleared;

#[path = "copy/family.rs"]
mod family;
#[path = "copy/mistaken.rs"]
mod mistaken;

#[path = "copy/left.rs"]
mod left;

#[path = "copy/unreadable.rs"]
mod unreadable;
