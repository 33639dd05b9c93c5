//! What follows leadership: the command of `exec`, the status file, and whatever else opens and closes with it.
//!
//! Promise: a lease is given back only after every gate has closed. A gate learns of `soft` and of renewals from
//! [`Leadership`](crate::election::Leadership), and must hold by the time alone also where the election's task does
//! not run.

mod children;
pub mod fence;
mod forwards;
pub mod health;
mod pause;
pub mod runner;
pub mod status_file;
pub(crate) mod thread;

use tokio::sync::oneshot;

use crate::core::{EndReason, Term};
use crate::election::{Pending, Work};

/// One thing that follows leadership.
pub trait Gate: Send + 'static {
    /// This candidate leads from now on. Must not block.
    fn open(&mut self, term: Term);

    /// Begins to close at once; the future answers when nothing that this gate let through acts for the term any
    /// more. One that only gives hints to others bounds itself. One that cannot prove it stays pending: then the
    /// lease is not given back, but lapses.
    fn close(&mut self, reason: EndReason) -> Pending<()>;
}

/// All gates of a candidate, as the work of its election.
pub struct Gates(pub Vec<Box<dyn Gate>>);

impl Work for Gates {
    fn start(&mut self, term: Term) {
        self.0.iter_mut().for_each(|gate| gate.open(term));
    }

    fn stop(&mut self, reason: EndReason) -> Pending<()> {
        let closing: Vec<_> = self.0.iter_mut().map(|gate| gate.close(reason)).collect();
        Box::pin(async move {
            // All close already; what is left is to hear it of each.
            for closed in closing {
                closed.await;
            }
        })
    }
}

/// What a gate that has a thread of its own is told there.
pub(crate) enum Order {
    Open(Term),
    Close(EndReason, oneshot::Sender<()>),
}

/// Where a thread of a gate has ended without having said "closed", nothing is proven.
async fn closed(done: oneshot::Receiver<()>) {
    if done.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The election waits for *closed* before it opens again, so that at most two orders wait.
pub(crate) const ORDERS_WAITING: usize = 2;

/// The half of a gate that stays with the election; the other half has a thread of its own.
struct Remote(tokio::sync::mpsc::Sender<Order>);

impl Gate for Remote {
    fn open(&mut self, term: Term) {
        // Only where the thread has ended: then nothing follows, and closing says so.
        let _ = self.0.try_send(Order::Open(term));
    }

    fn close(&mut self, reason: EndReason) -> Pending<()> {
        let (done, answer) = oneshot::channel();
        let _ = self.0.try_send(Order::Close(reason, done));
        Box::pin(closed(answer))
    }
}

/// As logs have it.
fn whole_ms(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
