//! Bad input: a sentence with key, value, where it stands, what is allowed and what to do; exit code 64.

use proptest::prelude::*;

use super::harness::{PASSWORD, Setting, VOTERS};

fn voters(urls: &[&str]) -> String {
    let items = urls.iter().enumerate().map(|(index, url)| format!("- {{name: v{index}, url: \"{url}\"}}\n"));
    format!("election: orders\nvoters:\n{}", items.collect::<String>())
}

fn numbered(count: usize) -> String {
    let urls: Vec<String> = (0..count).map(|index| format!("redis://host-{index}:6379")).collect();
    voters(&urls.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_wrong_number_of_voters_is_refused() {
    Setting::file("election: orders\n").print().refused_with(&[
        "voters",
        "3, 5, 7 or 9",
        "--voter",
        "QUORATE_VOTERS",
    ]);
    Setting::file("election: orders\nvoters: []\n").print().refused_with(&["none is given"]);
    Setting::file(&numbered(1)).print().refused_with(&[
        "1 is given",
        "allowSingleVoter: true",
        "quorate.yaml:2:1",
    ]);
    for even in ["2", "4", "6", "8"] {
        let count = even.parse().unwrap();
        let said = format!("{even} are given");
        Setting::file(&numbered(count)).print().refused_with(&["odd", &said, "add or remove one"]);
    }
    Setting::file(&numbered(11)).print().refused_with(&["11 are given", "3, 5, 7 or 9", "remove some"]);
    Setting::file(&numbered(9)).print().accepted();
    Setting::file(&numbered(1)).flags(&["--allow-single-voter"]).print().accepted();
}

#[test]
fn the_same_server_twice_is_refused_whatever_its_scheme_database_or_spelling() {
    for (one, other, address) in [
        ("redis://host:6379", "redis://HOST", "host:6379"),
        ("redis://host:6379/0", "redis://host:6379/1", "host:6379"),
        ("redis://host:6380", "rediss://host:6380", "host:6380"),
        ("redis://localhost:1", "redis://127.0.0.1:1", "127.0.0.1:1"),
        ("unix:///nowhere/r.sock", "unix:///nowhere/r.sock?db=1", "/nowhere/r.sock"),
        ("unix:///nowhere/r.sock", "unix:///nowhere//./r.sock", "/nowhere/r.sock"),
        // Both as they were written, too.
        ("redis://[::1]:1", "redis://u:p@127.0.0.1:1", "(redis://[::1]:1 and redis://127.0.0.1:1)"),
    ] {
        let text = voters(&[one, other, "redis://third:6379"]);
        Setting::file(&text).print().refused_with(&["v0 and v1", address, "vote twice", "server of its own"]);
    }
}

#[test]
fn names_of_voters_are_plain_and_different() {
    let twice = VOTERS.replace("name: b", "name: a");
    Setting::file(&format!("election: orders\n{twice}")).print().refused_with(&[
        "different names",
        "\"a\"",
        ":4:3",
    ]);
    for bad in ["\"a b\"", "\"a,b\"", "\"\"", "\"a\\tb\"", "é", "a=b"] {
        let text = VOTERS.replace("name: b", &format!("name: {bad}"));
        Setting::file(&format!("election: orders\n{text}")).print().refused_with(&[
            "voters[1].name",
            "1 to 63 letters",
            "quorate.yaml:4:10",
        ]);
    }
}

#[test]
fn a_url_that_leads_nowhere_is_refused() {
    for (url, rule) in [
        ("http://host:6379", "not one of redis://, rediss:// and unix://"),
        ("host:6379", "not one of redis://, rediss:// and unix://"),
        ("host", "is not a URL"),
        ("redis://", "names no host"),
        ("redis:host", "names no host"),
        ("redis://host:99999", "is not a URL"),
        ("redis://host:0", "port 0"),
        ("redis://host/name", "number from 0 to"),
        ("redis://host/-1", "number from 0 to"),
        ("redis://host/99999999999", "number from 0 to"),
        ("redis://host?a=b", "must not have a query"),
        ("redis://ho st", "must not contain blanks"),
        ("redis://h%C3%A9", "names a host with other characters"),
        ("unix://host/r.sock", "must have no host"),
        ("unix://", "must have a path"),
        ("unix:///r.sock?password=x", "has a query that is not db=N"),
    ] {
        let text = voters(&["redis://one", "redis://two", url]);
        Setting::file(&text).print().refused_with(&["voters[2].url", rule, "quorate.yaml:5:"]);
    }
}

#[test]
fn a_duration_outside_its_range_is_refused() {
    for (key, value, fragments) in [
        ("ttl", "999ms", ["1s to 10m", "at least 1s"]),
        ("ttl", "601s", ["1s to 10m", "at most 10m"]),
        ("ttl", "1000500us", ["whole milliseconds", "1s to 10m"]),
        ("ttl", "10", ["1s to 10m", "with its unit"]),
        ("ttl", "-1s", ["1s to 10m", "with its unit"]),
        ("ttl", "\"\"", ["1s to 10m", "with its unit"]),
        ("preset", "wan", ["fast, lan, regions", "choose one"]),
        ("voterTimeout", "9ms", ["10ms to 2s500ms", "at least 10ms"]),
        ("voterTimeout", "2501ms", ["10ms to 2s500ms (a quarter of timing.ttl)", "at most 2s500ms"]),
        ("renewInterval", "0", ["10ms to 5s (half of timing.ttl)", "at least 10ms"]),
        ("observeInterval", "3s", ["10ms to 2s500ms", "at most"]),
        ("fenceMargin", "0s", ["10ms to 2s500ms", "at least 10ms"]),
        ("drainTimeout", "61m", ["0s to 1h", "at most 1h"]),
    ] {
        let printed = Setting::valid_and(&format!("timing:\n  {key}: {value}\n")).print();
        printed
            .refused_with(&[&format!("timing.{key} = \"{}\"", value.trim_matches('"')), "quorate.yaml:7:"]);
        printed.refused_with(&fragments);
    }
}

#[test]
fn timing_that_leaves_no_room_for_one_missed_renewal_is_refused_with_every_key_and_value() {
    let timing = "timing: {ttl: 10s, renewInterval: 3s, stopGrace: 4s, voterTimeout: 1s}\n";
    Setting::valid_and(timing).print().refused_with(&[
        "2 × timing.renewInterval (3s, quorate.yaml:6:35)",
        "timing.voterTimeout (1s, quorate.yaml:6:",
        "timing.stopGrace (4s, quorate.yaml:6:",
        "timing.fenceMargin (500ms, derived)",
        "the clocks' margin (102ms)",
        "make 11s602ms",
        "less than timing.ttl (10s, quorate.yaml:6:15)",
        "raise timing.ttl",
    ]);
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    for (text, fragments) in [
        ("electon: x\n", ["electon (quorate.yaml:6:1)", "`election`"]),
        ("timing: {tll: 10s}\n", ["timing.tll (quorate.yaml:6:10)", "`timing.ttl`"]),
        ("gatez: {x: 1}\n", ["gatez (quorate.yaml:6:1)", "`gates`"]),
        ("ttl: 10s\n", ["ttl (quorate.yaml:6:1)", "`timing.ttl`"]),
        ("timing: {renew_interval: 2s}\n", ["timing.renew_interval", "`timing.renewInterval`"]),
        ("auth: {pasword_file: x}\n", ["auth.pasword_file", "`auth.passwordFile`"]),
        ("gates: {podLabels: {enabled: false}}\n", ["gates.podLabels", "`gates.podLabel"]),
    ] {
        Setting::valid_and(text).print().refused_with(&fragments);
    }
    let text = VOTERS.replace("url: \"redis://two", "uri: \"redis://two");
    Setting::file(&format!("election: orders\n{text}")).print().refused_with(&[
        "voters[1].uri",
        "nearest known one is `url`",
        "voters[1].url",
        "is missing",
    ]);
}

#[test]
fn an_unknown_key_that_no_key_is_like_is_given_no_neighbour() {
    let printed = Setting::valid_and("daemon: 1\n").print();
    printed.refused_with(&["daemon (quorate.yaml:6:1) is an unknown key", "docs/configuration.md"]);
    assert!(!printed.err.contains("nearest"), "{}", printed.err);
}

#[test]
fn a_wrong_ttl_does_not_hide_what_else_is_wrong_with_the_durations() {
    let text = "timing: {ttl: 10, observeInterval: 1ns, drainTimeout: -1s, voterTimeout: 9ms}\n";
    let printed = Setting::valid_and(text).print();
    printed.refused_with(&[
        "timing.ttl",
        "timing.observeInterval",
        "timing.drainTimeout",
        "timing.voterTimeout",
    ]);
    assert_eq!(printed.err.lines().count(), 4, "{}", printed.err);
}

#[test]
fn an_unknown_key_shows_its_name_and_never_its_value() {
    let text = format!("auth: {{password: {PASSWORD}}}\n");
    Setting::valid_and(&text).print().refused_with(&["auth.password", "`auth.password"]);
    Setting::valid_and(&format!("auth: {PASSWORD}\n")).print().refused_with(&["auth", "passwordFile"]);
}

#[test]
fn unreadable_files_are_refused() {
    let cannot = ["cannot be read", "No such file", "may read"];
    for (text, key) in [
        ("auth: {passwordFile: missing}\n", "auth.passwordFile = \"missing\" (quorate.yaml:6:22)"),
        (
            "auth: {passwordFile: quorate.yaml, previousPasswordFile: missing}\n",
            "auth.previousPasswordFile = \"missing\"",
        ),
        ("http: {resignTokenFile: missing}\n", "http.resignTokenFile = \"missing\""),
        ("tls: {caFile: missing}\n", "tls.caFile = \"missing\""),
        ("tls: {certFile: missing, keyFile: missing}\n", "tls.certFile = \"missing\""),
        ("tls: {certFile: missing, keyFile: missing}\n", "tls.keyFile = \"missing\""),
    ] {
        let printed = Setting::valid_and(text).print();
        printed.refused_with(&[key]);
        printed.refused_with(&cannot);
    }
    Setting::valid_and("auth: {passwordFile: /}\n").print().refused_with(&["not a regular file"]);
    Setting::valid_and("tls: {caFile: quorate.yaml}\n")
        .print()
        .refused_with(&["no certificate in PEM", "path of a PEM file"]);
    let empty = Setting::valid_and("auth: {passwordFile: empty}\n");
    empty.write("empty", b"\n");
    empty.print().refused_with(&["auth.passwordFile", "is empty"]);
}

#[test]
fn an_unreadable_configuration_file_is_refused_with_who_named_it() {
    for (flags, variables, fragments) in [
        (
            vec!["--config", "missing.yaml"],
            vec![],
            ["config = \"missing.yaml\" (--config)", "cannot be read"],
        ),
        (
            vec![],
            vec![("QUORATE_CONFIG", "gone.yaml")],
            ["config = \"gone.yaml\" (QUORATE_CONFIG)", "cannot be read"],
        ),
        (vec!["--config", "/"], vec![], ["config = \"/\" (--config)", "not a regular file"]),
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_quorate"))
            .env_clear()
            .envs(variables)
            .args(["run", "--print-config"])
            .args(flags)
            .output()
            .unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64));
        assert!(fragments.iter().all(|fragment| err.contains(fragment)), "{err}");
    }
}

