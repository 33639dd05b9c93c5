//! `helm install` and what follows, with Helm 3 and 4.

use std::time::Duration;

use super::kubernetes::{PATIENT, Space, eventually, is_ready, name};
use super::release::{HELMS, Release};
use super::watch::Watch;

/// Long enough for a second leader to show.
const LOOK: Duration = Duration::from_secs(3);

/// Helm 3 already returns when all but `maxUnavailable` of them are.
fn all_are_ready(release: &Release) {
    eventually("three candidates, all Ready", PATIENT, || {
        let candidates = release.candidates();
        candidates.len() == 3 && candidates.iter().all(is_ready)
    });
}

#[test]
fn it_is_installed_tested_upgraded_rolled_back_and_removed() {
    for helm in HELMS {
        let space = Space::new(helm);
        let release = Release::install(&space, helm, &[]);
        all_are_ready(&release);
        let watch = Watch::over(&space);
        std::thread::sleep(LOOK);
        watch.end().was_only_handed_over(0..=0);

        release.helm(&["test", "elector", "--timeout=1m"]);

        let watch = Watch::over(&space);
        release.upgrade("log.level=debug");
        all_are_ready(&release);
        release.helm(&["rollback", "elector", "1", "--wait", "--timeout=2m"]);
        let watched = watch.end();
        println!(
            "measured: without a leader, upgrade and rollback: {:.0?} at most",
            watched.longest_without()
        );
        watched.was_only_handed_over(1..=6);

        release.helm(&["uninstall", "elector", "--wait", "--timeout=2m"]);
        // Helm 3 does not wait for Pods that are on their way out. The Secret with the voters' password stays.
        let left = || {
            let what = ["all,configmaps,secrets", "--selector", "app.kubernetes.io/instance=elector"];
            let left = space.get(&what);
            left["items"].as_array().unwrap().iter().map(name).collect::<Vec<_>>()
        };
        eventually("all is gone but the Secret", PATIENT, || left() == ["elector-quorate-voters"]);
    }
}

/// With the ttl everything restarts: the candidates, and the voters, whose probe knows it.
#[test]
fn other_timings_fewer_candidates_and_a_new_password_only_hand_over() {
    let space = Space::new("upgrade");
    let release = Release::install(&space, HELMS[1], &[]);
    let password = || space.get(&["secret", "elector-quorate-voters"])["data"]["password"].clone();
    let first = password();
    let watched = |changes: &[&str]| {
        let watch = Watch::over(&space);
        eventually("the watch sees who leads", PATIENT, || watch.leader().is_some());
        for change in changes {
            release.upgrade(change);
            space.said(&["rollout", "status", "statefulset/elector-quorate-voter", "--timeout=3m"]);
        }
        watch.end()
    };
    let both = watched(&["timing.ttl=8s", "replicas=2"]);
    println!("measured: without a leader, ttl and replicas: {:.0?} at most", both.longest_without());
    both.was_only_handed_over(1..=4);
    assert_eq!(release.candidates().len(), 2);
    watched(&["bundledVoters.passwordRotation=1"]).was_only_handed_over(0..=0);
    assert_ne!(password(), first);
    let told = release.failed(&["--set=bundledVoters.replicas=5"]);
    assert!(told.contains("votersChanged=iStoppedEverything"), "{told}");
}
