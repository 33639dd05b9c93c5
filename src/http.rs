//! What others may ask over HTTP: `/livez /readyz /leaderz /status /watch /verify /metrics`, and `POST /resign`.
//!
//! Every answer is computed at the request. Nothing that a client does can cost leadership: headers, connections,
//! watchers and waits are bounded, and whoever composes the program lets this run on a thread of its own.

mod answers;
mod resign;
mod server;
mod watch;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Semaphore, watch as watch_channel};
use tokio_util::sync::CancellationToken;

use crate::election::{Election, Leadership, Progress, Resigner, Verifier};

use resign::Refusals;
pub use server::serve;

/// How many may watch at a time; each holds a connection for good.
const WATCHERS_LIMIT: usize = 128;

/// Whom `/readyz` calls ready unless it is asked for a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Who is able to take part.
    Candidate,
    /// Who leads.
    Leader,
}

/// Writes all series of `/metrics` as of now, in the text format of Prometheus.
pub type Scrape = Arc<dyn Fn() -> Result<String, String> + Send + Sync>;

/// What the endpoints answer from.
#[derive(Clone)]
pub struct Endpoints {
    leadership: Leadership,
    verifier: Verifier,
    resigner: Resigner,
    progress: watch_channel::Receiver<Progress>,
    resign_token_file: Option<PathBuf>,
    refusals: Refusals,
    scrape: Scrape,
    readiness: Readiness,
    watchers: Arc<Semaphore>,
    /// Cancelled when the server closes.
    closing: CancellationToken,
}

impl Endpoints {
    /// The endpoints of one election. Whoever has the token in `resign_token_file` may ask it to resign, also from
    /// another host. `closing` is the token that also ends [`serve`].
    #[must_use]
    pub fn new(
        election: &Election,
        scrape: Scrape,
        readiness: Readiness,
        resign_token_file: Option<PathBuf>,
        closing: CancellationToken,
    ) -> Self {
        Self {
            leadership: election.leadership.clone(),
            verifier: election.verifier.clone(),
            resigner: election.resigner.clone(),
            progress: election.candidacy.progress(),
            resign_token_file,
            refusals: Refusals::default(),
            scrape,
            readiness,
            watchers: Arc::new(Semaphore::new(WATCHERS_LIMIT)),
            closing,
        }
    }
}

/// The address cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("http.listen: {address} cannot be bound; give an address of this host and a free port, or port 0")]
pub struct BindError {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// Binds before anything else begins. Where `may_fall_back` (the address was not configured) and this host has no
/// IPv6, binds the same port on all IPv4 addresses instead. Answers with the address that was really bound.
///
/// # Errors
///
/// The address is taken, or not this host's.
pub fn bind(address: SocketAddr, may_fall_back: bool) -> Result<(TcpListener, SocketAddr), BindError> {
    let refused = |source| BindError { address, source };
    let listener = match TcpListener::bind(address) {
        Err(error) if may_fall_back && address.is_ipv6() && lacks_family(&error) => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port()))
        }
        bound => bound,
    };
    let listener = listener.map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

/// No IPv6 in the kernel (`EAFNOSUPPORT`), or none on any interface (`EADDRNOTAVAIL`).
fn lacks_family(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(nix::errno::Errno::EAFNOSUPPORT as i32)
}

#[cfg(test)]
mod tests;
