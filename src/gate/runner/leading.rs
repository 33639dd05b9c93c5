//! One term: the command is started, watched, asked to stop, killed, and known to be gone.

use std::ffi::OsString;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::sync::oneshot;

use super::stopping::Limit;
use super::{Order, Runner, dress};
use crate::clock;
use crate::core::{EndReason, Moment, Now, StandBack, Term};
use crate::election::{Claim, Fact, Footing, WorkEnd};
use crate::gate::children::Child;
use crate::gate::whole_ms;
use crate::guardian::{Shelter, Task, work_command};
use crate::processes::{self, Ended};

/// Between two looks for descendants that live although they were killed: one that forks just then is found by the
/// next.
const SWEEP_PAUSE: Duration = Duration::from_millis(5);
/// What outlives its killing for this part of the fence margin is told about: a process in an uninterruptible wait, or
/// another user's. Half of the margin is over when the fence falls.
const STUBBORN_PART: u32 = 4;

/// How the work of a term ended.
pub(super) struct Ending {
    pub(super) ended: Ended,
    /// Why it had to; `None`: it did by itself.
    pub(super) reason: Option<EndReason>,
    pub(super) died_of_forwarded: bool,
    pub(super) was_killed: bool,
    pub(super) lasted: Duration,
}

/// The work of a term while any of it is left.
struct Leading {
    term: Term,
    /// As last seen: it counts also when the election has withdrawn it.
    claim: Claim,
    pid: Pid,
    begun: Moment,
    ended: oneshot::Receiver<Ended>,
    end: Option<Ended>,
    /// When it is killed, once it has to end.
    limit: Option<Limit>,
    reason: Option<EndReason>,
    asked_leftovers: bool,
    killed: Option<Moment>,
    told_stubborn: bool,
    told_refused: bool,
    /// The signals that were handed on, and when.
    forwarded: Vec<(Signal, Moment)>,
    closing: Vec<oneshot::Sender<()>>,
}

impl Runner {
    /// Runs the command for a term, until nothing of it is left.
    pub(super) async fn lead(&mut self, term: Term) {
        let mut moves = self.leadership.moves();
        let Some(mut leading) = self.begin(term) else { return };
        let mut unhealthy = self.unhealthy(term);
        loop {
            let any_left = self.children.reap();
            let now = clock::now().at;
            leading.heed_end();
            if !any_left {
                break;
            }
            self.heed_time(&mut leading);
            let wake = leading.wake(now);
            tokio::select! {
                biased;
                order = self.orders.recv() => self.heed_order(&mut leading, order),
                () = self.children.changed() => {}
                _ = moves.changed() => {}
                // A kernel that refuses its timer would have us look in vain; the next change of the claim is as good.
                rung = self.alarm.wait(wake, now) => drop(rung),
                signal = self.forwards.next() => leading.forward(signal),
                why = &mut unhealthy => {
                    self.resign_ill(&leading, &why);
                    unhealthy = Box::pin(std::future::pending());
                }
            }
            if leading.limit.is_some() {
                // Work that is to end is not asked how it is; a check that hangs must not keep it.
                unhealthy = Box::pin(std::future::pending());
            }
        }
        self.finish(leading);
    }

    /// Answers why, once the work has failed its check too often; never without one.
    fn unhealthy(&self, term: Term) -> Pin<Box<dyn Future<Output = String>>> {
        let Some(check) = self.plan.health.clone() else { return Box::pin(std::future::pending()) };
        let (starter, task) = (self.children.starter(), self.plan.task.clone());
        let environment = self.environment(term);
        Box::pin(async move {
            let run = |line: &str| {
                let command = ["sh", "-c", line].map(OsString::from).to_vec();
                // By a stage, because a check is no reason to be in a hurry, and must not outlive us.
                let mut command = work_command(Shelter::Group, &Task { command, ..task.clone() });
                dress(&mut command, &environment);
                command
            };
            check.until_unhealthy(&starter, run).await
        })
    }

