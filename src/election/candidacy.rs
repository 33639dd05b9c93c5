//! Whether this candidate wants to lead, as its owner says from outside; and how far the election has followed.
//!
//! A wish is a state and no message: it can be told without waiting, also while something is being dropped, and the
//! election's task acts on the latest one.

use tokio::sync::watch;

use crate::core::Term;

/// What the owner of a candidate wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// To be elected.
    pub campaign: bool,
    /// No more leadership up to this term: its work is to be stopped, and then it is to be released.
    pub over: Term,
}

/// How far the election is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The latest leadership whose release every voter has acknowledged or was too slow to.
    pub settled: Term,
    /// A record that makes this candidate inert for good.
    pub foreign: Option<ForeignRecord>,
}

/// What a record says that is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForeignRecord {
    /// Its electorate: the generation and the names.
    Voters(String),
    /// Its format.
    Format(String),
}

/// The owner's end.
#[derive(Clone, Debug)]
pub struct Candidacy {
    wish: watch::Sender<Wish>,
    progress: watch::Receiver<Progress>,
}

/// The election's end.
pub(super) struct Course {
    pub(super) wish: watch::Receiver<Wish>,
    pub(super) progress: watch::Sender<Progress>,
}

impl Candidacy {
    /// Both ends; until told otherwise the candidate campaigns.
    pub(super) fn new() -> (Self, Course) {
        let (wish, wished) = watch::channel(Wish { campaign: true, over: 0 });
        let (progress, progressed) = watch::channel(Progress::default());
        (Self { wish, progress: progressed }, Course { wish: wished, progress })
    }

    /// From now on campaigns.
    pub fn campaign(&self) {
        self.wish.send_modify(|wish| wish.campaign = true);
    }

    /// From now on only watches, and gives up an attempt or a leadership that there is.
    pub fn stand_back(&self) {
        self.wish.send_modify(|wish| wish.campaign = false);
    }

    /// Ends the leadership of this term, if there still is one, and does not campaign until told to.
    pub fn end(&self, term: Term) {
        self.wish.send_modify(|wish| *wish = Wish { campaign: false, over: wish.over.max(term) });
    }

    /// Answers when the election got further; an error says that its task has ended.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }
}
