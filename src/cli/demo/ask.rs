//! As much of an HTTP client as asking a candidate on loopback needs: GET, one connection kept, everything bounded.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::times::ASK_LIMIT;
use crate::core::Term;

/// The longest answer asked for here, `/status`, has about 2 KiB; against a server gone mad.
const ANSWER_LIMIT: u64 = 64 * 1024;

/// What a candidate answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Answer {
    pub(super) code: u16,
    /// Of the leader that it knows, possibly itself.
    pub(super) term: Option<Term>,
    /// What is left of its own validity; zero where it does not lead. Whole milliseconds, rounded down.
    pub(super) validity: Duration,
}

/// A connection to one candidate, made when it is needed.
#[derive(Debug)]
pub(super) struct Line {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl Line {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// # Errors
    ///
    /// Nobody answers within [`ASK_LIMIT`], or not in HTTP. The next question begins anew.
    pub(super) fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.ask(path).map(|(answer, _)| answer)
    }

    /// What is said in full.
    ///
    /// # Errors
    ///
    /// As [`Self::get`].
    pub(super) fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        self.ask(path).map(|(_, body)| body)
    }

    fn ask(&mut self, path: &str) -> io::Result<(Answer, Vec<u8>)> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address)?,
        };
        let request = format!("GET {path} HTTP/1.1\r\nHost: demo\r\n\r\n");
        stream.get_mut().write_all(request.as_bytes())?;
        let answer = read_answer(&mut stream)?;
        self.stream = Some(stream);
        Ok(answer)
    }
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect_timeout(&address, ASK_LIMIT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ASK_LIMIT))?;
    stream.set_write_timeout(Some(ASK_LIMIT))?;
    Ok(BufReader::new(stream))
}

fn read_answer(stream: &mut impl BufRead) -> io::Result<(Answer, Vec<u8>)> {
    let mut stream = stream.take(ANSWER_LIMIT);
    let strange = || io::Error::from(io::ErrorKind::InvalidData);
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let code = line.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(strange)?;
    let mut answer = Answer { code, ..Answer::default() };
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "quorate-term" => answer.term = value.parse().ok(),
            "quorate-validity-ms" => {
                answer.validity = Duration::from_millis(value.parse().map_err(|_| strange())?);
            }
            "content-length" => length = value.parse().map_err(|_| strange())?,
            _ => {}
        }
    }
    let mut body = Vec::new();
    stream.take(length).read_to_end(&mut body)?;
    Ok((answer, body))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
    use super::*;

    #[test]
    fn an_answer_is_read_to_its_end_and_the_next_one_begins_there() {
        let one = "HTTP/1.1 200 OK\r\nquorate-validity-ms: 1977\r\nquorate-term: 8\r\ncontent-length: 3\r\n\r\nhi\n";
        let two = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
        let both = format!("{one}{two}");
        let mut stream = both.as_bytes();
        let (answer, body) = read_answer(&mut stream).unwrap();
        assert_eq!((answer.code, answer.term, answer.validity.as_millis()), (200, Some(8), 1977));
        assert_eq!(body, b"hi\n");
        assert_eq!(read_answer(&mut stream).unwrap().0.code, 503);
        assert!(read_answer(&mut stream).is_err());
    }
}
