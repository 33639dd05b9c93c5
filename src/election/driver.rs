//! The election's task: feeds the core with answers, hints, commands and time, and does what it says.
//!
//! Clocks are read afresh for every event. Every turn of the loop ends in a wait of at least 50 µs or for an event;
//! at the latest it turns again after a quarter of the ttl, so that liveness can be told from outside.

mod acts;
mod ending;
mod releasing;
mod watching;
mod wishing;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use self::ending::Ending;
use self::releasing::Releasing;
use self::watching::QuorumNews;
use super::asks::{Answered, Asks};
use super::candidacy::{Course, Progress, Wish};
use super::leadership::{Leadership, whole_ms};
use super::port::{Pending, VoterPort, Work};
use super::predecessor::Predecessor;
use super::renewals::Renewals;
use super::report::{Fact, OperationKind, Report};
use super::resigning::Resignation;
use super::roll::Roll;
use super::verify::Rounds;
use super::{Alarm, Command, Failure, Settings, Surroundings};
use crate::clock;
use crate::core::{Answer, Ballot, Candidate, EndReason, Event, Inertia, Moment, Now, StandBack, Term};
use crate::voter::Hint;

/// The loop turns at least this often within a ttl.
const TURNS_PER_TTL: u32 = 4;
/// How many events one event may cause before the loop looks outside again; the core's contract needs two.
const FOLLOW_UPS_LIMIT: usize = 16;

/// The work that follows a leadership.
enum WorkState {
    /// None, or stopped.
    Idle,
    /// It may be acting.
    Running,
    /// It was told to stop because leadership ends for this reason.
    Stopping(Pending<()>, EndReason),
}

/// What was last written to voters about ourselves.
struct Attempt {
    ballot: Ballot,
    who: Arc<str>,
}

/// Why nothing is proposed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inertness {
    Electorate,
    Ttl { theirs: Duration, ours: Duration },
}

impl From<Inertia> for Inertness {
    fn from(inertia: Inertia) -> Self {
        match inertia {
            Inertia::Electorate { voter: _ } => Self::Electorate,
            Inertia::Ttl { voter: _, theirs, ours } => Self::Ttl { theirs, ours },
        }
    }
}

struct Driver<V: ?Sized, W> {
    settings: Settings,
    core: Candidate,
    asks: Asks<V>,
    leadership: Leadership,
    report: Arc<dyn Report>,
    work: W,
    work_state: WorkState,
    /// The term from *elected* to *ended*.
    led: Option<Term>,
    attempt: Option<Attempt>,
    /// What has not been told of yet.
    releasing: Option<Releasing>,
    roll: Roll,
    predecessor: Predecessor,
    renewals: Renewals,
    rounds: Rounds,
    /// What was last said about being inert, without the voter that shows it: any may be the first to.
    inert: Option<Inertness>,
    /// What the core has to be told before anything else.
    follow_ups: VecDeque<Event>,
    /// Resigning was asked for, and leadership has not ended yet.
    resigning: Option<StandBack>,
    /// This leadership is given up because `soft` passed, not because anybody wanted so.
    ran_out: bool,
    ending: Option<Ending>,
    /// Its owner does not want to lead.
    only_watches: bool,
    /// A leadership that has ended; whoever had it has not been told yet that its release was heard.
    unsettled: Option<Term>,
    progress: watch::Sender<Progress>,
    quorum_news: QuorumNews,
    /// The voters lack their terms, and may not be given new ones.
    is_halted: bool,
    last_turn: Moment,
}

/// What woke the loop up.
#[expect(clippy::large_enum_variant, reason = "answers are the most frequent, and none is kept")]
enum Woken {
    Answered(Answered),
    WorkStopped(EndReason),
    Hint(Option<Hint>),
    Command(Option<Command>),
    Wish(Option<Wish>),
    Resign(Option<Resignation>),
    Shutdown,
    Alarm,
}

