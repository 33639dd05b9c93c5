//! Beyond the protocol's limits promises break, as docs/safety.md says; terms at the resource hold there, too.

use quorate_proof::documented;
use quorate_proof::limits::cell;
use quorate_proof::oracles::Promise;
use quorate_proof::world::Limit;

const WORLDS: u64 = 100;

fn breaks_as_stated_and_holds_at_the_resource(limit: Limit) {
    let cell = cell(limit, WORLDS);
    let broken: Vec<_> = cell.all_broken().collect();
    assert!(cell.broken(limit.breaks()) > 0, "{limit:?} shows nothing: {broken:?}");
    assert_eq!(cell.broken(Promise::Resource), 0, "{limit:?}: a lower term was accepted after a higher");
    let rows = documented::rows("limits");
    assert!(rows.iter().any(|row| row[0] == limit.words()), "docs/safety.md does not name {limit:?}");
}

#[test]
fn a_leader_whose_clocks_stop_believes_beside_its_successor() {
    breaks_as_stated_and_holds_at_the_resource(Limit::ClockStops);
}

#[test]
fn clock_rates_beyond_the_bound_make_two_leaders() {
    breaks_as_stated_and_holds_at_the_resource(Limit::RatesBeyondBound);
}

#[test]
fn terms_begin_again_lower_where_all_forget_and_all_clocks_are_set_back() {
    breaks_as_stated_and_holds_at_the_resource(Limit::ForgottenWithClocksBack);
}

#[test]
fn two_sets_of_voters_that_share_none_have_two_leaders() {
    breaks_as_stated_and_holds_at_the_resource(Limit::TwoSets);
}

#[test]
fn a_voter_that_moved_while_its_old_server_lives_votes_twice() {
    breaks_as_stated_and_holds_at_the_resource(Limit::MovedVoter);
}

#[test]
fn voters_rolled_back_unseen_vote_for_another_leader_at_once() {
    breaks_as_stated_and_holds_at_the_resource(Limit::RolledBack);
}

#[test]
fn a_leader_with_a_ttl_three_times_as_long_is_not_waited_for_where_all_forget() {
    breaks_as_stated_and_holds_at_the_resource(Limit::TtlsTooFarApart);
}
