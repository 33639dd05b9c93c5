//! Ctrl-C and the like: the first signal lets the demo end what it started, a second one ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Asked at every wait.
#[derive(Clone, Debug)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens to SIGINT, SIGTERM and SIGHUP for the rest of the process. The last thing that is done before a second
    /// one ends it is `farewell`.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn listen(farewell: fn()) -> anyhow::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_io().build().context("no runtime")?;
        let heard = {
            let _inside = runtime.enter();
            let hear = |kind| signal(kind).context("signals cannot be heard");
            [hear(SignalKind::interrupt())?, hear(SignalKind::terminate())?, hear(SignalKind::hangup())?]
        };
        let flag = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&flag);
        std::thread::Builder::new()
            .name("demo-signals".to_owned())
            .spawn(move || runtime.block_on(follow(heard, &told, farewell)))
            .context("no thread for signals")?;
        Ok(Self(flag))
    }

    pub(super) fn has_come(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

async fn follow([mut int, mut term, mut hangup]: [Signal; 3], told: &AtomicBool, farewell: fn()) {
    loop {
        let number = tokio::select! {
            _ = int.recv() => SignalKind::interrupt().as_raw_value(),
            _ = term.recv() => SignalKind::terminate().as_raw_value(),
            _ = hangup.recv() => SignalKind::hangup().as_raw_value(),
        };
        if told.swap(true, Ordering::Relaxed) {
            farewell();
            // Servers and candidates are killed by their watchers.
            std::process::exit(128 + number);
        }
    }
}
