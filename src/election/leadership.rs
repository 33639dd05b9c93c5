//! What the rest of the program may ask: do we lead now, which term, until when, who else, and what changed?
//!
//! Leadership is a function of time and never a flag: every answer is computed from the claim at the instant of
//! asking, so it turns to no by itself, even if the election's task never runs again. Asking about the claim takes
//! no lock; the rest sits behind one that is held for the time of a copy.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{broadcast, watch};

use super::about::About;
use super::board::{Board, ObservedLeader, Stage, Strength, VoterState};
use super::claim::Claim;
#[cfg(feature = "cli")]
use super::claim::Footing;
use super::news::{Leader, News, NewsKind, rfc3339};
use super::status::{Aside, Phase, Role, Snapshot};
use crate::core::{EndReason, Moment, Now, Term, VoterIndex};
use crate::election::report::{Succession, end_word};

/// How many events a slow watcher may be behind before it is dropped. A change of leader makes two or three, so
/// this is a minute of the worst churn that the election's own pauses allow at the shortest ttl.
const NEWS_KEPT: usize = 64;

/// Whether somebody else leads now than before.
pub(super) enum LeaderChange {
    None,
    To(Leader),
    ToNobody,
}

/// A handle that answers; clones share one election.
#[derive(Clone)]
pub struct Leadership {
    shared: Arc<Shared>,
}

struct Shared {
    about: About,
    claim: ArcSwapOption<Claim>,
    /// `CLOCK_BOOTTIME` of the election's last step, in nanoseconds.
    stepped_boot_ns: AtomicU64,
    /// A quorum of voters has answered once.
    able: AtomicBool,
    /// The process is ending.
    draining: AtomicBool,
    board: Mutex<Board>,
    news: broadcast::Sender<News>,
    /// Told whenever `soft` or `hard` moved.
    moved: watch::Sender<()>,
}

/// Questions.
impl Leadership {
    /// What does not change about this candidate.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.shared.about
    }

    /// The claim as of the last renewal, lapsed or not; ask it with the time.
    #[must_use]
    pub fn claim(&self) -> Option<Arc<Claim>> {
        self.shared.claim.load_full()
    }

    /// Leads at `now`: to be asked before every act, with clocks read just then.
    #[must_use]
    pub fn holds(&self, now: Moment) -> bool {
        self.shared.claim.load().as_ref().is_some_and(|claim| claim.holds(now))
    }

    /// Leads at `now`, and far enough from the end to begin something.
    #[must_use]
    pub fn leads_before_soft(&self, now: Moment) -> bool {
        self.shared.claim.load().as_ref().is_some_and(|claim| claim.leads_before_soft(now))
    }

    /// What is left of the validity at `now`; zero where this candidate does not lead.
    #[must_use]
    pub fn remaining(&self, now: Moment) -> Duration {
        self.shared.claim.load().as_ref().map_or(Duration::ZERO, |claim| claim.remaining(now))
    }

    /// The term led at `now`.
    #[must_use]
    pub fn term(&self, now: Moment) -> Option<Term> {
        self.shared.claim.load().as_ref().filter(|claim| claim.holds(now)).map(|claim| claim.term)
    }

    /// When the claim ends unless it is renewed.
    #[must_use]
    pub fn until(&self) -> Option<Moment> {
        self.shared.claim.load().as_ref().map(|claim| claim.until)
    }

    /// The election's task ran within the last ttl, and is not leading past the instant at which it must not.
    #[must_use]
    pub fn is_alive(&self, now: Moment) -> bool {
        let stepped = self.shared.stepped_boot_ns.load(Ordering::Relaxed);
        let idle = Duration::from_nanos(now.boot_ns().saturating_sub(stepped));
        let is_late = self.shared.claim.load().as_ref().is_some_and(|claim| claim.is_past_hard(now));
        idle < self.shared.about.ttl && !is_late
    }

    /// Able to take part: a quorum of voters has answered once, and the process is not ending.
    #[must_use]
    pub fn is_able(&self) -> bool {
        self.shared.able.load(Ordering::Relaxed) && !self.shared.draining.load(Ordering::Relaxed)
    }

    /// Why it takes no part although it could, if so.
    #[must_use]
    pub fn aside(&self) -> Option<Aside> {
        self.board().aside
    }

    /// What this candidate is doing at `now`.
    #[must_use]
    pub fn phase(&self, now: Moment) -> Phase {
        self.board().stage.phase(self.shared.claim.load().as_deref(), now)
    }

    /// Who leads at `now`, as far as this candidate knows.
    #[must_use]
    pub fn leader(&self, now: Moment) -> Option<Leader> {
        self.leader_by(&self.board(), now)
    }

    /// Everything, for people.
    #[must_use]
    pub fn snapshot(&self, now: Now) -> Snapshot {
        let claim = self.claim().filter(|claim| claim.holds(now.at));
        let about = &self.shared.about;
        let board = self.board();
        Snapshot {
            election: about.election.clone(),
            identity: about.identity.clone(),
            namespace: about.namespace.clone(),
            node: about.node.clone(),
            role: if claim.is_some() { Role::Leader } else { Role::Standby },
            phase: board.stage.phase(claim.as_deref(), now.at),
            term: claim.as_ref().map(|claim| claim.term),
            since: rfc3339(board.role_since_us),
            validity_remaining_ms: claim.as_ref().map_or(0, |claim| whole_ms(claim.remaining(now.at))),
            ttl_ms: whole_ms(about.ttl),
            quorum: about.quorum(),
            voters: about.voters.len(),
            voters_held: board.voters_held(claim.is_some(), now.at),
            leader: self.leader_by(&board, now.at),
            voter: board.voter_statuses(&about.voters, claim.is_some(), now.at),
            last_transitions: board.transitions(),
        }
    }

    /// What is so now, and everything that changes from now on, without a gap between the two.
    #[must_use]
    pub fn watch(&self, now: Moment) -> (News, broadcast::Receiver<News>) {
        let board = self.board();
        let receiver = self.shared.news.subscribe();
        let claim = self.claim().filter(|claim| claim.holds(now));
        let kind = match &claim {
            Some(claim) if claim.leads_before_soft(now) => NewsKind::Elected,
            Some(_) => NewsKind::Jeopardy,
            None => NewsKind::LeaderChanged,
        };
        let leader = self.leader_by(&board, now);
        let current = News {
            id: board.news_id,
            kind,
            term: leader.as_ref().map(|leader| leader.term),
            validity_remaining_ms: claim.map_or(0, |claim| whole_ms(claim.remaining(now))),
            reason: None,
            leader,
        };
        (current, receiver)
    }

    /// The next instant at which watchers have to be told something because of the time alone.
    #[must_use]
    pub fn next_notice(&self) -> Option<Moment> {
        let is_told = self.board().is_jeopardy_told;
        self.shared.claim.load().as_ref().filter(|_| !is_told).map(|claim| claim.soft)
    }

    /// Tells watchers what the time alone has changed. Any task may call this, at any time and repeatedly.
    pub fn notice(&self, now: Now) {
        let mut board = self.board();
        let claim = self.claim().filter(|claim| !claim.leads_before_soft(now.at));
        if let Some(claim) = claim.filter(|_| !board.is_jeopardy_told) {
            board.is_jeopardy_told = true;
            self.tell(&mut board, now, NewsKind::Jeopardy, Some(claim.term), None);
        }
    }

    /// Answers when `soft` may have moved.
    #[must_use]
    pub fn moves(&self) -> watch::Receiver<()> {
        self.shared.moved.subscribe()
    }
}

