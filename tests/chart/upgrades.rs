//! The chart inside another one, and what an upgrade refuses. The guard is called with what would be installed, because
//! only a cluster could look it up.

use std::fs;
use std::path::Path;

use super::harness::{HELMS, chart, object, objects, template};

/// A chart that depends on ours and does this besides.
fn parent(folder: &Path, besides: &str) {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "Chart.yaml",
        "apiVersion: v2\nname: parent\nversion: 1.0.0\n\
         dependencies: [{name: quorate, version: \">=0.1.0\", condition: quorate.enabled}]\n",
    );
    write("values.yaml", "global: {team: orders}\nquorate:\n  bundledVoters: {enabled: true}\n");
    write("templates/besides.yaml", besides);
    fs::create_dir_all(folder.join("charts")).unwrap();
    let copied =
        std::process::Command::new("cp").arg("-r").arg(chart()).arg(folder.join("charts")).status().unwrap();
    assert!(copied.success());
}

#[test]
fn it_serves_as_a_dependency_and_can_be_switched_off() {
    for helm in HELMS {
        let folder = tempfile::tempdir().unwrap();
        parent(folder.path(), "");
        let output = template::<&str>(helm, folder.path(), &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let all = objects(&String::from_utf8(output.stdout).unwrap());
        assert_eq!(object(&all, "Deployment", "")["metadata"]["name"], "release-quorate");
        let output = template(helm, folder.path(), &["--set", "quorate.enabled=false"]);
        assert!(output.status.success() && objects(&String::from_utf8(output.stdout).unwrap()).is_empty());
    }
}

/// What the guard says where `installed` was there before.
fn refused(installed: &str, more: &[&str]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let call =
        format!("{{{{- include \"quorate.guardChange\" (list .Subcharts.quorate (dict {installed})) -}}}}\n");
    parent(folder.path(), &call);
    let output = template("helm-4", folder.path(), more);
    (!output.status.success()).then(|| String::from_utf8(output.stderr).unwrap())
}

/// As the chart writes it for three voters in the box.
const SAME: &str = "\"quorate.dev/voters\" \"voter-0=redis://release-quorate-voter-0.release-quorate-voters.space.svc:6379 \
                    voter-1=redis://release-quorate-voter-1.release-quorate-voters.space.svc:6379 \
                    voter-2=redis://release-quorate-voter-2.release-quorate-voters.space.svc:6379\"";
const OTHERS: &str = "\"quorate.dev/voters\" \"a=redis://a b=redis://b c=redis://c\"";

#[test]
fn other_voters_are_refused_unless_everything_was_stopped() {
    assert_eq!(refused(SAME, &[]), None);
    let told = refused(OTHERS, &[]).unwrap();
    for word in ["a=redis://a", "voter-0=", "quorate reset", "votersChanged=iStoppedEverything"] {
        assert!(told.contains(word), "{told}");
    }
    assert_eq!(refused(OTHERS, &["--set", "quorate.votersChanged=iStoppedEverything"]), None);
}

#[test]
fn another_name_is_refused_unless_everything_was_stopped() {
    let before = "\"quorate.dev/election\" \"quorate/space-release\"";
    assert_eq!(refused(before, &[]), None);
    for more in ["quorate.election=other", "quorate.keyPrefix=other"] {
        let told = refused(before, &["--set", more]).unwrap();
        for word in
            ["quorate/space-release", "other", "beside each other", "votersChanged=iStoppedEverything"]
        {
            assert!(told.contains(word), "{told}");
        }
        let stopped = ["--set", more, "--set", "quorate.votersChanged=iStoppedEverything"];
        assert_eq!(refused(before, &stopped), None);
    }
}

#[test]
fn a_ttl_changes_by_at_most_a_factor_of_two() {
    for (before, is_taken) in [(10_000, true), (5_000, true), (20_000, true), (4_999, false), (20_001, false)]
    {
        let told = refused(&format!("\"quorate.dev/ttl-ms\" \"{before}\""), &[]);
        assert_eq!(told.is_none(), is_taken, "{before}: {told:?}");
        assert!(told.is_none_or(|told| told.contains("factor of two") && told.contains(&before.to_string())));
    }
}

/// What a Secret becomes where `there` was before and this number is wanted: the number and both passwords.
fn rotated(helm: &str, there: &str, wanted: &str) -> [String; 3] {
    let folder = tempfile::tempdir().unwrap();
    let arguments = format!("(list {wanted} ({there}))");
    let call = format!(
        "kind: Secret\nrotation: {{{{ include \"quorate.laterRotation\" {arguments} | quote }}}}\n\
         {{{{ include \"quorate.voterPasswords\" {arguments} }}}}\n"
    );
    parent(folder.path(), &call);
    let output = template::<&str>(helm, folder.path(), &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all = objects(&String::from_utf8(output.stdout).unwrap());
    let secret = all.iter().find(|one| one["rotation"].is_string()).unwrap();
    ["rotation", "password", "previousPassword"].map(|key| secret[key].as_str().unwrap().to_owned())
}

#[test]
fn a_larger_number_rotates_the_password_and_no_other_does() {
    let there = |rotation: &str| {
        format!(
            "dict \"metadata\" (dict \"annotations\" (dict \"quorate.dev/password-rotation\" \"{rotation}\")) \
             \"data\" (dict \"password\" \"present\" \"previousPassword\" \"former\")"
        )
    };
    for helm in HELMS {
        for (before, wanted) in [("0", "0"), ("2", "2"), ("2", "1"), ("2", "0"), ("2", "nil"), ("2", "2.0")] {
            assert_eq!(
                rotated(helm, &there(before), wanted),
                [before, "present", "former"],
                "{before}, {wanted}"
            );
        }
        for (before, wanted) in [("0", "1"), ("1", "3"), ("1", "3.0")] {
            let [rotation, password, previous] = rotated(helm, &there(before), wanted);
            assert_eq!((&*rotation, &*previous), (&wanted[..1], "present"));
            assert!(!["present", "former"].contains(&&*password), "{password}");
        }
        let [rotation, password, previous] = rotated(helm, "dict", "1");
        assert!(rotation == "1" && password != previous, "a first installation");
    }
}

/// What the next upgrade is compared with is what this one writes.
#[test]
fn the_installed_release_tells_its_voters_and_its_ttl() {
    let output = template("helm-4", &chart(), &super::harness::IN_THE_BOX);
    let all = objects(&String::from_utf8(output.stdout).unwrap());
    let map = all.iter().find(|one| one["data"]["quorate.yaml"].is_string()).unwrap();
    let notes = &map["metadata"]["annotations"];
    assert!(SAME.contains(notes["quorate.dev/voters"].as_str().unwrap()), "{notes}");
    assert_eq!(notes["quorate.dev/ttl-ms"], "10000");
    assert_eq!(notes["quorate.dev/election"], "quorate/space-release");
}