#[test]
fn names_that_the_voters_could_not_keep_are_refused() {
    for bad in ["Orders", "-orders", "orders-", "or ders", "or.ders", "é", &"a".repeat(64)] {
        Setting::file(&format!("election: \"{bad}\"\n{VOTERS}")).print().refused_with(&[
            "election = ",
            "DNS-1123",
            ":1:11",
        ]);
    }
    Setting::file(VOTERS).print().refused_with(&["election must be given", "--election"]);
    for bad in ["a{b}", "a b", "", "a*", &"a".repeat(65)] {
        Setting::valid_and(&format!("keyPrefix: \"{bad}\"\n"))
            .print()
            .refused_with(&["keyPrefix = ", "1 to 64"]);
    }
    Setting::valid_and("identity: \"a\\nb\"\n")
        .print()
        .refused_with(&["identity = \"a\\nb\"", "control characters"]);
}

#[test]
fn credentials_that_contradict_are_refused() {
    let with = |more: &str, url: &str| {
        let setting = Setting::file(&format!("{}{more}", voters(&["redis://one", "redis://two", url])));
        setting.write("password", PASSWORD.as_bytes());
        setting
    };
    let url = format!("redis://:{PASSWORD}@three");
    with("auth: {passwordFile: password}\n", &url)
        .print()
        .refused_with(&["voters[2].url", "auth has one too"]);
    with("auth: {username: u, passwordFile: password}\n", "redis://u@three")
        .print()
        .refused_with(&["username", "remove"]);
    let printed = with("auth: {username: u}\n", "redis://three").print();
    printed.refused_with(&["auth.username = \"u\"", "must have a password"]);
    assert_eq!(printed.err.lines().count(), 1, "once, not for each voter: {}", printed.err);
    with("auth: {previousPasswordFile: password}\n", "redis://three")
        .print()
        .refused_with(&["present password"]);
    with("auth: {passwordFile: password, passwordEnv: P}\n", "redis://three")
        .print()
        .refused_with(&["keep one"]);
    with("auth: {passwordEnv: P}\n", "redis://three")
        .print()
        .refused_with(&["passwordEnv = \"P\"", "not set"]);
    let text = format!("auth: {{passwordEnv: {PASSWORD}}}\n");
    with(&text, "redis://three").print().refused_with(&["must be the name of an environment variable"]);
}

