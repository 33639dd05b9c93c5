//! The fence that falls while we do not run: stopped, frozen or killed, one of us or all.

use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::TTL;
use crate::common::candidate::{Agent, Launch, boot, children, count, eventually, since};
use crate::freezer::Freezer;
use crate::freezer::Version::{self, V1, V2};
use crate::harness::{FAMILY, GROUP, NAMESPACE, Stage, beater, elector, measured, send, shelters};

struct Family {
    stage: Stage,
    agent: Agent,
}

impl Family {
    /// Starts it with additions to its environment, under another program where one is given.
    fn start(shelter: &[&str], environment: &[(&str, &str)], under: Option<(&str, &[&str])>) -> Self {
        let stage = Stage::new(TTL);
        let launch = stage.launch("one", shelter, &beater("family"));
        let launch = environment.iter().fold(launch, |launch, (name, value)| launch.environment(name, value));
        let agent = match under {
            Some((program, arguments)) => launch.under(program, arguments).start(),
            None => launch.start(),
        };
        stage.settled("ready");
        Self { stage, agent }
    }

    /// Right after a renewal.
    fn stop(&self, pid: Pid) {
        self.stage.renewed("one");
        send(pid, Signal::SIGSTOP);
    }

    /// Nobody acts at or after `until`, and nobody is left.
    fn ends_in_time(&self) {
        self.stage.ended_in_time(&self.agent, &FAMILY);
    }

    /// The command does not act at or after `until` and is dead soon after, whatever becomes of the others.
    fn command_ends_in_time(&self) {
        let is_dead = || {
            let beaters =
                self.stage.work("one").into_iter().filter(|process| process.line.contains("beater.py"));
            beaters.count() < FAMILY.len()
        };
        let until = self.stage.until_when("one", "the command is dead", is_dead);
        measured("command", "the end of validity", self.stage.last_act("command"), until);
        assert!(self.stage.last_act("command") < until && since(until) < TTL);
    }

    /// What was stopped or frozen with us runs again at this instant, together with us.
    fn runs_again(self, at: Duration) {
        let stage = self.ended(75);
        for name in FAMILY {
            measured(name, "running again", stage.last_act(name), at);
        }
    }

    /// The end of the guardian, after everything else.
    fn ended(self, code: i32) -> Stage {
        let last = self.stage.last_act("command");
        let (ended, log) = self.agent.ended();
        assert_eq!((ended, count(&log, "the elector was killed")), (Some(code), 1), "{log}");
        assert!(self.stage.work("one").is_empty());
        assert_eq!(self.stage.last_act("command"), last, "it was dead");
        assert!(!self.stage.path("status.one").exists(), "nobody leads by this file");
        self.stage
    }
}

#[test]
fn an_elector_that_is_stopped_takes_its_work_along_before_until() {
    for shelter in shelters() {
        let family = Family::start(&shelter, &[], None);
        family.stop(elector(&family.agent));
        family.ends_in_time();
        family.ended(75);
    }
}

#[test]
fn an_elector_that_is_killed_takes_its_work_along_at_once() {
    for shelter in shelters() {
        let family = Family::start(&shelter, &[], None);
        let until = family.stage.until("one").unwrap();
        let killed = boot();
        send(elector(&family.agent), Signal::SIGKILL);
        // Its file goes with it, perhaps before it can be read.
        eventually("nothing is left", || family.stage.work("one").is_empty());
        for name in FAMILY {
            measured(name, "the end of validity", family.stage.last_act(name), until);
            assert!(family.stage.last_act(name) < until, "{name}");
        }
        assert!(since(killed) < TTL / 2, "{:?}", since(killed));
        family.ended(75);
    }
}

/// Nobody of ours is left to kill: the kernel ends the command, and in a namespace all of it.
#[test]
fn a_guardian_and_an_elector_that_are_killed_together_take_along_what_the_kernel_ends() {
    for shelter in shelters() {
        let family = Family::start(&shelter, &[], None);
        let until = family.stage.until("one").unwrap();
        let (guardian, elector) = (family.agent.pid(), elector(&family.agent));
        let killed = boot();
        send(guardian, Signal::SIGKILL);
        send(elector, Signal::SIGKILL);
        let left = if shelter == NAMESPACE { 0 } else { FAMILY.len() - 1 };
        eventually("that is all", || family.stage.work("one").len() == left);
        let name = if shelter == NAMESPACE { "apart" } else { "command" };
        measured(name, "the kill", family.stage.last_act(name), killed);
        assert!(family.stage.last_act(name) < until);
        family.stage.work("one").into_iter().for_each(|process| send(process.pid, Signal::SIGKILL));
    }
}

