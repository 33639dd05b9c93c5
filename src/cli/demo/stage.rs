//! The scripted demo's stage: its company, who watches it, and what may be done to it.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::book::{Book, Reign};
use super::candidate::Candidate;
use super::company::{Company, NAMES, RECORD, Stop};
use super::interrupt::Interrupt;
use super::page::Page;
use super::times::{LOOK_INTERVAL, START_LIMIT, TTL, Times, now, shown};
use super::watch::{Follower, Watch};
use crate::core::Term;
use crate::local::ServerOptions;

/// How many lines of each candidate's log are shown where something went wrong.
const TAIL_LINES: usize = 12;

/// A candidate's process, and who watches it.
#[derive(Debug)]
struct Cast {
    candidate: Candidate,
    /// Dropped after the process, so that it is watched to its end.
    _follower: Follower,
}

/// Everything that was started. It ends, and its files go, when this is dropped: candidates first.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) page: Page,
    pub(super) times: Times,
    watch: Watch,
    interrupt: Interrupt,
    candidates: [Option<Cast>; NAMES.len()],
    pub(super) company: Company,
}

impl Stage {
    /// Starts the voters; the candidates are started by [`Self::enter`].
    pub(super) fn set(binary: &Path, page: Page, interrupt: Interrupt) -> Result<Self, Stop> {
        let company = Company::start(&ServerOptions::new(binary), &interrupt)?;
        Ok(Self {
            page,
            times: Times::derived(),
            watch: Watch::default(),
            interrupt,
            candidates: [const { None }; NAMES.len()],
            company,
        })
    }

    pub(super) fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.watch.book()
    }

    /// Starts a candidate, for the first time or again, and begins to watch it.
    pub(super) fn enter(&mut self, candidate: usize) -> Result<(), Stop> {
        let process = self.company.candidate(candidate, &self.interrupt)?;
        let follower = self.watch.follow(candidate, process.address)?;
        self.candidates[candidate] = Some(Cast { candidate: process, _follower: follower });
        Ok(())
    }

    /// Waits until all candidates are able to take part.
    pub(super) fn all_ready(&mut self) -> Result<(), Stop> {
        let mut waiting: Vec<usize> = (0..NAMES.len()).collect();
        self.until("the candidates find their voters", START_LIMIT, |stage| {
            waiting.retain(|n| !stage.candidates[*n].as_ref().is_some_and(|cast| cast.candidate.is_ready()));
            waiting.is_empty().then_some(())
        })
    }

    /// SIGKILL. Answers when that was.
    pub(super) fn crash(&mut self, candidate: usize) -> Duration {
        let at = now();
        self.candidates[candidate] = None;
        at
    }

    /// SIGTERM. Answers when that was.
    pub(super) fn ask_to_end(&mut self, candidate: usize) -> Result<Duration, Stop> {
        let at = now();
        if let Some(cast) = &self.candidates[candidate] {
            cast.candidate.signal(Signal::SIGTERM)?;
        }
        Ok(at)
    }

    /// Waits for a candidate that was asked to end.
    pub(super) fn exit_of(&mut self, candidate: usize) -> Result<ExitStatus, Stop> {
        let what = format!("{} ends", NAMES[candidate]);
        let status =
            self.until(&what, TTL, |stage| stage.candidates[candidate].as_mut()?.candidate.ended())?;
        self.candidates[candidate] = None;
        Ok(status)
    }

    /// Waits until something is seen. It is a broken promise if that takes longer than the limit, or if two lead
    /// meanwhile.
    pub(super) fn until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut seen: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<T, Stop> {
        let begun = now();
        self.page.wait_for(&format!("{what}, within {}", shown(limit)));
        loop {
            // The time is taken first: what is true in time counts even where this process is late to look.
            let waited = now().saturating_sub(begun);
            if let Some(found) = seen(self) {
                return Ok(found);
            }
            self.look(waited)?;
            if waited > limit {
                return Err(Stop::Broken(format!("not within {}: {what}", shown(limit))));
            }
        }
    }

    /// Watches for a while that something stays as it is.
    pub(super) fn hold(
        &mut self,
        what: &str,
        duration: Duration,
        mut stays: impl FnMut(&Book) -> Result<(), String>,
    ) -> Result<(), Stop> {
        let begun = now();
        self.page.wait_for(&format!("{what}, for {}", shown(duration)));
        loop {
            let waited = now().saturating_sub(begun);
            stays(&self.book()).map_err(Stop::Broken)?;
            self.look(waited)?;
            if waited > duration {
                return Ok(());
            }
        }
    }

    fn look(&mut self, waited: Duration) -> Result<(), Stop> {
        if self.interrupt.has_come() {
            return Err(Stop::Interrupted);
        }
        if let Some(violation) = self.book().violation() {
            return Err(Stop::Broken(violation));
        }
        self.page.tick(waited)?;
        std::thread::sleep(LOOK_INTERVAL);
        Ok(())
    }

    /// Waits for a leader of a term above `after`.
    pub(super) fn next_leader(&mut self, after: Term, limit: Duration) -> Result<Reign, Stop> {
        let reign = self.until("a new leader", limit, |stage| {
            stage.book().leader().filter(|reign| reign.term != after)
        })?;
        if reign.term > after {
            return Ok(reign);
        }
        Err(Stop::Broken(format!("term {} after term {after}: terms must grow", reign.term)))
    }

    /// Asks the voter itself: it is a member, and its record has this term, held.
    pub(super) fn is_member_of(&self, voter: usize, term: Term) -> bool {
        let record = self.company.voters[voter].command(&["HMGET", RECORD, "standing", "term", "released"]);
        record.is_ok_and(|fields| fields == format!("member\n{term}\n0"))
    }

    /// The ends of all logs, for whoever must find out what went wrong.
    pub(super) fn show_logs(&mut self) -> std::io::Result<()> {
        for name in NAMES {
            self.page.line(&format!("\n  the last that {name} logged:"))?;
            for line in self.company.last_words(name, TAIL_LINES) {
                self.page.line(&format!("    {line}"))?;
            }
        }
        Ok(())
    }
}
