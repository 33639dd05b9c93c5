//! The lease protocol as a machine without hands.
//!
//! Pure: it knows no clock, no I/O and no randomness of its own. Time comes in as values ([`Now`]), randomness as
//! an injected stream, voters' answers as events; questions to voters and news about leadership go out as actions.
//! The product and the simulation drive the very same code.

mod candidate;
mod event;
mod ledger;
mod planted;
mod record;
mod released;
#[cfg(test)]
mod tests;
mod time;
mod timing;
mod voter_model;
mod voter_set;

pub use candidate::Candidate;
pub use event::{
    Action, EndReason, Event, Inertia, QuestionId, Randomness, ResetKind, ResetPolicy, Settings, StandBack,
    VoterIndex, VoterView,
};
pub use planted::{Bug, Planted};
pub use record::{
    Answer, Ballot, FORMAT, GrantTerm, HighWater, Instance, LeaseKey, Malformed, Observation, Operation,
    Question, Refusal, Run, Seen, Standing, TERM_LIMIT, Term,
};
pub use released::Released;
pub use time::{Moment, Now};
pub use timing::{LONGEST_TTL, SHORTEST_TTL, Timing, ladder, leader_validity, observer_wait};
pub use voter_model::{Caller, Reply, Server, VoterModel};
pub use voter_set::MOST_VOTERS;
