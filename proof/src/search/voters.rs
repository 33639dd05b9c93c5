//! The voters of a search: each memory that can occur is kept once and named by a number, and what an operation makes
//! of it is asked of the product's model once.

use std::collections::HashMap;
use std::time::Duration;

use super::rules::{Attempt, Term};
use super::state::MOST_ATTEMPTS;
use crate::core::{
    Answer, Ballot, Caller, GrantTerm, Observation, Operation, Question, Run, Seen, Server, Standing,
    VoterModel,
};

const TTL: Duration = Duration::from_secs(10);
const CALLER: Caller<'static> = Caller { electorate: "1 a,b,c", voter: "a" };
const SERVER: Server =
    Server { run: Run { process: [1; 20], history: [1; 20] }, primary: true, time_us: 1_700_000_000_000_000 };

/// The number of a memory.
pub(super) type VoterId = u8;

/// Terms of a search are below this.
const TERMS: usize = 16;
/// How many different things a voter can be asked.
const ASKS: usize = 2 + MOST_ATTEMPTS + TERMS + 3 * MOST_ATTEMPTS * TERMS;

/// What a voter is asked. A compare-and-set is asked only where nothing has changed since its version was seen: else
/// it is refused, and a refusal is no different from a message that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Grant(Attempt, Term),
    Adopt(Attempt, Term),
    Confirm(Attempt, Term),
    Release(Attempt),
    /// Of the instance that is there now.
    Join(Term),
    Observe,
    /// Not a question: `FLUSHALL`.
    Forget,
}

impl Ask {
    /// Its place among all that can be asked.
    fn place(self) -> usize {
        let with_term = |kind: usize, attempt: Attempt, term: Term| {
            (kind * MOST_ATTEMPTS + attempt) * TERMS + usize::from(term)
        };
        let after = 3 * MOST_ATTEMPTS * TERMS;
        match self {
            Self::Grant(attempt, term) => with_term(0, attempt, term),
            Self::Adopt(attempt, term) => with_term(1, attempt, term),
            Self::Confirm(attempt, term) => with_term(2, attempt, term),
            Self::Join(term) => after + usize::from(term),
            Self::Release(attempt) => after + TERMS + attempt,
            Self::Observe => after + TERMS + MOST_ATTEMPTS,
            Self::Forget => after + TERMS + MOST_ATTEMPTS + 1,
        }
    }
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) voter: VoterId,
    /// Of a yes: the voter's term then.
    pub(super) yes: Option<Term>,
    /// What was seen before is no longer so.
    pub(super) changed: bool,
}

/// What a memory amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// There is no record.
    Forgotten,
    /// It forgot, and says so.
    Joining,
    /// It remembers.
    Member { holder: Option<Attempt>, released: bool, term: Term },
}

/// All memories met.
#[derive(Default)]
pub(super) struct Voters {
    memories: Vec<VoterModel>,
    views: Vec<View>,
    numbers: HashMap<VoterModel, VoterId>,
    /// Of each memory, at the place of each question that was asked once.
    told: Vec<[Option<Told>; ASKS]>,
}

impl Voters {
    /// A voter that has joined with term 0 and is free.
    pub(super) fn joined(&mut self) -> VoterId {
        let blank = self.number(VoterModel::default());
        let seen = self.ask(blank, Ask::Observe).voter;
        self.ask(seen, Ask::Join(0)).voter
    }

    pub(super) fn view(&self, voter: VoterId) -> View {
        self.views[usize::from(voter)]
    }

    /// What the product's model makes of it.
    pub(super) fn ask(&mut self, voter: VoterId, ask: Ask) -> Told {
        let (index, place) = (usize::from(voter), ask.place());
        if let Some(told) = self.told[index][place] {
            return told;
        }
        let mut memory = self.memories[index].clone();
        let before = observed(&memory);
        let answer = apply(&mut memory, ask, before.as_ref());
        let changed = observed(&memory).map(|shown| shown.seen) != before.map(|shown| shown.seen);
        memory.forget_history();
        memory.drop_key();
        let yes = match answer {
            Answer::Granted { term, .. } | Answer::Confirmed { term } => Some(small(term)),
            Answer::Joined | Answer::Released | Answer::Observed(_) => Some(0),
            _ => None,
        };
        let told = Told { voter: self.number(memory), yes, changed };
        self.told[index][place] = Some(told);
        told
    }

    fn number(&mut self, memory: VoterModel) -> VoterId {
        if let Some(&number) = self.numbers.get(&memory) {
            return number;
        }
        assert!(self.memories.len() < usize::from(VoterId::MAX), "a search has some dozens of memories");
        let number = VoterId::try_from(self.memories.len()).unwrap_or(VoterId::MAX);
        self.views.push(view(&memory));
        self.told.push([None; ASKS]);
        self.memories.push(memory.clone());
        self.numbers.insert(memory, number);
        number
    }
}

fn observed(memory: &VoterModel) -> Option<Observation> {
    let question = Question { operation: Operation::Observe { proposal: None }, high_water: None };
    match memory.clone().apply(&SERVER, &CALLER, &question).answer {
        Answer::Observed(observation) => Some(observation),
        _ => None,
    }
}

fn view(memory: &VoterModel) -> View {
    let Some(shown) = observed(memory) else { return View::Forgotten };
    let Seen { holder, released, .. } = shown.seen;
    match shown.standing {
        Standing::Joining => View::Joining,
        Standing::Member => View::Member {
            holder: holder.map(|ballot| usize::try_from(ballot.0).unwrap_or_default()),
            released,
            term: small(shown.term),
        },
    }
}

fn apply(memory: &mut VoterModel, ask: Ask, shown: Option<&Observation>) -> Answer {
    let ballot = |attempt: Attempt| Ballot(attempt as u128);
    let operation = match (ask, shown.map(|shown| shown.seen)) {
        (Ask::Forget, _) => {
            memory.flush();
            return Answer::Silent;
        }
        (Ask::Observe, _) => Operation::Observe { proposal: Some(0) },
        (Ask::Confirm(attempt, term), _) => {
            Operation::Confirm { ballot: ballot(attempt), term: term.into(), ttl: TTL }
        }
        (Ask::Release(attempt), _) => Operation::Release { ballot: ballot(attempt) },
        (Ask::Join(term), Some(seen)) => {
            Operation::Join { instance: seen.instance, term: term.into(), ttl: TTL }
        }
        (Ask::Grant(attempt, term), Some(seen)) => grant(ballot(attempt), seen, GrantTerm::Hint(term.into())),
        (Ask::Adopt(attempt, term), Some(seen)) => {
            grant(ballot(attempt), seen, GrantTerm::Adopt(term.into()))
        }
        (Ask::Join(_) | Ask::Grant(..) | Ask::Adopt(..), None) => return Answer::Amnesia,
    };
    memory.apply(&SERVER, &CALLER, &Question { operation, high_water: None }).answer
}

fn grant(ballot: Ballot, seen: Seen, term: GrantTerm) -> Operation {
    Operation::Grant { ballot, ttl: TTL, seen, key_stood_still: false, term }
}

/// Terms of a search are small: each attempt adds one, and so does each floor.
fn small(term: u64) -> Term {
    Term::try_from(term).unwrap_or(Term::MAX)
}
