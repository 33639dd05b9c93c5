//! Leadership ends in time, whatever took it away.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use nix::sys::signal::Signal;
use quorate::core::leader_validity;

use super::{TTL, candidate};
use crate::common::candidate::{
    LETTERS, Launch, Voters, answer, body, boot, count, eventually, field, has_lease, send, since,
};
use crate::common::forwarder::Forwarder;
use crate::common::onlookers::{Asked, Onlookers, Yes, last_yes};

/// `stopGrace` + `fenceMargin`, as derived from the ttl: `soft` is this long before `until`.
fn soft_margin() -> Duration {
    TTL * 35 / 100
}

/// The validity that a leader can have at most, if nothing that it sent after `cut` was acknowledged.
fn latest_until(cut: Duration) -> Duration {
    cut + leader_validity(TTL)
}

/// No yes was computed after the instant up to which it was allowed.
fn said_no_in_time(seen: &[Yes], identity: &str, cut: Duration) {
    let until = latest_until(cut);
    for asked in Asked::ALL {
        let allowed = match asked {
            Asked::Leaderz | Asked::Readyz => until.saturating_sub(soft_margin()),
            Asked::Status | Asked::Metrics | Asked::Watch => until,
        };
        let last = last_yes(seen, identity, asked);
        assert!(last < allowed, "{asked:?}: yes {:?} too late", last.saturating_sub(allowed));
    }
}

/// Loss is noticed by the time alone: client-go's `IsLeader()` ignores it; node-redlock noticed within 7.4 s and
/// redlock-universal not within 15 s at ttl 3 s; etcd's `session.Done` up to 2 s late.
#[test]
fn when_the_voters_stop_the_last_yes_comes_before_until_and_watchers_are_told_in_time() {
    let voters = Voters::experienced(5, TTL);
    let leader = candidate("leader", &voters.urls());
    eventually("a leader", || leader.leads());
    let standby = candidate("standby", &voters.urls());
    eventually("the standby sees it", || standby.sees("leader"));
    let stream = send(leader.address, "/watch").unwrap();
    let told = std::thread::spawn(move || {
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        let events = lines.filter_map(|line| Some((boot(), line.strip_prefix("event: ")?.to_owned())));
        let mut told = Vec::new();
        for (at, event) in events {
            let is_last = event == "lost";
            told.push((event, at));
            if is_last {
                break;
            }
        }
        told
    });
    let onlookers = Onlookers::watch(&[&leader, &standby]);
    eventually("all look on", || leader.holds(5));
    voters.stop(0..3);
    let cut = boot();
    eventually("leadership is over", || leader.status()["role"] == "standby");
    let told = told.join().unwrap();
    // Half a ttl more, in which nobody may lead either.
    std::thread::sleep(TTL / 2);
    let seen = onlookers.finish();
    said_no_in_time(&seen, "leader", cut);
    assert!(seen.iter().all(|yes| yes.identity == "leader"), "nobody can be elected without a quorum");
    let at =
        |event: &str| told.iter().find(|(name, _)| name == event).unwrap_or_else(|| panic!("{told:?}")).1;
    assert!(
        at("jeopardy") < latest_until(cut).saturating_sub(TTL / 20),
        "the work has no time left to stop: {told:?}"
    );
    assert!(at("lost") < latest_until(cut) + Duration::from_millis(250), "told late: {told:?}");
    voters.resume(0..3);
    eventually("a leader again", || leader.leads() || standby.leads());
}

/// client-go with `ReleaseOnCancel`: two leaders for 4.1 to 6.3 s where only the leader is cut off, and its own
/// answer stays yes.
#[test]
fn when_only_the_leader_is_cut_off_the_next_one_comes_after_its_last_yes() {
    let voters = Voters::experienced(5, TTL);
    let network: Vec<_> = voters.servers.iter().map(|server| Forwarder::to(server.port())).collect();
    let leader =
        candidate("leader", &LETTERS.into_iter().zip(network.iter().map(Forwarder::url)).collect::<Vec<_>>());
    eventually("a leader", || leader.leads());
    let term = leader.term().unwrap();
    let standby = candidate("standby", &voters.urls());
    eventually("the standby sees it", || standby.sees("leader"));
    let onlookers = Onlookers::watch(&[&leader, &standby]);
    eventually("all is well", || leader.holds(5));
    network.iter().for_each(Forwarder::cut);
    let cut = boot();
    eventually("the next leader", || standby.leads());
    assert_eq!(leader.status()["role"], "standby");
    network.iter().for_each(Forwarder::heal);
    eventually("the old one sees the new one", || leader.sees("standby"));
    let later = standby.term().unwrap();
    assert!(later > term);
    assert_eq!(
        (leader.code(&format!("/verify?term={term}")), standby.code(&format!("/verify?term={term}"))),
        (503, 409)
    );
    let seen = onlookers.finish();
    said_no_in_time(&seen, "leader", cut);
    assert_eq!(standby.term(), Some(later), "what arrives late costs the new leader nothing");
}

