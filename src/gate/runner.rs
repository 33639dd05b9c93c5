//! Runs a command while this candidate leads, and proves that it has stopped.
//!
//! Promise: the command starts only before `soft`; it is asked to stop at `soft`, when leadership is lost or is to end;
//! at `hard`, or when the time to drain is over, it is killed with everything that descends from it; and "closed" is
//! said only when the kernel says that no descendant is left. None of this waits for the election's task: the thread
//! here knows the claim and the time.
//!
//! One thread for the whole life of the process, because the kernel kills the command when the thread that started it
//! ends.

mod acquire;
mod leading;
mod stopping;

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::children::Children;
use super::fence::{Fence, HardFence};
use super::forwards::Forwards;
use super::health::Check;
use super::pause::Pause;
use super::{Gate, ORDERS_WAITING, Order, Remote, thread, whole_ms};
use crate::core::{EndReason, StandBack, Term};
use crate::election::{Alarm, Leadership, Report, Resigner};
use crate::guardian::{Shelter, Task, Teller, work_command};
use crate::processes::Ended;
use leading::Ending;

pub use acquire::Acquire;

/// Between two runs of a command that ends by itself: a second, so that a command that fails at once neither spins
/// nor keeps others from trying; up to a minute.
const PAUSES_AFTER_EXIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// Up to this many times the given one grows the pause after unhealthy work.
const LONGEST_HEALTH_PAUSE: u32 = 16;

/// What happens after the command has ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExit {
    /// Hand over, campaign again, run it again.
    Release,
    /// Release, and end with its exit code.
    Exit,
    /// Go on leading without it.
    Hold,
}

/// What happens after leadership was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLost {
    /// Campaign again.
    Restandby,
    /// End.
    Exit,
}

/// Variables by name; `None`: not there.
pub type Environment = Vec<(&'static str, Option<OsString>)>;

/// What is to be run, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The command. Its grace also counts where leadership is being lost.
    pub task: Task,
    /// What it finds in its environment, besides the term, and what it must not find.
    pub environment: Environment,
    /// Afterwards.
    pub on_exit: OnExit,
    /// Afterwards.
    pub on_lost: OnLost,
    /// How long to wait to be elected, each time.
    pub acquire: Acquire,
    /// What keeps its descendants together.
    pub shelter: Shelter,
    /// What happens where nothing of ours runs in time.
    pub hard_fence: HardFence,
    /// Between being asked to stop and being killed, where leadership ends as wanted.
    pub drain_timeout: Duration,
    /// Whether the work does its job.
    pub health: Option<Check>,
    /// The first pause after unhealthy work.
    pub health_pause: Duration,
}

/// What a runner stands on.
pub struct Ground {
    /// Whom to follow.
    pub leadership: Leadership,
    /// How to hand over.
    pub resigner: Resigner,
    /// Who counts.
    pub report: Arc<dyn Report>,
    /// Cancelled when the process is to end, by the runner too.
    pub shutdown: CancellationToken,
}

/// Why `exec` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was told to, and no command ran that could have said something.
    Told,
    /// The command ended so.
    Command(Ended),
    /// Not elected in time; whether a quorum of voters answered.
    NotElected {
        /// If not, more patience would not have helped.
        had_quorum: bool,
    },
    /// Leadership was lost, and that was to be the end.
    Lost,
}

/// Begins to follow. Answers with the gate, and with the outcome once it is decided that the process ends; by then no
/// command runs.
///
/// # Errors
///
/// The system gives no thread, signal or timer.
pub fn start(
    plan: Plan,
    ground: Ground,
    teller: Teller,
) -> io::Result<(Box<dyn Gate>, oneshot::Receiver<Outcome>)> {
    let (orders, receiver) = mpsc::channel(ORDERS_WAITING);
    let (decided, outcome) = oneshot::channel();
    let begin = move || Runner::new(plan, ground, teller, receiver, decided);
    thread::start("quorate-work", begin, |runtime, runner| runtime.block_on(runner.run()))?;
    Ok((Box::new(Remote(orders)), outcome))
}

