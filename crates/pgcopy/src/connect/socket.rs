//! The bytes' way to a server: TCP or a Unix socket, encrypted if asked.

use super::certificates::client_config;
use super::{CONNECT_LIMIT, Endpoint, TlsMode};
use crate::{Error, Kind, Result};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres_rustls::MakeRustlsConnect;

/// When a silent connection is asked for a sign of life, how often, and how often in vain.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
const KEEPALIVE_ATTEMPTS: u32 = 6;
/// How long sent bytes may stay unacknowledged.
const UNACKNOWLEDGED_LIMIT: Duration = Duration::from_secs(90);

/// PostgreSQL's request to encrypt: its length and its number.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// What rustls makes of a TCP stream.
type Encrypted = <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::Stream;

/// A connection to a server, before anything of PostgreSQL's was said.
pub(super) enum Socket {
    Tcp(TcpStream),
    Tls(Box<Encrypted>),
    Unix(UnixStream),
}

/// Opens one, within [`CONNECT_LIMIT`].
pub(super) async fn open(endpoint: &Endpoint) -> Result<Socket> {
    let opened = tokio::time::timeout(CONNECT_LIMIT, open_now(endpoint)).await;
    opened.unwrap_or_else(|_| {
        let error = Kind::CannotConnect.error(format!("{endpoint} does not answer within {} s", CONNECT_LIMIT.as_secs()));
        Err(error.help("check the host, the port and the firewalls between"))
    })
}

async fn open_now(endpoint: &Endpoint) -> Result<Socket> {
    let failed = |cause: io::Error| unreachable_error(endpoint, cause);
    if let Some(path) = endpoint.socket() {
        return UnixStream::connect(path).await.map(Socket::Unix).map_err(failed);
    }
    let mut stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await.map_err(failed)?;
    keep_alive(&stream).map_err(failed)?;
    if endpoint.tls.mode == TlsMode::Disable {
        return Ok(Socket::Tcp(stream));
    }
    stream.write_all(&SSL_REQUEST).await.map_err(failed)?;
    match (stream.read_u8().await.map_err(failed)?, endpoint.tls.mode) {
        (b'S', _) => encrypt(endpoint, stream).await,
        (b'N', TlsMode::Prefer) => Ok(Socket::Tcp(stream)),
        (b'N', _) => {
            let error = Kind::CannotConnect.error(format!("{endpoint} does not offer encryption"));
            Err(error.help("turn `ssl` on at the server, or allow `sslmode=prefer`"))
        }
        _ => Err(Kind::CannotConnect.error(format!("{endpoint} is not a PostgreSQL server")).help("check the port")),
    }
}

async fn encrypt(endpoint: &Endpoint, stream: TcpStream) -> Result<Socket> {
    let failed = |cause: io::Error| {
        let error = Kind::CannotConnect.error(format!("encryption with {endpoint} cannot be agreed on"));
        error.help("check the server's certificate and the root certificates").because(cause)
    };
    let mut make = MakeRustlsConnect::new(client_config(&endpoint.tls)?);
    let Ok(connect) = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut make, &endpoint.host);
    let stream = connect.connect(stream).await.map_err(failed)?;
    Ok(Socket::Tls(Box::new(stream)))
}

fn unreachable_error(endpoint: &Endpoint, cause: io::Error) -> Error {
    let error = Kind::CannotConnect.error(format!("{endpoint} cannot be reached")).because(cause);
    error.help("check the host, the port and that the server runs")
}

fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let signs = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY).with_retries(KEEPALIVE_ATTEMPTS);
    socket.set_tcp_keepalive(&signs)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_LIMIT))
}

trait Wire: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Wire for T {}

impl Socket {
    pub(super) fn channel_binding(&self) -> ChannelBinding {
        match self {
            Self::Tls(stream) => stream.channel_binding(),
            Self::Tcp(_) | Self::Unix(_) => ChannelBinding::none(),
        }
    }

    fn wire(self: Pin<&mut Self>) -> Pin<&mut dyn Wire> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream),
            Self::Tls(stream) => Pin::new(stream.as_mut()),
            Self::Unix(stream) => Pin::new(stream),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.wire().poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.wire().poll_write(context, bytes)
    }
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire().poll_flush(context)
    }
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire().poll_shutdown(context)
    }
}
