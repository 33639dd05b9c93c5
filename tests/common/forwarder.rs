//! One address, and behind it whatever a test wants: a cut network, or another server.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often a held connection looks whether the network is back.
const LOOK: Duration = Duration::from_millis(2);

/// Forwards TCP to a port of this host; ends with its value.
pub struct Forwarder {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    /// How much later everything arrives.
    delay: Duration,
    target: AtomicU16,
    is_cut: AtomicBool,
    is_over: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Forwarder {
    pub fn to(target: u16) -> Self {
        Self::slow(target, Duration::ZERO)
    }

    /// Each packet of each direction arrives this much later.
    pub fn slow(target: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            delay,
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
                std::thread::spawn(move || shared.serve(&stream));
            }
        });
        Self { port, shared }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on bytes are neither lost nor delivered, as by a network that drops packets.
    pub fn cut(&self) {
        self.shared.is_cut.store(true, Ordering::SeqCst);
    }

    /// What was under way arrives now.
    pub fn heal(&self) {
        self.shared.is_cut.store(false, Ordering::SeqCst);
    }

    /// The address moves to another server: open connections are closed.
    pub fn redirect(&self, target: u16) {
        self.shared.target.store(target, Ordering::SeqCst);
        self.shared.close();
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.shared.close();
        // Only to wake the listener up.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    fn close(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn wait_for_the_network(&self) {
        while self.is_cut.load(Ordering::SeqCst) && !self.is_over.load(Ordering::SeqCst) {
            std::thread::sleep(LOOK);
        }
    }

    fn serve(self: &Arc<Self>, near: &TcpStream) {
        self.wait_for_the_network();
        let target = self.target.load(Ordering::SeqCst);
        let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) else { return };
        let copies = || Some((near.try_clone().ok()?, far.try_clone().ok()?));
        let (Some((from, to)), Some((back, forth))) = (copies(), copies()) else { return };
        self.open.lock().unwrap().extend([from.try_clone(), to.try_clone()].into_iter().flatten());
        if self.target.load(Ordering::SeqCst) != target || self.is_over.load(Ordering::SeqCst) {
            self.close();
        }
        let upwards = Arc::clone(self);
        std::thread::spawn(move || upwards.copy(from, to));
        self.copy(forth, back);
    }

    fn copy(&self, mut from: TcpStream, mut to: TcpStream) {
        // Small packets must not wait for each other.
        let _ = to.set_nodelay(true);
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            self.wait_for_the_network();
            std::thread::sleep(self.delay);
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        // Either may be closed already.
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}
