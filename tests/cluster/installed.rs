//! `helm install` and what follows, with Helm 3 and 4.

use std::time::Duration;

use super::kubernetes::{PATIENT, Space, eventually, is_ready, name, package};
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
        let chart = package().join("charts/quorate");
        let chart = chart.to_str().unwrap();
        release.helm(&[
            "upgrade",
            "elector",
            chart,
            "--reuse-values",
            "--set=log.level=debug",
            "--wait",
            "--timeout=2m",
        ]);
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
