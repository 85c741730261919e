//! What is sent to a server past `tokio-postgres`: the rows of one COPY, and how they end.

use super::block::Block;
use super::wake;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::AsyncWrite;

/// Blocks that wait while one is being sent.
const WAITING_BLOCKS: usize = 1;

const COPY_DATA: u8 = b'd';
const COPY_DONE: &[u8] = b"c\0\0\0\x04";
/// With a reason, which the server repeats to itself.
const COPY_FAIL: &[u8] = b"f\0\0\0\x0cstopped\0";

/// Messages in the order of sending; none is begun before the server has asked for rows.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Message>,
    /// Whether the server has asked for rows.
    open: bool,
    /// Waits for room.
    giver: Option<Waker>,
}

/// A message that was begun; it is always sent to its end, for the connection's next message begins there.
#[derive(Default)]
pub(super) struct Begun(Option<(Message, usize)>);

pub(super) enum Message {
    Rows(Block),
    Done,
    Fail,
}

impl Message {
    fn bytes(&mut self) -> &[u8] {
        match self {
            Self::Rows(block) => block.message(COPY_DATA),
            Self::Done => COPY_DONE,
            Self::Fail => COPY_FAIL,
        }
    }
}

impl Outbox {
    /// Takes the block if there is room for it.
    pub(super) fn poll_rows(&mut self, context: &mut Context<'_>, block: &mut Option<Block>) -> Poll<()> {
        if self.waiting.len() >= WAITING_BLOCKS {
            self.giver = Some(context.waker().clone());
            return Poll::Pending;
        }
        self.waiting.extend(block.take().filter(|block| !block.is_empty()).map(Message::Rows));
        Poll::Ready(())
    }

    pub(super) fn done(&mut self) {
        self.waiting.push_back(Message::Done);
    }

    /// Takes back what was not begun.
    pub(super) fn fail(&mut self) {
        self.waiting.clear();
        self.waiting.push_back(Message::Fail);
    }

    /// The server asks for rows.
    pub(super) fn open(&mut self) {
        self.open = true;
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// The server takes no more of this COPY.
    pub(super) fn close(&mut self) {
        self.open = false;
        self.waiting.clear();
        wake(&mut self.giver);
    }

    /// What is sent next.
    pub(super) fn next(&mut self) -> Option<Message> {
        let next = if self.open { self.waiting.pop_front() } else { None };
        if next.is_some() {
            wake(&mut self.giver);
        }
        next
    }
}

impl Begun {
    /// Sends what was begun, and then what `next` has; ready when there is nothing more.
    pub(super) fn poll_send<W: AsyncWrite + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        socket: &mut W,
        next: impl Fn() -> Option<Message>,
    ) -> Poll<io::Result<()>> {
        let mut any = false;
        loop {
            if self.0.is_none() {
                self.0 = next().map(|message| (message, 0));
            }
            let Some((message, sent)) = &mut self.0 else { break };
            let bytes = message.bytes();
            let written = ready!(Pin::new(&mut *socket).poll_write(context, &bytes[*sent..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *sent += written;
            if *sent == bytes.len() {
                (self.0, any) = (None, true);
            }
        }
        if any { Pin::new(socket).poll_flush(context) } else { Poll::Ready(Ok(())) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::Shelf;
    use super::*;
    use std::cell::RefCell;

    /// A socket that takes a few bytes, then none.
    struct Narrow {
        taken: Vec<u8>,
        room: usize,
    }

    impl AsyncWrite for Narrow {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let fits = bytes.len().min(self.room);
            self.room -= fits;
            self.taken.extend_from_slice(&bytes[..fits]);
            if fits == 0 { Poll::Pending } else { Poll::Ready(Ok(fits)) }
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn rows(text: &[u8]) -> Block {
        let mut block = Shelf::default().block();
        block.room().extend_from_slice(text);
        block
    }

    #[test]
    fn nothing_is_sent_before_the_server_asks_for_it_and_a_begun_message_always_to_its_end() {
        let mut context = Context::from_waker(Waker::noop());
        let (mut begun, mut socket) = (Begun::default(), Narrow { taken: vec![], room: 7 });
        let outbox = RefCell::new(Outbox::default());
        assert!(outbox.borrow_mut().poll_rows(&mut context, &mut Some(rows(b"one"))).is_ready());
        assert!(outbox.borrow_mut().poll_rows(&mut context, &mut Some(rows(b"two"))).is_pending(), "there is no room for a second");
        let next = || outbox.borrow_mut().next();
        assert!(begun.poll_send(&mut context, &mut socket, next).is_ready() && socket.taken.is_empty());
        outbox.borrow_mut().open();
        assert!(begun.poll_send(&mut context, &mut socket, next).is_pending());
        assert!(outbox.borrow_mut().poll_rows(&mut context, &mut Some(rows(b"two"))).is_ready());
        outbox.borrow_mut().close();
        socket.room = 100;
        assert!(begun.poll_send(&mut context, &mut socket, next).is_ready());
        assert_eq!(socket.taken, b"d\0\0\0\x07one");
    }

    #[test]
    fn a_failure_takes_the_place_of_what_was_not_begun() {
        let mut context = Context::from_waker(Waker::noop());
        let (mut begun, mut socket) = (Begun::default(), Narrow { taken: vec![], room: 100 });
        let outbox = RefCell::new(Outbox::default());
        assert!(outbox.borrow_mut().poll_rows(&mut context, &mut Some(rows(b"one"))).is_ready());
        outbox.borrow_mut().fail();
        outbox.borrow_mut().open();
        assert!(begun.poll_send(&mut context, &mut socket, || outbox.borrow_mut().next()).is_ready());
        assert_eq!(socket.taken, COPY_FAIL);
        assert_eq!(COPY_FAIL.len() - 1, usize::from(COPY_FAIL[4]));
    }
}
