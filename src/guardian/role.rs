//! As what this process was started: by a person, or again by itself under a hidden name.

use std::env;
use std::ffi::OsString;
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::stage::Stage;

const ELECTOR: &str = "__elector";
const WORK: &str = "__work";
const INIT: &str = "__init";
const NAMESPACE: &str = "namespace";
const GROUP: &str = "group";

/// What this process is to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Role {
    /// What the command line says.
    Person(Vec<OsString>),
    /// The same, as the child of a guardian.
    Elector(Guarded, Vec<OsString>),
    /// What stands before the work.
    Stage(Stage),
}

/// What an elector is told by its guardian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guarded {
    pub(super) by: Pid,
    /// Inherited, to tell of deadlines.
    pub(super) pipe: RawFd,
}

/// What keeps the descendants of the work together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelter {
    /// A process group; who leaves it is found by descent.
    Group,
    /// A PID namespace of its own, which nobody leaves.
    Namespace,
}

impl Role {
    /// Tells a hidden role from a command line, given with the program's name.
    #[must_use]
    pub fn of(arguments: impl IntoIterator<Item = OsString>) -> Self {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        Self::hidden(&arguments).unwrap_or(Self::Person(arguments))
    }

    fn hidden(arguments: &[OsString]) -> Option<Self> {
        let [program, name, parent, rest @ ..] = arguments else { return None };
        let parent = || Some(Pid::from_raw(parent.to_str()?.parse().ok()?));
        match name.to_str()? {
            ELECTOR => {
                let [pipe, rest @ ..] = rest else { return None };
                let guarded = Guarded { by: parent()?, pipe: pipe.to_str()?.parse().ok()? };
                let arguments = std::iter::once(program).chain(rest).cloned().collect();
                Some(Self::Elector(guarded, arguments))
            }
            WORK => {
                let [shelter, rest @ ..] = rest else { return None };
                let shelter = if shelter == NAMESPACE { Shelter::Namespace } else { Shelter::Group };
                Some(Self::Stage(Stage::Work { parent: parent()?, shelter, task: Task::parse(rest)? }))
            }
            INIT => Some(Self::Stage(Stage::Init { keeper: parent()?, task: Task::parse(rest)? })),
            _ => None,
        }
    }
}

/// The command, and how it is asked to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What asks it to stop, and what it leaves behind.
    pub stop_signal: Signal,
    /// How long what it leaves behind may take.
    pub stop_grace: Duration,
    /// The nice value that it gets, as this program was given it.
    pub nice: i32,
    /// With its arguments.
    pub command: Vec<OsString>,
}

impl Task {
    fn parse(words: &[OsString]) -> Option<Self> {
        let [signal, grace_ms, nice, command @ ..] = words else { return None };
        let stop_signal = Signal::try_from(signal.to_str()?.parse::<i32>().ok()?).ok()?;
        let stop_grace = Duration::from_millis(grace_ms.to_str()?.parse().ok()?);
        let nice = nice.to_str()?.parse().ok()?;
        Some(Self { stop_signal, stop_grace, nice, command: command.to_vec() })
    }

    fn words(&self) -> impl Iterator<Item = OsString> {
        let (signal, grace_ms) = (self.stop_signal as i32, self.stop_grace.as_millis());
        let numbers = [signal.to_string(), grace_ms.to_string(), self.nice.to_string()];
        numbers.map(OsString::from).into_iter().chain(self.command.iter().cloned())
    }
}

/// This program again, also where its file has been replaced.
fn this_program() -> Command {
    let own = Path::new("/proc/self/exe");
    let name = env::args_os().next().unwrap_or_else(|| "quorate".into());
    let mut command = if own.exists() { Command::new(own) } else { Command::new(&name) };
    command.arg0(name);
    command
}

/// The command line of this process, to be run as its elector, which inherits this descriptor.
pub(super) fn elector_command(pipe: RawFd) -> Command {
    let mut command = this_program();
    command.args([ELECTOR, &Pid::this().to_string(), &pipe.to_string()]).args(env::args_os().skip(1));
    command
}

/// The work of this process, not yet started: dies with the thread that starts it.
#[must_use]
pub fn work_command(shelter: Shelter, task: &Task) -> Command {
    let word = match shelter {
        Shelter::Group => GROUP,
        Shelter::Namespace => NAMESPACE,
    };
    let mut command = this_program();
    command.args([WORK, &Pid::this().to_string(), word]).args(task.words());
    command
}

/// PID 1 of a new namespace. `keeper` is this process, as `/proc` numbers it.
pub(super) fn init_command(keeper: i32, task: &Task) -> Command {
    let mut command = this_program();
    command.args([INIT, &keeper.to_string()]).args(task.words());
    command
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test that fails may panic")]
    use std::ffi::OsStr;

    use super::*;

    fn words(command: &Command) -> Vec<OsString> {
        std::iter::once("quorate".into()).chain(command.get_args().map(OsStr::to_owned)).collect()
    }

    #[test]
    fn what_is_started_again_knows_as_what() {
        let task = Task {
            stop_signal: Signal::SIGQUIT,
            stop_grace: Duration::from_millis(300),
            nice: -3,
            command: vec!["sleep".into(), "5".into()],
        };
        let stage = Stage::Work { parent: Pid::this(), shelter: Shelter::Namespace, task: task.clone() };
        assert_eq!(Role::of(words(&work_command(Shelter::Namespace, &task))), Role::Stage(stage));
        let stage = Stage::Init { keeper: Pid::from_raw(7), task: task.clone() };
        assert_eq!(Role::of(words(&init_command(7, &task))), Role::Stage(stage));
        let Role::Elector(guarded, line) = Role::of(words(&elector_command(9))) else { panic!("no elector") };
        assert_eq!(guarded, Guarded { by: Pid::this(), pipe: 9 });
        assert_eq!(line[1..], env::args_os().collect::<Vec<_>>()[1..]);
    }

    #[test]
    fn everything_else_is_a_command_line() {
        for line in [
            vec!["quorate"],
            vec!["quorate", "run", "--x"],
            vec!["quorate", "__elector"],
            vec!["quorate", "__elector", "7", "run"],
            vec!["quorate", "__work", "x", "group", "15"],
        ] {
            let line: Vec<OsString> = line.into_iter().map(OsString::from).collect();
            assert_eq!(Role::of(line.clone()), Role::Person(line));
        }
    }
}
