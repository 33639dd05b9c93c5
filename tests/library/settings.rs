//! Bad settings get one sentence each, and no password is ever shown.

use std::time::Duration;

use quorate::{Election, Error, Voters};

use crate::block_on;

const SECRET: &str = "hunter2";

fn three(url: &str) -> Result<Voters, Error> {
    Voters::new([("a", url), ("b", "redis://two"), ("c", "redis://three")])
}

#[test]
fn voters_that_cannot_be_are_refused_with_what_to_do() {
    let none: [(&str, &str); 0] = [];
    let urls = |count: usize| (0..count).map(|n| (format!("v{n}"), format!("redis://host-{n}")));
    let builder = || Voters::builder().voter("a", "redis://one").voter("b", "redis://two");
    for (refused, told) in [
        (Voters::new(none), "voters must be 3, 5, 7 or 9, and none is given"),
        (Voters::new(urls(1)), "allow_single_voter"),
        (Voters::new(urls(4)), "4 are given: an even number"),
        (Voters::new(urls(11)), "11 are given"),
        (three("http://one"), "the URL of voter a has a scheme"),
        (three("redis://TWO:6379/3"), "must be a server of its own, and a is two:6379 already"),
        (Voters::new([("a", "redis://one"), ("a", "redis://two"), ("c", "redis://x")]), "a name of its own"),
        (
            Voters::new([("a b", "redis://one"), ("b", "redis://two"), ("c", "redis://x")]),
            "voter = \"a b\" must",
        ),
        (builder().voter("c", "redis://x").username("me").build(), "username needs a password"),
        (builder().voter("c", "redis://x").password_file("/nowhere").build(), "password_file = \"/nowhere\""),
        (builder().voter("c", "redis://x").ca_file("/nowhere").build(), "ca_file = \"/nowhere\""),
        (
            builder().voter("c", "redis://me:secret@x").username("you").password("secret").build(),
            "the URL of voter c has a username, and one is given for all voters: remove one of the two",
        ),
    ] {
        let sentence = refused.unwrap_err().to_string();
        assert!(sentence.contains(told), "{told:?} is missing in: {sentence}");
        assert_eq!(sentence.lines().count(), 1);
    }
    assert!(Voters::builder().voter("a", "redis://one").allow_single_voter().build().is_ok());
    let names: Vec<_> = Voters::new(urls(3)).unwrap().names().map(str::to_owned).collect();
    assert_eq!(names, ["v0", "v1", "v2"]);
}

#[test]
fn elections_that_cannot_be_are_refused_with_what_to_do() {
    let voters = three("redis://one").unwrap();
    let builder = || Election::builder("orders");
    for (refused, told) in [
        (Election::builder("Orders"), "election = \"Orders\" must be a DNS-1123 label"),
        (builder().key_prefix("{x}"), "key_prefix = \"{x}\" must be"),
        (builder().identity("a\nb"), "identity = \"a\\nb\" must be at most 253 bytes"),
        (
            builder().ttl(Duration::from_millis(999)),
            "ttl = \"999ms\" must be whole milliseconds from 1s to 600s",
        ),
        (builder().voter_timeout(Duration::from_secs(3)), "voter_timeout = \"3s\" must be 10ms to 2.5s"),
        (builder().stop_grace(Duration::from_secs(5)), "stop_grace = \"5s\" must be less than 4.898s"),
    ] {
        let sentence = block_on(async { refused.start(&voters) }).unwrap_err().to_string();
        assert!(sentence.contains(told), "{told:?} is missing in: {sentence}");
        assert_eq!(sentence.lines().count(), 1);
    }
    assert_eq!(builder().start(&voters).unwrap_err(), Error::NoRuntime);
}

/// The election's task lives where it was started, whoever asks it later.
#[test]
fn an_election_whose_runtime_is_gone_says_so() {
    let urls = [1, 2, 3].map(|port| (format!("v{port}"), format!("redis://127.0.0.1:{port}")));
    let voters = Voters::new(urls).unwrap();
    let mut election = block_on(async { Election::builder("orders").start(&voters) }).unwrap();
    let error = block_on(election.campaign()).unwrap_err();
    assert!(matches!(error, Error::Ended { .. }), "{error}");
    assert!(error.to_string().contains("start the election anew"));
}

#[test]
fn no_password_is_shown() {
    let url = format!("redis://me:{SECRET}@one");
    let shown = [
        format!("{:?}", three(&url).unwrap()),
        format!("{:?}", Voters::builder().voter("a", &url).password(SECRET)),
        three(&format!("redis://me:{SECRET}@one:x")).unwrap_err().to_string(),
        format!("{:?}", three(&format!("redis://me:{SECRET}@one#{SECRET}")).unwrap_err()),
        Voters::new([(SECRET, "redis://one"), (SECRET, "redis://two"), ("c", "redis://x")])
            .unwrap_err()
            .to_string(),
    ];
    assert!(shown[..4].iter().all(|text| !text.contains(SECRET)), "{shown:?}");
    assert!(shown[4].contains(SECRET), "a name is no secret");
}
