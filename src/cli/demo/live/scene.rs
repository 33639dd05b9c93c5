//! What is to be shown, as it follows from what happened and which keys were pressed. Pure: every instant comes from
//! outside.

mod telling;
mod wishes;

use std::collections::VecDeque;
use std::time::Duration;

pub(super) use self::wishes::Reaction;
use super::facts::{Act, Actor, Happening, Order, Phase, Recollection, Standing, Status, What};
use crate::cli::demo::ask::Answer;
use crate::cli::demo::book::{Book, Reign, Sample};
use crate::cli::demo::company::{NAMES, VOTERS};
use crate::cli::demo::times::Times;

/// How many entries of the log are kept: more than fit on any screen.
const LOG_KEPT: usize = 200;

/// The process of a candidate or a voter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Starting,
    Up,
    /// By SIGSTOP.
    Stopped,
    /// Asked to end, and ending.
    Ending,
    Down,
}

#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) life: Life,
    /// Its latest answer, while it answers.
    pub(super) status: Option<Status>,
    /// Its validity ends then; nothing where it does not lead, or led in a former life.
    pub(super) until: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(super) struct Voter {
    pub(super) life: Life,
    pub(super) recollection: Option<Recollection>,
    /// Its latest restart, until it votes again: when, and the instance that it had before.
    pub(super) forgot: Option<(Duration, Option<String>)>,
}

/// How an entry of the log, or a headline, is to stand out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    /// What the person at the keys did.
    Yours,
    Good,
    Bad,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Since the beginning.
    pub(super) at: Duration,
    pub(super) tone: Tone,
    pub(super) text: String,
}

/// What the screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// What everything is; nothing has been started yet but the voters.
    Beginning,
    /// The same, asked for.
    Explanation,
    Stage,
}

/// Whom the keys act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// Whoever leads, or led last.
    Leader,
    This(Actor),
}

/// How the latest leadership came to its end, for whoever takes over.
#[derive(Clone, Debug)]
struct Loss {
    at: Duration,
    how: String,
}

#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// Such as `Redis 7.0.15`.
    pub(super) server: String,
    pub(super) times: Times,
    /// When the candidates were started.
    pub(super) begun: Duration,
    pub(super) candidates: [Candidate; NAMES.len()],
    pub(super) voters: [Voter; VOTERS.len()],
    pub(super) book: Book,
    pub(super) log: VecDeque<Entry>,
    /// Why a key did nothing.
    pub(super) hint: Option<String>,
    pub(super) view: View,
    choice: Choice,
    /// Who leads, or led last.
    last_leader: usize,
    loss: Option<Loss>,
}

impl Scene {
    /// With all voters running, and candidates that are started when somebody has read the first page.
    pub(super) fn new(server: String, times: Times) -> Self {
        let candidate = Candidate { life: Life::Starting, status: None, until: None };
        let voter = Voter { life: Life::Up, recollection: None, forgot: None };
        Self {
            server,
            times,
            begun: Duration::ZERO,
            candidates: [const { None::<()> }; NAMES.len()].map(|_| candidate.clone()),
            voters: [const { None::<()> }; VOTERS.len()].map(|_| voter.clone()),
            book: Book::default(),
            log: VecDeque::new(),
            hint: None,
            view: View::Beginning,
            choice: Choice::Leader,
            last_leader: 0,
            loss: None,
        }
    }

    /// Takes note of what happened.
    pub(super) fn take(&mut self, happening: Happening) {
        let Happening { at, what } = happening;
        match what {
            What::Done(order) => {
                self.tell_done(at, order);
                self.done(at, order);
            }
            What::Failed(order, why) => {
                self.set_life(order.actor, Life::Down);
                let what = if order.act == Act::Kill { "end" } else { "start" };
                self.tell(at, Tone::Bad, format!("{} did not {what}: {why}", order.actor.name()));
            }
            What::Ended(candidate, how) => {
                self.tell_ended(at, candidate, &how);
                self.down(candidate);
            }
            What::Status { candidate, sent, status } => self.answered(candidate, sent, at, status),
            What::Silence(candidate) => {
                self.candidates[candidate].status = None;
                self.book.close(candidate);
            }
            What::News(candidate, news) => self.tell_news(at, candidate, &news),
            What::Recollection(voter, recollection) => self.recalled(at, voter, recollection),
        }
    }

