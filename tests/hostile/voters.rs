//! A voter may answer anything. It is then silent, and nobody else notices.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use quorate::core::{Answer, Ballot, Operation, Question};
use quorate::voter::Voter;

use crate::common::candidate::{LETTERS, Launch, Voters, boot, eventually, since};
use crate::common::{PATIENT, WHO, scope, settings};
use crate::is_unharmed;

const CASES: u32 = 300;
/// How long a voter is waited for.
const LIMIT: Duration = Duration::from_millis(300);
const TTL: Duration = Duration::from_secs(2);

/// How a false server treats whoever connects.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// Answers every request with the same bytes.
    Says,
    /// Sends them without end.
    Floods,
    /// Sends them byte by byte, and slowly, from the beginning again.
    Drips,
    /// Reads, and says nothing.
    Listens,
}

/// A port that answers like this; what it says may be changed. Ends with the process.
fn false_server(manner: Manner, says: Arc<Mutex<Vec<u8>>>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let says = Arc::clone(&says);
            thread::spawn(move || treat(stream, manner, &says));
        }
    });
    port
}

fn treat(mut stream: TcpStream, manner: Manner, says: &Mutex<Vec<u8>>) {
    let mut request = [0; 16 * 1024];
    while stream.read(&mut request).is_ok_and(|len| len > 0) {
        let what = says.lock().unwrap().clone();
        match manner {
            Manner::Says if stream.write_all(&what).is_ok() => {}
            Manner::Says => return,
            Manner::Listens => {}
            Manner::Floods => while stream.write_all(&what).is_ok() {},
            Manner::Drips => {
                for byte in what.iter().cycle() {
                    if stream.write_all(&[*byte]).is_err() {
                        return;
                    }
                    thread::sleep(Duration::from_millis(20));
                }
            }
        }
    }
}

/// An answer in the server's protocol, or nearly.
fn reply() -> impl Strategy<Value = Vec<u8>> {
    let numbers = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        Just("99999999999999999999999".to_owned()),
        Just("-0".to_owned()),
        Just(String::new())
    ];
    let texts = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        Just(b"member".to_vec()),
        Just(b"granted".to_vec()),
        Just(b"observed".to_vec()),
        Just(b"confirmed".to_vec()),
        Just(b"quorate:00000000000000000000000000000001".to_vec()),
        Just(b"9007199254740993".to_vec()),
    ];
    let line = |kind: &'static str| move |text: String| format!("{kind}{text}\r\n").into_bytes();
    let bulk = |text: Vec<u8>| [format!("${}\r\n", text.len()).into_bytes(), text, b"\r\n".to_vec()].concat();
    let leaf = prop_oneof![
        numbers.clone().prop_map(line(":")),
        numbers.clone().prop_map(line(",")),
        numbers.clone().prop_map(line("(")),
        numbers.prop_map(line("$")),
        "[ -~]{0,40}".prop_map(line("+")),
        "[A-Z]{0,12} [ -~]{0,40}".prop_map(line("-")),
        texts.prop_map(bulk),
        Just(b"_\r\n".to_vec()),
        Just(b"#t\r\n".to_vec()),
        Just(b"$-1\r\n*-1\r\n".to_vec()),
        Just(b"*1\r\n".repeat(5_000)),
        Just(b"%2147483647\r\n".to_vec()),
        Just(b"+OK\r\n".repeat(1_000)),
        prop::collection::vec(any::<u8>(), 0..60),
    ];
    leaf.prop_recursive(4, 40, 8, |inner| {
        let list = |sign: char| {
            move |items: Vec<Vec<u8>>| {
                [format!("{sign}{}\r\n", items.len()).into_bytes(), items.concat()].concat()
            }
        };
        let items = || prop::collection::vec(inner.clone(), 0..12);
        prop_oneof![items().prop_map(list('*')), items().prop_map(list('~')), items().prop_map(list('>'))]
    })
}

/// Asks as a candidate does: all that it does not understand is silence, within the limit.
async fn is_silent_in_time(voter: &Voter, what: &[u8]) {
    for operation in [
        Operation::Observe { proposal: Some(1) },
        Operation::Confirm { ballot: Ballot(1), term: 1, ttl: TTL },
    ] {
        let question = Question { operation, high_water: None };
        let begun = boot();
        let reply = voter.ask(&scope(), &question, WHO, LIMIT).await;
        let shown = String::from_utf8_lossy(&what[..what.len().min(200)]);
        assert_eq!(reply.answer, Answer::Silent, "{shown:?}");
        assert!(since(begun) < LIMIT + PATIENT, "it waited for {:?}", since(begun));
    }
}

#[test]
fn whatever_a_voter_answers_is_silence_within_the_limit() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let says = Arc::new(Mutex::new(Vec::new()));
    let port = false_server(Manner::Says, Arc::clone(&says));
    let outcome = TestRunner::new(config).run(&prop::collection::vec(reply(), 1..4), |replies| {
        let what = replies.concat();
        what.clone_into(&mut says.lock().unwrap());
        let voter = Voter::new(settings(&format!("redis://127.0.0.1:{port}")));
        runtime.block_on(is_silent_in_time(&voter, &what));
        Ok(())
    });
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}

#[test]
fn two_voters_of_five_that_mean_harm_harm_nobody() {
    let flood = [b"$999999999999\r\n".to_vec(), vec![b'x'; 64 * 1024]].concat();
    let pairs: [[(Manner, &[u8]); 2]; 2] = [
        [(Manner::Floods, &flood), (Manner::Drips, b"*100000\r\n$100000\r\n")],
        [(Manner::Floods, b"*2147483647\r\n+OK\r\n"), (Manner::Listens, b"")],
    ];
    for pair in pairs {
        let well = Voters::new(3);
        let false_ones = pair.map(|(manner, what)| false_server(manner, Arc::new(Mutex::new(what.to_vec()))));
        let urls = well.urls().into_iter().map(|(_, url)| url);
        let urls = urls.chain(false_ones.map(|port| format!("redis://127.0.0.1:{port}")));
        let leader = Launch::new("one", LETTERS.into_iter().zip(urls), TTL).start();
        eventually("it leads", || leader.leads());
        let term = leader.term();
        let begun = boot();
        while since(begun) < 3 * TTL {
            is_unharmed(&leader, term);
            thread::sleep(Duration::from_millis(50));
        }
        assert!(leader.holds(3), "{}", leader.status());
    }
}