/// Its guardian gone, an elector ends as if it had been told so.
#[test]
fn an_elector_whose_guardian_is_killed_stops_its_work_and_releases() {
    for shelter in shelters() {
        let family = Family::start(&shelter, &[], None);
        send(family.agent.pid(), Signal::SIGKILL);
        eventually("nothing is left", || family.stage.work("one").is_empty());
        let server = &family.stage.voters.servers[0];
        eventually("released", || crate::common::candidate::field(server, "released") == "1");
    }
}

/// As the entry point of a container is: there the kernel drops the SIGKILL of a timer.
#[test]
fn as_pid_1_of_a_namespace_the_fence_falls_as_well() {
    // Without a /proc of its own, whose numbers are then others than those of the namespace; and with one.
    if !shelters().contains(&NAMESPACE) {
        return;
    }
    for (options, shelter) in [
        (&["--pid", "--fork", "--kill-child"][..], GROUP),
        (&["--pid", "--fork", "--kill-child", "--mount-proc"], GROUP),
        (&["--pid", "--fork", "--kill-child", "--mount-proc"], NAMESPACE),
    ] {
        let family = Family::start(&shelter, &[], Some(("unshare", options)));
        let guardian = children(family.agent.pid())[0];
        assert!(namespaced(guardian).ends_with("\t1"), "{}", namespaced(guardian));
        family.stop(children(guardian)[0]);
        family.ends_in_time();
        family.ended(75);
    }
}

/// The numbers of a process, from ours to its own.
fn namespaced(pid: Pid) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find(|line| line.starts_with("NSpid:")).unwrap().to_owned()
}

/// Everybody of us: guardian, elector, and what stands before the work.
fn all_of_us(family: &Family) -> Vec<Pid> {
    let (guardian, elector) = (family.agent.pid(), elector(&family.agent));
    let work: Vec<_> = family.stage.work("one").into_iter().map(|process| process.pid).collect();
    let below = children(elector).into_iter().flat_map(|keeper| [vec![keeper], children(keeper)].concat());
    [guardian, elector].into_iter().chain(below.filter(|pid| !work.contains(pid))).collect()
}

/// And the work.
fn everybody(family: &Family) -> Vec<Pid> {
    let work = family.stage.work("one").into_iter().map(|process| process.pid);
    work.chain(all_of_us(family)).collect()
}

/// A family of which these have been frozen just after a renewal; nothing where there is no such freezer.
fn frozen(
    version: Version,
    name: &str,
    shelter: [&str; 2],
    whom: fn(&Family) -> Vec<Pid>,
) -> Option<(Freezer, Family)> {
    let freezer = Freezer::new(version, &format!("{name}-{}", shelter[1]))?;
    let family = Family::start(&shelter, &[], None);
    for pid in whom(&family) {
        freezer.add(pid);
    }
    family.stage.renewed("one");
    freezer.freeze();
    Some((freezer, family))
}

#[test]
fn where_all_of_us_and_the_work_are_stopped_the_command_dies_in_time_and_in_a_namespace_all_of_it() {
    for shelter in shelters() {
        let family = Family::start(&shelter, &[], None);
        let everybody = everybody(&family);
        family.stop(elector(&family.agent));
        for pid in everybody {
            send(pid, Signal::SIGSTOP);
        }
        if shelter == NAMESPACE {
            family.ends_in_time();
        } else {
            family.command_ends_in_time();
        }
        // Everybody else is as stopped as before, and does nothing. The worst that can be: they run again before our
        // guardian does.
        let stopped: Vec<_> = family.stage.work("one").into_iter().map(|process| process.pid).collect();
        let again = boot();
        for pid in stopped {
            send(pid, Signal::SIGCONT);
        }
        send(family.agent.pid(), Signal::SIGCONT);
        family.runs_again(again);
    }
}