/// What others ask of the election.
pub(super) struct Asked {
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) course: Course,
    pub(super) resignations: mpsc::Receiver<Resignation>,
}

pub(super) async fn run<V: VoterPort + ?Sized, W: Work>(
    core: Candidate,
    settings: Settings,
    leadership: Leadership,
    asked: Asked,
    surroundings: Surroundings<V, W>,
) -> Result<(), Failure> {
    let Surroundings { voters, mut hints, work, report, shutdown } = surroundings;
    let mut alarm = Alarm::new().map_err(Failure::Timer)?;
    let Asked { mut commands, course: Course { mut wish, progress }, mut resignations } = asked;
    let mut driver = Driver::new(core, settings, leadership, voters, work, report, progress);
    let (mut hints_open, mut commands_open, mut wishes_open) = (true, true, true);
    let mut resignations_open = true;
    // Whoever only wants to watch says so before the first turn.
    driver.wish(*wish.borrow_and_update());
    driver.turn(Event::Wake);
    loop {
        driver.settle();
        let now = clock::now().at;
        if driver.is_over(now) {
            return Ok(());
        }
        let wake = driver.next_wake(now);
        let is_ending = driver.ending.is_some();
        let woken = tokio::select! {
            biased;
            answered = driver.asks.next() => Woken::Answered(answered),
            changed = wish.changed(), if wishes_open => {
                Woken::Wish(changed.is_ok().then(|| *wish.borrow_and_update()))
            }
            reason = stopped(&mut driver.work_state) => Woken::WorkStopped(reason),
            () = shutdown.cancelled(), if !is_ending => Woken::Shutdown,
            rung = alarm.wait(wake, now) => { rung.map_err(Failure::Timer)?; Woken::Alarm }
            hint = hints.recv(), if hints_open => Woken::Hint(hint),
            resign = resignations.recv(), if resignations_open => Woken::Resign(resign),
            command = commands.recv(), if commands_open => Woken::Command(command),
        };
        match woken {
            Woken::Answered(answered) => driver.answered(&answered),
            Woken::WorkStopped(reason) => driver.work_stopped(reason),
            Woken::Shutdown => driver.shut_down(),
            Woken::Hint(Some(hint)) => driver.hinted(&hint),
            Woken::Hint(None) => hints_open = false,
            Woken::Command(Some(Command::Verify(who))) => driver.verify(who),
            Woken::Command(None) => commands_open = false,
            Woken::Wish(Some(wish)) => driver.wish(wish),
            Woken::Wish(None) => wishes_open = false,
            Woken::Resign(Some(resignation)) => driver.resign(resignation),
            Woken::Resign(None) => resignations_open = false,
            Woken::Alarm => {
                let late = clock::now().at.observer_elapsed(wake.latest(now));
                driver.report.note(Fact::LoopDelay(late));
                driver.turn(Event::Wake);
            }
        }
    }
}

/// When the work that was told to stop has stopped; never, while none was.
async fn stopped(state: &mut WorkState) -> EndReason {
    poll_fn(|context| match state {
        WorkState::Stopping(stop, reason) => stop.as_mut().poll(context).map(|()| *reason),
        WorkState::Idle | WorkState::Running => std::task::Poll::Pending,
    })
    .await
}

impl<V: VoterPort + ?Sized, W: Work> Driver<V, W> {
    fn new(
        core: Candidate,
        settings: Settings,
        leadership: Leadership,
        voters: Vec<Arc<V>>,
        work: W,
        report: Arc<dyn Report>,
        progress: watch::Sender<Progress>,
    ) -> Self {
        Self {
            core,
            asks: Asks::new(voters, settings.timing.voter_timeout),
            leadership,
            report,
            work,
            work_state: WorkState::Idle,
            led: None,
            attempt: None,
            releasing: None,
            roll: Roll::new(settings.about.election.clone(), &settings.about.voters),
            predecessor: Predecessor::new(settings.about.quorum(), settings.timing.ttl),
            renewals: Renewals::new(settings.timing.ttl),
            rounds: Rounds::default(),
            inert: None,
            follow_ups: VecDeque::new(),
            resigning: None,
            ran_out: false,
            ending: None,
            only_watches: false,
            unsettled: None,
            progress,
            quorum_news: QuorumNews::default(),
            is_halted: false,
            last_turn: clock::now().at,
            settings,
        }
    }

