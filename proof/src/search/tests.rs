use std::collections::BTreeSet;

use super::*;
use crate::chance::Chance;
use crate::oracles::Promise;

/// What can follow, but for what changes nothing that matters.
fn successors(rules: &mut Rules, state: &State) -> BTreeSet<(Packed, Option<Promise>)> {
    let here = state.canonical();
    let mut successors = BTreeSet::new();
    rules.for_each_step(state, |_, next, breaks| {
        let there = next.canonical();
        if there != here || breaks.is_some() {
            successors.insert((there, breaks));
        }
    });
    successors
}

/// The search keeps one state for many. It may do so only if the same follows from all of them.
#[test]
fn the_state_that_stands_for_others_leads_to_what_they_lead_to() {
    let bounds = Bounds { attempts: 2, amnesias: 2, heals: true, most_states: 0 };
    for variant in Variant::BROKEN.into_iter().chain([Variant::Whole]) {
        let mut rules = Rules::new(variant, bounds);
        let mut chance = Chance::of_seed(1);
        for _ in 0..400 {
            let mut state = State::initial(&mut rules.voters);
            for _ in 0..80 {
                let after = successors(&mut rules, &state);
                assert_eq!(after, successors(&mut rules, &State::unpacked(state.canonical())), "{state:?}");
                let may_break = state.may_complete(bounds.attempts);
                assert!(may_break || after.iter().all(|(_, breaks)| breaks.is_none()), "{state:?}");
                let mut next = Vec::new();
                rules.for_each_step(&state, |_, there, _| next.push(there));
                let Some(&chosen) = next.get(chance.index(next.len())) else { break };
                state = chosen;
            }
        }
    }
}
