//! Standard output and standard error, where a reader that went away is no failure of ours.

use std::io::{self, Write};
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Writes a whole answer to standard output. `quorate … | head` closes the pipe early: that is the reader's right.
///
/// # Errors
///
/// The system's, a closed pipe excepted.
pub(super) fn print(text: &str) -> io::Result<()> {
    print_to_reader(text).map(|_| ())
}

/// Who reads standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// Somebody, as far as we know.
    There,
    /// Nobody any more.
    Gone,
}

/// As [`print`], for those who would go on and on.
///
/// # Errors
///
/// As there.
pub(super) fn print_to_reader(text: &str) -> io::Result<Reader> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => {
            Err(io::Error::new(error.kind(), format!("standard output cannot be written: {error}")))
        }
    }
}

/// For those who have nothing to write now: a pipe tells that its reader has gone.
pub(super) fn reader() -> Reader {
    let out = io::stdout();
    let mut asked = [PollFd::new(out.as_fd(), PollFlags::empty())];
    match (poll(&mut asked, PollTimeout::ZERO), asked[0].revents()) {
        (Ok(1..), Some(told)) if told.contains(PollFlags::POLLERR) => Reader::Gone,
        _ => Reader::There,
    }
}

/// Writes what went wrong to standard error, a line for each line.
pub(super) fn complain(text: &str) {
    let lines = text.lines().flat_map(|line| ["quorate: ", line, "\n"]).collect::<String>();
    // At once, so that no other process writes in between. Where nobody reads it there is no other place to say so.
    let _ = io::stderr().write_all(lines.as_bytes());
}
