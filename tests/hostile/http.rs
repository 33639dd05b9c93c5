//! Clients that mean harm cost the election nothing, and go away again.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::common::PATIENT;
use crate::common::candidate::{Agent, Launch, Voters, ask, boot, eventually, since};
use crate::is_unharmed;

const TTL: Duration = Duration::from_secs(2);
const MANY: usize = 2_000;

fn leader(voters: &Voters) -> Agent {
    let leader = Launch::new("one", voters.urls(), TTL).start();
    eventually("it leads", || leader.leads());
    leader
}

/// Each client takes a descriptor of ours; many systems begin with 1024.
fn allow_many_descriptors() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let wanted = u64::try_from(MANY).unwrap() + 200;
    assert!(hard >= wanted, "{hard} descriptors are too few: run with `ulimit -Hn {wanted}`");
    setrlimit(Resource::RLIMIT_NOFILE, soft.max(wanted), hard).unwrap();
}

fn connect(agent: &Agent) -> TcpStream {
    let stream = TcpStream::connect(agent.address).unwrap();
    stream.set_read_timeout(Some(PATIENT)).unwrap();
    stream.set_write_timeout(Some(PATIENT)).unwrap();
    stream
}

/// What comes back, up to 64 KiB; a connection that is closed without an answer counts as one.
fn answer_to(agent: &Agent, request: &[u8]) -> String {
    let mut stream = connect(agent);
    // It may be refused before it has been read to its end.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.take(64 * 1024).read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn requests_that_are_too_large_or_none_are_refused() {
    let voters = Voters::new(3);
    let leader = leader(&voters);
    let term = leader.term();
    let get = |rest: &str| format!("GET /leaderz HTTP/1.1\r\nhost: x\r\n{rest}");
    let requests: [Vec<u8>; 9] = [
        get(&format!("a: {}\r\n\r\n", "x".repeat(1 << 20))).into_bytes(),
        get(&"a: b\r\n".repeat(10_000)).into_bytes(),
        format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20)).into_bytes(),
        vec![b'x'; 1 << 20],
        vec![0; 1 << 20],
        b"GET /leaderz HTTP/9.9\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc".to_vec(),
        b"POST /leaderz HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n".to_vec(),
    ];
    for request in &requests {
        let answer = answer_to(&leader, request);
        let shown = String::from_utf8_lossy(&request[..request.len().min(60)]).into_owned();
        assert!(!answer.contains(" 200 "), "{shown:?}: {answer}");
        is_unharmed(&leader, term);
    }
}

#[test]
fn two_thousand_clients_that_do_not_go_on_cost_the_election_nothing() {
    allow_many_descriptors();
    let voters = Voters::new(3);
    let leader = leader(&voters);
    let term = leader.term();
    let parts = [
        "",
        "GET /status HT",
        "GET /leaderz HTTP/1.1\r\nhost: x\r\na",
        "GET /watch HTTP/1.1\r\nhost: x\r\n\r\n",
    ];
    let mut clients: Vec<_> = (0..MANY)
        .filter_map(|number| {
            let mut client = TcpStream::connect(leader.address).ok()?;
            // It may be closed again already.
            let _ = client.write_all(parts[number % parts.len()].as_bytes());
            Some(client)
        })
        .collect();
    let begun = boot();
    while since(begun) < 3 * TTL {
        for client in &mut clients {
            // One byte now and then, as whoever wants to be waited for.
            let _ = client.write_all(b"a");
        }
        thread::sleep(Duration::from_millis(200));
    }
    drop(clients);
    eventually("it answers again", || ask(leader.address, "/leaderz").is_ok_and(|(code, _)| code == 200));
    is_unharmed(&leader, term);
}

#[test]
fn clients_that_ask_without_reading_cost_the_election_nothing() {
    let voters = Voters::new(3);
    let leader = leader(&voters);
    let term = leader.term();
    let requests = "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n".repeat(200);
    let clients: Vec<_> = (0..50).map(|_| connect(&leader)).collect();
    let begun = boot();
    for client in &clients {
        client.set_nonblocking(true).unwrap();
    }
    while since(begun) < 2 * TTL {
        for mut client in &clients {
            // Until it is full.
            let _ = client.write(requests.as_bytes());
        }
        thread::sleep(Duration::from_millis(20));
    }
    drop(clients);
    eventually("it answers again", || ask(leader.address, "/leaderz").is_ok_and(|(code, _)| code == 200));
    is_unharmed(&leader, term);
}
