//! A port before a server, for tests that want to be on the line.

use std::future::Future;
use std::io;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Gives whoever connects a connection of its own to the server; accepts nobody any more once dropped, while lines that are
/// open go on.
#[derive(Debug)]
pub struct Gateway {
    port: u16,
    accepting: JoinHandle<()>,
}

/// Both ways of a connection between a client and the server.
#[derive(Debug)]
pub struct Line {
    /// What the client says.
    pub from_client: OwnedReadHalf,
    /// What the client hears.
    pub to_client: OwnedWriteHalf,
    /// What the server says.
    pub from_server: OwnedReadHalf,
    /// What the server hears.
    pub to_server: OwnedWriteHalf,
}

impl Gateway {
    /// Opens a free port on 127.0.0.1 before the server on that port there; `carry` has each line, in a task of its own.
    pub async fn open<C>(server: u16, carry: impl Fn(Line) -> C + Clone + Send + 'static) -> io::Result<Self>
    where
        C: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let carry = carry.clone();
                // A line that breaks is what this is for.
                tokio::spawn(async move {
                    let line = Line::to_server(server, client).await?;
                    carry(line).await
                });
            }
        });
        Ok(Self { port, accepting })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Line {
    async fn to_server(server: u16, client: TcpStream) -> io::Result<Self> {
        let server = TcpStream::connect(("127.0.0.1", server)).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        Ok(Self { from_client, to_client, from_server, to_server })
    }
}
