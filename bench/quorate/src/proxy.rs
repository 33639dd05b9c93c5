//! The network between one candidate and its voters, which can be cut without any privilege.

use std::net::TcpListener;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// How the network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    Open,
    /// Nothing comes through; what was sent arrives once the network is open again.
    Silent,
    /// Connections are reset, new ones at once.
    Resetting,
}

/// One proxy for each voter.
pub struct Proxies {
    network: watch::Sender<Network>,
    pub urls: Vec<String>,
}

impl Proxies {
    pub fn start(runtime: &Runtime, ports: &[u16]) -> Result<Self> {
        let (network, seen) = watch::channel(Network::Open);
        let mut urls = Vec::new();
        for &port in ports {
            let listener = TcpListener::bind(("127.0.0.1", 0))?;
            listener.set_nonblocking(true)?;
            urls.push(format!("redis://{}", listener.local_addr()?));
            runtime.spawn(accept(listener, port, seen.clone()));
        }
        Ok(Self { network, urls })
    }

    pub fn set(&self, network: Network) {
        self.network.send_replace(network);
    }
}

/// Until the runtime ends.
async fn accept(listener: TcpListener, port: u16, network: watch::Receiver<Network>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(connection(client, port, network.clone()));
    }
}

async fn connection(client: TcpStream, port: u16, mut network: watch::Receiver<Network>) {
    // With a linger of zero, dropping the socket resets it.
    let _ = client.set_zero_linger();
    let _ = client.set_nodelay(true);
    if *network.borrow() == Network::Resetting {
        return;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let _ = server.set_nodelay(true);
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pump(from_client, to_server, network.clone()) => {}
        () = pump(from_server, to_client, network.clone()) => {}
        _ = network.wait_for(|&network| network == Network::Resetting) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut network: watch::Receiver<Network>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if network.wait_for(|&network| network == Network::Open).await.is_err()
            || to.write_all(&buffer[..read]).await.is_err()
        {
            return;
        }
    }
}