#[test]
fn an_elector_that_is_frozen_takes_its_work_along_before_until() {
    for shelter in shelters() {
        let Some((_freezer, family)) = frozen(V2, "elector", shelter, |family| vec![elector(&family.agent)])
        else {
            return;
        };
        family.ends_in_time();
        family.ended(75);
    }
}

/// A freezer of version 1 keeps the kill of the elector's own timer back.
#[test]
fn an_elector_that_is_frozen_by_version_1_has_its_work_killed_by_its_guardian_before_until() {
    for shelter in shelters() {
        let Some((freezer, family)) = frozen(V1, "elector", shelter, |family| vec![elector(&family.agent)])
        else {
            return;
        };
        family.ends_in_time();
        freezer.thaw();
        family.ended(75);
    }
}

/// The same wherever there is no such freezer.
#[test]
fn an_elector_without_a_timer_has_its_work_killed_by_its_guardian_before_until() {
    for shelter in shelters() {
        let family = Family::start(&shelter, &[("PLANTED_FENCE_WITHOUT_TIMER", "1")], None);
        // Moved in time, the fence does not fall.
        let first = family.stage.until("one");
        eventually("it leads on", || family.stage.until("one").min(Some(boot())) > first);
        family.stop(elector(&family.agent));
        family.ends_in_time();
        family.ended(75);
    }
}

#[test]
fn where_all_of_us_and_the_work_are_frozen_by_version_1_all_of_it_dies_at_the_thaw() {
    for shelter in shelters() {
        let Some((freezer, family)) = frozen(V1, "tree", shelter, everybody) else { return };
        let until = family.stage.until("one");
        eventually("the lease lapses", || Some(boot()) > until);
        let again = boot();
        freezer.thaw();
        eventually("nothing is left", || family.stage.work("one").is_empty());
        family.runs_again(again);
    }
}

#[test]
fn where_all_of_us_and_the_work_are_frozen_the_command_dies_in_time_and_in_a_namespace_all_of_it() {
    for shelter in shelters() {
        let Some((freezer, family)) = frozen(V2, "tree", shelter, everybody) else { return };
        if shelter == NAMESPACE {
            family.ends_in_time();
        } else {
            family.command_ends_in_time();
        }
        let again = boot();
        freezer.thaw();
        family.runs_again(again);
    }
}

#[test]
fn without_a_hard_fence_nothing_falls_while_we_are_stopped() {
    let stage = Stage::new(TTL);
    let agent = stage.exec("one", &["--hard-fence", "none", "--pid-namespace", "never"], &beater(""));
    stage.settled("ready");
    let elector = elector(&agent);
    stage.renewed("one");
    send(elector, Signal::SIGSTOP);
    let until = stage.until("one").unwrap();
    eventually("it acts on: this is what the fence is for", || stage.last_act("command") > until);
    send(elector, Signal::SIGCONT);
    eventually("once it runs it kills", || stage.work("one").is_empty());
    drop(agent);
}

/// `run` with a hard fence: who runs stays and campaigns again, who does not is killed.
#[test]
fn a_candidate_without_a_command_can_be_fenced_as_well() {
    let stage = Stage::new(TTL);
    let candidate = |fence: &str| {
        let launch = Launch::new(fence, stage.voters.urls().into_iter().take(3), TTL);
        launch
            .flag("--hard-fence", fence)
            .flag("--status-file", &stage.file(&format!("status.{fence}")))
            .start()
    };
    let agent = candidate("kill");
    eventually("it leads", || agent.leads());
    stage.voters.stop(0..2);
    eventually("it lapses", || agent.status()["role"] == "standby");
    stage.voters.resume(0..2);
    eventually("it leads again", || agent.leads());
    let elector = elector(&agent);
    stage.renewed("kill");
    send(elector, Signal::SIGSTOP);
    let until = stage.until("kill").unwrap();
    let (code, log) = agent.ended();
    assert_eq!((code, count(&log, "the elector was killed")), (Some(75), 1), "{log}");
    assert!(boot() < until + TTL / 2);

    let agent = candidate("exit");
    eventually("it leads", || agent.leads());
    stage.voters.stop(0..2);
    assert_eq!(agent.ended().0, Some(75), "it ends at hard");
    stage.voters.resume(0..2);
}
