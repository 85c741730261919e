//! The two ends of a COPY.

use super::tap::Tap;
use crate::{Error, Kind, Result};
use bytes::Bytes;
use futures::SinkExt;
use futures::future::BoxFuture;
use std::fmt::Display;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use tokio_postgres::{CopyInSink, SimpleQueryMessage};

type Answer = Result<Vec<SimpleQueryMessage>, tokio_postgres::Error>;

/// Rows on their way out of a server, in chunks.
pub struct CopyOut<'a> {
    pub(super) tap: Tap,
    pub(super) command: BoxFuture<'a, Answer>,
    pub(super) answer: Option<Answer>,
    pub(super) doing: String,
}

impl CopyOut<'_> {
    /// The next chunk, or `None` after the last; fails as the server's COPY fails.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let chunk = poll_fn(|context| {
            if self.answer.is_none()
                && let Poll::Ready(answer) = self.command.as_mut().poll(context)
            {
                self.answer = Some(answer);
            }
            self.tap.poll_chunk(context)
        });
        match chunk.await {
            Some(chunk) => Ok(Some(chunk)),
            None => self.answer().await.map(|_| None),
        }
    }

    /// About how many rows have come so far; a little ahead of the chunks.
    pub fn rows_so_far(&self) -> u64 {
        self.tap.rows()
    }

    /// How many rows the server says there were; only after the last chunk.
    pub async fn rows(mut self) -> Result<u64> {
        self.answer().await
    }

    async fn answer(&mut self) -> Result<u64> {
        if self.answer.is_none() {
            self.answer = Some(self.command.as_mut().await);
        }
        self.tap.pass();
        match &self.answer {
            Some(Ok(messages)) => Ok(messages.iter().find_map(rows_of).unwrap_or_default()),
            Some(Err(error)) => Err(Error::postgres(&self.doing, error)),
            None => Err(Kind::ConnectionLost.error(&self.doing)),
        }
    }
}

impl Drop for CopyOut<'_> {
    fn drop(&mut self) {
        if self.answer.is_none() {
            self.tap.stop_taking();
        }
    }
}

fn rows_of(message: &SimpleQueryMessage) -> Option<u64> {
    match message {
        SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
        _ => None,
    }
}

/// Rows on their way into a server; dropped before [`CopyIn::finish`], the server's COPY fails and leaves nothing.
pub struct CopyIn {
    pub(super) tap: Tap,
    pub(super) sink: Pin<Box<CopyInSink<Bytes>>>,
    pub(super) doing: String,
}

impl CopyIn {
    /// Sends a chunk; where it ends makes no difference. Fails soon after the server's COPY has failed.
    pub async fn send(&mut self, chunk: Bytes) -> Result<()> {
        if self.tap.error_seen() {
            // The server says why once the COPY is ended.
            let failed = self.finish_now().await;
            return Err(failed.err().unwrap_or_else(|| Kind::Query.error(&self.doing)));
        }
        let sent = self.sink.send(chunk).await;
        sent.map_err(|error| Error::postgres(&self.doing, &error))
    }

    /// Ends the rows and returns how many the server says there were.
    pub async fn finish(mut self) -> Result<u64> {
        self.finish_now().await
    }

    async fn finish_now(&mut self) -> Result<u64> {
        let finished = self.sink.as_mut().finish().await;
        finished.map_err(|error| Error::postgres(&self.doing, &error))
    }
}

pub(super) fn copying(what: impl Display, place: impl Display) -> String {
    format!("cannot copy {what} of {place}")
}
