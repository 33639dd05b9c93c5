//! Does to the processes what is ordered, on a thread of its own: the screen waits for nobody.

use std::path::Path;
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::Signal;

use super::facts::{Act, Actor, Happening, Order, What};
use super::onlookers::Onlooker;
use crate::cli::demo::candidate::Candidate;
use crate::cli::demo::company::{Company, NAMES, Stop};
use crate::cli::demo::interrupt::Interrupt;
use crate::cli::demo::times::now;
use crate::local::{Memory, ServerOptions};

/// Between two looks whether a candidate has ended.
const ENDED_INTERVAL: Duration = Duration::from_millis(20);

/// How the voters of the live demo run: what is on disk survives SIGKILL, so that a restart *with its data* means it.
pub(super) fn voter_options(binary: &Path) -> ServerOptions {
    ServerOptions::new(binary).line("appendonly yes")
}

/// Takes orders until dropped; then everything that was started is ended.
#[derive(Debug)]
pub(super) struct Stagehand {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Stagehand {
    /// Takes over voters that run; candidates are started by orders.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub(super) fn begin(
        company: Company,
        interrupt: Interrupt,
        tell: Sender<Happening>,
    ) -> anyhow::Result<Self> {
        let (orders, taken) = channel();
        let work = move || Work::begin(company, interrupt, tell).and_then(|mut work| work.carry_on(&taken));
        let thread =
            std::thread::Builder::new().name("demo-stagehand".to_owned()).spawn(move || drop(work()));
        Ok(Self { orders: Some(orders), thread: Some(thread.context("no thread for the demo")?) })
    }

    pub(super) fn carry(&self, order: Order) {
        // Who has ended is told of by the end of what it tells.
        let _ = self.orders.as_ref().map(|orders| orders.send(order));
    }
}

impl Drop for Stagehand {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // It can only have panicked, and then it has ended as well.
            let _ = thread.join();
        }
    }
}

/// A candidate's process, and who watches it.
#[derive(Debug)]
struct Cast {
    candidate: Candidate,
    /// Dropped after the process: no answer is waited for then.
    _onlooker: Onlooker,
}

#[derive(Debug)]
struct Work {
    candidates: [Option<Cast>; NAMES.len()],
    company: Company,
    /// Dropped after the voters, as with [`Cast`].
    _onlookers: Vec<Onlooker>,
    interrupt: Interrupt,
    tell: Sender<Happening>,
}

impl Work {
    fn begin(company: Company, interrupt: Interrupt, tell: Sender<Happening>) -> anyhow::Result<Self> {
        let watched = company.voters.iter().enumerate();
        let onlookers = watched
            .map(|(n, voter)| Onlooker::of_voter(n, voter.socket(), &tell))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            candidates: [const { None }; NAMES.len()],
            company,
            _onlookers: onlookers,
            interrupt,
            tell,
        })
    }

    /// Until nobody gives orders any more. An error is that nobody listens either.
    fn carry_on(&mut self, orders: &Receiver<Order>) -> anyhow::Result<()> {
        loop {
            match orders.recv_timeout(ENDED_INTERVAL) {
                Ok(order) => self.carry(order)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.look_for_ends()?;
        }
    }

    fn carry(&mut self, order: Order) -> anyhow::Result<()> {
        let begun = now();
        let done = match order.actor {
            Actor::Candidate(n) => self.candidate(n, order.act),
            Actor::Voter(n) => self.voter(n, order.act),
        };
        // A signal acts at once; a process is there when it answers.
        let at = if matches!(order.act, Act::Start | Act::StartEmpty | Act::StartWithData) {
            now()
        } else {
            begun
        };
        let what = match done {
            Ok(()) => What::Done(order),
            Err(Stop::Interrupted) => return Ok(()),
            Err(stop) => What::Failed(order, stop.to_string()),
        };
        Ok(self.tell.send(Happening { at, what })?)
    }

    fn candidate(&mut self, n: usize, act: Act) -> Result<(), Stop> {
        let signal = match act {
            Act::Kill => {
                self.candidates[n] = None;
                return Ok(());
            }
            Act::Start => return self.start(n),
            Act::Stop => Signal::SIGSTOP,
            Act::Resume => Signal::SIGCONT,
            Act::End => Signal::SIGTERM,
            Act::StartEmpty | Act::StartWithData => return Ok(()),
        };
        match &self.candidates[n] {
            Some(cast) => Ok(cast.candidate.signal(signal)?),
            None => Ok(()),
        }
    }

    fn start(&mut self, n: usize) -> Result<(), Stop> {
        let candidate = self.company.candidate(n, &self.interrupt)?;
        let onlooker = Onlooker::of_candidate(n, candidate.address, &self.tell)?;
        self.candidates[n] = Some(Cast { candidate, _onlooker: onlooker });
        Ok(())
    }

    fn voter(&mut self, n: usize, act: Act) -> Result<(), Stop> {
        let voter = &mut self.company.voters[n];
        match act {
            Act::Kill => voter.kill(),
            Act::Stop => voter.stop()?,
            Act::Resume => voter.resume()?,
            // Killed first: it is not to write anything more, nor asked to if it is stopped.
            Act::StartEmpty => {
                voter.kill();
                voter.restart(Memory::Empty)?;
            }
            Act::StartWithData => {
                voter.kill();
                voter.restart(Memory::Saved)?;
            }
            Act::End | Act::Start => {}
        }
        Ok(())
    }

    fn look_for_ends(&mut self) -> anyhow::Result<()> {
        for (n, place) in self.candidates.iter_mut().enumerate() {
            let Some(status) = place.as_mut().and_then(|cast| cast.candidate.ended()) else { continue };
            *place = None;
            self.tell.send(Happening { at: now(), what: What::Ended(n, how(status)) })?;
        }
        Ok(())
    }
}

fn how(status: ExitStatus) -> String {
    status.code().map_or_else(|| status.to_string(), |code| format!("exit code {code}"))
}
