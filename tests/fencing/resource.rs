//! The resources, each a process of its own, and how a test asks them: by the examples that people read.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use quorate::local::LocalServer;
use tempfile::TempDir;

use crate::common::Version;
use crate::common::candidate::eventually;
use crate::common::forwarder::Forwarder;

/// A file of the examples.
pub fn example(name: &str) -> String {
    format!("{}/examples/fencing/{name}", env!("CARGO_MANIFEST_DIR"))
}

pub trait Resource {
    /// What asks it.
    fn example(&self) -> &'static str;

    /// Where it is, for the example.
    fn environment(&self) -> Vec<(&'static str, String)>;

    /// A write that has been sent and has not arrived.
    fn send_late(&self, term: u64, value: u64) -> Late;

    fn command(&self, term: u64, arguments: &[&str]) -> Command {
        let mut command = Command::new(example(self.example()));
        command.args(arguments).envs(self.environment()).env("QUORATE_TERM", term.to_string());
        command
    }

    /// Whether it did what it was asked for, and what it said.
    fn ask(&self, term: u64, arguments: &[&str]) -> (bool, String) {
        said(self.command(term, arguments).output().unwrap())
    }

    fn read(&self) -> u64 {
        let (is_well, said) = self.ask(0, &["read"]);
        // Nothing is there before the first write.
        if is_well { said.parse().unwrap_or(0) } else { 0 }
    }
}

fn said(output: Output) -> (bool, String) {
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.success(), said.trim().to_owned())
}

/// On its way.
pub struct Late {
    sender: Child,
    /// Held by the network, or by its sender's having been stopped.
    network: Option<Forwarder>,
}

impl Late {
    fn held_by_network(mut command: Command, network: Forwarder) -> Self {
        let sender = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self { sender, network: Some(network) }
    }

    fn held_by_stop(command: &Command) -> Self {
        let mut stopped = Command::new("sh");
        stopped.args(["-c", "kill -STOP $$; exec \"$@\"", "sh"]).arg(command.get_program());
        stopped.args(command.get_args());
        stopped.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let sender = stopped.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stat = format!("/proc/{}/stat", sender.id());
        eventually("stopped", || std::fs::read_to_string(&stat).unwrap().contains(") T "));
        Self { sender, network: None }
    }

    /// Arrives now. Answers whether it was taken, and what was said.
    pub fn arrive(self) -> (bool, String) {
        match &self.network {
            Some(network) => network.heal(),
            None => {
                kill(Pid::from_raw(i32::try_from(self.sender.id()).unwrap()), Signal::SIGCONT).unwrap();
            }
        }
        said(self.sender.wait_with_output().unwrap())
    }
}

/// A process that is killed with its value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server of Debian's package, at a Unix socket.
pub struct Postgres {
    server: Server,
    directory: TempDir,
}

impl Postgres {
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let user = unprivileged();
        if let Some((uid, gid)) = user {
            chown(directory.path(), Some(uid), Some(gid)).unwrap();
        }
        let data = directory.path().join("data");
        let run = |program: &str| {
            let mut command = Command::new(binaries().join(program));
            command
                .current_dir(directory.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command
        };
        let made = run("initdb").arg("-D").arg(&data).args(["-A", "trust", "-N", "-U", "tester"]).status();
        assert!(made.unwrap().success(), "initdb failed");
        let mut server = run("postgres");
        server.arg("-D").arg(&data).arg("-k").arg(directory.path()).args(["-h", "", "-F"]);
        let postgres = Self { server: Server(server.spawn().unwrap()), directory };
        let table = std::fs::read_to_string(example("postgresql.sql")).unwrap();
        eventually("it answers", || postgres.psql(&["-c", "SELECT 1"]));
        assert!(postgres.psql(&["-v", "ON_ERROR_STOP=1", "-c", &table]));
        postgres
    }

    fn psql(&self, arguments: &[&str]) -> bool {
        let output =
            Command::new("psql").args(["-X", "-q"]).args(arguments).envs(self.environment()).output();
        output.unwrap().status.success()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its children end with it at once, and before the directory goes.
        let pid = Pid::from_raw(i32::try_from(self.server.0.id()).unwrap());
        let _ = kill(pid, Signal::SIGQUIT);
        let _ = self.server.0.wait();
    }
}

/// Where Debian has the server's programs, which are not in PATH.
fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest =
        versions.map(|entry| entry.path().join("bin")).filter(|path| path.join("initdb").exists()).max();
    newest.unwrap_or_else(|| panic!("PostgreSQL is missing: run `scripts/tools.sh resources`"))
}

/// The user and group that its server gets where we are root, as whom it refuses to run.
fn unprivileged() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse::<u32>().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let found = id(&["-u", "postgres"]).zip(id(&["-g", "postgres"]));
    assert!(found.is_some(), "there is no user for PostgreSQL: run `scripts/tools.sh resources`");
    found
}

impl Resource for Postgres {
    fn example(&self) -> &'static str {
        "postgresql.sh"
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let here = self.directory.path().to_str().unwrap().to_owned();
        vec![("PGHOST", here), ("PGUSER", "tester".to_owned()), ("PGDATABASE", "postgres".to_owned())]
    }

    fn send_late(&self, term: u64, value: u64) -> Late {
        Late::held_by_stop(&self.command(term, &["write", &value.to_string()]))
    }
}

/// A Redis that is no voter.
pub struct Redis(LocalServer);

impl Redis {
    pub fn start() -> Self {
        Self(Version::Redis70.start())
    }
}

impl Resource for Redis {
    fn example(&self) -> &'static str {
        "redis.sh"
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![("REDIS_PORT", self.0.port().to_string())]
    }

    fn send_late(&self, term: u64, value: u64) -> Late {
        let network = Forwarder::to(self.0.port());
        network.cut();
        let mut command = self.command(term, &["write", &value.to_string()]);
        command.env("REDIS_PORT", network.port().to_string());
        Late::held_by_network(command, network)
    }
}

/// `service.py`.
pub struct Service {
    server: Server,
    port: u16,
    directory: TempDir,
}

impl Service {
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (server, port) = Self::serve(directory.path());
        Self { server, port, directory }
    }

    fn serve(directory: &Path) -> (Server, u16) {
        let mut server = Command::new(example("service.py"));
        server.arg(directory.join("value")).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = server.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.as_mut().unwrap().by_ref()).read_line(&mut line).unwrap();
        (Server(server), line.trim().parse().unwrap())
    }

    pub fn restart(&mut self) {
        let (server, port) = Self::serve(self.directory.path());
        self.server = server;
        self.port = port;
    }
}

impl Resource for Service {
    fn example(&self) -> &'static str {
        "client.py"
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![("SERVICE", format!("http://127.0.0.1:{}", self.port))]
    }

    fn send_late(&self, term: u64, value: u64) -> Late {
        let network = Forwarder::to(self.port);
        network.cut();
        let mut command = self.command(term, &["write", &value.to_string()]);
        command.env("SERVICE", format!("http://127.0.0.1:{}", network.port()));
        Late::held_by_network(command, network)
    }
}

/// A file, written to by `file.sh` alone.
pub struct File(TempDir);

impl File {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Resource for File {
    fn example(&self) -> &'static str {
        "file.sh"
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![("FILE", self.0.path().join("value").to_str().unwrap().to_owned())]
    }

    fn send_late(&self, term: u64, value: u64) -> Late {
        Late::held_by_stop(&self.command(term, &["write", &value.to_string()]))
    }
}