#[test]
fn a_password_in_a_url_that_is_refused_is_not_repeated() {
    for url in [
        format!("http://:{PASSWORD}@host"),
        format!("redis://u:{PASSWORD}@host/x"),
        format!("redis://:{PASSWORD}/@host"),
        format!("u:{PASSWORD}@host"),
        format!("redis://host?password={PASSWORD}"),
        format!("redis://:{PASSWORD}%zz@host"),
    ] {
        Setting::file(&voters(&["redis://one", "redis://two", &url]))
            .print()
            .refused_with(&["voters[2].url", "***"]);
        let list = format!("a=redis://one,b=redis://two,c={url}");
        Setting::file("election: orders\n")
            .variable("QUORATE_VOTERS", &list)
            .print()
            .refused_with(&["QUORATE_VOTERS"]);
        let flag = format!("{url}=c");
        Setting::file("election: orders\n").flags(&["--voter", &flag]).print().refused_with(&["--voter"]);
    }
    Setting::file(&format!("election: orders\nvoters: redis://:{PASSWORD}@host\n"))
        .print()
        .refused_with(&["a list"]);
    Setting::file(&format!("election: orders\nvoters: [\"redis://:{PASSWORD}@host\"]\n"))
        .print()
        .refused_with(&["name and url"]);
}

