//! Which source wins, and what the environment is asked for.

use quorate::config::{Config, Environment, Flags, load};

use super::harness::{PASSWORD, Setting, VOTERS, line};

#[test]
fn the_environment_beats_the_file_and_flags_beat_both() {
    let setting = Setting::valid_and("cluster: from-file\nlog: {level: warn}\ntiming: {ttl: 20s}\n");
    assert_eq!(line(&setting.print().accepted(), "cluster"), "cluster: from-file");
    let setting =
        setting.variable("QUORATE_CLUSTER", "from-environment").variable("QUORATE_TIMING_TTL", "1m30s");
    let yaml = setting.print().accepted();
    assert_eq!(line(&yaml, "cluster"), "cluster: from-environment");
    assert_eq!(line(&yaml, "ttl"), "ttl: 1m30s");
    let yaml = setting.flags(&["--cluster", "from-flag"]).print().accepted();
    assert_eq!(line(&yaml, "cluster"), "cluster: from-flag");
    assert_eq!(line(&yaml, "level"), "level: warn");
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let setting = Setting::valid_and("cluster: from-file\n").variable("QUORATE_CLUSTER", "");
    assert_eq!(line(&setting.print().accepted(), "cluster"), "cluster: from-file");
}

#[test]
fn voters_of_a_later_source_replace_the_whole_list() {
    let setting =
        Setting::valid_and("").variable("QUORATE_VOTERS", "x=redis://x, y=redis://y ,z=unix:///r.sock?db=2");
    let yaml = setting.print().accepted();
    assert!(!yaml.contains("redis://one"), "{yaml}");
    assert!(yaml.contains("redis://y:6379") && yaml.contains("unix:///r.sock?db=2"), "{yaml}");
    let yaml = setting.flags(&["--voter", "k=redis://k:1", "--allow-single-voter"]).print().accepted();
    assert!(yaml.contains("redis://k:1") && !yaml.contains("redis://x"), "{yaml}");
}

#[test]
fn a_preset_is_a_ttl_and_the_later_of_the_two_wins() {
    for (preset, ttl) in [("fast", "5s"), ("lan", "10s"), ("regions", "30s")] {
        let yaml = Setting::valid_and(&format!("timing: {{preset: {preset}}}\n")).print().accepted();
        assert_eq!(line(&yaml, "ttl"), format!("ttl: {ttl}"));
    }
    let both = Setting::valid_and("timing: {preset: fast, ttl: 20s}\n");
    assert_eq!(line(&both.print().accepted(), "ttl"), "ttl: 20s");
    let both = both.variable("QUORATE_TIMING_PRESET", "regions");
    assert_eq!(line(&both.print().accepted(), "ttl"), "ttl: 30s");
    assert_eq!(line(&both.flags(&["--ttl", "7s"]).print().accepted(), "ttl"), "ttl: 7s");
}

#[test]
fn what_is_not_given_is_derived_from_the_ttl() {
    let yaml = Setting::valid_and("timing: {ttl: 20s}\n").print().accepted();
    for expected in [
        "renewInterval: 4s",
        "observeInterval: 1s",
        "voterTimeout: 1s",
        "stopGrace: 6s",
        "fenceMargin: 1s",
        "drainTimeout: 30s",
    ] {
        assert!(yaml.lines().any(|line| line.trim() == expected), "{expected} is missing in {yaml}");
    }
}

fn loaded(variables: &[(&str, &str)], host_name: Option<&str>) -> Config {
    let setting = Setting::valid_and("");
    let flags = Flags { file: Some(setting.directory().join("quorate.yaml")), ..Flags::default() };
    load(&flags, &Environment::new(variables.iter().copied(), host_name)).unwrap().config
}

#[test]
fn the_pod_is_preferred_to_the_host_for_what_people_are_told() {
    let pod = loaded(&[("POD_NAME", "orders-0"), ("POD_IP", "fd00::7")], Some("host"));
    assert_eq!(pod.identity, "orders-0");
    assert_eq!(pod.advertise.address(9797), "[fd00::7]:9797");
    let host = loaded(&[], Some("host"));
    assert_eq!((host.identity.as_str(), host.advertise.address(1).as_str()), ("host", "host:1"));
}

#[test]
fn an_unknown_name_in_the_environment_only_warns_with_the_nearest_known_one() {
    let printed = Setting::valid_and("").variable("QUORATE_LOG_LEVLE", "warn").print();
    assert!(
        printed.err.contains("QUORATE_LOG_LEVLE") && printed.err.contains("QUORATE_LOG_LEVEL"),
        "{}",
        printed.err
    );
    printed.accepted();
}

#[test]
fn what_kubernetes_and_exec_put_into_the_environment_is_ignored() {
    let printed = Setting::valid_and("")
        .variable("QUORATE_PORT", "tcp://10.0.0.1:9797")
        .variable("QUORATE_SERVICE_HOST", "10.0.0.1")
        .variable("QUORATE_PORT_9797_TCP_ADDR", "10.0.0.1")
        .variable("QUORATE_TERM", "7")
        .variable("QUORATE_ADDRESS", "10.0.0.1:9797")
        .print();
    assert_eq!(printed.err, "");
    printed.accepted();
}

#[test]
fn a_voters_own_credentials_override_the_common_ones_and_its_password_goes_nowhere_else() {
    let text = VOTERS.replace("redis://three:6379\"", "redis://three:6379\", auth: {passwordEnv: C}");
    let common = "auth: {username: quorate, passwordFile: now, previousPasswordFile: before}\n";
    let setting = Setting::file(&format!("election: orders\n{text}{common}")).variable("C", PASSWORD);
    setting.write("now", PASSWORD.as_bytes());
    setting.write("before", PASSWORD.as_bytes());
    let yaml = setting.print().accepted();
    let (common, own) = yaml.split_at(yaml.find("three").unwrap());
    assert!(
        common.contains("passwordFile: now") && common.contains("previousPasswordFile: before"),
        "{yaml}"
    );
    assert!(own.contains("username: quorate") && own.contains("passwordEnv: C"), "{yaml}");
    assert!(!own.contains("previousPasswordFile") && !own.contains("passwordFile"), "{yaml}");
}

#[test]
fn a_password_named_by_a_later_source_replaces_that_of_an_earlier() {
    let setting = Setting::valid_and("auth: {passwordFile: now}\n");
    setting.write("now", b"from file");
    let setting = setting.variable("QUORATE_AUTH_PASSWORD_ENV", "P").variable("P", PASSWORD);
    let yaml = setting.print().accepted();
    assert!(yaml.contains("passwordEnv: P") && !yaml.contains("passwordFile"), "{yaml}");
}

#[test]
fn tls_that_no_voter_uses_is_worth_a_warning() {
    let printed = Setting::valid_and("tls: {serverName: redis}\n").print();
    assert!(printed.err.contains("nothing is encrypted"), "{}", printed.err);
    printed.accepted();
}
