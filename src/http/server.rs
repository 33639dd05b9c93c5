//! Connections, within limits.
//!
//! A host gives a process 1,024 descriptors unless told otherwise, and the voters need some of them: so connections
//! are limited, and when all are taken the oldest one that is not being answered makes room. Thousands of idle
//! clients therefore neither lock out a probe nor cost a voter its connection.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Endpoints, answers, watch};

/// Half of what a process may usually open.
const CONNECTIONS_LIMIT: usize = 512;
/// How long a client may take for the headers of a request, and how long it may idle between two.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Our own requests have three headers; a browser sends about fifteen.
const HEADERS_LIMIT: usize = 64;
/// For the headers of a request, and for an answer on its way; the least that hyper takes is 8 KiB.
const BUFFER_LIMIT: usize = 16 * 1024;
/// What open requests get when the server closes.
const CLOSING_LIMIT: Duration = Duration::from_secs(1);
/// Between two tries when the process has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// One connection, as those see it who may want to end it.
pub(super) struct Connection {
    is_busy: AtomicBool,
    pub(super) end: CancellationToken,
    /// The other end.
    pub(super) peer: SocketAddr,
}

/// Answers requests until `closing` is cancelled and then for at most a second more.
///
/// # Errors
///
/// The listener or a timer cannot be used by this runtime.
pub async fn serve(listener: TcpListener, endpoints: Endpoints) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let closing = endpoints.closing.clone();
    let notices = watch::notices(endpoints.leadership.clone())?;
    let router = answers::router(endpoints);
    let mut connections = Connections::default();
    let accepting = async {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => connections.open(stream, peer, &router, &closing),
                Err(error) => {
                    tracing::debug!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = closing.cancelled() => {}
        () = accepting => {}
        broken = notices => return broken,
    }
    // Whoever is not through by now is cut off with the tasks.
    let _ = tokio::time::timeout(CLOSING_LIMIT, connections.all_closed()).await;
    Ok(())
}

#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    oldest_first: VecDeque<Arc<Connection>>,
}

impl Connections {
    fn open(&mut self, stream: TcpStream, peer: SocketAddr, router: &Router, closing: &CancellationToken) {
        while self.tasks.try_join_next().is_some() {}
        // A connection's task holds one of the two references while it lives.
        self.oldest_first.retain(|connection| Arc::strong_count(connection) > 1);
        if self.oldest_first.len() >= CONNECTIONS_LIMIT {
            let Some(idle) = self.oldest_first.iter().position(|open| !open.is_busy.load(Ordering::Relaxed))
            else {
                return;
            };
            if let Some(connection) = self.oldest_first.remove(idle) {
                connection.end.cancel();
            }
        }
        let connection = Connection { is_busy: AtomicBool::new(false), end: CancellationToken::new(), peer };
        let connection = Arc::new(connection);
        self.oldest_first.push_back(Arc::clone(&connection));
        self.tasks.spawn(converse(stream, router.clone(), connection, closing.clone()));
    }

    async fn all_closed(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn converse(
    stream: TcpStream,
    router: Router,
    connection: Arc<Connection>,
    closing: CancellationToken,
) {
    // Answers are single small segments; without this the kernel may hold one back. Failing is harmless.
    let _ = stream.set_nodelay(true);
    let answers = TowerToHyperService::new(router);
    let mine = Arc::clone(&connection);
    let service = service_fn(move |mut request: Request<Incoming>| {
        connection.is_busy.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(Arc::clone(&connection));
        let answering = answers.call(request);
        let connection = Arc::clone(&connection);
        async move {
            let answer = answering.await?;
            connection.is_busy.store(is_stream(&answer), Ordering::Relaxed);
            Ok::<_, Infallible>(answer)
        }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    server.max_headers(HEADERS_LIMIT).max_buf_size(BUFFER_LIMIT);
    let mut conversation = pin!(server.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // How a client ends the conversation is its own affair.
        _ = conversation.as_mut() => return,
        () = mine.end.cancelled() => return,
        () = closing.cancelled() => conversation.as_mut().graceful_shutdown(),
    }
    let _ = conversation.await;
}

fn is_stream<B>(answer: &Response<B>) -> bool {
    answer.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes() == b"text/event-stream")
}
