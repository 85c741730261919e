//! The tap's side towards the socket and `tokio-postgres`.

use super::super::socket::Socket;
use super::block::{Block, HEADER_BYTES};
use super::outbox::Begun;
use super::{Boundaries, CHUNK_BYTES, Mode, Rows, Tap};
use bytes::{Buf, BytesMut};
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

const COPY_OUT_RESPONSE: u8 = b'H';
const COPY_IN_RESPONSE: u8 = b'G';
const COPY_DATA: u8 = b'd';
const COPY_DONE: u8 = b'c';
const ERROR: u8 = b'E';
const BACKEND_KEY_DATA: u8 = b'K';
const READY_FOR_QUERY: u8 = b'Z';

/// The stream that `tokio-postgres` gets.
pub(in crate::connect) struct Tapped {
    socket: Socket,
    tap: Tap,
    /// Read from the socket, not looked at yet.
    inbox: BytesMut,
    /// Ready for `tokio-postgres`.
    through: BytesMut,
    /// Rows on their way into a block.
    chunk: Block,
    passing: Option<Passing>,
    begun: Begun,
}

/// The message that is passing by.
#[derive(Clone, Copy)]
struct Passing {
    kind: u8,
    /// Bytes of its body that have not passed yet.
    rest: usize,
    /// `tokio-postgres` gets it.
    through: bool,
}

/// Whether all that was read has been sorted.
#[derive(PartialEq, Eq)]
enum Sorted {
    All,
    /// The chunks' taker must make room first.
    Full,
}

impl Tapped {
    pub(in crate::connect) fn new(socket: Socket) -> (Self, Tap) {
        let tap = Tap::default();
        let (inbox, through, chunk) = (BytesMut::new(), BytesMut::new(), tap.block());
        (Self { socket, tap: tap.clone(), inbox, through, chunk, passing: None, begun: Begun::default() }, tap)
    }

    /// Sends what the inbox holds its two ways.
    fn sort(&mut self) -> Sorted {
        loop {
            if self.passing.is_none() {
                self.take_whole_rows();
            }
            let Some(mut passing) = self.passing.take().or_else(|| self.begin()) else { return Sorted::All };
            let here = passing.rest.min(self.inbox.len());
            if passing.kind == BACKEND_KEY_DATA {
                self.tap.state().note_process(&self.inbox[..here]);
            }
            let moved = if passing.through {
                self.through.extend_from_slice(&self.inbox[..here]);
                here
            } else if passing.kind == COPY_DATA {
                self.take_rows(here, passing.rest)
            } else {
                here
            };
            self.inbox.advance(moved);
            passing.rest -= moved;
            if passing.rest == 0 {
                self.end(passing.kind);
                continue;
            }
            self.passing = Some(passing);
            if self.inbox.is_empty() {
                return Sorted::All;
            }
            if moved == 0 {
                return Sorted::Full;
            }
        }
    }

    /// Takes the rows that the inbox begins with and that fit into a chunk, all under one lock: there are millions of them.
    fn take_whole_rows(&mut self) {
        let mut state = self.tap.state();
        if !matches!(state.mode, Mode::Take(_)) {
            return;
        }
        let (mut taken, mut rows) = (0, 0);
        while !state.is_full()
            && let Some(row) = whole_row(&self.inbox[taken..])
            && self.chunk.len() + row.len() <= CHUNK_BYTES
        {
            self.chunk.room().extend_from_slice(row);
            taken += HEADER_BYTES + row.len();
            rows += 1;
            if self.chunk.len() == CHUNK_BYTES {
                let next = state.shelf.block();
                state.push(std::mem::replace(&mut self.chunk, next));
            }
        }
        state.messages += rows;
        drop(state);
        self.inbox.advance(taken);
    }

