//! Masks on the streams of COPY: the same fake in both formats, different fakes for different values, and no panic whatever comes.

#![cfg(test)]

#[path = "mask/wire.rs"]
mod wire;

#[path = "mask/cases.rs"]
mod cases;

#[path = "mask/formats.rs"]
mod formats;

#[path = "mask/streams.rs"]
mod streams;

#[path = "mask/apart.rs"]
mod apart;

#[path = "mask/golden.rs"]
mod golden;

#[path = "mask/server.rs"]
mod server;
