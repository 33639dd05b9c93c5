//! Whatever the API server does, leading goes on; it is counted, told once, and tried again.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::common::candidate::{Voters, boot, count, eventually, lines, since};
use crate::stand_in::{StandIn, obedient, refusal};

const LABEL: [(&str, &str); 1] = [("QUORATE_GATES_POD_LABEL_ENABLED", "true")];
const TTL: Duration = Duration::from_secs(2);
const FAILING: &str = r#"quorate_gate_failing{gate="pod_label"}"#;

fn failures(kind: &str) -> String {
    format!(r#"quorate_gate_failures_total{{gate="pod_label",kind="{kind}"}}"#)
}

fn is_shown(stand_in: &StandIn) -> bool {
    stand_in.writes().iter().any(|write| write.body["metadata"]["labels"]["quorate.dev/role"] == "leader")
}

#[test]
fn an_api_server_that_hangs_delays_neither_leading_nor_releasing() {
    let voters = Voters::experienced(3, TTL);
    let stand_in = StandIn::new(|_| None);
    let candidate = stand_in.candidate(&voters, TTL, &LABEL);
    eventually("it leads", || candidate.leads());
    let term = candidate.term();
    eventually("that is counted", || candidate.metric(&failures("timeout")) >= 2.0);
    assert!(candidate.leads() && candidate.term() == term, "longer than a ttl");
    assert_eq!(candidate.metric(FAILING), 1.0);
    let begun = boot();
    let (code, log) = candidate.end();
    let took = since(begun);
    assert_eq!(code, Some(0), "{log}");
    assert!(took < TTL / 10 + Duration::from_millis(700), "the release took {took:?}");
    assert_eq!((count(&log, "released"), count(&log, "the API server does not show")), (1, 1), "{log}");
}

#[test]
fn one_that_comes_back_is_told_and_so_are_people() {
    let voters = Voters::experienced(3, TTL);
    let stand_in = StandIn::new(|_| refusal(503, &Value::Null));
    let candidate = stand_in.candidate(&voters, TTL, &LABEL);
    eventually("it leads", || candidate.leads());
    eventually("that is counted", || candidate.metric(&failures("server")) >= 3.0);
    stand_in.behave(obedient());
    eventually("the label is there", || is_shown(&stand_in));
    eventually("all is well", || candidate.metric(FAILING) == 0.0);
    let (_, log) = candidate.end();
    let told = lines(&log, "the API server does not show");
    assert_eq!((told.len(), count(&log, "the API server shows again")), (1, 1), "{log}");
    assert_eq!((&told[0]["gate"], &told[0]["kind"]), (&json!("pod_label"), &json!("server")));
}

#[test]
fn one_that_is_asked_too_much_is_left_alone_for_as_long_as_it_says() {
    let voters = Voters::experienced(3, TTL);
    let stand_in = StandIn::new(|_| refusal(429, &json!({"retryAfterSeconds": 1})));
    let candidate = stand_in.candidate(&voters, TTL, &LABEL);
    eventually("it was asked again", || candidate.metric(&failures("throttled")) >= 3.0);
    // A change of what is wanted is no reason to wait.
    for pair in stand_in.asked().windows(2).skip(1) {
        let pause = pair[1].at.saturating_sub(pair[0].at);
        assert!(pause >= Duration::from_secs(1), "asked again after {pause:?}");
    }
    assert_eq!(candidate.end().0, Some(0));
}

#[test]
fn nonsense_is_told_in_one_short_line() {
    let voters = Voters::experienced(3, TTL);
    let endless = "x".repeat(100_000);
    let stand_in = StandIn::new(move |_| Some((200, endless.clone())));
    let candidate = stand_in.candidate(&voters, TTL, &LABEL);
    eventually("it leads", || candidate.leads());
    eventually("that is counted", || candidate.metric(&failures("garbage")) >= 3.0);
    let (code, log) = candidate.end();
    assert_eq!((code, count(&log, "the API server does not show")), (Some(0), 1), "{log}");
    assert!(log.lines().all(|line| line.len() < 1_000), "{log}");
}

#[test]
fn a_token_that_was_replaced_is_read_again_after_one_refusal() {
    let voters = Voters::experienced(3, TTL);
    let stand_in = StandIn::new(obedient());
    let candidate = stand_in.candidate(&voters, TTL, &LABEL);
    eventually("the label is there", || is_shown(&stand_in));
    let mut pod = obedient();
    stand_in.behave(
        move |request| {
            if request.token == "second" { pod(request) } else { refusal(401, &Value::Null) }
        },
    );
    stand_in.write_token("second");
    // Taking the label off needs the new token.
    let (code, log) = candidate.end();
    let tokens: Vec<_> = stand_in.asked().into_iter().map(|request| request.token).collect();
    assert_eq!(code, Some(0), "{log}");
    assert!(tokens.ends_with(&["second".to_owned()]), "{tokens:?}\n{log}");
}

#[test]
fn the_label_is_asked_away_at_soft_while_nobody_else_can_lead_yet() {
    let voters = Voters::experienced(3, TTL);
    let stand_in = StandIn::new(obedient());
    let candidate = stand_in.candidate(&voters, TTL, &LABEL);
    eventually("the label is there", || is_shown(&stand_in));
    voters.stop(0..3);
    let mut held = boot();
    eventually("it lapses", || {
        let now = boot();
        let is_leader = candidate.status()["role"] == "leader";
        held = if is_leader { now } else { held };
        !is_leader
    });
    voters.resume(0..3);
    let gone = stand_in
        .writes()
        .into_iter()
        .find(|write| write.body["metadata"]["labels"].get("quorate.dev/role").is_some_and(Value::is_null));
    let gone = gone.unwrap().at;
    // `until` is stopGrace + fenceMargin = 0.35·L after soft.
    let before = held.saturating_sub(gone);
    assert!(before > TTL / 4, "asked away {before:?} before the end of validity");
    // A process that is stopped asks nothing; it must not hang on it afterwards either.
    candidate.signal(Signal::SIGTERM);
    assert_eq!(candidate.ended().0, Some(0));
}