/// Changes; the election's task alone makes them.
impl Leadership {
    pub(crate) fn new(about: About, now: Now) -> Self {
        let shared = Shared {
            board: Mutex::new(Board::new(about.voters.len(), now)),
            about,
            claim: ArcSwapOption::empty(),
            stepped_boot_ns: AtomicU64::new(now.at.boot_ns()),
            able: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            news: broadcast::Sender::new(NEWS_KEPT),
            moved: watch::Sender::new(()),
        };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn stepped(&self, now: Moment) {
        self.shared.stepped_boot_ns.store(now.boot_ns(), Ordering::Relaxed);
    }

    pub(crate) fn drain(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    /// Whoever stands back already does so for no less.
    pub(super) fn set_stage(&self, stage: Stage) {
        let mut board = self.board();
        board.stage = match (board.stage, stage) {
            (Stage::Resigned(Some(before)), Stage::Resigned(Some(end))) => {
                Stage::Resigned(Some(before.latest(end)))
            }
            (_, stage) => stage,
        };
    }

    pub(crate) fn elected(&self, now: Now, term: Term, until: Moment, why: Succession) {
        let mut board = self.board();
        let claim = Claim::new(term, now.at, now.wall_us, until, self.shared.about.margins);
        self.shared.claim.store(Some(Arc::new(claim)));
        board.begin_role(now);
        self.tell(&mut board, now, NewsKind::Elected, Some(term), Some(why.word()));
        drop(board);
        self.shared.moved.send_replace(());
    }

    /// A renewal landed. Answers with the claim as it is now.
    pub(crate) fn extended(&self, now: Now, until: Moment) -> Option<Claim> {
        let mut board = self.board();
        let before = self.claim()?;
        let claim = before.extended(now.at, until, self.shared.about.margins);
        self.shared.claim.store(Some(Arc::new(claim)));
        if board.is_jeopardy_told && !claim.sealed {
            board.is_jeopardy_told = false;
            self.tell(&mut board, now, NewsKind::Safe, Some(claim.term), Some("renewed"));
        }
        drop(board);
        self.shared.moved.send_replace(());
        Some(claim)
    }

    /// Work is being stopped: from now on nobody is told "leader", though the lease is still held.
    pub(crate) fn give_up(&self, now: Now, reason: EndReason) {
        let mut board = self.board();
        let Some(claim) = self.claim() else { return };
        self.seal(&mut board, *claim, now, reason);
        drop(board);
        self.shared.moved.send_replace(());
    }

    /// For work that cannot go on once it was told to stop: a claim that has passed `soft` is sealed, so that no later
    /// renewal makes it safe again.
    #[cfg(feature = "cli")]
    pub(crate) fn seal_past_soft(&self, now: Now) -> Footing {
        let mut board = self.board();
        let Some(claim) = self.claim().filter(|claim| !claim.sealed) else { return Footing::GivenUp };
        if claim.leads_before_soft(now.at) {
            return Footing::Leads;
        }
        self.seal(&mut board, *claim, now, EndReason::Lapsed);
        drop(board);
        self.shared.moved.send_replace(());
        Footing::RanOut
    }

    fn seal(&self, board: &mut Board, claim: Claim, now: Now, reason: EndReason) {
        self.shared.claim.store(Some(Arc::new(claim.given_up(now.at))));
        board.stage = Stage::Stopping;
        if !board.is_jeopardy_told {
            board.is_jeopardy_told = true;
            self.tell(board, now, NewsKind::Jeopardy, Some(claim.term), Some(end_word(reason)));
        }
    }

    /// The claim is gone, before anybody is told so. Answers with it, where there was one.
    pub(crate) fn withdraw(&self, now: Now, reason: EndReason) -> Option<Arc<Claim>> {
        let mut board = self.board();
        let claim = self.shared.claim.swap(None)?;
        board.begin_role(now);
        let kind = if reason == EndReason::Resigned { NewsKind::Released } else { NewsKind::Lost };
        self.tell(&mut board, now, kind, Some(claim.term), Some(end_word(reason)));
        drop(board);
        self.shared.moved.send_replace(());
        Some(claim)
    }

    /// What is known about a voter. Answers whether a quorum of voters is reachable.
    pub(crate) fn set_voter(&self, voter: VoterIndex, state: VoterState) -> bool {
        let Strength { answering, distinct } = self.board().set_voter(voter, state);
        let quorum = self.shared.about.quorum();
        if answering >= quorum {
            self.shared.able.store(true, Ordering::Relaxed);
        } else if distinct < quorum {
            // They never were a quorum, which shows only once both names of one server have answered.
            self.shared.able.store(false, Ordering::Relaxed);
        }
        answering >= quorum
    }

    /// Who else leads, as far as the voters show.
    pub(super) fn observe(&self, now: Now, observed: Option<ObservedLeader>) -> LeaderChange {
        let mut board = self.board();
        let is_news = !board.is_same_leader(observed.as_ref());
        board.observed = observed;
        if !is_news || self.holds(now.at) {
            return LeaderChange::None;
        }
        let leader = self.leader_by(&board, now.at);
        let term = leader.as_ref().map(|leader| leader.term);
        self.tell(&mut board, now, NewsKind::LeaderChanged, term, None);
        leader.map_or(LeaderChange::ToNobody, LeaderChange::To)
    }

    pub(super) fn set_aside(&self, aside: Option<Aside>) {
        self.board().aside = aside;
    }

    /// Notes a change that is no event of `/watch`.
    pub(super) fn remember(&self, now: Now, event: &'static str, term: Option<Term>, reason: &'static str) {
        self.board().remember(now, event, term, Some(reason));
    }
}

impl Leadership {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.shared.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leader_by(&self, board: &Board, now: Moment) -> Option<Leader> {
        self.term(now).map(|term| self.shared.about.leading(term)).or_else(|| {
            board.observed.as_ref().filter(|observed| observed.is_live(now))?.leader.clone().into()
        })
    }

    fn tell(
        &self,
        board: &mut Board,
        now: Now,
        kind: NewsKind,
        term: Option<Term>,
        reason: Option<&'static str>,
    ) {
        board.remember(now, kind.word(), term, reason);
        board.news_id += 1;
        let leader = self.leader_by(board, now.at);
        let validity_remaining_ms = whole_ms(self.remaining(now.at));
        let news = News { id: board.news_id, kind, term, validity_remaining_ms, reason, leader };
        // An error says that nobody watches.
        let _ = self.shared.news.send(news);
    }
}

/// A duration in whole milliseconds, rounded down, so that a remaining validity is never overstated.
pub(super) fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