    fn done(&mut self, at: Duration, order: Order) {
        match (order.actor, order.act) {
            (Actor::Candidate(candidate), Act::Kill) => self.down(candidate),
            (Actor::Candidate(candidate), Act::Start) => {
                self.candidates[candidate].life = Life::Up;
                self.book.open(candidate, at);
            }
            (actor, Act::Kill) => self.set_life(actor, Life::Down),
            (actor, Act::Stop) => self.set_life(actor, Life::Stopped),
            (actor, Act::End) => self.set_life(actor, Life::Ending),
            (actor, Act::Resume | Act::Start) => self.set_life(actor, Life::Up),
            (actor, Act::StartEmpty | Act::StartWithData) => {
                self.set_life(actor, Life::Up);
                if let Actor::Voter(voter) = actor {
                    let voter = &mut self.voters[voter];
                    let before = voter.recollection.take().map(|recollection| recollection.instance);
                    voter.forgot = Some((at, before));
                }
            }
        }
    }

    fn down(&mut self, candidate: usize) {
        self.candidates[candidate] = Candidate { life: Life::Down, status: None, until: None };
        self.book.close(candidate);
    }

    fn answered(&mut self, candidate: usize, sent: Duration, received: Duration, status: Status) {
        let validity = Duration::from_millis(status.validity_remaining_ms);
        let code = if status.phase == Phase::Leading { 200 } else { 503 };
        let term = status.term.or(status.leader.as_ref().map(|leader| leader.term));
        let answer = Answer { code, term, validity };
        self.book.note(candidate, Sample { sent, received, answer });
        if code == 200 {
            self.last_leader = candidate;
        }
        let place = &mut self.candidates[candidate];
        place.until = (!validity.is_zero()).then_some(sent + validity);
        place.status = Some(status);
    }

    fn recalled(&mut self, at: Duration, voter: usize, recollection: Option<Recollection>) {
        let place = &mut self.voters[voter];
        if let (Some((since, before)), Some(now)) = (&place.forgot, &recollection) {
            let is_back = now.standing == Standing::Member && before.as_ref() != Some(&now.instance);
            if is_back {
                let since = *since;
                place.forgot = None;
                self.tell_back(at, voter, since);
            }
        }
        self.voters[voter].recollection = recollection;
    }

    pub(super) fn life(&self, actor: Actor) -> Life {
        match actor {
            Actor::Candidate(n) => self.candidates[n].life,
            Actor::Voter(n) => self.voters[n].life,
        }
    }

    fn set_life(&mut self, actor: Actor, life: Life) {
        match actor {
            Actor::Candidate(n) => self.candidates[n].life = life,
            Actor::Voter(n) => self.voters[n].life = life,
        }
    }

    /// Who said "I lead" when asked last, and is able to say so now.
    pub(super) fn leader(&self) -> Option<Reign> {
        self.book.leader().filter(|reign| self.candidates[reign.candidate].life != Life::Stopped)
    }

    /// Who may believe that it leads, and until when; whoever leads first, else whoever may longest.
    pub(super) fn believer(&self, now: Duration) -> Option<(usize, Duration)> {
        let believes = |(n, candidate): (usize, &Candidate)| {
            candidate.until.filter(|until| *until > now).map(|until| (n, until))
        };
        let all = self.candidates.iter().enumerate().filter_map(believes);
        let leader = self.leader().map(|reign| reign.candidate);
        all.max_by_key(|(n, until)| (Some(*n) == leader, *until))
    }

    /// Whom the keys act on now.
    pub(super) fn chosen(&self) -> Actor {
        match self.choice {
            Choice::Leader => Actor::Candidate(self.last_leader),
            Choice::This(actor) => actor,
        }
    }

    /// The choice moves on with leadership.
    pub(super) fn follows_the_leader(&self) -> bool {
        self.choice == Choice::Leader
    }

    /// How many voters run and answer.
    pub(super) fn voters_up(&self) -> usize {
        self.voters.iter().filter(|voter| voter.life == Life::Up).count()
    }

    /// How many of them remember.
    pub(super) fn members(&self) -> usize {
        let is_member = |voter: &&Voter| {
            let standing = voter.recollection.as_ref().map(|recollection| recollection.standing);
            voter.life == Life::Up && voter.forgot.is_none() && standing == Some(Standing::Member)
        };
        self.voters.iter().filter(is_member).count()
    }

    fn tell(&mut self, at: Duration, tone: Tone, text: impl Into<String>) {
        if self.log.len() == LOG_KEPT {
            self.log.pop_front();
        }
        self.log.push_back(Entry { at: at.saturating_sub(self.begun), tone, text: text.into() });
    }
}
