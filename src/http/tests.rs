#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

//! The endpoints over a leadership that the test itself makes and takes away.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::DropGuard;

use super::*;
use crate::clock;
use crate::core::{EndReason, ResetPolicy, Timing, VoterView};
use crate::election::{About, Election, Margins, Settings, Succession, VoterState};

const TTL: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(5);
const MARGINS: Margins =
    Margins { stop_grace: Duration::from_millis(300), fence_margin: Duration::from_millis(200) };

struct Agent {
    leadership: Leadership,
    address: SocketAddr,
    serving: JoinHandle<io::Result<()>>,
    closing: CancellationToken,
    _close: DropGuard,
    _election: Election,
}

impl Agent {
    fn start() -> Self {
        Self::start_with(Readiness::Candidate)
    }

    fn start_with(readiness: Readiness) -> Self {
        let about = About {
            election: "orders".to_owned(),
            identity: "me".to_owned(),
            cluster: None,
            namespace: None,
            node: None,
            address: Some("127.0.0.1:9797".to_owned()),
            voters: ["a", "b", "c"].map(str::to_owned).to_vec(),
            ttl: TTL,
            margins: MARGINS,
        };
        let mut timing = Timing::of_ttl(TTL);
        timing.voter_timeout = Duration::from_millis(50);
        let drain_timeout = Duration::ZERO;
        let settings = Settings { about, timing, on_epoch_reset: ResetPolicy::Continue, drain_timeout };
        let election = Election::new(settings);
        let (listener, address) = bind("127.0.0.1:0".parse().unwrap(), false).unwrap();
        let closing = CancellationToken::new();
        let leadership = election.leadership.clone();
        let scrape: Scrape = Arc::new(|| Ok("quorate_build_info 1\n".to_owned()));
        let endpoints = Endpoints::new(&election, scrape, readiness, None, closing.clone());
        let serving = tokio::spawn(serve(listener, endpoints));
        Self {
            leadership,
            address,
            serving,
            _close: closing.clone().drop_guard(),
            closing,
            _election: election,
        }
    }

    fn lead_for(&self, validity: Duration) {
        let now = clock::now();
        self.leadership.elected(now, 7, now.at.plus(validity), Succession::Vacant);
    }

    fn hear_from(&self, voters: &[usize], reachable: bool) {
        for &voter in voters {
            let view = VoterView { reachable, ..VoterView::default() };
            self.leadership.set_voter(voter, VoterState { view, ..VoterState::default() });
        }
    }

    /// The code, and the whole answer with its head.
    async fn ask(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
    }

    async fn code(&self, path: &str) -> u16 {
        self.ask(&format!("GET {path}")).await.0
    }

