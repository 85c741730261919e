//! Stands between restage and a server, and cuts every connection at a chosen statement: a crash of restage, as its server
//! sees it.

use restage_lab::{Gateway, Line};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::watch;

/// What only `pg_dump` says when it logs in; its name is restage's.
const DUMP: &[u8] = b"-c default_transaction_read_only=on";

/// When the connections are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server never hears of the statement.
    Before,
    /// The server has done it, and nobody hears of that.
    After,
}

/// A proxy on a free port that ends with this value.
pub(crate) struct Proxy {
    gateway: Gateway,
    wire: Arc<Wire>,
}

struct Wire {
    /// Statements that still pass.
    left: AtomicI64,
    cut: Cut,
    is_cut: watch::Sender<bool>,
}

impl Proxy {
    /// Lets so many statements through to the server on that port, then cuts.
    pub(crate) async fn cutting(server: u16, statements: i64, cut: Cut) -> Self {
        let wire = Arc::new(Wire { left: AtomicI64::new(statements), cut, is_cut: watch::Sender::new(false) });
        let of_lines = wire.clone();
        let gateway = Gateway::open(server, move |line| of_lines.clone().carry(line)).await.unwrap();
        Self { gateway, wire }
    }

    pub(crate) fn port(&self) -> u16 {
        self.gateway.port()
    }

    /// Statements that have passed so far.
    pub(crate) fn seen(&self) -> i64 {
        i64::MAX - self.wire.left.load(Ordering::SeqCst)
    }

    /// Whether the connections have been cut.
    pub(crate) fn is_cut(&self) -> bool {
        *self.wire.is_cut.borrow()
    }

    /// Returns once the connections have been cut.
    pub(crate) async fn cut(&self) {
        self.wire.is_cut.subscribe().wait_for(|cut| *cut).await.unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.wire.is_cut.send_replace(true);
    }
}

impl Wire {
    async fn carry(self: Arc<Self>, line: Line) -> io::Result<()> {
        if *self.is_cut.borrow() {
            return Ok(());
        }
        let mut is_cut = self.is_cut.subscribe();
        tokio::select! {
            done = self.both(line) => done,
            _ = is_cut.wait_for(|cut| *cut) => Ok(()),
        }
    }

    async fn both(&self, line: Line) -> io::Result<()> {
        let Line { from_client: mut up, mut to_client, from_server: mut down, mut to_server } = line;
        // The first message has no type: eight bytes for a request to encrypt or cancel, more for a login.
        let length = up.read_u32().await?;
        let mut rest = vec![0; length as usize - 4];
        up.read_exact(&mut rest).await?;
        to_server.write_all(&[&length.to_be_bytes()[..], &rest].concat()).await?;
        // `pg_dump` only looks, with a hundred statements: dying between them is like dying before the first.
        if rest.windows(DUMP.len()).any(|words| words == DUMP) {
            let copied = tokio::try_join!(tokio::io::copy(&mut up, &mut to_server), tokio::io::copy(&mut down, &mut to_client));
            return copied.map(drop);
        }
        let answers = async {
            loop {
                let message = message(&mut down).await?;
                if self.left.load(Ordering::SeqCst) < 0 {
                    // Done on the server, or come so far that it waits for rows, and the answer is lost.
                    if matches!(message[0], b'Z' | b'G') {
                        self.is_cut.send_replace(true);
                        return Ok(());
                    }
                } else {
                    to_client.write_all(&message).await?;
                }
            }
        };
        let questions = async {
            loop {
                let message = message(&mut up).await?;
                // A simple query, or the end of an extended one.
                if matches!(message[0], b'Q' | b'S') && self.left.fetch_sub(1, Ordering::SeqCst) <= 0 && self.cut == Cut::Before {
                    self.is_cut.send_replace(true);
                    return Ok(());
                }
                to_server.write_all(&message).await?;
            }
        };
        tokio::select! {
            done = answers => done,
            done = questions => done,
        }
    }
}

/// One message with its type and length.
async fn message(from: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let kind = from.read_u8().await?;
    let length = from.read_u32().await?;
    let mut message = vec![0; length as usize + 1];
    message[0] = kind;
    message[1..5].copy_from_slice(&length.to_be_bytes());
    from.read_exact(&mut message[5..]).await?;
    Ok(message)
}