    fn begin(&mut self, term: Term) -> Option<Leading> {
        let now = clock::now().at;
        let is_current = |claim: &Arc<Claim>| claim.term == term && claim.leads_before_soft(now);
        let claim = self.leadership.claim().filter(is_current)?;
        let election = &self.leadership.about().election;
        let command = self.command(term);
        let started = self.fence.raise(&claim, now).and_then(|()| self.children.starter().start(command));
        let Child { pid, ended } = match started {
            Ok(child) => child,
            Err(error) => {
                tracing::error!(%election, term, %error, "the command cannot be started: handing over");
                let pause = self.pause_after_exit.after(Duration::ZERO);
                self.resigner.resign(StandBack::For(pause));
                return None;
            }
        };
        tracing::info!(%election, term, pid = pid.as_raw(), "command started");
        Some(Leading {
            term,
            claim: *claim,
            pid,
            begun: now,
            ended,
            end: None,
            limit: None,
            reason: None,
            asked_leftovers: false,
            killed: None,
            told_stubborn: false,
            told_refused: false,
            forwarded: Vec::new(),
            closing: Vec::new(),
        })
    }

    /// What the time, renewals and ends so far ask for.
    fn heed_time(&mut self, leading: &mut Leading) {
        let now = clock::now();
        if let Some(claim) = self.leadership.claim().filter(|claim| claim.term == leading.term) {
            leading.claim = *claim;
        }
        if let Err(error) = self.fence.raise(&leading.claim, now.at) {
            tracing::error!(%error, "the fence cannot be moved");
        }
        if leading.end.is_some() && leading.limit.is_none() {
            leading.limit = Some(Limit::after(now.at, self.plan.task.stop_grace));
        }
        if leading.limit.is_none() {
            self.heed_soft(leading, now);
        }
        if leading.end.is_some() && !leading.asked_leftovers {
            leading.asked_leftovers = true;
            leading.ask_all(self.plan.task.stop_signal);
        }
        if leading.limit.is_some_and(|limit| !now.at.is_before(limit.instant(&leading.claim))) {
            leading.kill(now.at);
        }
    }

    fn heed_soft(&mut self, leading: &mut Leading, now: Now) {
        match self.leadership.seal_past_soft(now) {
            Footing::Leads => return,
            Footing::RanOut => self.resigner.ran_out(leading.term),
            // Its reason was on the way before it gave up, or comes: no need to wait for it.
            Footing::GivenUp => {
                if let Ok(order) = self.orders.try_recv() {
                    return self.heed_order(leading, Some(order));
                }
            }
        }
        leading.stop(EndReason::Lapsed, Limit::hard(&leading.claim), self.plan.task.stop_signal);
    }

    fn heed_order(&mut self, leading: &mut Leading, order: Option<Order>) {
        let now = clock::now().at;
        match order {
            Some(Order::Close(reason, done)) => {
                leading.closing.push(done);
                let limit = Limit::of(reason, &leading.claim, now, self.plan.drain_timeout);
                leading.stop(reason, limit, self.plan.task.stop_signal);
            }
            // Nothing opens before it was closed.
            Some(Order::Open(_)) => {}
            // The election has ended without waiting any longer.
            None => {
                let limit = Limit::of(EndReason::ClockStood, &leading.claim, now, Duration::ZERO);
                leading.stop(EndReason::Resigned, limit, self.plan.task.stop_signal);
            }
        }
    }

    fn resign_ill(&mut self, leading: &Leading, why: &str) {
        let pause = self.pause_after_illness.after(clock::now().at.observer_elapsed(leading.begun));
        tracing::warn!(election = %self.leadership.about().election, term = leading.term, why,
            pause_ms = whole_ms(pause), "the work is unhealthy: handing over");
        self.resigner.resign(StandBack::For(pause));
    }

    /// Nothing is left. What comes next is decided before the election is told, because it may end then.
    fn finish(&mut self, leading: Leading) {
        if let Err(error) = self.fence.lower() {
            tracing::error!(%error, "the fence cannot be lowered");
        }
        let now = clock::now().at;
        let ended = leading.end.unwrap_or_else(Ended::unknown);
        let was_killed = leading.killed.is_some();
        let how = match (was_killed, leading.reason) {
            (true, _) => WorkEnd::Killed,
            (false, Some(_)) => WorkEnd::Stopped,
            (false, None) => WorkEnd::Exited,
        };
        self.report.note(Fact::WorkEnded(how));
        let to_until_ms = signed_ms(now, leading.claim.until);
        tracing::info!(election = %self.leadership.about().election, term = leading.term, how = how.word(),
            code = ended.code, to_until_ms, "command ended, and nothing of it is left");
        self.decide(&Ending {
            ended,
            reason: leading.reason,
            died_of_forwarded: leading.died_of_forwarded(now, self.plan.task.stop_grace),
            was_killed,
            lasted: now.observer_elapsed(leading.begun),
        });
        for done in leading.closing {
            // The election may have ended.
            let _ = done.send(());
        }
    }
}

