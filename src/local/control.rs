//! Commands to a server over its Unix socket, in the plain protocol, with every wait bounded.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Take, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::LocalError;

/// The longest reply to a control command, against a server gone mad.
const REPLY_LIMIT: u64 = 1 << 20;

/// A connection to one server.
#[derive(Debug)]
pub(crate) struct Control(BufReader<Take<UnixStream>>);

impl Control {
    /// Connects; no answer may then take longer than the limit.
    ///
    /// # Errors
    ///
    /// Nobody listens.
    pub(crate) fn open(socket: &Path, limit: Duration) -> Result<Self, LocalError> {
        let stream = UnixStream::connect(socket).map_err(system)?;
        stream.set_read_timeout(Some(limit)).map_err(system)?;
        stream.set_write_timeout(Some(limit)).map_err(system)?;
        Ok(Self(BufReader::new(stream.take(REPLY_LIMIT))))
    }

    /// Runs one command; the reply as text, elements of arrays in lines of their own.
    ///
    /// # Errors
    ///
    /// The server's error reply, or none within the limit: then the connection is of no more use.
    pub(crate) fn ask(&mut self, words: &[&str]) -> Result<String, LocalError> {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            // Writing to a string cannot fail.
            let _ = write!(request, "${}\r\n{word}\r\n", word.len());
        }
        self.0.get_mut().set_limit(REPLY_LIMIT);
        self.0.get_mut().get_mut().write_all(request.as_bytes()).map_err(system)?;
        read_reply(&mut self.0).map_err(system)?.map_err(LocalError::Refused)
    }
}

fn system(source: io::Error) -> LocalError {
    LocalError::System { what: "cannot speak with the server", source }
}

/// One reply: its text, or the server's error.
fn read_reply(reader: &mut impl BufRead) -> io::Result<Result<String, String>> {
    let line = read_line(reader)?;
    let rest = line.get(1..).unwrap_or_default();
    let length = || rest.parse::<i64>().map_err(|_| io::Error::other(format!("strange reply {line:?}")));
    match line.as_bytes().first() {
        Some(b'-') => Ok(Err(rest.to_owned())),
        Some(b'$') => {
            let Ok(length) = usize::try_from(length()?) else { return Ok(Ok(String::new())) };
            let mut bytes = vec![0; length.min(1 << 20)];
            reader.read_exact(&mut bytes)?;
            read_line(reader)?;
            Ok(Ok(String::from_utf8_lossy(&bytes).into_owned()))
        }
        Some(b'*') => {
            let mut elements = Vec::new();
            for _ in 0..length()? {
                elements.push(read_reply(reader)?.unwrap_or_else(|error| error));
            }
            Ok(Ok(elements.join("\n")))
        }
        _ => Ok(Ok(rest.to_owned())),
    }
}

fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}