    /// Takes a message's header off the inbox, if it is there whole.
    fn begin(&mut self) -> Option<Passing> {
        let header: [u8; HEADER_BYTES] = self.inbox.get(..HEADER_BYTES)?.try_into().ok()?;
        let [kind, length @ ..] = header;
        // A length below 4 is nonsense, on which `tokio-postgres` ends the connection.
        let rest = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX).saturating_sub(4);
        let of_copy = matches!(kind, COPY_OUT_RESPONSE | COPY_IN_RESPONSE | COPY_DATA | COPY_DONE);
        let through = !of_copy || self.tap.state().mode == Mode::Pass;
        if through {
            self.through.extend_from_slice(&header);
        }
        self.inbox.advance(HEADER_BYTES);
        Some(Passing { kind, rest, through })
    }

    /// Copies some of the inbox's first `here` bytes to the chunks, and says how many; `rest` are left of the row.
    fn take_rows(&mut self, here: usize, rest: usize) -> usize {
        let mut state = self.tap.state();
        let Mode::Take(boundaries) = state.mode else { return here };
        if state.is_full() {
            return 0;
        }
        let room = CHUNK_BYTES.saturating_sub(self.chunk.len());
        let moved = if boundaries == Boundaries::Any { here.min(room) } else { here };
        self.chunk.room().extend_from_slice(&self.inbox[..moved]);
        let may_end = boundaries == Boundaries::Any || moved == rest;
        if may_end && self.chunk.len() >= CHUNK_BYTES {
            let next = state.shelf.block();
            state.push(std::mem::replace(&mut self.chunk, next));
        }
        moved
    }

    fn expect_usable(&self) -> io::Result<()> {
        let lost = || io::Error::new(io::ErrorKind::ConnectionAborted, "a copy was left before the server had answered it");
        if self.tap.state().is_lost { Err(lost()) } else { Ok(()) }
    }

    /// Sends what is given past `tokio-postgres`.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { begun, socket, tap, .. } = self;
        begun.poll_send(context, socket, || tap.state().outbox.next())
    }

    fn end(&mut self, kind: u8) {
        let mut state = self.tap.state();
        match kind {
            ERROR => {
                let empty = state.shelf.block();
                self.chunk = empty;
                state.fail();
            }
            COPY_DONE => {
                let next = state.shelf.block();
                let last = std::mem::replace(&mut self.chunk, next);
                if !last.is_empty() && matches!(state.mode, Mode::Take(_)) {
                    state.push(last);
                }
                state.end();
            }
            COPY_DATA => state.messages += 1,
            COPY_OUT_RESPONSE if matches!(state.mode, Mode::Take(_)) => state.rows = Rows::Coming,
            COPY_IN_RESPONSE if state.mode == Mode::Give => state.outbox.open(),
            // One that comes before the server asks for rows ends what was before them.
            READY_FOR_QUERY if state.outbox.is_open() => state.end_giving(),
            _ => {}
        }
    }
}

/// The payload of the CopyData that some bytes begin with, if it is there to its end.
fn whole_row(bytes: &[u8]) -> Option<&[u8]> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let [COPY_DATA, length @ ..] = *header else { return None };
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?.checked_sub(4)?;
    rest.get(..length)
}

impl AsyncRead for Tapped {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.tap.state().connection = Some(context.waker().clone());
        this.expect_usable()?;
        loop {
            if !this.through.is_empty() {
                let length = this.through.len().min(buffer.remaining());
                buffer.put_slice(&this.through[..length]);
                this.through.advance(length);
                return Poll::Ready(Ok(()));
            }
            if this.sort() == Sorted::Full && this.through.is_empty() {
                let mut state = this.tap.state();
                state.is_stalled = state.is_full();
                if state.is_stalled {
                    return Poll::Pending;
                }
                continue;
            }
            if this.through.is_empty() {
                // What was read may allow something to be sent; whether all is or the socket has no room, there is more to read.
                if let Poll::Ready(sent) = this.poll_send(context) {
                    sent?;
                }
                this.inbox.reserve(CHUNK_BYTES);
                let read = pin!(this.socket.read_buf(&mut this.inbox)).poll(context);
                if ready!(read)? == 0 {
                    this.tap.state().end();
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl Drop for Tapped {
    fn drop(&mut self) {
        self.tap.state().end();
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.expect_usable()?;
        // What was begun of a block is sent to its end first.
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

impl TlsStream for Tapped {
    fn channel_binding(&self) -> ChannelBinding {
        self.socket.channel_binding()
    }
}
