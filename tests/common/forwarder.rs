//! One address, and behind it whatever a test wants: a cut or slow network, or another server.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::SockRef;

/// How often a held connection looks whether the network is back.
const LOOK: Duration = Duration::from_millis(2);

/// Forwards TCP to a port of this host; ends with its value.
pub struct Forwarder {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    /// How much later everything arrives.
    delay_us: AtomicU64,
    target: AtomicU16,
    is_cut: AtomicBool,
    is_over: AtomicBool,
    open: Mutex<Vec<Arc<Connection>>>,
}

/// One that is forwarded.
struct Connection {
    near: TcpStream,
    far: TcpStream,
    is_reset: AtomicBool,
}

impl Forwarder {
    pub fn to(target: u16) -> Self {
        Self::at(Ipv4Addr::LOCALHOST.into(), target)
    }

    /// Each packet of each direction arrives this much later.
    pub fn slow(target: u16, delay: Duration) -> Self {
        let forwarder = Self::to(target);
        forwarder.delay(delay);
        forwarder
    }

    /// At another address of this host.
    pub fn at(address: IpAddr, target: u16) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            delay_us: AtomicU64::new(0),
            target: AtomicU16::new(target),
            is_cut: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            open: Mutex::new(Vec::new()),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on bytes are neither lost nor delivered, as by a network that drops packets.
    pub fn cut(&self) {
        self.shared.is_cut.store(true, Ordering::SeqCst);
    }

    /// What was under way arrives now.
    pub fn heal(&self) {
        self.shared.is_cut.store(false, Ordering::SeqCst);
    }

    /// From now on each packet of each direction arrives this much later.
    pub fn delay(&self, delay: Duration) {
        let delay_us = u64::try_from(delay.as_micros()).unwrap();
        self.shared.delay_us.store(delay_us, Ordering::SeqCst);
    }

    /// Open connections are reset: both ends get an error and lose what was under way.
    pub fn reset(&self) {
        self.shared.close(true);
    }

    /// The address moves to another server: open connections are closed.
    pub fn redirect(&self, target: u16) {
        self.shared.target.store(target, Ordering::SeqCst);
        self.shared.close(false);
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.shared.close(false);
        // Only to wake the listener up.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

impl Shared {
    fn close(&self, with_reset: bool) {
        for connection in self.open.lock().unwrap().drain(..) {
            connection.close(with_reset);
        }
    }

    fn wait_for_the_network(&self) {
        while self.is_cut.load(Ordering::SeqCst) && !self.is_over.load(Ordering::SeqCst) {
            std::thread::sleep(LOOK);
        }
    }

    fn serve(self: &Arc<Self>, near: TcpStream) {
        self.wait_for_the_network();
        let target = self.target.load(Ordering::SeqCst);
        let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) else { return };
        let connection = Arc::new(Connection { near, far, is_reset: AtomicBool::new(false) });
        {
            let mut open = self.open.lock().unwrap();
            open.retain(|other| Arc::strong_count(other) > 1);
            open.push(Arc::clone(&connection));
        }
        if self.target.load(Ordering::SeqCst) != target || self.is_over.load(Ordering::SeqCst) {
            self.close(false);
        }
        let (upwards, both) = (Arc::clone(self), Arc::clone(&connection));
        std::thread::spawn(move || upwards.copy(&both.near, &both.far, &both));
        self.copy(&connection.far, &connection.near, &connection);
    }

    fn copy(&self, mut from: &TcpStream, mut to: &TcpStream, connection: &Connection) {
        // Small packets must not wait for each other.
        let _ = to.set_nodelay(true);
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            self.wait_for_the_network();
            std::thread::sleep(Duration::from_micros(self.delay_us.load(Ordering::SeqCst)));
            if connection.is_reset.load(Ordering::SeqCst) || to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        connection.close(connection.is_reset.load(Ordering::SeqCst));
    }
}

impl Connection {
    /// Wakes whoever reads. A socket that does not linger is reset when its last user drops it, unless it was shut down
    /// in order before.
    fn close(&self, with_reset: bool) {
        self.is_reset.fetch_or(with_reset, Ordering::SeqCst);
        let how = if with_reset { Shutdown::Read } else { Shutdown::Both };
        for stream in [&self.near, &self.far] {
            if with_reset {
                SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
            }
            // It may be closed already.
            let _ = stream.shutdown(how);
        }
    }
}