    async fn watch(&self) -> Watcher {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(b"GET /watch HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        Watcher(BufReader::new(stream))
    }
}

struct Watcher(BufReader<TcpStream>);

impl Watcher {
    /// The next event: its name and its data.
    async fn next(&mut self) -> (String, serde_json::Value) {
        let mut event = String::new();
        loop {
            let mut line = String::new();
            let read = timeout(PATIENCE, self.0.read_line(&mut line)).await.unwrap().unwrap();
            assert!(read > 0, "the stream ended");
            if let Some(name) = line.strip_prefix("event: ") {
                name.trim().clone_into(&mut event);
            } else if let Some(data) = line.strip_prefix("data: ") {
                return (event, serde_json::from_str(data).unwrap());
            }
        }
    }
}

#[tokio::test]
async fn leaderz_says_yes_before_soft_only_and_needs_nobody_to_say_that_it_is_over() {
    let agent = Agent::start();
    assert_eq!(agent.code("/leaderz").await, 503);
    // Validity of 700 ms: soft after 200 ms, hard after 500 ms.
    agent.lead_for(Duration::from_millis(700));
    let (code, answer) = agent.ask("GET /leaderz").await;
    assert_eq!(code, 200);
    assert!(answer.contains("quorate-term: 7\r\n") && answer.contains("quorate-leader: me\r\n"), "{answer}");
    let claim = agent.leadership.claim().unwrap();
    while clock::now().at.is_before(claim.soft) {
        tokio::task::yield_now().await;
    }
    let (code, answer) = agent.ask("GET /leaderz").await;
    assert_eq!(code, 503, "in jeopardy");
    assert!(
        !answer.contains("quorate-validity-ms: 0\r\n"),
        "still valid, but no longer to begin something: {answer}"
    );
    while clock::now().at.is_before(claim.until) {
        tokio::task::yield_now().await;
    }
    let (code, answer) = agent.ask("GET /leaderz").await;
    assert_eq!(code, 503);
    assert!(answer.contains("quorate-validity-ms: 0\r\n"), "{answer}");
    assert!(agent.ask("GET /status").await.1.contains(r#""role":"standby""#));
}

#[tokio::test]
async fn livez_does_not_fail_because_of_voters_but_because_work_must_have_stopped() {
    let agent = Agent::start();
    assert_eq!(agent.code("/livez").await, 200, "no voter has ever answered");
    agent.lead_for(Duration::from_millis(100));
    assert_eq!(agent.code("/livez").await, 503, "past hard");
    agent.leadership.withdraw(clock::now(), EndReason::Lapsed);
    assert_eq!(agent.code("/livez").await, 200);
}

#[tokio::test]
async fn readyz_of_a_candidate_holds_from_the_first_quorum_to_the_drain() {
    let agent = Agent::start();
    agent.hear_from(&[0], true);
    assert_eq!(agent.code("/readyz").await, 503, "one of three");
    agent.hear_from(&[2], true);
    assert_eq!(agent.code("/readyz").await, 200);
    agent.hear_from(&[0, 1, 2], false);
    assert_eq!(agent.code("/readyz").await, 200, "voters lost later do not take it away");
    assert_eq!(agent.code("/readyz?role=leader").await, 503);
    assert_eq!(agent.code("/readyz?role=standby").await, 200);
    agent.lead_for(TTL);
    assert_eq!(agent.code("/readyz?role=leader").await, 200);
    assert_eq!(agent.code("/readyz?role=standby").await, 503);
    assert_eq!(agent.code("/readyz?role=any").await, 200);
    assert_eq!(agent.code("/readyz?role=boss").await, 400);
    agent.leadership.drain();
    assert_eq!(agent.code("/readyz").await, 503);
}

#[tokio::test]
async fn readyz_follows_leadership_where_that_was_chosen() {
    let agent = Agent::start_with(Readiness::Leader);
    agent.hear_from(&[0, 1, 2], true);
    assert_eq!(agent.code("/readyz").await, 503);
    assert_eq!(agent.code("/readyz?role=any").await, 200);
    agent.lead_for(TTL);
    assert_eq!(agent.code("/readyz").await, 200);
}

#[tokio::test]
async fn watchers_are_told_in_order_and_jeopardy_by_time_alone() {
    let agent = Agent::start();
    let mut watcher = agent.watch().await;
    let (event, data) = watcher.next().await;
    assert_eq!((event.as_str(), &data["leader"]), ("leader-changed", &serde_json::Value::Null));
    agent.lead_for(Duration::from_millis(600));
    let (event, data) = watcher.next().await;
    assert_eq!((event.as_str(), &data["term"], &data["reason"]), ("elected", &7.into(), &"vacant".into()));
    assert_eq!(data["leader"]["identity"], "me");
    let soft = agent.leadership.claim().unwrap().soft;
    assert_eq!(watcher.next().await.0, "jeopardy");
    let late = clock::now().at.leader_elapsed(soft);
    assert!(!clock::now().at.is_before(soft) && late < Duration::from_millis(50), "told {late:?} late");
    let now = clock::now();
    agent.leadership.extended(now, now.at.plus(TTL));
    assert_eq!(watcher.next().await.0, "safe");
    agent.leadership.withdraw(clock::now(), EndReason::Resigned);
    let (event, data) = watcher.next().await;
    assert_eq!((event.as_str(), &data["reason"]), ("released", &"resigned".into()));
    let (event, _) = agent.watch().await.next().await;
    assert_eq!(event, "leader-changed", "a new watcher is told what is so now");
}

#[tokio::test]
async fn closing_ends_watchers_and_idle_connections_within_its_limit() {
    let agent = Agent::start();
    let mut watcher = agent.watch().await;
    watcher.next().await;
    let _idle = TcpStream::connect(agent.address).await.unwrap();
    agent.closing.cancel();
    timeout(Duration::from_secs(2), agent.serving).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn what_is_not_there_is_answered_with_a_sentence() {
    let agent = Agent::start();
    let (code, answer) = agent.ask("GET /leader").await;
    assert!(code == 404 && answer.contains("/leaderz"), "{answer}");
    let (code, answer) = agent.ask("POST /leaderz").await;
    assert!(code == 405 && answer.contains("use GET"), "{answer}");
    let (code, answer) = agent.ask("GET /verify?term=x").await;
    assert!(code == 400 && answer.contains("/verify?term=N"), "{answer}");
    let (code, answer) = agent.ask("GET /verify?term=7").await;
    assert!(code == 503 && answer.contains("unknown"), "nobody runs this election: {answer}");
    let long = format!("GET /{}", "x".repeat(20_000));
    assert!((414..=431).contains(&agent.ask(&long).await.0));
    let (code, answer) = agent.ask("GET /metrics").await;
    assert!(code == 200 && answer.contains("quorate_build_info"), "{answer}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_refused_with_a_sentence() {
    let (_listener, taken) = bind("127.0.0.1:0".parse().unwrap(), false).unwrap();
    let sentence = bind(taken, false).unwrap_err().to_string();
    assert!(sentence.contains(&taken.to_string()) && sentence.contains("http.listen"), "{sentence}");
}

#[tokio::test]
async fn ten_thousand_changes_do_not_wait_for_a_watcher_that_does_not_read() {
    let agent = Agent::start();
    let _stuck = agent.watch().await;
    let mut reader = agent.watch().await;
    reader.next().await;
    for _ in 0..10_000 {
        agent.leadership.elected(clock::now(), 7, clock::now().at.plus(TTL), Succession::Vacant);
        agent.leadership.withdraw(clock::now(), EndReason::Lost);
    }
    // The one that could not keep up, because this test gave it no time, was cut off rather than waited for.
    assert_eq!(agent.code("/leaderz").await, 503);
}
