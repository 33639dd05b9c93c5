//! The scripts of the voters in the box, with real servers: who may log in to what, and when a voter calls itself ready.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Output};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use super::harness::{IN_THE_BOX, chart, object, objects, rendered};
use crate::common::Version;
use crate::common::candidate::{Launch, eventually};

const TTL: Duration = Duration::from_secs(2);

/// A voter as its Pod starts it.
struct Boxed {
    folder: TempDir,
    port: u16,
    server: Child,
    program: &'static str,
}

impl Boxed {
    fn start(version: Version) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = if version == Version::Valkey81 { "valkey" } else { "redis" };
        let programs = folder.path().join("bin");
        fs::create_dir(&programs).unwrap();
        let own = version.binary();
        let own = if own.is_absolute() { own } else { which(&own.display().to_string()) };
        symlink(own, programs.join(format!("{program}-server"))).unwrap();
        // One client speaks to all of them.
        symlink(which("redis-cli"), programs.join(format!("{program}-cli"))).unwrap();
        fs::write(folder.path().join("password"), "sesame").unwrap();
        fs::write(folder.path().join("previousPassword"), "abracadabra").unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = script(&folder, port, program, "voter-start.sh").spawn().unwrap();
        let voter = Self { folder, port, server, program };
        eventually("it answers", || voter.cli("quorate", "sesame", &["ping"]) == "PONG");
        voter
    }

    fn cli(&self, user: &str, password: &str, command: &[&str]) -> String {
        let port = self.port.to_string();
        let output = Command::new("redis-cli")
            .args(["-p", &port, "--user", user, "--no-auth-warning", "--pass", password])
            .args(command)
            .output()
            .unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap().trim().to_owned()
    }

    /// Whether the probe lets it vote, and what it says.
    fn may_vote(&self, forgotten_after: u64) -> (bool, String) {
        let mut probe = script(&self.folder, self.port, self.program, "voter-may-vote.sh");
        let Output { status, stdout, stderr } =
            probe.env("FORGOTTEN_AFTER", forgotten_after.to_string()).output().unwrap();
        (status.success(), String::from_utf8([stdout, stderr].concat()).unwrap())
    }
}

impl Drop for Boxed {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.server.id().cast_signed()), Signal::SIGKILL);
        let _ = self.server.wait();
    }
}

/// The script with the environment that the `StatefulSet` gives it, but for the places of this machine.
fn script(folder: &TempDir, port: u16, program: &str, name: &str) -> Command {
    let path = std::env::var("PATH").unwrap();
    let text = fs::read_to_string(chart().join("files").join(name)).unwrap();
    let own = folder.path().join(name);
    // Pods have a /tmp of their own.
    fs::write(&own, text.replace("/tmp", folder.path().to_str().unwrap())).unwrap();
    let mut command = Command::new("sh");
    command.arg(own).env_clear().env("PATH", format!("{}/bin:{path}", folder.path().display()));
    command.env("PROGRAM", program).env("SECRETS", folder.path()).env("KEY_PREFIX", "quorate");
    command.env("PORT", port.to_string());
    command.stdout(std::process::Stdio::piped());
    command
}

fn which(program: &str) -> std::path::PathBuf {
    let paths = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&paths)
        .map(|path| path.join(program))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("no {program}"))
}

#[test]
fn users_have_their_rights_and_no_other() {
    for version in [Version::Redis62, Version::Redis70, Version::Valkey81] {
        let voter = Boxed::start(version);
        assert!(
            voter.cli("default", "", &["ping"]).contains("NOAUTH")
                || voter.cli("default", "", &["ping"]).contains("WRONGPASS"),
            "{version:?}"
        );
        assert_eq!(
            voter.cli("quorate", "abracadabra", &["ping"]),
            "PONG",
            "{version:?}: the previous password"
        );
        assert!(voter.cli("quorate", "wrong", &["ping"]).contains("WRONGPASS"), "{version:?}");
        assert!(voter.cli("quorate", "sesame", &["set", "other", "1"]).contains("NOPERM"), "{version:?}");
        assert!(voter.cli("quorate", "sesame", &["config", "get", "*"]).contains("NOPERM"), "{version:?}");
        assert!(
            voter.cli("probe", "sesame", &["hset", "quorate:{x}:record", "a", "b"]).contains("NOPERM"),
            "{version:?}"
        );
        assert!(
            voter.cli("probe", "sesame", &["get", "quorate:{x}:lease"]).contains("NOPERM"),
            "{version:?}"
        );
    }
}

#[test]
fn a_voter_is_ready_when_it_may_vote() {
    let voters = [Version::Redis70, Version::Redis62, Version::Valkey81].map(Boxed::start);
    for voter in &voters {
        let (ready, told) = voter.may_vote(3600);
        assert!(!ready && told.contains("no record yet"), "{told}");
        assert!(voter.may_vote(0).0, "up for long enough, and knows no election");
    }

    let urls = ["a", "b", "c"]
        .into_iter()
        .zip(&voters)
        .map(|(name, voter)| (name, format!("redis://quorate:sesame@127.0.0.1:{}", voter.port)));
    let agent = Launch::new("candidate", urls, TTL).start();
    eventually("all three are joining", || {
        voters.iter().all(|voter| voter.may_vote(0).1.contains("joining"))
    });
    assert!(
        voters.iter().all(|voter| !voter.may_vote(0).0),
        "a record that is joining counts more than the time"
    );
    eventually("it leads", || agent.leads());
    eventually("all three may vote", || voters.iter().all(|voter| voter.may_vote(3600).0));
}

#[test]
fn a_voter_is_asked_with_the_previous_password_until_it_restarts_with_the_new_one() {
    let voter = Boxed::start(Version::Redis70);
    fs::write(voter.folder.path().join("previousPassword"), "sesame").unwrap();
    fs::write(voter.folder.path().join("password"), "open").unwrap();
    assert_eq!(voter.may_vote(0), (true, String::new()));
    fs::write(voter.folder.path().join("previousPassword"), "forgotten").unwrap();
    assert!(!voter.may_vote(0).0);
}

/// The wait of a voter that knows nothing is longer than anybody's belief.
#[test]
fn the_probe_waits_longer_than_a_ttl() {
    for (ttl, seconds) in [("2s", 4), ("10s", 12), ("30s", 32), ("5m", 307)] {
        let ttl = format!("timing.ttl={ttl}");
        let all = objects(&rendered("helm-4", &[&IN_THE_BOX[..], &["--set", &ttl]].concat()));
        let container = &object(&all, "StatefulSet", "-voter")["spec"]["template"]["spec"]["containers"][0];
        let is_it = |one: &&Value| one["name"] == "FORGOTTEN_AFTER";
        let told = container["env"].as_array().unwrap().iter().find(is_it).unwrap();
        assert_eq!(told["value"], seconds.to_string(), "{ttl}");
    }
}
