//! The environment as a source of configuration.
//!
//! An empty variable counts as not set. Unknown names that begin with `QUORATE_` only warn, because they may belong
//! to another version; those that Kubernetes injects for a Service called quorate, and those that `quorate exec`
//! hands to its command, are not even worth that.
//!
//! Inside that command three names say something about the election outside and are no orders: there, election and
//! identity are weaker than the file, and the status file is the other's (ADR 0009).

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::keys::{self, CONFIG_ENVIRONMENT, KEYS, VOTERS};
use super::problem::{Origin, Problem, Problems};
use super::values::Values;

const PREFIX: &str = "QUORATE_";

/// What `quorate exec` hands to its command and no key has as its name; the first is always there.
const HANDED_TO_WORK: [&str; 2] = ["QUORATE_TERM", "QUORATE_ADDRESS"];
/// The keys whose names it hands to its command with another meaning.
const WEAK_IN_WORK: [&str; 2] = ["election", "identity"];
const IGNORED_IN_WORK: &str = "statusFile";

/// The environment of a process: its variables, and the name of its host.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    host_name: Option<String>,
}

impl Environment {
    /// That of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        let host_name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        Self { variables: std::env::vars_os().collect(), host_name }
    }

    /// One made up.
    #[must_use]
    pub fn new<N: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (N, V)>,
        host_name: Option<&str>,
    ) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables, host_name: host_name.map(str::to_owned) }
    }

    /// A variable that is set, not empty, and text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.variables
            .get(OsStr::new(name))
            .and_then(|value| value.to_str())
            .filter(|value| !value.is_empty())
    }

    /// A variable that is set and not empty, whatever its bytes.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The name of the host, where it could be read.
    #[must_use]
    pub fn host_name(&self) -> Option<&str> {
        self.host_name.as_deref()
    }
}

/// Lays the environment over `values`; answers the warnings.
pub(crate) fn read(environment: &Environment, values: &mut Values, problems: &mut Problems) -> Vec<String> {
    let is_work = environment.raw(HANDED_TO_WORK[0]).is_some();
    for key in KEYS {
        let name = keys::environment_name(key.path);
        let Some(raw) = environment.raw(&name) else { continue };
        let is_said_already = WEAK_IN_WORK.contains(&key.path) && values.get(key.path).is_some();
        if is_work && (is_said_already || key.path == IGNORED_IN_WORK) {
            continue;
        }
        let origin = Origin::Environment { name };
        match raw.to_str() {
            Some(text) if key.path == VOTERS => values.set_voters(text.split(','), &origin),
            Some(text) => values.set(key.path, text, origin),
            None => {
                problems.push(Problem::new(key.path, "must be UTF-8", "write it in plain text").at(&origin));
            }
        }
    }
    environment.variables.keys().filter_map(|name| warning(&name.to_string_lossy())).collect()
}

/// What there is to say about a variable of this name, if it is unknown and begins as ours do.
fn warning(name: &str) -> Option<String> {
    if !name.starts_with(PREFIX) || name == CONFIG_ENVIRONMENT || is_injected(name) {
        return None;
    }
    let known: Vec<String> = KEYS.iter().map(|key| keys::environment_name(key.path)).collect();
    if known.iter().any(|known| known == name) {
        return None;
    }
    let nearest = keys::nearest(name, known.iter().map(String::as_str).chain([CONFIG_ENVIRONMENT]));
    let nearest = nearest.map_or_else(String::new, |nearest| format!("; the nearest known one is {nearest}"));
    Some(format!("the environment variable {name} is unknown and ignored{nearest}"))
}

fn is_injected(name: &str) -> bool {
    let is_key = || KEYS.iter().any(|key| keys::environment_name(key.path) == name);
    HANDED_TO_WORK.contains(&name) || ((name.contains("_SERVICE_") || name.contains("_PORT")) && !is_key())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_and_exec_put_there_is_not_worth_a_warning() {
        for name in [
            "QUORATE_PORT",
            "QUORATE_SERVICE_HOST",
            "QUORATE_SERVICE_PORT_HTTP",
            "QUORATE_PORT_9797_TCP_ADDR",
            "QUORATE_VOTER_0_SERVICE_HOST",
            "QUORATE_TERM",
            "QUORATE_ADDRESS",
            "QUORATE_IDENTITY",
            "QUORATE_CONFIG",
            "PATH",
        ] {
            assert_eq!(warning(name), None, "{name}");
        }
    }

    #[test]
    fn what_exec_says_about_its_election_gives_no_orders_to_one_inside() {
        let handed = [
            ("QUORATE_TERM", "7"),
            ("QUORATE_ELECTION", "outer"),
            ("QUORATE_IDENTITY", "outer-1"),
            ("QUORATE_STATUS_FILE", "/run/outer"),
        ];
        let election = |variables: &[(&str, &str)], from_file: Option<&str>| {
            let (mut values, mut problems) = (Values::default(), Problems::default());
            let origin = Origin::File { path: "quorate.yaml".into(), line: 1, column: 1 };
            if let Some(name) = from_file {
                values.set("election", name, origin);
            }
            assert_eq!(
                read(&Environment::new(variables.iter().copied(), None), &mut values, &mut problems),
                [""; 0]
            );
            let said = |key| values.get(key).map(|entry| entry.value.clone());
            (said("election"), said("identity"), said("statusFile"))
        };
        let own = |name: &str| Some(name.to_owned());
        assert_eq!(election(&handed, Some("inner")), (own("inner"), own("outer-1"), None));
        assert_eq!(election(&handed, None), (own("outer"), own("outer-1"), None));
        assert_eq!(election(&handed[1..], Some("inner")), (own("outer"), own("outer-1"), own("/run/outer")));
    }

    #[test]
    fn an_unknown_name_warns_with_the_nearest_known_one() {
        let text = warning("QUORATE_TIMING_TLL").unwrap_or_default();
        assert!(text.contains("QUORATE_TIMING_TLL") && text.contains("QUORATE_TIMING_TTL"), "{text}");
    }

    #[test]
    fn no_key_is_mistaken_for_what_kubernetes_injects() {
        for key in KEYS {
            assert!(!is_injected(&keys::environment_name(key.path)), "{key:?}");
        }
    }
}
