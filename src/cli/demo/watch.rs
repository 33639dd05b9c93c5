//! Asks every candidate's `/leaderz` all the time, each from a thread of its own, and writes the answers down.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::Context;

use super::ask::Line;
use super::book::{Book, Sample};
use super::times::{SAMPLE_INTERVAL, now};

/// The book, and who writes in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch(Arc<Mutex<Book>>);

impl Watch {
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        // A writer that panicked left whole entries.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches a process of a candidate until the answer is dropped.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub(super) fn follow(&self, candidate: usize, address: SocketAddr) -> anyhow::Result<Follower> {
        let stop = Arc::new(AtomicBool::new(false));
        let (watch, told) = (self.clone(), Arc::clone(&stop));
        self.book().open(candidate, now());
        let ask = move || {
            let mut line = Line::new(address);
            while !told.load(Ordering::Relaxed) {
                let sent = now();
                match line.get("/leaderz") {
                    Ok(answer) => watch.book().note(candidate, Sample { sent, received: now(), answer }),
                    Err(_) => watch.book().close(candidate),
                }
                std::thread::sleep(SAMPLE_INTERVAL);
            }
            watch.book().close(candidate);
        };
        let thread = std::thread::Builder::new().name("demo-watch".to_owned()).spawn(ask);
        Ok(Follower { stop, thread: Some(thread.context("no thread to watch a candidate")?) })
    }
}

/// Ends the watching of one process when dropped, within the time of one answer.
#[derive(Debug)]
pub(super) struct Follower {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It can only have panicked, and then it has ended as well.
            let _ = thread.join();
        }
    }
}
