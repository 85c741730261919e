//! The two ends of a COPY.

use super::tap::{Block, Tap};
use crate::{Error, Kind, Result};
use futures::future::BoxFuture;
use std::fmt::Display;
use std::future::poll_fn;
use std::task::Poll;
use tokio_postgres::SimpleQueryMessage;

type Answer = Result<Vec<SimpleQueryMessage>, tokio_postgres::Error>;

/// Rows on their way out of a server, in blocks.
pub struct CopyOut<'a> {
    pub(super) tap: Tap,
    pub(super) command: BoxFuture<'a, Answer>,
    /// Whether the server has been asked.
    pub(super) asked: bool,
    pub(super) answer: Option<Answer>,
    pub(super) doing: String,
}

impl CopyOut<'_> {
    /// The next block, or `None` after the last; fails as the server's COPY fails.
    pub async fn next(&mut self) -> Result<Option<Block>> {
        self.asked = true;
        let chunk = poll_fn(|context| {
            if self.answer.is_none()
                && let Poll::Ready(answer) = self.command.as_mut().poll(context)
            {
                self.answer = Some(answer);
            }
            match self.tap.poll_chunk(context) {
                // The answer comes after all rows.
                Poll::Pending if self.answer.is_some() => Poll::Ready(None),
                chunk => chunk,
            }
        });
        match chunk.await {
            Some(chunk) => Ok(Some(chunk)),
            None => self.answer().await.map(|_| None),
        }
    }

    /// About how many rows have come so far; a little ahead of the blocks.
    pub fn rows_so_far(&self) -> u64 {
        self.tap.rows()
    }

    /// How many rows the server says there were; blocks that were not taken are thrown away.
    pub async fn rows(mut self) -> Result<u64> {
        while self.next().await?.is_some() {}
        self.answer().await
    }

    async fn answer(&mut self) -> Result<u64> {
        if self.answer.is_none() {
            self.answer = Some(self.command.as_mut().await);
        }
        self.tap.pass();
        match &self.answer {
            Some(Ok(messages)) => Ok(rows_said(messages)),
            Some(Err(error)) => Err(Error::postgres(&self.doing, error)),
            None => Err(Kind::ConnectionLost.error(&self.doing)),
        }
    }
}

impl Drop for CopyOut<'_> {
    fn drop(&mut self) {
        match (self.asked, &self.answer) {
            (true, None) => self.tap.stop_taking(),
            (false, _) | (_, Some(_)) => self.tap.pass(),
        }
    }
}

/// Rows on their way into a server; dropped before [`CopyIn::finish`], the server's COPY fails and leaves nothing.
pub struct CopyIn<'a> {
    pub(super) tap: Tap,
    pub(super) command: BoxFuture<'a, Answer>,
    /// Whether the server has been asked.
    pub(super) asked: bool,
    /// Whether the server has answered.
    pub(super) over: bool,
    pub(super) doing: String,
}

impl CopyIn<'_> {
    /// Sends a block as soon as there is room for it; where it ends makes no difference. Fails soon after the server's COPY
    /// has failed.
    pub async fn send(&mut self, block: Block) -> Result<()> {
        self.asked = true;
        let mut block = Some(block);
        let early = poll_fn(|context| match self.command.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => self.tap.poll_give(context, &mut block).map(|()| None),
        });
        match early.await {
            None => Ok(()),
            Some(answer) => {
                self.end();
                Err(match answer {
                    Err(error) => Error::postgres(&self.doing, &error),
                    Ok(_) => Kind::Query.error(format!("{}: the server wants no more rows", self.doing)),
                })
            }
        }
    }

    /// Ends the rows and returns how many the server says there were.
    pub async fn finish(mut self) -> Result<u64> {
        self.asked = true;
        self.tap.end_giving();
        let answer = self.command.as_mut().await;
        self.end();
        answer.map(|messages| rows_said(&messages)).map_err(|error| Error::postgres(&self.doing, &error))
    }

    fn end(&mut self) {
        self.over = true;
        self.tap.pass();
    }
}

impl Drop for CopyIn<'_> {
    fn drop(&mut self) {
        match (self.asked, self.over) {
            (_, true) => {}
            (true, false) => self.tap.fail_giving(),
            (false, false) => self.tap.pass(),
        }
    }
}

/// How many rows the server says there were.
fn rows_said(messages: &[SimpleQueryMessage]) -> u64 {
    let said = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
        _ => None,
    };
    messages.iter().find_map(said).unwrap_or_default()
}

pub(super) fn copying(what: impl Display, place: impl Display) -> String {
    format!("cannot copy {what} of {place}")
}
