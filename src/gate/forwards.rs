//! Signals that mean something to the command and nothing to us.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use nix::sys::signal::Signal;
use tokio::signal::unix::{Signal as Heard, SignalKind, signal};

use crate::processes;

/// SIGTERM and SIGINT end us; the rest of what programs listen to is handed on. SIGHUP too: to most it means *reload*.
const HANDED_ON: [Signal; 6] =
    [Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGALRM, Signal::SIGWINCH];

pub(super) struct Forwards(Vec<(Signal, Heard)>);

impl Forwards {
    /// Must be called within a tokio runtime. What was ignored before (`nohup`) stays so, for the command too.
    ///
    /// # Errors
    ///
    /// A signal cannot be heard.
    pub(super) fn new() -> io::Result<Self> {
        let told = HANDED_ON.into_iter().filter(|&kind| !processes::is_ignored(kind));
        let heard = told.map(|kind| Ok((kind, signal(SignalKind::from_raw(kind as i32))?)));
        Ok(Self(heard.collect::<io::Result<_>>()?))
    }

    /// The next of them. May be dropped without losing one.
    pub(super) async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            let come = |(kind, heard): &mut (Signal, Heard)| {
                matches!(heard.poll_recv(context), Poll::Ready(Some(()))).then_some(*kind)
            };
            self.0.iter_mut().find_map(come).map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}
