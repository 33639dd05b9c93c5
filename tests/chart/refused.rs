//! Values that are refused, each with a sentence: which value, and what to do.

use super::harness::{HELMS, chart, template};

/// Values, and words that the sentence must have.
const REFUSED: &[(&[&str], &[&str])] = &[
    (&[], &["no voters", "bundledVoters.enabled=true"]),
    (&["bundledVoters.enabled=true", "replicaCount=3"], &["replicaCount"]),
    (&["bundledVoters.enabled=true", "timing.tll=5s"], &["tll"]),
    (&["bundledVoters.enabled=true", "timing.ttl=5 seconds"], &["ttl"]),
    (&["bundledVoters.enabled=true", "readiness=always"], &["readiness"]),
    (&["bundledVoters.enabled=true", "bundledVoters.replicas=4"], &["replicas"]),
    (&["bundledVoters.enabled=true", "image.digest=latest"], &["digest"]),
    (&["bundledVoters.enabled=true", "election=Orders"], &["election"]),
    (&["bundledVoters.enabled=true", "mode=sidecar"], &["mode"]),
    (&["bundledVoters.enabled=true", "mode=exec"], &["mode=exec", "work.image.repository"]),
    (
        &["bundledVoters.enabled=true", "mode=exec", "work.image.repository=orders"],
        &["neither a tag nor a digest"],
    ),
    (
        &["bundledVoters.enabled=true", "mode=exec", "work.image.repository=orders", "work.image.tag=v1"],
        &["work.command", "whole command line"],
    ),
    (
        &[
            "bundledVoters.enabled=true",
            "mode=exec",
            "work.image.repository=orders",
            "work.image.tag=v1",
            "work.command[0]=orders",
            "work.options[0]=--",
        ],
        &["work.options has --", "work.command"],
    ),
    (&["bundledVoters.enabled=true", "work.command[0]=orders"], &["mode=standalone", "set mode=exec"]),
    (&["bundledVoters.enabled=true", "work.statusFile=true"], &["mode=standalone", "set mode=exec"]),
    (
        &["bundledVoters.enabled=true", "podMonitor.enabled=true", "serviceMonitor.enabled=true"],
        &["scraped twice", "enable one"],
    ),
    (&["bundledVoters.enabled=true", "gates.podLabl.enabled=true"], &["podLabl"]),
    (&["bundledVoters.enabled=true", "gates.podLabel.key=a b"], &["key"]),
    (
        &[
            "bundledVoters.enabled=true",
            "prometheusRule.enabled=true",
            "prometheusRule.alerts.NoLeadr.enabled=false",
        ],
        &["NoLeadr", "NoLeader"],
    ),
    (
        &["bundledVoters.enabled=true", "readiness=leader", "podDisruptionBudget.enabled=true"],
        &["podDisruptionBudget.enabled", "drain", "auto"],
    ),
    (
        &["bundledVoters.enabled=true", "terminationGracePeriodSeconds=10"],
        &["terminationGracePeriodSeconds=10", "35", "drainTimeout"],
    ),
    (
        &["bundledVoters.enabled=true", "auth.existingSecret=x"],
        &["auth.existingSecret", "bundledVoters.existingSecret"],
    ),
    (
        &["bundledVoters.enabled=true", "voters[0].name=a", "voters[0].url=redis://a"],
        &["voters and bundledVoters.enabled", "your own"],
    ),
    (&["voters[0].name=a", "voters[0].url=redis://a"], &["one server", "allowSingleVoter=true"]),
    (
        &["voters[0].name=a", "voters[0].url=redis://a", "voters[1].name=b", "voters[1].url=redis://b"],
        &["2 servers", "even", "3, 5, 7 or 9"],
    ),
    (&THREE_WITH_A_NAME_TWICE, &["two voters", "name a"]),
    (&THREE_WITH_A_SERVER_TWICE, &["voters a and c", "redis-a:6379", "vote twice"]),
    (&["voters[0].name=a", "voters[0].url=http://a", "allowSingleVoter=true"], &["url"]),
    (
        &["voters[0].name=a", "voters[0].url=redis://a", "voters[0].password=x", "allowSingleVoter=true"],
        &["password"],
    ),
    (
        &["voters[0].name=a", "voters[0].url=redis://user:sesame@a", "allowSingleVoter=true"],
        &["voter a", "Secret", "auth.existingSecret"],
    ),
];
const THREE_WITH_A_NAME_TWICE: [&str; 6] = [
    "voters[0].name=a",
    "voters[0].url=redis://x",
    "voters[1].name=b",
    "voters[1].url=redis://y",
    "voters[2].name=a",
    "voters[2].url=redis://z",
];
const THREE_WITH_A_SERVER_TWICE: [&str; 6] = [
    "voters[0].name=a",
    "voters[0].url=redis://redis-a",
    "voters[1].name=b",
    "voters[1].url=redis://redis-b",
    "voters[2].name=c",
    "voters[2].url=rediss://redis-a:6379/2",
];

#[test]
fn bad_values_get_a_sentence() {
    for helm in HELMS {
        for (values, words) in REFUSED {
            let arguments: Vec<_> = values.iter().flat_map(|value| ["--set", value]).collect();
            let output = template(helm, &chart(), &arguments);
            let told = String::from_utf8(output.stderr).unwrap();
            assert!(!output.status.success(), "{helm} took {values:?}");
            for word in *words {
                assert!(told.contains(word), "{helm} {values:?} lacks {word:?}: {told}");
            }
            assert!(!told.contains("sesame"), "{told}");
        }
    }
}

#[test]
fn an_election_s_name_that_grew_too_long_is_refused() {
    let space = "s".repeat(60);
    let output =
        template("helm-4", &chart(), &["--set", "bundledVoters.enabled=true", "--namespace", &space]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("longer than 63 characters: set election"));
}
