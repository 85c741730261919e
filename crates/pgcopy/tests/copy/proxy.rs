//! A line to a server that does one thing wrong, at a byte of choice.

use restage_lab::{Gateway, Line};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

/// How long a line stalls before it is cut.
const STALL: Duration = Duration::from_millis(300);
/// How slowly what follows goes: so many bytes in pieces of a few, each after a pause.
const SLOW_BYTES: usize = 20_000;
const SLOW_PIECE_BYTES: usize = 61;
const SLOW_PAUSE: Duration = Duration::from_millis(1);
/// How long a narrow line rests after what it has read at once, 16 kB.
const NARROW_PAUSE: Duration = Duration::from_millis(1);
/// After bytes were garbled, both ends may wait for the other for ever; what is silent for so long is cut.
const SILENCE: Duration = Duration::from_secs(1);
/// So often a line is listened to for silence before it is cut all the same: other sessions may go on talking for ever.
const LISTENINGS: usize = 20;
/// What rows are made of that may be changed: nothing else is.
const FILLER: [u8; 16] = [b'x'; 16];

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection ends.
    Cut,
    /// Every connection ends, and no other is made.
    CutAll,
    /// The connection says nothing for a while, and ends.
    Stall,
    /// Every connection says nothing any more and stays open.
    StallAll,
    /// What follows comes in small pieces.
    Slow,
    /// All that follows comes at the rate of a slow network.
    Narrow,
    /// One byte is another, whatever it means.
    Garble,
    /// One letter of a row is another.
    GarbleRow,
}

/// A proxy on a free port that ends with this value.
pub(crate) struct Proxy {
    gateway: Gateway,
    wire: Arc<Wire>,
}

struct Wire {
    fault: Fault,
    /// The byte, counted over all connections and both ways, from which on it goes wrong.
    at: u64,
    passed: AtomicU64,
    happened: AtomicBool,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Stalled,
    Cut,
}

impl Proxy {
    /// Stands before the server on that port.
    pub(crate) async fn start(server: u16, fault: Fault, at: u64) -> Self {
        let (passed, happened) = (AtomicU64::new(0), AtomicBool::new(false));
        let wire = Arc::new(Wire { fault, at, passed, happened, state: watch::Sender::new(State::Open) });
        let of_lines = wire.clone();
        let gateway = Gateway::open(server, move |line| of_lines.clone().carry(line)).await.unwrap();
        Self { gateway, wire }
    }

    pub(crate) fn port(&self) -> u16 {
        self.gateway.port()
    }

    /// Bytes that have passed so far.
    pub(crate) fn passed(&self) -> u64 {
        self.wire.passed.load(Ordering::SeqCst)
    }

    pub(crate) fn happened(&self) -> bool {
        self.wire.happened.load(Ordering::SeqCst)
    }

    /// Returns once every connection has stalled.
    pub(crate) async fn stalled(&self) {
        self.wire.state.subscribe().wait_for(|state| *state == State::Stalled).await.unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.wire.state.send_replace(State::Cut);
    }
}

impl Wire {
    async fn carry(self: Arc<Self>, line: Line) -> io::Result<()> {
        let mut state = self.state.subscribe();
        if *state.borrow() == State::Cut {
            return Ok(());
        }
        tokio::select! {
            done = self.pump(line.from_client, line.to_server) => done,
            done = self.pump(line.from_server, line.to_client) => done,
            _ = state.wait_for(|state| *state == State::Cut) => Ok(()),
        }
    }

    /// Passes bytes on one way until the line ends, by itself or not.
    async fn pump(self: &Arc<Self>, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
        let mut buffer = vec![0; 16 << 10];
        let mut slow = 0;
        loop {
            let count = from.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            self.state.subscribe().wait_for(|state| *state != State::Stalled).await.map_err(io::Error::other)?;
            let before = self.passed.fetch_add(count as u64, Ordering::SeqCst);
            let chunk = &mut buffer[..count];
            if before + count as u64 > self.at && !self.happened.load(Ordering::SeqCst) {
                self.go_wrong(chunk, usize::try_from(self.at.saturating_sub(before)).unwrap_or(0), &mut slow).await?;
            }
            for piece in chunk.chunks(if slow > 0 { SLOW_PIECE_BYTES } else { count }) {
                if slow > 0 {
                    tokio::time::sleep(SLOW_PAUSE).await;
                    slow = slow.saturating_sub(piece.len());
                }
                to.write_all(piece).await?;
            }
            if self.fault == Fault::Narrow && self.happened.load(Ordering::SeqCst) {
                tokio::time::sleep(NARROW_PAUSE).await;
            }
        }
    }

    /// Does what is to be done to bytes and line, at a byte of the chunk; an error ends the connection.
    async fn go_wrong(self: &Arc<Self>, chunk: &mut [u8], at: usize, slow: &mut usize) -> io::Result<()> {
        if self.fault == Fault::GarbleRow && !garble_row(chunk) {
            return Ok(());
        }
        if self.happened.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        match self.fault {
            Fault::Cut => return Err(io::ErrorKind::ConnectionReset.into()),
            Fault::CutAll => drop(self.state.send_replace(State::Cut)),
            Fault::Stall => {
                tokio::time::sleep(STALL).await;
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            Fault::StallAll => {
                self.state.send_replace(State::Stalled);
                self.state.subscribe().wait_for(|state| *state != State::Stalled).await.map_err(io::Error::other)?;
            }
            Fault::Slow => *slow = SLOW_BYTES,
            Fault::Garble => {
                chunk[at] ^= 1 << (at % 8);
                tokio::spawn(cut_when_silent(self.clone()));
            }
            Fault::GarbleRow | Fault::Narrow => {}
        }
        Ok(())
    }
}

/// Changes one letter in the middle of a row, if there is one here.
fn garble_row(chunk: &mut [u8]) -> bool {
    let found = chunk.windows(FILLER.len()).position(|bytes| bytes == FILLER);
    if let Some(at) = found {
        chunk[at + FILLER.len() / 2] = b'y';
    }
    found.is_some()
}

async fn cut_when_silent(wire: Arc<Wire>) {
    let mut before = u64::MAX;
    for _ in 0..LISTENINGS {
        let passed = wire.passed.load(Ordering::SeqCst);
        if passed == before {
            break;
        }
        before = passed;
        tokio::time::sleep(SILENCE).await;
    }
    wire.state.send_replace(State::Cut);
}
