//! How the charts bring Quorate to the work: wrapped around it, and beside it.

use std::fs;
use std::process::Command;

use super::kubernetes::{PATIENT, eventually, name, package, said};
use super::release::{HELMS, Release};
use super::watch::CANDIDATES;
use super::work::{Team, with_voters};
use crate::common::candidate::{boot, since};

#[test]
fn wrapped_work_of_an_old_pod_ends_before_that_of_a_new_one_begins() {
    let values = format!("--values={}", package().join("tests/cluster/wrapped.yaml").display());
    let team = Team::of("wrapped", |space| {
        Release::of(space, HELMS[0]).install_chart(&package().join("charts/quorate"), &[&values]);
    });
    let former = team.last().unwrap();
    let asked = boot();
    team.space.said(&["rollout", "restart", "deployment/elector-quorate"]);
    team.space.said(&["rollout", "status", "deployment/elector-quorate", "--timeout=2m"]);
    println!("measured: rollout of the chart's mode exec: {:.1?}", since(asked));
    let now = || team.space.pods(CANDIDATES).iter().map(name).collect::<Vec<_>>();
    eventually("one of the new ones acts", PATIENT, || {
        team.last().is_some_and(|act| act.pod != former.pod && now().contains(&act.pod))
    });
    assert_eq!(team.late(), []);
}

/// Its worker asks before it acts, and says so.
#[test]
fn a_chart_of_ones_own_with_the_sidecar_rolls_out_and_leadership_goes_along() {
    let space = with_voters("beside");
    let folder = tempfile::tempdir().unwrap();
    for part in ["charts", "deploy/examples"] {
        let (from, to) = (package().join(part), folder.path().join(part));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        said(Command::new("cp").arg("--recursive").args([&from, &to]));
    }
    let orders = folder.path().join("deploy/examples/sidecar-chart");
    let release = Release::of(&space, HELMS[1]);
    release.helm(&["dependency", "update", orders.to_str().unwrap()]);
    let mut values =
        vec!["--set=image=quorate.test/redis:7.0,quorate.timing.preset=fast,quorate.auth=null".to_owned()];
    for (number, name) in ["a", "b", "c"].into_iter().enumerate() {
        let voter = format!("quorate.voters[{number}]");
        values.push(format!("--set={voter}.name={name},{voter}.url=redis://voter-{number}.voters:6379"));
    }
    release.install_chart(&orders, &values.iter().map(String::as_str).collect::<Vec<_>>());

    let leader = || {
        let status = ["--container=quorate", "--", "/quorate", "status", "--output=json"];
        let output =
            space.kubectl(&[&["exec", "deploy/elector-orders"][..], &status].concat()).output().unwrap();
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        status["leader"]["identity"].as_str().map(str::to_owned)
    };
    let works = |pod: &str| space.said(&["logs", pod, "--container=orders"]).contains("leading");
    eventually("one leads and works", PATIENT, || leader().is_some_and(|it| works(&it)));
    let before = leader().unwrap();
    space.said(&["rollout", "restart", "deployment/elector-orders"]);
    space.said(&["rollout", "status", "deployment/elector-orders", "--timeout=2m"]);
    eventually("one of the new ones leads and works", PATIENT, || {
        let pods = || space.pods("app.kubernetes.io/name=orders");
        leader().is_some_and(|it| it != before && pods().iter().map(name).any(|pod| pod == it) && works(&it))
    });
}