    /// Tells the core, does what it says, and goes on with what that causes.
    fn turn(&mut self, event: Event) {
        self.follow_ups.push_back(event);
        for _ in 0..FOLLOW_UPS_LIMIT {
            let Some(event) = self.follow_ups.pop_front() else { break };
            let now = clock::now();
            self.begin_turn(now);
            let verifies = matches!(event, Event::Verify { .. });
            self.core.handle(now, event);
            let mut confirms = 0;
            while let Some(action) = self.core.poll_action() {
                confirms += usize::from(self.act(now, &action) == Some(OperationKind::Confirm));
            }
            let is_renewal = !verifies && self.led.is_some() && confirms >= self.settings.about.quorum();
            if is_renewal && self.renewals.sent(now.at) {
                self.report.note(Fact::RenewalFailed);
            }
            self.leadership.notice(now);
        }
    }

    fn begin_turn(&mut self, now: Now) {
        self.leadership.stepped(now.at);
        if let Some(claim) = self.leadership.claim()
            && !claim.holds(now.at)
            && self.last_turn.is_before(claim.hard)
        {
            let late_ms = whole_ms(now.at.leader_elapsed(claim.until));
            tracing::error!(election = %self.settings.about.election, term = claim.term, late_ms,
                "overrun: this process did not run until its validity had ended");
            self.report.note(Fact::Overrun);
        }
        self.last_turn = now.at;
    }

    fn next_wake(&self, now: Moment) -> Moment {
        let heartbeat = now.plus(self.settings.timing.ttl / TURNS_PER_TTL);
        let claim = self.leadership.claim();
        let ours = claim.iter().flat_map(|claim| [claim.soft, claim.hard]).filter(|&at| now.is_before(at));
        let ending = self.ending.as_ref().map(Ending::patience_ends);
        ours.chain(self.core.poll_timeout()).chain(ending).fold(heartbeat, Moment::earliest)
    }

    fn answered(&mut self, answered: &Answered) {
        let now = clock::now();
        let renewed = self.roll.note(now, answered, &*self.report);
        let voter = answered.sent.voter;
        self.roll.note_flaws(voter, self.asks.flaws(voter), &*self.report);
        if let Some(releasing) = &mut self.releasing {
            releasing.note(answered);
        }
        if let (Some(holder), Answer::Granted { .. }) = (answered.sent.over, answered.reply.answer) {
            self.predecessor.taken_over(holder, voter, answered.reply.received);
        }
        let (question, received, answer) = (answered.sent.id, answered.reply.received, answered.reply.answer);
        self.turn(Event::Answer { question, received, answer });
        self.watch_voter(now, answered);
        self.watch_leader(now, answered, renewed);
    }

    fn work_stopped(&mut self, reason: EndReason) {
        self.work_state = WorkState::Idle;
        self.leadership.withdraw(clock::now(), reason);
        self.turn(Event::WorkStopped);
    }

    fn hinted(&mut self, hint: &Hint) {
        let names = &self.settings.about.voters;
        let Some(voter) = names.iter().position(|name| *name == *hint.voter) else { return };
        self.predecessor.hinted(clock::now().at);
        self.turn(Event::Hint { voter, released: hint.released });
    }

    fn verify(&mut self, who: tokio::sync::oneshot::Sender<Option<Term>>) {
        let longest = self.settings.timing.voter_timeout * 2;
        if let Some(request) = self.rounds.ask(who, clock::now().at, longest) {
            self.turn(Event::Verify { request });
        }
    }
}
