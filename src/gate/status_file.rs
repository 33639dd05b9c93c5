//! A file that says who leads, for workers that can read files and nothing else.
//!
//! Promise: a reader sees a whole document, never half of one; while `role` is `leader` nobody else leads before
//! `bootDeadlineNs` of `CLOCK_BOOTTIME`; and a lease is given back only after the file has ceased to say so. What a
//! killed process leaves behind says "leader" for ever: only the deadline tells that it is over.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::{Gate, ORDERS_WAITING, Order, Remote, thread};
use crate::core::{Moment, Term};
use crate::election::{Alarm, Leader, Leadership, News, Phase, Role};
use crate::{clock, files};

#[derive(PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    election: &'a str,
    identity: &'a str,
    role: Role,
    phase: Phase,
    term: Option<Term>,
    boot_deadline_ns: Option<u64>,
    leader: Option<Leader>,
}

/// Writes the file, and keeps it up to date on a thread of its own until the gate is dropped; then removes it and
/// says so.
///
/// # Errors
///
/// The file cannot be written, or the system gives no thread.
pub fn start(path: PathBuf, leadership: Leadership) -> io::Result<(Box<dyn Gate>, oneshot::Receiver<()>)> {
    let (orders, receiver) = mpsc::channel(ORDERS_WAITING);
    let (removed, is_removed) = oneshot::channel();
    let (_, news) = leadership.watch(clock::now().at);
    let moves = leadership.moves();
    let mut file = StatusFile {
        path,
        leadership,
        is_open: false,
        promised: None,
        written: String::new(),
        is_broken: false,
    };
    file.write()?;
    thread::start("quorate-file", Alarm::new, move |runtime, alarm| {
        runtime.block_on(file.keep(receiver, moves, news, alarm));
        // Whoever waits for it may have given up.
        let _ = removed.send(());
    })?;
    Ok((Box::new(Remote(orders)), is_removed))
}

struct StatusFile {
    path: PathBuf,
    leadership: Leadership,
    /// Between *open* and *close*: leadership may be shown.
    is_open: bool,
    /// The latest deadline that a reader may have seen.
    promised: Option<Moment>,
    written: String,
    is_broken: bool,
}

impl StatusFile {
    async fn keep(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        mut moves: watch::Receiver<()>,
        mut news: broadcast::Receiver<News>,
        mut alarm: Alarm,
    ) {
        loop {
            let now = clock::now().at;
            let soft = self.leadership.claim().map(|claim| claim.soft).filter(|&soft| now.is_before(soft));
            let is_waiting = soft.is_some();
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    None => break,
                    Some(Order::Open(_)) => self.is_open = true,
                    Some(Order::Close(_, done)) => {
                        self.is_open = false;
                        self.take_back(&mut alarm).await;
                        // The election may have ended.
                        let _ = done.send(());
                    }
                },
                _ = moves.changed() => {}
                // Late news are as good: what is written is what is so now.
                _ = news.recv() => {}
                rung = alarm.wait(soft.unwrap_or(now), now), if is_waiting => drop(rung),
            }
            self.update();
        }
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(file = %self.path.display(), %error, "the status file cannot be removed");
        }
    }

    fn update(&mut self) {
        match self.write() {
            Ok(()) => self.is_broken = false,
            Err(error) => {
                if !std::mem::replace(&mut self.is_broken, true) {
                    tracing::error!(file = %self.path.display(), %error, "the status file cannot be written");
                }
            }
        }
    }

    /// Returns when no reader can find a promise any more that has not run out.
    async fn take_back(&mut self, alarm: &mut Alarm) {
        self.update();
        let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        if !self.is_broken || fs::remove_file(&self.path).map_or_else(|error| is_gone(&error), |()| true) {
            self.promised = None;
            return;
        }
        let Some(promised) = self.promised.take() else { return };
        loop {
            let now = clock::now().at;
            if promised.is_at_or_before(now) || alarm.wait(promised, now).await.is_err() {
                return;
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        let now = clock::now();
        let snapshot = self.leadership.snapshot(now);
        let claim = self.leadership.claim().filter(|claim| self.is_open && claim.holds(now.at));
        let about = self.leadership.about();
        let document = Document {
            election: &about.election,
            identity: &about.identity,
            role: if claim.is_some() { Role::Leader } else { Role::Standby },
            phase: match snapshot.phase {
                Phase::Leading | Phase::Jeopardy if !self.is_open => Phase::Stopping,
                phase => phase,
            },
            term: claim.as_ref().map(|claim| claim.term),
            // By whichever of the two clocks gives less.
            boot_deadline_ns: claim.as_ref().map(|claim| now.at.plus(claim.remaining(now.at)).boot_ns()),
            leader: snapshot.leader,
        };
        let text = serde_json::to_string(&document)? + "\n";
        if text == self.written {
            return Ok(());
        }
        if let Some(claim) = claim {
            self.promised = Some(claim.until);
        }
        files::replace(&self.path, |file| file.write_all(text.as_bytes()))?;
        self.written = text;
        Ok(())
    }
}
