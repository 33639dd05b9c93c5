//! Every order of events on three voters: where a rule is left out, the search finds how a promise breaks; with all
//! rules it finds nothing. `make exhaustive` searches to the end.

use quorate_proof::search::{Bounds, Variant, search};

/// Of the whole search, so that it takes some seconds.
const MOST_STATES: usize = 300_000;

#[test]
fn each_rule_that_is_left_out_is_missed() {
    for variant in Variant::BROKEN {
        let found = search(variant, variant.bounds(), |_, _, _| {});
        println!("without a rule ({}): {found}", variant.words());
        assert!(found.counterexample.is_some(), "{variant:?} was not missed");
    }
}

#[test]
fn with_all_rules_no_promise_breaks_as_far_as_the_search_goes() {
    for bounds in Bounds::WHOLE {
        let found = search(Variant::Whole, Bounds { most_states: MOST_STATES, ..bounds }, |_, _, _| {});
        println!("{bounds:?}: {found}");
        assert!(found.counterexample.is_none());
        assert!(found.states >= MOST_STATES || found.is_complete);
    }
}
