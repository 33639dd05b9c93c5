//! A leadership in the hands of a program.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::election::Inner;
use super::holding::State;
use crate::clock;
use crate::core::{EndReason, Moment, Term};
use crate::election::Claim;

/// Proof that this program was elected, to be kept as long as its work runs and asked before every act.
///
/// Leadership is a function of time: every question is answered by the clocks at the instant of asking, also while
/// the voters are out of reach and the election's task is not running.
///
/// **Give a clone to every part of the work.** The lease is given back only when the last clone is gone, and while
/// one is left this program does not campaign again. How it is given back depends on what is known about the work:
///
/// - [`resign`](Self::resign) says that the work has stopped as soon as the clones are gone. The next leader may start
///   at once.
/// - Dropping the last clone without that, as a panic or an aborted task does, proves nothing about requests that are
///   still on their way. The lease is kept until the validity that was promised last has passed, at most about one
///   ttl, and released then.
#[derive(Clone)]
#[must_use = "leadership is given up when this is dropped"]
pub struct Leadership {
    hold: Arc<Hold>,
}

/// What all clones share.
struct Hold {
    term: Term,
    inner: Arc<Inner>,
    is_resigned: AtomicBool,
    /// The latest instant that somebody was told to count on.
    promised: Mutex<Option<Moment>>,
}

impl Leadership {
    pub(super) fn new(term: Term, inner: Arc<Inner>) -> Self {
        let hold = Hold { term, inner, is_resigned: AtomicBool::new(false), promised: Mutex::default() };
        Self { hold: Arc::new(hold) }
    }

    /// The fencing token: larger than that of every leadership completed before. Send it with every write, and let the
    /// resource refuse smaller ones. Stays below 2⁵³.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.hold.term
    }

    /// Whether this program leads now. True also while the work is being stopped, because nobody else leads then.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.hold.claim().is_some_and(|claim| claim.holds(clock::now().at))
    }

    /// For how long it certainly leads from now on, renewed or not; zero where it does not. Bounds the timeout of
    /// every request that must not outlive the leadership.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        let Some(claim) = self.hold.claim() else { return Duration::ZERO };
        let mut promised = self.hold.promised.lock().unwrap_or_else(PoisonError::into_inner);
        *promised = Some(promised.map_or(claim.until, |before| before.latest(claim.until)));
        drop(promised);
        claim.remaining(clock::now().at)
    }

    /// Asks the voters: true only if a majority of them confirmed this term after the call. For acts that no resource
    /// can refuse; it costs a round trip, and at most two voter timeouts where voters are silent.
    #[must_use]
    pub async fn verify(&self) -> bool {
        self.hold.inner.verifier.verify().await == Some(self.hold.term) && self.holds()
    }

    /// Returns when the work must stop, with the reason. From then on this leadership will end, whatever the voters
    /// answer; stop the work, then [`resign`](Self::resign) or drop every clone.
    ///
    /// Where renewals fail it returns early enough for the work to stop before anybody else may lead: at least
    /// [`stop_grace`](crate::ElectionBuilder::stop_grace) before [`remaining`](Self::remaining) is zero. Where a
    /// majority of voters forgot, or this host's clocks came apart, it returns at once, with nothing remaining.
    ///
    /// May be called by any number of tasks, and dropping the future changes nothing.
    pub async fn wait(&self) -> EndReason {
        let Hold { term, inner, .. } = &*self.hold;
        let (mut changes, mut moves) = (inner.holding.watch(), inner.claims.moves());
        loop {
            if let State::Held { ending: Some(reason), .. } = *changes.borrow_and_update() {
                return reason;
            }
            moves.mark_unchanged();
            let now = clock::now().at;
            let left = match self.hold.claim() {
                // It was withdrawn just now; the reason follows at once.
                None => Duration::MAX,
                Some(claim) if claim.leads_before_soft(now) => claim.soft.observer_elapsed(now),
                Some(_) => {
                    inner.holding.end(*term, EndReason::Lapsed);
                    inner.candidacy.end(*term);
                    continue;
                }
            };
            tokio::select! {
                // Neither sender is gone while this exists.
                _ = changes.changed() => {}
                _ = moves.changed() => {}
                () = tokio::time::sleep(left) => {}
            }
        }
    }

    /// Gives leadership back: [`wait`](Self::wait) returns everywhere, and when all other clones are gone the lease is
    /// released and the other candidates are told. Returns when every voter has acknowledged, or its timeout passed.
    ///
    /// Renewals go on until then, so a part of the work that keeps its clone keeps the lease. Stop the work, and
    /// drop what it holds, before this call or on return of `wait`. If the future is dropped, leadership is given up
    /// all the same once the clones are gone.
    pub async fn resign(self) {
        let (term, inner) = (self.hold.term, Arc::clone(&self.hold.inner));
        self.hold.is_resigned.store(true, Ordering::SeqCst);
        let mut progress = inner.candidacy.progress();
        inner.holding.end(term, EndReason::Resigned);
        inner.candidacy.end(term);
        drop(self);
        // An error says that the election's task is gone, and with it everything that could be waited for.
        let _ = progress.wait_for(|progress| progress.settled >= term).await;
    }
}

impl fmt::Debug for Leadership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leadership")
            .field("election", &self.hold.inner.claims.about().election)
            .field("term", &self.hold.term)
            .field("holds", &self.holds())
            .finish()
    }
}

impl Hold {
    /// The claim of this very leadership.
    fn claim(&self) -> Option<Arc<Claim>> {
        self.inner.claims.claim().filter(|claim| claim.term == self.term)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let is_resigned = self.is_resigned.load(Ordering::SeqCst);
        let promised = *self.promised.lock().unwrap_or_else(PoisonError::into_inner);
        let claimed = self.claim().map(|claim| claim.until);
        let until = promised.into_iter().chain(claimed).reduce(Moment::latest);
        // First the wish: whoever campaigns next must not do so for us.
        self.inner.candidacy.end(self.term);
        self.inner.holding.let_go(until.filter(|_| !is_resigned));
    }
}