/// A cached "I am leader" outlives the lease: client-go's `IsLeader()`; node-redlock returned a lock 595 ms past its
/// expiry.
#[test]
fn a_leader_that_was_stopped_past_its_ttl_says_no_with_its_first_answer() {
    let voters = Voters::experienced(5, TTL);
    let leader = candidate("leader", &voters.urls());
    eventually("a leader", || leader.leads());
    let term = leader.term().unwrap();
    let standby = candidate("standby", &voters.urls());
    eventually("the standby sees it", || standby.sees("leader"));
    leader.signal(Signal::SIGSTOP);
    let stopped = boot();
    eventually("the next leader", || standby.leads());
    assert!(since(stopped) > TTL / 2, "a lease is not taken from a leader that may still believe");
    let verify = format!("/verify?term={term}");
    let paths = ["/leaderz", "/readyz?role=leader", "/status", "/metrics", &verify];
    // The kernel takes the questions, so that the answers are the first that the process gives.
    let asked: Vec<_> = paths.iter().map(|path| send(leader.address, path).unwrap()).collect();
    leader.signal(Signal::SIGCONT);
    let answers: Vec<_> = asked.into_iter().map(|stream| answer(stream).unwrap()).collect();
    assert_eq!((answers[0].0, answers[1].0), (503, 503));
    assert_eq!(body(&answers[2].1)["role"], "standby");
    assert!(answers[3].1.contains("quorate_is_leader{election=\"orders\"} 0"), "{}", answers[3].1);
    assert!([409, 503].contains(&answers[4].0), "{}", answers[4].1);
    assert_eq!(standby.code(&verify), 409);
    assert!(standby.term().unwrap() > term);
    eventually("the overrun is counted", || leader.metric("quorate_overruns_total") >= 1.0);
    eventually("it sees the new one", || leader.sees("standby"));
    assert!(standby.leads(), "a leader that wakes up late disturbs nobody");
}

/// Told after the fact, or released before the work has stopped: client-go#728; rslock deleted its own lease with
/// 8.6 s left; trigger.dev#4918 stayed leader in its own eyes.
#[test]
fn a_failing_renewal_never_releases_the_lease_before_it_lapsed() {
    let voters = Voters::experienced(5, TTL);
    let leader = candidate("leader", &voters.urls());
    eventually("all five held", || leader.holds(5));
    let onlookers = Onlookers::watch(&[&leader]);
    voters.stop(0..3);
    let cut = boot();
    let mut unreleased = 0;
    let released = loop {
        let is_released = voters.servers[3..].iter().any(|server| field(server, "released") == "1");
        if is_released {
            break boot();
        }
        assert!(since(cut) < TTL * 2, "what lapsed is given back");
        assert!(since(cut) > TTL / 2 || voters.servers[3..].iter().all(has_lease));
        unreleased += 1;
        std::thread::sleep(Duration::from_millis(2));
    };
    let seen = onlookers.finish();
    let status = seen.iter().filter(|yes| yes.asked == Asked::Status);
    let until = status.map(|yes| yes.sent + yes.validity).max().unwrap();
    assert!(released >= until, "released {:?} before its validity had ended", until.saturating_sub(released));
    assert!(unreleased > 10 && released.saturating_sub(cut) > TTL / 2);
    assert_eq!(count(&leader.log(), "lost"), 1);
}

/// One-shot electors: kuberhealthy#1533 (19.2 h without a leader, its own health metric stayed 1),
/// vault-db-injector#88, kube-vip#1747. Stale series after a loss: escalator#129.
#[test]
fn after_a_loss_the_series_of_a_leader_are_reset_and_the_candidate_campaigns_again() {
    const TTL: Duration = Duration::from_secs(1);
    const OF_A_LEADER: [&str; 6] = [
        "quorate_is_leader",
        "quorate_leader_tenure_seconds",
        "quorate_validity_remaining_seconds",
        "quorate_voters_held",
        "quorate_observed_leader",
        "quorate_term",
    ];
    let voters = Voters::experienced(5, TTL);
    let only = Launch::new("only", voters.urls(), TTL).start();
    eventually("a leader", || only.leads());
    let term = only.term().unwrap();
    eventually("its series say so", || OF_A_LEADER.iter().all(|series| only.metric(series) > 0.0));
    voters.stop(0..5);
    let stopped = boot();
    eventually("leadership is over", || only.status()["role"] == "standby");
    for series in OF_A_LEADER {
        assert!(only.metric(series).abs() < f64::EPSILON, "{series} after a loss");
    }
    assert!(only.metric("quorate_transitions_total{reason=\"lapsed\"}") >= 1.0);
    std::thread::sleep((stopped + TTL * 3).saturating_sub(boot()));
    assert_eq!(only.code("/livez"), 200, "to restart it would not help");
    voters.resume(0..5);
    eventually("it leads again", || only.leads());
    assert!(only.term().unwrap() > term);
    assert!(only.metric("quorate_elections_total{result=\"won\"}") >= 2.0);
}
