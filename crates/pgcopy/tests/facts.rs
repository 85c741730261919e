//! Reading structure and facts, on real servers.

#![cfg(test)]

#[path = "copy/place.rs"]
#[expect(dead_code, reason = "shared with other test binaries, which use the rest")]
mod place;

#[path = "facts/catalog.rs"]
mod catalog;

#[path = "facts/gathered.rs"]
mod gathered;

#[path = "facts/known.rs"]
mod known;
