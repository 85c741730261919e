//! Sessions as an application has them.

use super::notices::{Notices, Waiting};
use super::session::{Reader, Session};
use super::{CopyIn, Endpoint};
use crate::Result;
use crate::stop::Stop;
use std::fmt::Display;
use std::future::Future;
use std::ops::Deref;
use tokio_postgres::Client;

/// A session with the settings that role and database have, and none of restage's: names are looked up and limits hold as they
/// would for an application. Also a `tokio_postgres::Client`.
pub struct PlainClient {
    session: Session,
    notices: Notices,
}

/// Connects as an application would, except that a server which can notice the death of this process does.
pub async fn plain(endpoint: &Endpoint) -> Result<PlainClient> {
    let notices = Notices::default();
    let session = Session::open_heard(endpoint, Some(notices.clone())).await?;
    session.watch_client().await;
    Ok(PlainClient { session, notices })
}

impl PlainClient {
    /// Queries on this session.
    pub fn reader(&self) -> Reader<'_> {
        Reader(&self.session)
    }

    /// Runs SQL of one or several statements; `doing` is the rest of an error's "cannot …".
    pub async fn run(&self, doing: impl Display, sql: &str) -> Result<()> {
        let done = self.session.client.batch_execute(sql).await;
        done.map_err(|error| self.session.failed(doing, &error))
    }

    /// Runs a `COPY … FROM STDIN` with these rows, which are in its format, and returns how many the server says there were.
    pub async fn copy_text(&self, what: impl Display, sql: &str, rows: &str) -> Result<u64> {
        let mut copy: CopyIn<'_> = self.session.copy_in(what, sql)?;
        for part in rows.as_bytes().chunks(super::tap::CHUNK_BYTES) {
            let mut block = self.session.tap.block();
            block.room().extend_from_slice(part);
            copy.send(block).await?;
        }
        copy.finish().await
    }

    /// The error of something that was done on this session by its `tokio_postgres::Client`; `doing` is the rest of "cannot …".
    pub fn failed(&self, doing: impl Display, error: &tokio_postgres::Error) -> crate::Error {
        self.session.failed(doing, error)
    }

    /// The server's major version, such as 15.
    pub fn major(&self) -> u32 {
        self.session.version / 10_000
    }

    /// The process that serves this session, if the server has told it.
    pub fn process(&self) -> Option<i32> {
        self.session.tap.process()
    }

    /// Takes what the server has said beside its answers and nobody has taken; that of a statement is there when the statement ends.
    pub fn notices(&self) -> Waiting {
        self.notices.take()
    }

    /// Returns once the server has said something that nobody has taken.
    pub async fn noticed(&self) {
        self.notices.came().await;
    }

    /// Where this session is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.session.endpoint
    }

    /// Runs `work` on this session; when asked to stop, cancels the statement on the server and waits until it has ended.
    pub async fn guard<T>(&self, stop: &Stop, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.session.guard(stop, work).await
    }
}

impl Deref for PlainClient {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.session.client
    }
}