#[test]
fn tls_where_it_cannot_work_is_refused() {
    let text = VOTERS.replace("redis://two:6379\"", "redis://two:6379\", tls: {serverName: redis}");
    Setting::file(&format!("election: orders\n{text}"))
        .print()
        .refused_with(&["voters[1].tls", "not rediss://"]);
    Setting::valid_and("tls: {serverName: \"a b\"}\n")
        .print()
        .refused_with(&["tls.serverName = \"a b\"", "DNS name"]);
    let half = Setting::valid_and("tls: {certFile: cert}\n");
    half.write("cert", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    half.print().refused_with(&["tls.certFile", "needs tls.keyFile", "give both"]);
}

#[test]
fn a_gate_needs_a_pod_to_be_in() {
    Setting::valid_and("gates:\n  podLabel: {enabled: false, key: quorate.dev/role}\n").print().accepted();
    let label = "gates: {podLabel: {enabled: true}}\n";
    let in_cluster = |text: &str| {
        Setting::valid_and(text).variable("KUBERNETES_SERVICE_HOST", "10.0.0.1").variable("POD_NAME", "a")
    };
    Setting::valid_and(label).print().refused_with(&[
        "gates.podLabel.enabled",
        "not in a pod",
        "set it to false",
    ]);
    in_cluster(label).print().refused_with(&["gates.podLabel.enabled", "POD_NAMESPACE", "downward API"]);
    in_cluster(label).variable("POD_NAMESPACE", "b").print().accepted();
    let slice = "gates: {endpointSlice: {enabled: true, service: leader}}\n";
    let named = |text: &str| in_cluster(text).variable("POD_NAMESPACE", "b");
    named(slice)
        .variable("POD_IP", "nowhere")
        .print()
        .refused_with(&["gates.endpointSlice.enabled", "POD_IP"]);
    named(slice).variable("POD_IP", "10.0.0.2").print().accepted();
}

#[test]
fn what_gates_write_to_has_a_fit_name() {
    for (text, fragments) in [
        (
            "gates: {podLabel: {enabled: true, key: \"a/b/c\"}}\n",
            ["gates.podLabel.key = \"a/b/c\"", "at most 54 characters"],
        ),
        ("gates: {endpointSlice: {enabled: true}}\n", ["gates.endpointSlice.service", "must be given"]),
        (
            "gates: {endpointSlice: {enabled: true, service: a.b}}\n",
            ["gates.endpointSlice.service = \"a.b\"", "without the namespace"],
        ),
        ("gates: {leaseMirror: {enabled: true, name: A}}\n", ["gates.leaseMirror.name = \"A\"", "subdomain"]),
        ("gates: {events: {enabled: yes}}\n", ["gates.events.enabled", "true, false"]),
    ] {
        Setting::valid_and(text).print().refused_with(&fragments);
    }
}

#[test]
fn the_fence_and_the_status_file_are_what_they_can_be() {
    for off in ["", "hardFence: none\nstatusFile: \"\"\n"] {
        let printed = Setting::valid_and(off).print().accepted();
        assert!(!printed.contains("statusFile"), "{printed}");
    }
    let printed = Setting::valid_and("hardFence: kill\nstatusFile: /run/q/status\n").print().accepted();
    assert!(
        printed.contains("hardFence: kill\n") && printed.contains("statusFile: /run/q/status\n"),
        "{printed}"
    );
    let flags = ["--hard-fence", "exit", "--status-file", "status"];
    let printed = Setting::valid_and("hardFence: kill\n").flags(&flags).print().accepted();
    assert!(printed.contains("hardFence: exit\n") && printed.contains("statusFile: status\n"), "{printed}");
    for (text, fragments) in [
        ("hardFence: hard\n", ["hardFence = \"hard\"", "none, exit, kill"]),
        ("statusFile: /run/q/\n", ["statusFile = \"/run/q/\"", "the path of a file"]),
        ("statusFile: ..\n", ["statusFile = \"..\"", "the path of a file"]),
    ] {
        Setting::valid_and(text).print().refused_with(&fragments);
    }
}

#[test]
fn words_that_are_none_of_the_allowed_are_refused() {
    for (text, fragments) in [
        ("readiness: both\n", ["readiness = \"both\"", "candidate, leader"]),
        ("onEpochReset: stop\n", ["onEpochReset = \"stop\"", "continue, halt"]),
        ("allowSingleVoter: yes\n", ["allowSingleVoter = \"yes\"", "true, false"]),
        ("log: {level: chatty}\n", ["log.level = \"chatty\"", "error, warn, info, debug, trace"]),
        ("log: {format: xml}\n", ["log.format = \"xml\"", "json, plain, auto"]),
        ("http: {listen: \":9797\"}\n", ["http.listen = \":9797\"", "[::]:9797"]),
    ] {
        Setting::valid_and(text).print().refused_with(&fragments);
    }
}

#[test]
fn yaml_that_is_not_a_plain_mapping_is_refused_with_its_place() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let wide = (0..100_000).fold(String::new(), |text, index| text + &format!("k{index}: 1\n"));
    for (text, fragments) in [
        ("a: [1\n", ["quorate.yaml:", "is not YAML"]),
        ("- a\n", ["quorate.yaml:1:1", "mapping of keys"]),
        ("election: a\nelection: b\n", ["election (quorate.yaml:2:1)", "given twice"]),
        ("election: &a orders\n", ["quorate.yaml:1:", "anchors, aliases or tags"]),
        ("election: !x orders\n", ["quorate.yaml:1:", "anchors, aliases or tags"]),
        ("election: a\n---\nelection: b\n", ["quorate.yaml:2:1", "one document"]),
        ("election: [a]\n", ["quorate.yaml:1:11", "single value"]),
        ("timing: 10s\n", ["timing (quorate.yaml:1:9)", "must be a mapping"]),
        (deep.as_str(), ["quorate.yaml:1:", "nest deeper"]),
        (wide.as_str(), ["quorate.yaml:65:1", "more than 64 entries"]),
    ] {
        Setting::file(text).print().refused_with(&fragments);
    }
    Setting::bytes(b"election: \xff\n").print().refused_with(&["not UTF-8"]);
    Setting::bytes(&vec![b'#'; 1024 * 1024 + 1]).print().refused_with(&["longer than 1024 KiB"]);
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let text = "election: Orders\ntiming: {ttl: 1ms}\nlog: {level: x}\nelecton: y\nvoters: []\n";
    let printed = Setting::file(text).print();
    printed.refused_with(&["election = ", "timing.ttl = ", "log.level = ", "electon", "voters"]);
    assert_eq!(printed.err.lines().count(), 5);
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let printed = Setting::valid_and("").flags(&["--no-such-flag"]).print();
    assert_eq!(printed.code, Some(2));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        load(&bytes);
    }

    #[test]
    fn no_yaml_makes_it_panic(text in "([a-z{}\\[\\],:\\-&*!|>'\"# \\n%@?~]|ttl|voters|name|url|auth|redis://){0,80}") {
        load(text.as_bytes());
    }
}

/// In this process, because a panic of the loader fails the test here as well, a thousand times faster.
fn load(bytes: &[u8]) {
    let setting = Setting::bytes(bytes);
    let flags = quorate::config::Flags {
        file: Some(setting.directory().join("quorate.yaml")),
        ..quorate::config::Flags::default()
    };
    let _ = quorate::config::load(&flags, &quorate::config::Environment::default());
}
