//! Who asks candidates and voters all the time, each from threads of its own, and tells what they say.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;

use super::facts::{Happening, News, Recollection, Standing, What};
use crate::cli::demo::ask::Line;
use crate::cli::demo::company::{LEASE, RECORD};
use crate::cli::demo::times::{ASK_LIMIT, now};
use crate::election::Who;
use crate::local::{Control, LocalError};

/// Between two questions to a candidate: as often as the screen is drawn anew.
const STATUS_INTERVAL: Duration = Duration::from_millis(50);
/// Between two questions to a voter: within the time that a voter that forgot stays so, at least twice.
const VOTER_INTERVAL: Duration = Duration::from_millis(100);

/// Ends the watching when dropped, within the time of one answer.
#[derive(Debug)]
pub(super) struct Onlooker {
    stop: Arc<AtomicBool>,
    /// A reader that waits for news ends when this is shut.
    news: Option<TcpStream>,
    threads: Vec<JoinHandle<()>>,
}

impl Onlooker {
    /// Watches a process of a candidate.
    ///
    /// # Errors
    ///
    /// It cannot be reached, or the system gives no thread.
    pub(super) fn of_candidate(
        candidate: usize,
        address: SocketAddr,
        tell: &Sender<Happening>,
    ) -> anyhow::Result<Self> {
        let news = listen(address).context("a candidate does not answer")?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut onlooker = Self { stop: Arc::clone(&stop), news: None, threads: Vec::new() };
        let (reader, told) = (BufReader::new(news.try_clone()?), tell.clone());
        onlooker.news = Some(news);
        onlooker.spawn(move || follow(candidate, reader, &told))?;
        let told = tell.clone();
        onlooker.spawn(move || ask(candidate, address, &stop, &told))?;
        Ok(onlooker)
    }

    /// Watches a voter through all its lives.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub(super) fn of_voter(voter: usize, socket: PathBuf, tell: &Sender<Happening>) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut onlooker = Self { stop: Arc::clone(&stop), news: None, threads: Vec::new() };
        let told = tell.clone();
        onlooker.spawn(move || recall(voter, &socket, &stop, &told))?;
        Ok(onlooker)
    }

    fn spawn(&mut self, work: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
        let thread = std::thread::Builder::new().name("demo-onlooker".to_owned()).spawn(work);
        self.threads.push(thread.context("no thread to watch with")?);
        Ok(())
    }
}

impl Drop for Onlooker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(news) = &self.news {
            // It fails where the other side is gone, and then the reader has ended.
            let _ = news.shutdown(Shutdown::Both);
        }
        for thread in self.threads.drain(..) {
            // It can only have panicked, and then it has ended as well.
            let _ = thread.join();
        }
    }
}

/// Tells; false where nobody listens any more.
fn tell(to: &Sender<Happening>, what: What) -> bool {
    to.send(Happening { at: now(), what }).is_ok()
}

fn ask(candidate: usize, address: SocketAddr, stop: &AtomicBool, told: &Sender<Happening>) {
    let mut line = Line::new(address);
    while !stop.load(Ordering::Relaxed) {
        let sent = now();
        let answer = line.read("/status").and_then(|body| Ok(serde_json::from_slice(&body)?));
        let what = answer.map_or(What::Silence(candidate), |status| What::Status { candidate, sent, status });
        if !tell(told, what) {
            return;
        }
        std::thread::sleep(STATUS_INTERVAL);
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&address, ASK_LIMIT)?;
    stream.write_all(b"GET /watch HTTP/1.1\r\nHost: demo\r\n\r\n")?;
    Ok(stream)
}

