//! A child process that does not outlive this one, however this one ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::LocalError;

const SIGNAL: &str = "cannot signal the process";

/// A child, and a shell that kills it should this process end without doing so. Killed and reaped when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// Waits for the end of a pipe that only this process holds open. `PR_SET_PDEATHSIG` would not do: it follows the
    /// *thread* that started the child.
    watcher: Child,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Takes over a child.
    ///
    /// # Errors
    ///
    /// There is no shell; the child has then been ended.
    pub(crate) fn new(mut child: Child) -> Result<Self, LocalError> {
        let watcher = Command::new("sh")
            .args(["-c", "read -r line; kill -9 \"$1\"", "sh", &child.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // It must outlive a Ctrl-C that ends this process.
            .process_group(0)
            .spawn();
        match watcher {
            Ok(watcher) => Ok(Self { child, watcher, ended: None }),
            Err(source) => {
                end(&mut child);
                Err(LocalError::System { what: "cannot run sh", source })
            }
        }
    }

    /// The child's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended by itself, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.ended = self.child.try_wait().ok().flatten();
        self.ended
    }

    /// Sends a signal.
    ///
    /// # Errors
    ///
    /// It has been seen to have ended: its number may be somebody else's.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), LocalError> {
        let pid = i32::try_from(self.id()).ok().filter(|_| self.ended.is_none()).ok_or_else(no_process)?;
        let system = |error: nix::Error| LocalError::System { what: SIGNAL, source: error.into() };
        kill(Pid::from_raw(pid), signal).map_err(system)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The watcher first: once the child is reaped its number may be somebody else's.
        end(&mut self.watcher);
        end(&mut self.child);
    }
}

pub(super) fn no_process() -> LocalError {
    LocalError::System { what: SIGNAL, source: io::ErrorKind::NotFound.into() }
}

fn end(child: &mut Child) {
    // Both fail only where the child is gone already.
    let _ = child.kill();
    let _ = child.wait();
}
