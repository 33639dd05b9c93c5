//! Candidates and voters that do not belong together: said once, with both sides, and harmless.

use std::time::Duration;

use super::{TTL, candidate};
use crate::common::Version;
use crate::common::candidate::{Launch, Voters, count, eventually, field, lines};
use crate::common::forwarder::Forwarder;
use crate::common::onlookers::Onlookers;

/// A server listed twice has two votes in every Redlock library tried.
#[test]
fn the_same_server_under_two_names_counts_as_none_and_is_told_once() {
    let voters = Voters::new(2);
    let mut urls = voters.urls();
    // By its address alone it is another server.
    let twin = Forwarder::to(voters.servers[0].port());
    urls.push(("c", twin.url()));
    let only = candidate("only", &urls);
    eventually("it tells", || count(&only.log(), "two configured voters are the same server") > 0);
    let onlookers = Onlookers::watch(&[&only]);
    std::thread::sleep(TTL * 2);
    assert_eq!(onlookers.finish().len(), 0, "one server and its twin are no quorum of three");
    let told = lines(&only.log(), "two configured voters are the same server");
    assert_eq!(told.len(), 1, "{told:?}");
    let mut names = [told[0]["voter"].as_str().unwrap(), told[0]["other"].as_str().unwrap()];
    names.sort_unstable();
    assert_eq!(names, ["a", "c"]);
    assert!(only.status()["voter"][0]["error"].as_str().unwrap().contains("same server"));
}

/// Two sets of voters are two worlds: whoever reads a record of the other keeps still.
#[test]
fn a_candidate_with_other_voters_is_inert_and_says_both_electorates_once() {
    let voters = Voters::experienced(3, TTL);
    let leader = candidate("leader", &voters.urls());
    eventually("all three held", || leader.holds(3));
    let term = leader.term();
    let another = Version::Redis70.start();
    let mut urls = voters.urls();
    urls[2] = ("d", another.url());
    let misfit = candidate("misfit", &urls);
    eventually("it says that it is inert", || count(&misfit.log(), "inert") > 0);
    std::thread::sleep(TTL);
    assert_eq!((leader.leads(), leader.term(), misfit.leads()), (true, term, false));
    assert_eq!(leader.end().0, Some(0));
    std::thread::sleep(TTL);
    let told = lines(&misfit.log(), "inert");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0]["theirs"].as_str(), told[0]["ours"].as_str()), (Some("1 a,b,c"), Some("1 a,b,d")));
    assert_eq!((misfit.leads(), count(&misfit.log(), "elected")), (false, 0), "until restarted");
    assert_ne!(field(&another, "standing"), "member", "not even the voter that only it knows may vote");
}

/// Leaders and standbys that differ in ttl by more than two cannot exclude each other through a reset.
#[test]
fn a_candidate_whose_ttl_differs_by_more_than_two_is_inert_while_the_leader_lives() {
    const LONG: Duration = Duration::from_secs(5);
    let voters = Voters::experienced(3, TTL);
    let leader = candidate("leader", &voters.urls());
    eventually("all three held", || leader.holds(3));
    let misfit = Launch::new("misfit", voters.urls(), LONG).start();
    eventually("it says that it is inert", || count(&misfit.log(), "inert") > 0);
    let onlookers = Onlookers::watch(&[&leader, &misfit]);
    std::thread::sleep(TTL);
    let told = lines(&misfit.log(), "inert");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0]["theirs_ms"].as_u64(), told[0]["ours_ms"].as_u64()), (Some(2_000), Some(5_000)));
    assert_eq!(leader.end().0, Some(0));
    eventually("without that leader it may", || misfit.leads());
    assert_eq!(count(&misfit.log(), "no longer inert"), 1);
    let seen = onlookers.finish();
    assert!(seen.iter().any(|yes| yes.identity == "leader"));
}