impl Leading {
    fn heed_end(&mut self) {
        if self.end.is_none() {
            self.end = self.ended.try_recv().ok();
        }
    }

    /// Asked once; a later reason may only leave less time.
    fn stop(&mut self, reason: EndReason, limit: Limit, stop_signal: Signal) {
        if self.reason.is_none() && self.end.is_none() {
            self.reason = Some(reason);
            let is_refused = self.signal(stop_signal) == Err(Errno::EPERM);
            self.tell_refused(usize::from(is_refused));
            // What is stopped cannot even end.
            let _ = self.signal(Signal::SIGCONT);
        }
        self.limit = Some(self.limit.map_or(limit, |before| before.and(limit)));
    }

    fn forward(&mut self, signal: Signal) {
        self.forwarded.push((signal, clock::now().at));
        // It may be ending.
        let _ = self.signal(signal);
    }

    /// A signal that it got long before is not what it ended by.
    fn died_of_forwarded(&self, now: Moment, grace: Duration) -> bool {
        let Some(ended) = self.end else { return false };
        let is_recent = |at: Moment| now.observer_elapsed(at) <= grace;
        self.forwarded.iter().any(|&(signal, at)| is_recent(at) && ended.is_from(signal))
    }

    fn signal(&self, signal: Signal) -> nix::Result<()> {
        if self.end.is_none() { kill(self.pid, signal) } else { Ok(()) }
    }

    /// What the command left behind gets the signal that the command would have got.
    fn ask_all(&mut self, stop_signal: Signal) {
        for signal in [stop_signal, Signal::SIGCONT] {
            // Where nobody can be found, nobody can be asked: killing comes in time.
            let asked = processes::signal_descendants(signal).unwrap_or_default();
            self.tell_refused(asked.refused);
        }
    }

    /// Once: it will be refused again when it is to be killed.
    fn tell_refused(&mut self, processes: usize) {
        if processes > 0 && !std::mem::replace(&mut self.told_refused, true) {
            tracing::error!(
                term = self.term,
                processes,
                "work that became another user's may neither be asked to stop nor killed: it may act on while \
                somebody else leads"
            );
        }
    }

    /// The whole group, and whoever left it.
    fn kill(&mut self, now: Moment) {
        if self.end.is_none() {
            // The number is its own until it is reaped.
            let _ = killpg(self.pid, Signal::SIGKILL);
        }
        // Without /proc the group is all that can be found.
        let killed = processes::signal_descendants(Signal::SIGKILL).unwrap_or_default();
        self.tell_refused(killed.refused);
        let since = *self.killed.get_or_insert(now);
        let patience = self.claim.until.leader_elapsed(self.claim.hard) / STUBBORN_PART;
        if !self.told_stubborn && now.observer_elapsed(since) > patience {
            self.told_stubborn = true;
            tracing::error!(
                term = self.term,
                processes = killed.found,
                "what was killed does not end: the lease will not be given back before it has"
            );
        }
    }

    /// When to look again, whatever happens.
    fn wake(&self, now: Moment) -> Moment {
        match self.limit {
            _ if self.killed.is_some() => now.plus(SWEEP_PAUSE),
            Some(limit) => limit.instant(&self.claim),
            None => self.claim.soft,
        }
    }
}

/// How long before `until`; negative after it.
fn signed_ms(now: Moment, until: Moment) -> f64 {
    let (before, after) = (until.observer_elapsed(now), now.leader_elapsed(until));
    let ms = |duration: Duration| (duration.as_secs_f64() * 1e6).round() / 1e3;
    if after.is_zero() { ms(before) } else { -ms(after) }
}
