//! The way to a voter: a byte stream over TCP, TLS or a Unix socket, opened by us so that we know what went wrong.
//!
//! Nothing here waits with a limit of its own: whoever calls bounds it. A stream reads no more than
//! [`ANSWER_LIMIT`] bytes between two writes, so that an endless answer cannot eat the memory.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, JoinSet};

use super::settings::Address;
use super::tls;
use super::trouble::{Trouble, TroubleKind};

/// What a voter may say between two writes of ours. The largest honest answer is an observation with a long `who`,
/// a few KiB; at most [`super::redis::QUESTIONS_IN_FLIGHT`] are outstanding, and hints are about 100 bytes each.
const ANSWER_LIMIT: usize = 1 << 20;
/// Told where a connection was made and nothing was ever read.
const SCHEME: &str = "connected, but nothing was ever read: does the url's scheme fit (rediss:// for TLS)?";

/// Any byte stream.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Bytes for S {}

/// A voter's stream.
pub(super) type Stream = Bounded<Box<dyn Bytes>>;

/// Resolves one host name, one look-up at a time.
///
/// A look-up cannot be ended from outside and occupies a thread of the runtime; so an attempt that ran out of time
/// leaves it to the next one, instead of beginning another beside it.
#[derive(Default)]
struct Resolver {
    running: Mutex<Option<JoinHandle<io::Result<Vec<SocketAddr>>>>>,
}

impl Resolver {
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Trouble> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let mut running = self.running.lock().await;
        let lookup = running.get_or_insert_with(|| {
            let name = (host.to_owned(), port);
            tokio::spawn(async move { Ok(lookup_host(name).await?.collect()) })
        });
        let found = lookup.await;
        *running = None;
        match found {
            Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
            Ok(Ok(_)) => Err(Trouble::with(TroubleKind::Dns, format!("{host}: no address"))),
            Ok(Err(error)) => Err(Trouble::with(TroubleKind::Dns, format!("{host}: {error}"))),
            Err(error) => Err(Trouble::with(TroubleKind::Dns, format!("{host}: {error}"))),
        }
    }
}

/// The way to one voter, and how far it was ever gone.
#[derive(Default)]
pub(super) struct Way {
    resolver: Resolver,
    /// The present attempt has a connection over the network.
    is_connected: AtomicBool,
    /// Something was read once.
    is_known: AtomicBool,
}

impl Way {
    /// Whoever listens there is what it should be.
    pub(super) fn is_good(&self) {
        self.is_known.store(true, Ordering::Relaxed);
    }

    /// A server that wants TLS, or does not, waits or hangs up without a word.
    pub(super) fn doubt(&self, trouble: Trouble) -> Trouble {
        let is_silent = matches!(trouble.kind, TroubleKind::Timeout | TroubleKind::Unreachable);
        let is_unknown = self.is_connected.load(Ordering::Relaxed) && !self.is_known.load(Ordering::Relaxed);
        if is_silent && is_unknown { trouble.and(SCHEME) } else { trouble }
    }

    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, Trouble> {
        let socket = connect(self.resolver.resolve(host, port).await?).await?;
        self.is_connected.store(true, Ordering::Relaxed);
        Ok(socket)
    }
}

/// Opens a stream.
///
/// # Errors
///
/// Why there is none: DNS, nobody listening, no way, TLS.
pub(super) async fn dial(address: &Address, way: &Way) -> Result<Stream, Trouble> {
    way.is_connected.store(false, Ordering::Relaxed);
    let stream: Box<dyn Bytes> = match address {
        Address::Unix { path } => {
            Box::new(UnixStream::connect(path).await.map_err(|error| Trouble::of_stream(&error))?)
        }
        Address::Tcp { host, port } => Box::new(way.connect(host, *port).await?),
        Address::Tls { host, port, tls } => {
            let config = tls::client_config(tls).await?;
            let name = tls::server_name(tls, host)?;
            let socket = way.connect(host, *port).await?;
            let session = tokio_rustls::TlsConnector::from(config).connect(name, socket).await;
            Box::new(session.map_err(|error| Trouble::with(TroubleKind::Tls, error.to_string()))?)
        }
    };
    Ok(Bounded { stream, budget: ANSWER_LIMIT })
}

/// Tries all addresses at once, so that one in a black hole does not use up the time; the first to open wins.
async fn connect(addresses: Vec<SocketAddr>) -> Result<TcpStream, Trouble> {
    let mut attempts: JoinSet<io::Result<TcpStream>> =
        addresses.into_iter().map(TcpStream::connect).collect();
    let mut last = Trouble::new(TroubleKind::Unreachable);
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok(Ok(socket)) => {
                // Questions are small and must not wait for more of them.
                socket.set_nodelay(true).map_err(|error| Trouble::of_stream(&error))?;
                return Ok(socket);
            }
            Ok(Err(error)) => last = Trouble::of_stream(&error),
            Err(error) => last = Trouble::with(TroubleKind::Unreachable, error.to_string()),
        }
    }
    Err(last)
}

/// A stream that fails where more is read between two writes than any honest voter says.
pub(super) struct Bounded<S> {
    stream: S,
    budget: usize,
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.budget = self.budget.saturating_sub(buf.filled().len() - before);
        if self.budget == 0 {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the answer does not end")));
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.budget = ANSWER_LIMIT;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
