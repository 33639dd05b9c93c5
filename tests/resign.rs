//! `quorate resign` and `POST /resign`: a planned hand-over between real processes.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test ends where something is not what it must be")]

mod common;

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use common::PATIENT;
use common::candidate::{Agent, Launch, Voters, answer, boot, count, eventually, since};
use common::onlookers::Onlookers;

/// Long enough for a busy machine to renew in, short enough to wait for a lapse.
const TTL: Duration = Duration::from_secs(2);

fn candidate(identity: &str, voters: &Voters) -> Agent {
    Launch::new(identity, voters.urls(), TTL).start()
}

/// The command with the agent's address: the code, standard output, standard error.
fn resign(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_quorate"))
        .env_clear()
        .arg("resign")
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A request with these headers; the code, and the whole answer.
fn ask(address: SocketAddr, request: &str, headers: &[&str]) -> (u16, String) {
    ask_over(TcpStream::connect(address).unwrap(), request, headers)
}

fn ask_over(mut stream: TcpStream, request: &str, headers: &[&str]) -> (u16, String) {
    stream.set_read_timeout(Some(PATIENT * 2)).unwrap();
    let headers: String = headers.iter().flat_map(|header| [*header, "\r\n"]).collect();
    write!(stream, "{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n").unwrap();
    answer(stream).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn the_next_one_leads_at_once_and_whoever_resigned_stands_back_for_as_long_as_it_was_told() {
    const STAND_BACK: Duration = Duration::from_secs(5);
    let voters = Voters::experienced(5, TTL);
    let first = candidate("first", &voters);
    eventually("all five held", || first.holds(5));
    let others = ["second", "third"].map(|name| candidate(name, &voters));
    for other in &others {
        eventually("the standby sees the leader", || other.sees("first"));
        eventually("the standby is ready", || other.code("/readyz?role=standby") == 200);
    }
    let term = first.term().unwrap();
    let onlookers = Onlookers::watch(&[&first, &others[0], &others[1]]);
    let asked = boot();
    let (code, out, err) = resign(&["--address", &first.address.to_string(), "--for", "5s"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    eventually("the next leader", || others.iter().any(Agent::leads));
    assert!(since(asked) < TTL / 2, "{:?}", since(asked));
    let next = others.iter().find(|other| other.leads()).unwrap();
    let next_term = next.term().unwrap();
    let expected = format!(
        "term {term} is released; this candidate stands back for 5 s\n{} leads term {next_term}, seen after ",
        next.identity
    );
    assert!(out.starts_with(&expected) && out.ends_with(" ms\n") && next_term > term, "{out}");
    let status = first.status();
    assert_eq!((&status["role"], &status["phase"]), (&"standby".into(), &"resigned".into()));
    assert_eq!(first.code("/readyz"), 200, "it is able to take part, and will");

    // Nobody else is left, and yet it keeps its word.
    for other in others {
        assert_eq!(other.end().0, Some(0));
    }
    eventually("it leads again", || first.leads());
    assert!(since(asked) >= STAND_BACK, "{:?}", since(asked));
    assert!(first.term().unwrap() > next_term);
    onlookers.finish();
    let (code, log) = first.end();
    assert_eq!((code, count(&log, "asked to resign"), count(&log, "lost")), (Some(0), 1, 0), "{log}");
}

#[test]
fn work_is_stopped_before_the_next_one_leads_and_whoever_asked_is_told_what_it_waits_for() {
    let voters = Voters::experienced(3, TTL);
    let directory = tempfile::tempdir().unwrap();
    let exec = |identity: &str, line: &str| {
        let line = format!("cd {} || exit 99; {line}", directory.path().display());
        Launch::exec(identity, voters.urls(), TTL, &[], &["sh", "-c", &line]).start()
    };
    let has = |name: &str| directory.path().join(name).exists();
    // It takes longer to stop than the lease lasts.
    let work = "trap 'sleep 3; touch stopped; exit 0' TERM; touch ready; while :; do sleep 0.02; done";
    let first = exec("first", work);
    eventually("the first one works", || has("ready"));
    let second = exec("second", "test -e stopped && touch well; touch works; sleep 60");
    eventually("the standby sees the leader", || second.sees("first"));
    let (code, out, err) = resign(&["--address", &first.address.to_string()]);
    assert!(
        code == Some(0) && out.contains("is released") && out.contains("second leads term"),
        "{out}{err}"
    );
    assert!(err.contains("it comes when the work has stopped"), "{err}");
    eventually("the second one works", || has("works"));
    assert!(has("well"), "it began before the first one had stopped");
    assert_eq!(second.end().0, Some(143));
    assert_eq!(first.end().0, Some(0));
}

#[test]
fn programs_are_told_who_leads_next_or_that_nobody_does() {
    let voters = Voters::experienced(3, TTL);
    let leader = candidate("leader", &voters);
    eventually("a leader", || leader.leads());
    let term = leader.term().unwrap();
    let address = leader.address.to_string();
    let (code, out, err) = resign(&["--address", &address, "--for", "1m", "-o", "json"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let expected = serde_json::json!({
        "agent": address, "released": term, "standBackMs": 60_000, "leader": null, "tookMs": null
    });
    assert_eq!(report, expected);

    let other = candidate("other", &voters);
    eventually("another leads", || other.leads());
    eventually("the first one sees it", || leader.sees("other"));
    let (_, out, _) = resign(&["--address", &address, "-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(report["released"].is_null(), "{out}");
    assert_eq!((&report["leader"]["identity"], &report["tookMs"]), (&"other".into(), &None::<u8>.into()));
    assert!(report["leader"]["term"].as_u64() > Some(term), "{out}");
}

#[test]
fn a_standby_that_is_asked_says_who_leads_and_stands_back_too() {
    let voters = Voters::experienced(3, TTL);
    let leader = candidate("leader", &voters);
    eventually("a leader", || leader.leads());
    let standby = candidate("standby", &voters);
    eventually("the standby sees the leader", || standby.sees("leader"));
    let (code, out, _) = resign(&["--address", &standby.address.to_string()]);
    assert_eq!(out, "this candidate does not lead, leader does; it stands back for 30 s\n");
    assert_eq!(code, Some(0));
    eventually("it stands back", || standby.status()["phase"] == "resigned");
    // Whoever asks for less takes nothing from whoever asked for more.
    let (code, out, _) = resign(&["--address", &standby.address.to_string(), "--for=1s"]);
    assert_eq!(code, Some(0), "{out}");
    assert_eq!(leader.end().0, Some(0));
    let released = boot();
    while since(released) < TTL {
        assert!(!standby.leads());
        assert_eq!(standby.status()["phase"], "resigned");
    }
    assert_eq!(standby.end().0, Some(0));
}

#[test]
fn browsers_proxies_and_malformed_questions_are_refused_and_change_nothing() {
    let voters = Voters::experienced(3, TTL);
    let leader = candidate("leader", &voters);
    eventually("a leader", || leader.leads());
    let term = leader.term();
    for (request, headers, expected, words) in [
        ("GET /resign", [].as_slice(), 405, "use POST"),
        ("POST /resign", &["Origin: http://evil.example"], 403, "browsers"),
        ("POST /resign", &["Origin: null"], 403, "browsers"),
        ("POST /resign", &["Via: 1.1 mesh"], 403, "proxy"),
        ("POST /resign", &["X-Forwarded-For: 10.0.0.1"], 403, "proxy"),
        ("POST /resign", &["X-Real-IP: 10.0.0.1"], 403, "proxy"),
        ("POST /resign?for=5s", &[], 400, "forMs"),
        ("POST /resign?forMs=1000&forMs=2000", &[], 400, "once"),
        ("POST /resign", &["Authorization: Bearer guess"], 403, "not configured"),
        ("POST /resign?forMs=soon", &[], 400, "forMs=\"soon\""),
        ("POST /resign?forMs=-1", &[], 400, "from 1000 to 3600000"),
        ("POST /resign?forMs=999", &[], 400, "from 1000 to 3600000"),
        ("POST /resign?forMs=99999999999999999999", &[], 400, "from 1000 to 3600000"),
    ] {
        let (code, answer) = ask(leader.address, request, headers);
        assert_eq!(code, expected, "{request} {headers:?}: {answer}");
        assert!(answer.contains(words), "{request} {headers:?}: {answer}");
    }
    // As a service mesh passes on what others ask.
    let stream = runtime().block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.6:0".parse().unwrap()).unwrap();
        socket.connect(leader.address).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    let (code, answer) = ask_over(stream, "POST /resign", &[]);
    assert!(code == 403 && answer.contains("only this host may ask"), "{answer}");
    assert_eq!((leader.leads(), leader.term()), (true, term));
    assert_eq!(count(&leader.log(), "asked to resign, and refused"), 1, "more would fill the log");
    assert_eq!(leader.status()["lastTransitions"].as_array().unwrap().last().unwrap()["event"], "elected");
}

#[test]
fn whoever_has_the_token_may_ask_through_a_proxy_and_the_token_can_be_rotated() {
    let voters = Voters::experienced(3, TTL);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "first-token\n").unwrap();
    let leader = Launch::new("leader", voters.urls(), TTL)
        .environment("QUORATE_HTTP_RESIGN_TOKEN_FILE", file.to_str().unwrap())
        .start();
    eventually("a leader", || leader.leads());
    let bearer = |token: &str| format!("Authorization: bearer {token}");
    let proxied = "X-Forwarded-For: 10.0.0.1";
    for wrong in ["", "first", "first-token-and-more", "Basic first-token"] {
        let (code, answer) = ask(leader.address, "POST /resign", &[&bearer(wrong), proxied]);
        assert!(code == 403 && !answer.contains("first-token"), "{wrong:?}: {answer}");
    }
    assert!(leader.leads());
    let (code, answer) = ask(leader.address, "POST /resign?forMs=1000", &[&bearer("first-token"), proxied]);
    assert_eq!(code, 200, "{answer}");
    assert!(answer.contains("is released; this candidate stands back for 1 s"), "{answer}");
    eventually("it leads again", || leader.leads());

    std::fs::write(&file, "second-token\n").unwrap();
    assert_eq!(ask(leader.address, "POST /resign", &[&bearer("first-token")]).0, 403);
    let address = leader.address.to_string();
    let (code, _, err) = resign(&["--address", &address, "--token-file", "/nowhere"]);
    assert!(code == Some(64) && err.contains("the token file /nowhere cannot be read"), "{err}");
    let (code, out, err) =
        resign(&["--address", &address, "--for=1s", "--token-file", file.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("nobody leads yet") || out.contains("leader leads term"), "{out}");
    std::fs::write(&file, "wrong\n").unwrap();
    eventually("it leads once more", || leader.leads());
    let stale = directory.path().join("stale");
    std::fs::write(&stale, "first-token").unwrap();
    let (code, _, err) = resign(&["--address", &address, "--token-file", stale.to_str().unwrap()]);
    assert!(code == Some(1) && err.contains("refuses: the token is not the one"), "{err}");
}

#[test]
fn what_cannot_be_asked_gets_a_sentence() {
    for wrong in ["soon", "30", "-1s", "500ms", "2h", ""] {
        let (code, _, err) = resign(&["--for", wrong]);
        assert!(code == Some(2) && err.contains("give a duration from 1s to 1h"), "{wrong:?}: {err}");
    }
    let (code, _, err) = resign(&["--address", "http://localhost:9797"]);
    assert!(code == Some(2) && err.contains("give host and port"), "{err}");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (code, _, err) = resign(&["--address", &free]);
    assert!(code == Some(1) && err.contains(&format!("no agent answers at {free}")), "{err}");
    // It takes the connection and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (asked, place) = (boot(), silent.local_addr().unwrap().to_string());
    let (code, _, err) = resign(&["--address", &place]);
    assert!(code == Some(1) && err.contains(&format!("no agent answers at {place} (not in time)")), "{err}");
    assert!(since(asked) < Duration::from_secs(10), "{:?}", since(asked));

    // Without an address, the configuration tells where the own agent is; nothing else of it is looked at.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("quorate.yaml");
    let config = ["--config", file.to_str().unwrap()];
    std::fs::write(&file, format!("election: orders\nhttp: {{listen: \"{free}\"}}\n")).unwrap();
    let (code, _, err) = resign(&config);
    assert!(code == Some(1) && err.contains(&format!("no agent answers at {free}")), "{err}");
    std::fs::write(&file, "http: {listen: \"127.0.0.1:0\"}\n").unwrap();
    let (code, _, err) = resign(&config);
    assert!(code == Some(64) && err.contains("give --address"), "{err}");
    std::fs::write(&file, "http: {listen: nowhere}\n").unwrap();
    let (code, _, err) = resign(&config);
    assert!(code == Some(64) && err.contains("http.listen"), "{err}");
}
