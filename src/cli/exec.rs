//! `quorate exec`: run a command while leading.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use nix::sys::signal::Signal;
use nix::unistd::{AccessFlags, eaccess};

use super::compose::{self, Ends, Following, Handles};
use super::flags::ConfigFlags;
use super::{Exit, Standing, fences, output};
use crate::config::{Config, HardFence, Loaded, duration};
use crate::gate::health::{Check, Probe, Target};
use crate::gate::runner::{self, Acquire, OnExit, OnLost, Outcome, Plan};
use crate::guardian::{Shelter, Task, code};
use crate::processes;

/// Run a command while leading, never longer, and nowhere else at the same time
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExecArguments {
    /// What asks the command to stop
    #[arg(long, value_name = "SIGNAL", default_value = "TERM", value_parser = signal)]
    stop_signal: Signal,
    /// After the command has ended by itself: hand over, campaign and run it again; or end with its exit code; or go
    /// on leading without it
    #[arg(long, value_enum, default_value_t = WhenExited::Release)]
    on_exit: WhenExited,
    /// After leadership was lost: campaign again, or end with 75, which a kill by the fence does anyway
    #[arg(long, value_enum, default_value_t = WhenLost::Restandby)]
    on_lost: WhenLost,
    /// Give up with 75 where not elected within this time; 0: after one attempt [default: never]
    #[arg(long, allow_hyphen_values = true, value_name = "DURATION", value_parser = time)]
    acquire_timeout: Option<Duration>,
    /// Keep the command in a PID namespace of its own, so that the kernel ends all of it at once; auto: where that can
    /// be made and shows no more of /proc than we see
    #[arg(long, value_enum, default_value_t = Namespace::Auto)]
    pid_namespace: Namespace,
    #[command(flatten)]
    health: HealthFlags,
    #[command(flatten)]
    pub(super) config: ConfigFlags,
    /// The command with its arguments, after --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// An unhealthy command makes its leader hand over.
#[derive(Debug, Args)]
#[command(next_help_heading = "Health of the command (too many failures in a row: hand over, stand back)")]
struct HealthFlags {
    /// Ask here; healthy is an answer from 200 to 399
    #[arg(long = "health-http", group = "probe", value_name = "URL", value_parser = Target::from_str)]
    http: Option<Target>,
    /// Run this with sh -c, in the environment of the command but outside of its PID namespace; healthy is 0
    #[arg(long = "health-cmd", group = "probe", value_name = "LINE")]
    cmd: Option<String>,
    /// Between an answer and the next question
    #[arg(long = "health-interval", requires = "probe", allow_hyphen_values = true, value_name = "DURATION", default_value = "5s", value_parser = positive)]
    interval: Duration,
    /// No answer within this time is a failure
    #[arg(long = "health-timeout", requires = "probe", allow_hyphen_values = true, value_name = "DURATION", default_value = "2s", value_parser = positive)]
    timeout: Duration,
    /// So many failures in a row are too many
    #[arg(long = "health-failures", requires = "probe", value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    failures: u32,
    /// Failures do not count for this long after the start, unless the command was healthy once
    #[arg(long = "health-start-period", requires = "probe", allow_hyphen_values = true, value_name = "DURATION", default_value = "10s", value_parser = time)]
    start_period: Duration,
    /// How long to stand back after handing over for bad health; doubles each time in a row, up to sixteen times this
    #[arg(long = "health-backoff", requires = "probe", allow_hyphen_values = true, value_name = "DURATION", default_value = "30s", value_parser = positive)]
    backoff: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WhenExited {
    Release,
    Exit,
    Hold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WhenLost {
    Restandby,
    Exit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Namespace {
    Auto,
    Always,
    Never,
}

const EXAMPLES: &str = "\
Examples:
  # a worker that runs on one machine of three; start the same line on each
  quorate exec --config quorate.yaml -- ./worker --queue orders

  # a nightly job that somebody else may be running already
  quorate exec --config quorate.yaml \\
    --acquire-timeout 0 --on-exit exit -- ./report

  # hand over when the worker is stuck
  quorate exec --config quorate.yaml \\
    --health-http http://localhost:8080/healthz -- ./worker

The command finds QUORATE_TERM, QUORATE_ELECTION, QUORATE_IDENTITY, QUORATE_ADDRESS and, where there is one, \
QUORATE_STATUS_FILE in its environment. Pass the term to whatever you write to, and let it refuse smaller ones.

When leadership ends the command gets the stop signal, and is killed with everything it has started before anybody \
else can lead. SIGTERM ends the command within timing.drainTimeout, then releases the lease; a second one ends at \
once. SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM and SIGWINCH are handed on, unless they were ignored from the start (nohup).

Ends with the command's code (125: a wrapper of ours failed, 126: cannot be run, 127: not found, 128 + n: by signal n), with 75 where it was not \
elected in time or leadership was lost, and with 69 where no quorum of voters answered in that time.";

pub(super) fn execute(loaded: Loaded, arguments: &ExecArguments, standing: Standing) -> anyhow::Result<Exit> {
    if standing.is_alone() {
        // Before anybody waits for a leadership that could not be used.
        if let Err((code, sentence)) =
            can_be_run(arguments.command.first().map_or(OsStr::new(""), |name| name))
        {
            output::complain(&sentence);
            return Ok(Exit::Command(code));
        }
        return fences::guard(&loaded.config);
    }
    let teller = standing.begin()?;
    let shelter = shelter(arguments.pid_namespace)?;
    let (config, _written_at_the_end) = compose::begin(loaded)?;
    fences::tell(&config.election, hard_fence(&config), shelter, &teller);
    let on_exit = arguments.on_exit;
    let ended = compose::campaign(&config, Ends::TermInt, |handles: Handles| {
        // The election's thread, and that of the command, which it starts; the others have begun already.
        let nice = processes::hurry();
        let plan = plan(&config, arguments, shelter, nice, handles.address);
        let (gate, outcome) =
            runner::start(plan, handles.ground, teller).context("no thread for the command")?;
        let beside = Box::pin(async move {
            let Ok(outcome) = outcome.await else { bail!("the thread of the command broke") };
            Ok(exit(outcome, on_exit))
        });
        Ok(Following { gates: vec![gate], beside })
    })?;
    // The election ended before anything was decided.
    Ok(if ended == Exit::Well { exit(Outcome::Told, on_exit) } else { ended })
}

fn exit(outcome: Outcome, on_exit: WhenExited) -> Exit {
    match outcome {
        // Success of a job means that its command succeeded; a service that was told to end did well.
        Outcome::Told if on_exit == WhenExited::Exit => Exit::NotElected,
        Outcome::Told => Exit::Well,
        Outcome::Command(ended) => Exit::Command(ended.code),
        Outcome::NotElected { had_quorum: false } => Exit::NoQuorum,
        Outcome::NotElected { had_quorum: true } | Outcome::Lost => Exit::NotElected,
    }
}

fn hard_fence(config: &Config) -> HardFence {
    config.hard_fence.unwrap_or(HardFence::Kill)
}

fn shelter(wanted: Namespace) -> anyhow::Result<Shelter> {
    // What hides a part of /proc from us is to hide it from the command as well.
    let is_wanted = match wanted {
        Namespace::Auto => !fences::is_proc_masked(),
        Namespace::Always => true,
        Namespace::Never => false,
    };
    let is_possible = is_wanted && fences::can_make_namespace();
    if wanted == Namespace::Always && !is_possible {
        bail!(
            "--pid-namespace always: no PID namespace can be made here; it takes CAP_SYS_ADMIN and a /proc of this namespace"
        );
    }
    Ok(if is_possible { Shelter::Namespace } else { Shelter::Group })
}

fn plan(
    config: &Config,
    arguments: &ExecArguments,
    shelter: Shelter,
    nice: i32,
    address: SocketAddr,
) -> Plan {
    let ExecArguments { stop_signal, on_exit, on_lost, acquire_timeout, health, command, .. } = arguments;
    let environment = vec![
        ("QUORATE_ELECTION", Some(config.election.clone().into())),
        ("QUORATE_IDENTITY", Some(config.identity.clone().into())),
        ("QUORATE_ADDRESS", Some(reachable(address).to_string().into())),
        // That of another one outside is not ours.
        ("QUORATE_STATUS_FILE", config.status_file.clone().map(PathBuf::into_os_string)),
    ];
    Plan {
        task: Task {
            stop_signal: *stop_signal,
            stop_grace: config.timing.stop_grace,
            nice,
            command: command.clone(),
        },
        environment,
        on_exit: match on_exit {
            WhenExited::Release => OnExit::Release,
            WhenExited::Exit => OnExit::Exit,
            WhenExited::Hold => OnExit::Hold,
        },
        on_lost: match on_lost {
            WhenLost::Restandby => OnLost::Restandby,
            WhenLost::Exit => OnLost::Exit,
        },
        acquire: match acquire_timeout {
            None => Acquire::Forever,
            Some(Duration::ZERO) => Acquire::Once,
            Some(limit) => Acquire::Within(*limit),
        },
        shelter,
        hard_fence: fences::kind(hard_fence(config)),
        drain_timeout: config.timing.drain_timeout,
        health: health.check(),
        health_pause: health.backoff,
    }
}

impl HealthFlags {
    fn check(&self) -> Option<Check> {
        let http = self.http.clone().map(Probe::Http);
        let probe = http.or_else(|| self.cmd.clone().map(Probe::Command))?;
        Some(Check {
            probe,
            interval: self.interval,
            timeout: self.timeout,
            failures: self.failures,
            start_period: self.start_period,
        })
    }
}

/// Where the command can ask us.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        // Dual-stack, and there is more often an IPv4 loopback than one of IPv6.
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}

/// Looks where execvp(3) will look. A script without an interpreter or a file for another machine shows only when it
/// is run.
fn can_be_run(name: &OsStr) -> Result<(), (u8, String)> {
    if name.is_empty() {
        return Err((code::NOT_FOUND, "the command is empty: name one after --".to_owned()));
    }
    let is_path = name.as_encoded_bytes().contains(&b'/');
    let path = env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    let places: Vec<_> = if is_path {
        vec![name.into()]
    } else {
        env::split_paths(&path).map(|place| place.join(name)).collect()
    };
    let mut found = Err((code::NOT_FOUND, format!("{}: no such command", name.display())));
    for place in places {
        match is_executable(&place) {
            Ok(true) => return Ok(()),
            Ok(false) => {
                found = Err((code::NOT_EXECUTABLE, format!("{}: is not executable", place.display())));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => found = Err((code::NOT_EXECUTABLE, format!("{}: {error}", place.display()))),
        }
    }
    found
}

fn is_executable(path: &Path) -> io::Result<bool> {
    // As whoever this process acts as; a directory may be "executed" as well.
    Ok(fs::metadata(path)?.is_file() && eaccess(path, AccessFlags::X_OK).is_ok())
}

fn signal(text: &str) -> Result<Signal, String> {
    let name = text.to_ascii_uppercase();
    let name = if name.starts_with("SIG") { name } else { format!("SIG{name}") };
    let number = || text.parse().ok().and_then(|number: i32| Signal::try_from(number).ok());
    let signal = Signal::from_str(&name).ok().or_else(number);
    signal
        .filter(|signal| !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP))
        .ok_or_else(|| "must be a signal that a process can heed, such as TERM, INT, QUIT or 15".to_owned())
}

pub(super) fn time(text: &str) -> Result<Duration, String> {
    duration::parse(text)
        .ok_or_else(|| "must be a duration with its unit, such as 500ms, 10s or 1m30s".to_owned())
}

fn positive(text: &str) -> Result<Duration, String> {
    time(text)?.checked_sub(Duration::from_nanos(1)).ok_or("must be more than 0".to_owned())?;
    time(text)
}