fn dress(command: &mut Command, environment: &Environment) {
    for (name, value) in environment {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

struct Runner {
    plan: Plan,
    leadership: Leadership,
    resigner: Resigner,
    report: Arc<dyn Report>,
    shutdown: CancellationToken,
    orders: mpsc::Receiver<Order>,
    forwards: Forwards,
    children: Children,
    fence: Fence,
    alarm: Alarm,
    pause_after_exit: Pause,
    pause_after_illness: Pause,
    /// While the process goes on.
    decided: Option<oneshot::Sender<Outcome>>,
}

impl Runner {
    fn new(
        plan: Plan,
        ground: Ground,
        teller: Teller,
        orders: mpsc::Receiver<Order>,
        decided: oneshot::Sender<Outcome>,
    ) -> io::Result<Self> {
        let Ground { leadership, resigner, report, shutdown } = ground;
        let (shortest, longest) = PAUSES_AFTER_EXIT;
        Ok(Self {
            children: Children::new()?,
            fence: Fence::new(plan.hard_fence, teller)?,
            alarm: Alarm::new()?,
            forwards: Forwards::new()?,
            pause_after_exit: Pause::new(shortest, longest),
            pause_after_illness: Pause::new(plan.health_pause, plan.health_pause * LONGEST_HEALTH_PAUSE),
            decided: Some(decided),
            plan,
            leadership,
            resigner,
            report,
            shutdown,
            orders,
        })
    }

    /// Until the election has ended.
    async fn run(mut self) {
        while let Some(term) = self.stand_by().await {
            self.lead(term).await;
        }
        self.end(Outcome::Told);
    }

    /// Until this candidate leads. Whatever it led before has stopped.
    async fn stand_by(&mut self) -> Option<Term> {
        let mut given_up = Box::pin(acquire::given_up(self.plan.acquire, self.leadership.clone()));
        loop {
            let is_campaigning = self.decided.is_some() && !self.shutdown.is_cancelled();
            tokio::select! {
                biased;
                order = self.orders.recv() => match order? {
                    Order::Open(term) if is_campaigning => return Some(term),
                    // Closing follows at once.
                    Order::Open(_) => {}
                    Order::Close(_, done) => drop(done.send(())),
                },
                () = self.children.changed() => drop(self.children.reap()),
                // Nobody else is there to hear it; without a handler it would end us, so that this one does.
                signal = self.forwards.next() => if signal == Signal::SIGHUP { self.end(Outcome::Told) },
                outcome = &mut given_up, if is_campaigning => self.end(outcome),
            }
        }
    }

    /// The command of this term, not yet started.
    fn command(&self, term: Term) -> Command {
        let mut command = work_command(self.plan.shelter, &self.plan.task);
        command.process_group(0);
        dress(&mut command, &self.environment(term));
        if io::stdin().is_terminal() {
            // A group in the background that reads from the terminal would be stopped by it.
            command.stdin(Stdio::null());
        }
        command
    }

    /// What the work of this term finds in its environment, and what it must not find.
    fn environment(&self, term: Term) -> Environment {
        let mut environment = self.plan.environment.clone();
        environment.push(("QUORATE_TERM", Some(term.to_string().into())));
        environment
    }

    /// What happens after the work of a term.
    fn decide(&mut self, ending: &Ending) {
        let election = &self.leadership.about().election;
        match ending.reason {
            // A signal that was handed on and was not handled ends us as it would have ended the command alone.
            None if ending.died_of_forwarded => self.end(Outcome::Command(ending.ended)),
            None => match self.plan.on_exit {
                OnExit::Release => {
                    let pause = self.pause_after_exit.after(ending.lasted);
                    tracing::info!(%election, pause_ms = whole_ms(pause), "handing over: the command has ended");
                    self.resigner.resign(StandBack::For(pause));
                }
                OnExit::Exit => self.end(Outcome::Command(ending.ended)),
                OnExit::Hold => {}
            },
            Some(EndReason::Resigned) if self.shutdown.is_cancelled() => {
                self.end(Outcome::Command(ending.ended));
            }
            Some(EndReason::Resigned) => {}
            Some(_) if self.plan.on_lost == OnLost::Exit => self.end(Outcome::Lost),
            Some(_) if self.plan.hard_fence == HardFence::Exit && ending.was_killed => {
                self.end(Outcome::Lost);
            }
            Some(_) => {}
        }
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(decided) = self.decided.take() {
            // Whoever waits may be ending already.
            let _ = decided.send(outcome);
        }
        self.shutdown.cancel();
    }
}
