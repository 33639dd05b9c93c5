//! A counterexample for people.

use super::Known;
use super::rules::{Rules, Step};
use super::state::{AttemptState, Bits, Grant, Phase, State, VOTERS};
use super::voters::View;
use crate::oracles::Promise;

/// The steps from the beginning to the state with this index, and the one after it that breaks the promise.
///
/// States are kept without the names of voters; the way is therefore walked again, choosing at each place a step that
/// leads to the next state but for names.
pub(super) fn path(rules: &mut Rules, known: &Known, last: usize, promise: Promise) -> Vec<String> {
    let mut state = State::initial(&mut rules.voters);
    let mut lines = Vec::new();
    for wanted in known.ancestry(last).into_iter().skip(1) {
        let Some((step, next)) = step_to(rules, &state, |next, _| next.canonical() == wanted) else { break };
        lines.push(line(rules, &state, step, &next));
        state = next;
    }
    if let Some((step, next)) = step_to(rules, &state, |_, breaks| breaks == Some(promise)) {
        lines.push(line(rules, &state, step, &next));
        lines.push(format!("BROKEN: {}", promise.words()));
    }
    lines
}

fn step_to(
    rules: &mut Rules,
    state: &State,
    is_it: impl Fn(&State, Option<Promise>) -> bool,
) -> Option<(Step, State)> {
    let mut found = None;
    rules.for_each_step(state, |step, next, breaks| {
        if found.is_none() && is_it(&next, breaks) {
            found = Some((step, next));
        }
    });
    found
}

fn line(rules: &Rules, before: &State, step: Step, after: &State) -> String {
    let what = words(before, step, after);
    let voters: Vec<_> = (0..VOTERS).map(|voter| shown(rules, after, voter)).collect();
    format!("{what:<72} {}", voters.join("  "))
}

fn shown(rules: &Rules, state: &State, voter: usize) -> String {
    let name = name(voter);
    match rules.voters.view(state.voters[voter]) {
        View::Forgotten => format!("{name}: forgot"),
        View::Joining => format!("{name}: joining"),
        View::Member { holder: None, term, .. } => format!("{name}: free, term {term}"),
        View::Member { holder: Some(holder), released, term } => {
            let released = if released { " released" } else { "" };
            format!("{name}: {}{released}, term {term}", letter(holder))
        }
    }
}

fn words(before: &State, step: Step, after: &State) -> String {
    match step {
        Step::Begins(attempt, asked, hint) => {
            format!("{} has waited; asks {} for grants, term {hint}", letter(attempt), names(asked))
        }
        Step::AsksMore(attempt, voter) => {
            format!("{} asks {} for a grant, too", letter(attempt), name(voter))
        }
        Step::GrantArrives(attempt, voter) => {
            let granted = matches!(after.attempts[attempt].grants[voter], Grant::Granted(_));
            let orphan = if granted { "" } else { " (nobody waits for it)" };
            format!("{} grants {}{orphan}", name(voter), letter(attempt))
        }
        Step::HasQuorum(attempt, quorum) => {
            let AttemptState { term, phase, .. } = after.attempts[attempt];
            let then = match phase {
                Phase::Raising => "raises",
                Phase::Verifying => "verifies",
                _ => "LEADS",
            };
            format!("{} has {}; {then} term {term}", letter(attempt), names(quorum))
        }
        Step::ConfirmArrives(attempt, voter) => {
            let confirmed = after.attempts[attempt].confirmed & (1 << voter) != 0;
            let answer = if confirmed { "confirms to" } else { "denies" };
            format!("{} {answer} {}", name(voter), letter(attempt))
        }
        Step::RoundEnds(attempt) => {
            let AttemptState { term, phase, believes, .. } = after.attempts[attempt];
            match (phase, believes) {
                (Phase::Verifying, _) => format!("{} has raised; verifies term {term}", letter(attempt)),
                (_, true) => format!("{} LEADS term {term}", letter(attempt)),
                (_, false) => format!("{} was elected for term {term}, too late to lead", letter(attempt)),
            }
        }
        Step::Fails(attempt) => format!("{} fails", letter(attempt)),
        Step::Ends(attempt) => {
            format!("{} stops leading term {}", letter(attempt), before.attempts[attempt].term)
        }
        Step::ReleaseArrives(attempt, voter) => format!("{} is released by {}", name(voter), letter(attempt)),
        Step::Forgets(voter) => format!("{} FORGETS", name(voter)),
        Step::SeenJoining(voter, _) => format!("somebody sees {} joining", name(voter)),
        Step::ReadsEarly(_, other) => format!("somebody reads {}, for a reseed to come", name(other)),
        Step::Reads(_, other) => format!("… and reads {}", name(other)),
        Step::SendsJoin(slot) => {
            let reseed = after.reseeds[slot];
            format!("… and sends {} a join, term {}", name(usize::from(reseed.voter) - 1), reseed.join - 1)
        }
        Step::JoinArrives(slot) => format!("{} joins", name(usize::from(before.reseeds[slot].voter) - 1)),
        Step::LeaderSees(attempt, voter) => format!("leader {} sees {}", letter(attempt), name(voter)),
        Step::LeaderConfirms(attempt, voter) => {
            format!("{} confirms to leader {}", name(voter), letter(attempt))
        }
        Step::Renews(attempt) => format!("leader {} sends a new round of confirms", letter(attempt)),
        Step::SendsAdopt(attempt) => {
            format!("leader {} sends {} an adopt", letter(attempt), target(before, attempt))
        }
        Step::SendsAdoptWithFloor(attempt) => {
            format!("leader {} sends {} an adopt with a floor", letter(attempt), target(before, attempt))
        }
        Step::AdoptArrives(attempt, voter) => {
            format!("the adopt of {} reaches {}", letter(attempt), name(voter))
        }
    }
}

fn target(state: &State, attempt: usize) -> String {
    name(usize::from(state.attempts[attempt].target) - 1)
}

fn letter(attempt: usize) -> char {
    ['A', 'B'][attempt]
}

fn name(voter: usize) -> String {
    format!("v{voter}")
}

fn names(bits: Bits) -> String {
    let named: Vec<_> = (0..VOTERS).filter(|&voter| bits & (1 << voter) != 0).map(name).collect();
    named.join(" and ")
}
