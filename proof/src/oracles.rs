//! The promises, and what the world keeps in order to see them broken. An oracle looks only at what the world sees:
//! who believes when, which terms there were, what the resource took; never into a candidate or a voter.

use std::fmt;

use crate::core::Term;

/// What is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// One believer at any true time.
    Exclusion,
    /// Terms are unique, and larger than that of every leadership that was complete before the attempt began; and so
    /// the resource never refuses the leader.
    Order,
    /// A resource that compares terms never takes a lower one after a higher one.
    Resource,
    /// No leader whose term the resource refuses keeps a quorum.
    NoZombie,
    /// The voters are released only after the last act.
    ReleaseAfterWork,
    /// A verified leader was the newest at some instant after the request.
    Verify,
    /// No candidate asks to be woken at an instant that is past.
    NoSpinning,
    /// With q voters and one candidate there is a leader within the bound.
    Liveness,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Exclusion,
        Self::Order,
        Self::Resource,
        Self::NoZombie,
        Self::ReleaseAfterWork,
        Self::Verify,
        Self::NoSpinning,
        Self::Liveness,
    ];

    /// In a word or two.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Exclusion => "one leader at a time",
            Self::Order => "terms in order",
            Self::Resource => "no lower term after a higher at the resource",
            Self::NoZombie => "no refused leader keeps a quorum",
            Self::ReleaseAfterWork => "release after the last act",
            Self::Verify => "verified means newest",
            Self::NoSpinning => "wake-ups lie ahead",
            Self::Liveness => "a leader within the bound",
        }
    }
}

/// A promise that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub promise: Promise,
    /// When, in true time.
    pub at_ns: u64,
    /// In words.
    pub how: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at {:.6} s; promised: {})", self.how, seconds(self.at_ns), self.promise.words())
    }
}

/// Nanoseconds for people.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "for people")]
pub fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// Every completed election.
#[derive(Debug, Default)]
pub struct Elections {
    /// Term and true time of completion, in the order of completion.
    completed: Vec<(Term, u64)>,
}

impl Elections {
    /// An election completes now that began at `begun_ns`; says what is wrong with its term.
    pub fn complete(&mut self, term: Term, begun_ns: u64, now_ns: u64) -> Option<String> {
        let same = self.completed.iter().any(|&(earlier, _)| earlier == term);
        let larger = self.newer_than(term, begun_ns);
        self.completed.push((term, now_ns));
        if same {
            return Some(format!("term {term} came twice"));
        }
        larger.map(|earlier| format!("term {term} came after term {earlier}"))
    }

    /// A larger term whose leadership was complete before `before_ns`.
    #[must_use]
    pub fn newer_than(&self, term: Term, before_ns: u64) -> Option<Term> {
        let earlier = self.completed.iter().take_while(|&&(_, completed_ns)| completed_ns < before_ns);
        earlier.map(|&(earlier, _)| earlier).filter(|&earlier| earlier > term).max()
    }

    /// The largest term that any leadership has had.
    #[must_use]
    pub fn highest(&self) -> Term {
        self.completed.iter().map(|&(term, _)| term).max().unwrap_or_default()
    }

    /// A wall clock lied and all voters forgot: order begins anew.
    pub fn forget(&mut self) {
        self.completed.clear();
    }
}

/// Something outside that compares terms.
#[derive(Debug, Default)]
pub struct Resource {
    claimed: Term,
    /// What an oracle beside it has seen accepted.
    largest_accepted: Term,
}

impl Resource {
    /// An act with a term arrives; whether it is accepted. The store is a compare and set, and no more.
    pub fn accepts(&mut self, term: Term) -> bool {
        let accepted = term >= self.claimed;
        if accepted {
            self.claimed = term;
        }
        accepted
    }

    /// Whether accepting this term breaks the order of what was accepted before.
    pub fn goes_back(&mut self, accepted: Term) -> Option<Term> {
        let before = self.largest_accepted;
        self.largest_accepted = before.max(accepted);
        (accepted < before).then_some(before)
    }
}
