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
    // Whatever else asks hears the same.
    assert_eq!(only.code("/readyz"), 503);
    let up = |voter| only.metric(&format!("quorate_voter_up{{voter=\"{voter}\"}}")) > 0.0;
    assert_eq!((up("a"), up("b"), up("c")), (false, true, false));
    for voter in ["a", "c"] {
        assert!(
            only.metric(&format!("quorate_voter_errors_total{{voter=\"{voter}\",kind=\"duplicate\"}}")) > 1.0
        );
    }
    let status = only.status();
    let told = status["lastTransitions"].as_array().unwrap();
    assert_eq!(told.last().unwrap()["event"], "no-quorum", "{told:?}");
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
    let said = told[0]["message"].as_str().unwrap();
    assert!(said.contains("other voters") && said.contains("run `quorate reset`"), "the way out: {said}");
    assert_eq!((misfit.leads(), count(&misfit.log(), "elected")), (false, 0), "until restarted");
    assert_ne!(field(&another, "standing"), "member", "not even the voter that only it knows may vote");
}

/// Whoever cannot read a record must not write one.
#[test]
fn a_candidate_of_another_format_is_inert_and_says_so() {
    let voters = Voters::experienced(3, TTL);
    voters.servers[1].command(&["HSET", "quorate:{orders}:record", "format", "2"]).unwrap();
    let misfit = candidate("misfit", &voters.urls());
    eventually("it says that it is inert", || count(&misfit.log(), "inert") > 0);
    let told = lines(&misfit.log(), "inert");
    assert_eq!((told[0]["voter"].as_str(), told[0]["theirs"].as_str()), (Some("b"), Some("2")), "{told:?}");
    let said = told[0]["message"].as_str().unwrap();
    assert!(said.contains("format") && !said.contains("other voters"), "{said}");
    let trouble = lines(&misfit.log(), "voter in trouble");
    let said = trouble[0]["message"].as_str().unwrap();
    assert!(said.contains("format there: 2, here: 1") && !said.contains("electorate"), "{said}");
    let status = misfit.status();
    let told = status["lastTransitions"].as_array().unwrap().iter().find(|told| told["event"] == "inert");
    assert_eq!(told.unwrap()["reason"], "format");
}

/// protocol.md §3.4: a lock that never ends costs a voter, until somebody deletes it; nobody must have to guess why.
#[test]
fn a_foreign_key_without_ttl_is_logged_once_per_change_and_counted_and_a_leader_gets_by_without_that_voter() {
    let voters = Voters::experienced(3, TTL);
    let key = "quorate:{orders}:lease";
    let series = "quorate_voter_foreign_key{voter=\"b\"}";
    voters.servers[1].command(&["SET", key, "redlock"]).unwrap();
    let agent = candidate("one", &voters.urls());
    eventually("a leader of the two others", || agent.leads());
    eventually("the metric", || agent.metric(series) > 0.0);
    assert!(agent.metric("quorate_voter_foreign_key{voter=\"a\"}") < 1.0);
    assert_eq!(agent.status()["voter"][1]["foreignKey"], serde_json::json!({"ttlMs": null}));
    voters.servers[1].command(&["PEXPIRE", key, "600000"]).unwrap();
    eventually("it will end by itself", || agent.metric(series) < 1.0);
    voters.servers[1].command(&["DEL", key]).unwrap();
    eventually("all three held", || agent.holds(3));
    let log = agent.log();
    let told = lines(&log, "the lease key at this voter");
    assert_eq!((told.len(), told[0]["voter"].as_str()), (1, Some("b")), "{log}");
    assert_eq!(count(&log, "the lease key without ttl is gone"), 1, "{log}");
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
    let (code, ready) = misfit.ask("/readyz");
    assert!(code == 200 && ready.contains("inert") && !ready.contains("able to take part"), "{ready}");
    let inert = || misfit.metric("quorate_inert{reason=\"ttl\"}");
    assert!(inert() > 0.0);
    assert_eq!(leader.end().0, Some(0));
    eventually("without that leader it may", || misfit.leads());
    assert_eq!(count(&misfit.log(), "no longer inert"), 1);
    assert!(inert() < 1.0);
    let seen = onlookers.finish();
    assert!(seen.iter().any(|yes| yes.identity == "leader"));
}
