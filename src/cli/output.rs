//! Standard output and standard error, where a reader that went away is no failure of ours.

use std::io::{self, Write};

/// Writes a whole answer to standard output. `quorate … | head` closes the pipe early: that is the reader's right.
///
/// # Errors
///
/// The system's, a closed pipe excepted.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes what went wrong to standard error, a line for each line.
pub(super) fn complain(text: &str) {
    let mut err = io::stderr().lock();
    for line in text.lines() {
        if writeln!(err, "quorate: {line}").is_err() {
            // Nobody reads it, and there is no other place to say so.
            return;
        }
    }
}