/// Server-sent events, one in each chunk: of the lines, those that matter begin with a name.
fn follow(candidate: usize, reader: impl BufRead, told: &Sender<Happening>) {
    let mut event = String::new();
    for line in reader.lines() {
        let Ok(line) = line else { return };
        if let Some(name) = line.strip_prefix("event:") {
            name.trim().clone_into(&mut event);
        } else if let Some(data) = line.strip_prefix("data:") {
            let Ok(data) = serde_json::from_str(data) else { continue };
            let news = News { event: std::mem::take(&mut event), data };
            if !tell(told, What::News(candidate, news)) {
                return;
            }
        }
    }
}

fn recall(voter: usize, socket: &Path, stop: &AtomicBool, told: &Sender<Happening>) {
    let mut line = None;
    while !stop.load(Ordering::Relaxed) {
        let recollection = match line.take() {
            Some(line) => Ok(line),
            None => Control::open(socket, ASK_LIMIT),
        }
        .and_then(|mut control| {
            let recollection = recollection_of(&mut control)?;
            line = Some(control);
            Ok(recollection)
        });
        if !tell(told, What::Recollection(voter, recollection.ok())) {
            return;
        }
        std::thread::sleep(VOTER_INTERVAL);
    }
}

fn recollection_of(control: &mut Control) -> Result<Recollection, LocalError> {
    let record =
        control.ask(&["HMGET", RECORD, "standing", "instance", "term", "holder", "released", "who"])?;
    let left = control.ask(&["PTTL", LEASE])?;
    Ok(recollection(&record, &left, now()))
}

/// From the fields of the record, a line each, and the lease key's ttl in milliseconds, negative where there is none.
fn recollection(record: &str, left_ms: &str, now: Duration) -> Recollection {
    let mut fields = record.split('\n');
    let mut next = || fields.next().unwrap_or_default();
    let standing = match next() {
        "member" => Standing::Member,
        "joining" => Standing::Joining,
        _ => Standing::Blank,
    };
    let instance = next().to_owned();
    let term = next().parse().ok();
    let has_holder = !next().is_empty();
    let is_released = next() == "1";
    let holder = Who::parse(next()).identity.filter(|_| has_holder);
    let lease_until = left_ms.parse().ok().map(|left| now + Duration::from_millis(left));
    Recollection { standing, instance, term, holder, is_released, lease_until }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
    use std::sync::mpsc;

    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    #[test]
    fn a_voter_that_holds_a_lease_says_of_whom_and_for_how_long() {
        let record = "member\nx 1 y\n1767323045678\nquorate:00ff\n0\n{\"identity\":\"ann\"}";
        let seen = recollection(record, "2500", NOW);
        assert_eq!((seen.standing, seen.term), (Standing::Member, Some(1_767_323_045_678)));
        assert_eq!((seen.holder.as_deref(), seen.is_released), (Some("ann"), false));
        assert_eq!(seen.lease_until, Some(NOW + Duration::from_millis(2_500)));
    }

    #[test]
    fn a_voter_without_a_record_is_blank_and_one_that_forgot_has_no_holder() {
        let blank = recollection("\n\n\n\n\n", "-2", NOW);
        assert_eq!((blank.standing, blank.holder, blank.lease_until), (Standing::Blank, None, None));
        let joining = recollection("joining\nz\n5\n\n0\n{\"identity\":\"ann\"}", "-2", NOW);
        assert_eq!((joining.standing, joining.holder), (Standing::Joining, None));
    }

    #[test]
    fn news_are_read_out_of_a_chunked_stream() {
        let stream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n5a\r\nevent: elected\ndata: \
                      {\"term\":7,\"validityRemainingMs\":9,\"reason\":\"released\",\"leader\":null}\nid: 1\n\n\r\n";
        let (tell, told) = mpsc::channel();
        follow(1, stream.as_bytes(), &tell);
        let What::News(1, news) = told.try_recv().unwrap().what else { unreachable!() };
        assert_eq!((news.event.as_str(), news.data.term), ("elected", Some(7)));
        assert_eq!(news.data.reason.as_deref(), Some("released"));
        assert!(told.try_recv().is_err());
    }
}
