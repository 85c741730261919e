//! A stream between the socket and `tokio-postgres` that lets the rows of a COPY past it.
//!
//! `tokio-postgres` holds each message whole, so a row of 1 GB would take more than 1 GB here, and it tells of a COPY that
//! failed only once everything was sent. The tap reads the server's messages just far enough to know where each ends. While
//! rows are taken, the payload of CopyData goes into chunks of [`CHUNK_BYTES`] and the messages around it are swallowed, so
//! that `tokio-postgres` sees a plain command; all else passes through unchanged.

mod stream;

pub(super) use stream::Tapped;

use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// How much is read at once, and the least size of a chunk but for the last.
pub(super) const CHUNK_BYTES: usize = 256 << 10;
/// Chunks that may wait for whoever takes them.
const WAITING_CHUNKS: usize = 4;

/// Where chunks may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundaries {
    /// Anywhere: memory is bounded whatever the rows' size.
    Any,
    /// Between rows only: each chunk holds whole rows, and a large row is a large chunk.
    Rows,
}

/// What becomes of CopyData.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// `tokio-postgres` gets it.
    #[default]
    Pass,
    /// It goes into chunks.
    Take(Boundaries),
    /// Whoever took it is gone; the rest of the COPY is thrown away.
    Discard,
}

/// The user's end of the tap.
#[derive(Clone, Default)]
pub(super) struct Tap(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    mode: Mode,
    chunks: VecDeque<Bytes>,
    /// The rows have ended, by CopyDone, an error or the connection's end.
    ended: bool,
    error_seen: bool,
    /// Messages with rows, which is about as many rows.
    messages: u64,
    /// The start of BackendKeyData, as far as it is of interest.
    process: Vec<u8>,
    /// Waits for a chunk.
    taker: Option<Waker>,
    /// Waits for room.
    reader: Option<Waker>,
}

impl Tap {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on rows go to [`Tap::poll_chunk`]; refused while an earlier COPY is not over.
    #[must_use]
    pub(super) fn start_taking(&self, boundaries: Boundaries) -> bool {
        let mut state = self.state();
        if state.mode != Mode::Pass {
            return false;
        }
        state.mode = Mode::Take(boundaries);
        state.chunks.clear();
        (state.ended, state.messages) = (false, 0);
        true
    }

    /// Nobody takes rows any more; what still comes of this COPY is thrown away.
    pub(super) fn stop_taking(&self) {
        let mut state = self.state();
        if state.mode != Mode::Pass {
            state.mode = Mode::Discard;
        }
        state.chunks.clear();
        wake(&mut state.reader);
    }

    /// The command is over: nothing is taken or thrown away any more.
    pub(super) fn pass(&self) {
        self.state().mode = Mode::Pass;
    }

    /// The next chunk, or `None` when the rows have ended.
    pub(super) fn poll_chunk(&self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut state = self.state();
        if let Some(chunk) = state.chunks.pop_front() {
            wake(&mut state.reader);
            return Poll::Ready(Some(chunk));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        state.taker = Some(context.waker().clone());
        Poll::Pending
    }

    /// About how many rows have been taken.
    pub(super) fn rows(&self) -> u64 {
        self.state().messages
    }

    /// The process that serves this session, as the login named it; a pooler names one that it makes up.
    pub(super) fn process(&self) -> Option<i32> {
        Some(i32::from_be_bytes(self.state().process.as_slice().try_into().ok()?))
    }

    /// Forgets errors seen so far.
    pub(super) fn forget_errors(&self) {
        self.state().error_seen = false;
    }

    /// Whether the server has sent an error since [`Tap::forget_errors`].
    pub(super) fn error_seen(&self) -> bool {
        self.state().error_seen
    }
}

impl State {
    /// Takes a part of BackendKeyData, which names the process first.
    fn note_process(&mut self, part: &[u8]) {
        let missing = size_of::<i32>() - self.process.len();
        self.process.extend_from_slice(&part[..missing.min(part.len())]);
    }

    fn push(&mut self, chunk: Bytes) {
        self.chunks.push_back(chunk);
        wake(&mut self.taker);
    }

    fn end(&mut self) {
        self.ended = true;
        if self.mode == Mode::Discard {
            self.mode = Mode::Pass;
        }
        wake(&mut self.taker);
    }

    fn is_full(&self) -> bool {
        matches!(self.mode, Mode::Take(_)) && self.chunks.len() >= WAITING_CHUNKS
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
