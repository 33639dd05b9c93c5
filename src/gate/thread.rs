//! A thread of its own for what follows leadership, so that it runs also where the election's task does not.

use std::io;
use std::sync::mpsc;

use tokio::runtime::{self, Runtime};

/// Starts a thread with a runtime. `prepare` is called there, within the runtime; `keep` goes on with what it made, once
/// the caller has been answered.
///
/// # Errors
///
/// The system gives no thread or no descriptor, or `prepare` has failed.
pub(crate) fn start<T: 'static>(
    name: &str,
    prepare: impl FnOnce() -> io::Result<T> + Send + 'static,
    keep: impl FnOnce(Runtime, T) + Send + 'static,
) -> io::Result<()> {
    let (ready, is_ready) = mpsc::sync_channel(1);
    let work = move || {
        let made = runtime::Builder::new_current_thread().enable_all().build().and_then(|runtime| {
            let inside = runtime.enter();
            let prepared = prepare()?;
            drop(inside);
            Ok((runtime, prepared))
        });
        // Whoever waits for it may have given up.
        match made {
            Ok((runtime, prepared)) => {
                let _ = ready.send(Ok(()));
                keep(runtime, prepared);
            }
            Err(error) => drop(ready.send(Err(error))),
        }
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(work)?;
    is_ready.recv().unwrap_or_else(|_| Err(io::Error::other(format!("the thread {name} broke"))))
}
