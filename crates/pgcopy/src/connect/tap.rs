//! A stream between the socket and `tokio-postgres` that lets the rows of a COPY past it.
//!
//! `tokio-postgres` holds each message whole, so a row of 1 GB would take more than 1 GB here, and it copies whatever it sends.
//! The tap reads the server's messages just far enough to know where each ends. While rows are taken out of a server, the
//! payload of CopyData goes into blocks of [`CHUNK_BYTES`]; while rows are given to one, it is blocks that are sent. The
//! messages around rows are swallowed, so that `tokio-postgres` sees a plain command; all else passes through unchanged.
//!
//! Before the server has begun to answer a COPY, an error that comes may be meant for an earlier command whose caller is gone:
//! only `tokio-postgres` knows, and what it says to the COPY's own command counts. Whoever leaves a COPY before that leaves a
//! session of which nobody can tell what state it is in, and it is closed.

mod block;
mod outbox;
mod stream;

pub use block::Block;
pub(super) use stream::Tapped;

use block::Shelf;
use outbox::Outbox;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// How much is read at once, and the least size of a block but for the last.
pub(super) const CHUNK_BYTES: usize = 256 << 10;
/// Blocks that may wait for whoever takes them.
const WAITING_BLOCKS: usize = 4;

/// Where blocks may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundaries {
    /// Anywhere: memory is bounded whatever the rows' size.
    Any,
    /// Between rows only: each block holds whole rows, and a large row is a large block.
    Rows,
}

/// What becomes of the messages of a COPY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// `tokio-postgres` gets them.
    #[default]
    Pass,
    /// Rows go into blocks.
    Take(Boundaries),
    /// Whoever took rows is gone; the rest of the COPY, which has begun, is thrown away.
    Discard,
    /// Blocks are sent.
    Give,
}

/// How far the rows are that a server sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Rows {
    /// The server has not begun to answer.
    #[default]
    Awaited,
    Coming,
    /// They have ended, by CopyDone, an error or the connection's end.
    Over,
}

/// The user's end of the tap.
#[derive(Clone, Default)]
pub(super) struct Tap(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    mode: Mode,
    /// A COPY was left before it had begun: nothing is sent or read any more.
    is_lost: bool,
    chunks: VecDeque<Block>,
    shelf: Shelf,
    rows: Rows,
    /// Messages with rows, which is about as many rows.
    messages: u64,
    /// What is given to the server.
    outbox: Outbox,
    /// The start of BackendKeyData, as far as it is of interest.
    process: Vec<u8>,
    /// Waits for a block.
    taker: Option<Waker>,
    /// The connection, which waits for the server, for room, or for something to send.
    connection: Option<Waker>,
    /// Whether it reads no more until there is room.
    is_stalled: bool,
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
        (state.rows, state.messages) = (Rows::Awaited, 0);
        true
    }

    /// Nobody takes rows any more; what still comes of this COPY is thrown away.
    pub(super) fn stop_taking(&self) {
        let mut state = self.state();
        if matches!(state.mode, Mode::Take(_)) {
            match state.rows {
                Rows::Awaited => state.lose(),
                Rows::Coming => state.mode = Mode::Discard,
                Rows::Over => state.mode = Mode::Pass,
            }
        }
        state.chunks.clear();
        wake(&mut state.connection);
    }

    /// The command is over or was never sent: nothing is taken, thrown away or given any more.
    pub(super) fn pass(&self) {
        let mut state = self.state();
        state.mode = Mode::Pass;
        state.outbox.close();
    }

    /// The next block, or `None` when the rows have ended.
    pub(super) fn poll_chunk(&self, context: &mut Context<'_>) -> Poll<Option<Block>> {
        let mut state = self.state();
        if let Some(chunk) = state.chunks.pop_front() {
            // Room for a single block is not worth waking somebody.
            if state.is_stalled && state.chunks.len() <= WAITING_BLOCKS / 2 {
                state.is_stalled = false;
                wake(&mut state.connection);
            }
            return Poll::Ready(Some(chunk));
        }
        if state.rows == Rows::Over {
            return Poll::Ready(None);
        }
        state.taker = Some(context.waker().clone());
        Poll::Pending
    }

    /// From now on rows come by [`Tap::poll_give`], for a COPY that the server has been asked for; refused while an earlier
    /// COPY is not over.
    #[must_use]
    pub(super) fn start_giving(&self) -> bool {
        let mut state = self.state();
        if state.mode != Mode::Pass {
            return false;
        }
        state.mode = Mode::Give;
        true
    }

    /// Takes the block as soon as there is room for it.
    pub(super) fn poll_give(&self, context: &mut Context<'_>, block: &mut Option<Block>) -> Poll<()> {
        let mut state = self.state();
        if state.mode != Mode::Give {
            return Poll::Ready(()); // the server's answer says why
        }
        let given = state.outbox.poll_rows(context, block);
        if given.is_ready() {
            wake(&mut state.connection);
        }
        given
    }

    /// No rows follow; the server may count them.
    pub(super) fn end_giving(&self) {
        let mut state = self.state();
        if state.mode == Mode::Give {
            state.outbox.done();
            wake(&mut state.connection);
        }
    }

    /// No rows follow, and the server is to forget those that came.
    pub(super) fn fail_giving(&self) {
        let mut state = self.state();
        if state.mode == Mode::Give && state.outbox.is_open() {
            state.outbox.fail();
            wake(&mut state.connection);
        } else if state.mode == Mode::Give {
            state.lose();
        }
    }

    /// About how many rows have been taken.
    pub(super) fn rows(&self) -> u64 {
        self.state().messages
    }

    /// An empty block.
    pub(super) fn block(&self) -> Block {
        self.state().shelf.block()
    }

    /// The process that serves this session, as the login named it; a pooler names one that it makes up.
    pub(super) fn process(&self) -> Option<i32> {
        Some(i32::from_be_bytes(self.state().process.as_slice().try_into().ok()?))
    }
}

impl State {
    /// Takes a part of BackendKeyData, which names the process first.
    fn note_process(&mut self, part: &[u8]) {
        let missing = size_of::<i32>() - self.process.len();
        self.process.extend_from_slice(&part[..missing.min(part.len())]);
    }

    fn push(&mut self, chunk: Block) {
        self.chunks.push_back(chunk);
        wake(&mut self.taker);
    }

    /// A server that gets another command when it waits for rows ends the session, so the session ends now.
    fn lose(&mut self) {
        (self.is_lost, self.mode) = (true, Mode::Pass);
        self.outbox.close();
        wake(&mut self.connection);
    }

    /// The server fails a command.
    fn fail(&mut self) {
        if self.rows == Rows::Coming && matches!(self.mode, Mode::Take(_) | Mode::Discard) {
            self.end();
        } else if self.outbox.is_open() {
            self.end_giving();
        }
    }

    fn end(&mut self) {
        self.rows = Rows::Over;
        if self.mode == Mode::Discard {
            self.mode = Mode::Pass;
        }
        wake(&mut self.taker);
    }

    /// The server takes no more rows, because it has all or does not want them.
    fn end_giving(&mut self) {
        if self.mode == Mode::Give {
            self.mode = Mode::Pass;
            self.outbox.close();
        }
    }

    fn is_full(&self) -> bool {
        matches!(self.mode, Mode::Take(_)) && self.chunks.len() >= WAITING_BLOCKS
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
