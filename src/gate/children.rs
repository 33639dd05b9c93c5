//! The children of this process: started, awaited one by one, and known to be none.

use std::cell::RefCell;
use std::io;
use std::process::Command;
use std::rc::Rc;

use nix::sys::signal::kill;
use nix::unistd::Pid;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::processes::{self, Ended, Reaped};

/// A child, and its end once it comes.
pub(super) struct Child {
    pub(super) pid: Pid,
    pub(super) ended: oneshot::Receiver<Ended>,
}

type Awaited = Rc<RefCell<Vec<(Pid, oneshot::Sender<Ended>)>>>;

/// The only place in this process that reaps children.
pub(super) struct Children {
    ends: Signal,
    awaited: Awaited,
}

/// Starts children; for the thread of its [`Children`] alone.
#[derive(Clone)]
pub(super) struct Starter(Awaited);

impl Starter {
    /// Starts a child of the calling thread, with which the kernel may let it die.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn start(&self, mut command: Command) -> io::Result<Child> {
        // `Children::reap` waits for every child, whoever started it.
        let started = command.spawn()?;
        let pid = Pid::from_raw(i32::try_from(started.id()).unwrap_or(i32::MAX));
        let (sender, ended) = oneshot::channel();
        self.0.borrow_mut().push((pid, sender));
        Ok(Child { pid, ended })
    }
}

impl Children {
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// SIGCHLD cannot be heard.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { ends: signal(SignalKind::child())?, awaited: Rc::default() })
    }

    pub(super) fn starter(&self) -> Starter {
        Starter(Rc::clone(&self.awaited))
    }

    /// Takes note of all that have ended. Answers whether any is left.
    pub(super) fn reap(&self) -> bool {
        loop {
            match processes::reap() {
                Reaped::One(pid, ended) => self.tell(ended, |awaited| awaited == pid),
                Reaped::Unnamed(ended) => self.tell(ended, |awaited| kill(awaited, None).is_err()),
                Reaped::StillThere => return true,
                Reaped::NoneLeft => return false,
            }
        }
    }

    fn tell(&self, ended: Ended, is_it: impl Fn(Pid) -> bool) {
        for (_, waiting) in self.awaited.borrow_mut().extract_if(.., |(pid, _)| is_it(*pid)) {
            // Nobody may care any more.
            let _ = waiting.send(ended);
        }
    }

    /// Answers when some child may have ended.
    pub(super) async fn changed(&mut self) {
        self.ends.recv().await;
    }
}
