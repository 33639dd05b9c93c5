//! The gates of a cluster, and who we are in it, as the downward API puts it into the environment.

use std::net::IpAddr;

use super::Environment;
use super::judge::Judge;
use super::problem::{Noted, Problem, Refused};

/// What Kubernetes shows of leadership; all off by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gates {
    /// The key of the label on the leader's pod.
    pub pod_label: Option<String>,
    /// The Service without selector whose endpoints name the leader.
    pub endpoint_slice: Option<String>,
    /// A rollout deletes the leader's pod last.
    pub pod_deletion_cost: bool,
    /// Events about the pod.
    pub events: bool,
    /// The Lease that shows who leads.
    pub lease_mirror: Option<String>,
}

/// Who we are in a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// `POD_NAME`.
    pub name: String,
    /// `POD_NAMESPACE`.
    pub namespace: String,
    /// `NODE_NAME`.
    pub node: Option<String>,
    /// `POD_UID`.
    pub uid: Option<String>,
    /// `POD_IP` and `POD_IPS`.
    pub addresses: Vec<IpAddr>,
}

impl Gates {
    /// Whether there is any.
    #[must_use]
    pub fn is_any(&self) -> bool {
        *self != Self::default()
    }
}

const DEFAULT_LABEL: &str = "quorate.dev/role";
/// Beside the label are two annotations, whose names are this much longer (`-election`).
const SUFFIX_LENGTH: usize = 9;
/// The longest name, without prefix, of a label or an annotation.
const NAME_LIMIT: usize = 63;
const SUBDOMAIN_LIMIT: usize = 253;
/// Where a process finds an API server: in a pod, or anywhere else.
const SERVERS: [&str; 2] = ["KUBERNETES_SERVICE_HOST", "KUBECONFIG"];

/// Who we are, as far as that is said.
pub(super) fn pod(environment: &Environment) -> Option<Pod> {
    let text = |name| environment.text(name).map(str::to_owned);
    let listed = environment.text("POD_IPS").unwrap_or_default().split(',');
    let addresses = environment.text("POD_IP").into_iter().chain(listed);
    Some(Pod {
        name: text("POD_NAME")?,
        namespace: text("POD_NAMESPACE")?,
        node: text("NODE_NAME"),
        uid: text("POD_UID"),
        addresses: addresses.filter_map(|address| address.trim().parse().ok()).collect(),
    })
}

const SWITCHES: [&str; 5] = [
    "gates.podLabel.enabled",
    "gates.endpointSlice.enabled",
    "gates.podDeletionCost.enabled",
    "gates.events.enabled",
    "gates.leaseMirror.enabled",
];

pub(super) fn gates(judge: &mut Judge<'_>, election: Option<&str>) -> Result<Gates, Noted> {
    let on = SWITCHES.map(|key| judge.switch(key, false));
    let mut is_fit = on.iter().all(Option::is_some);
    for (key, on) in SWITCHES.iter().zip(on) {
        if on == Some(true) && !cfg!(feature = "kubernetes") {
            judge.refuse(
                key,
                "is not part of this build",
                "set it to false, or build with the feature kubernetes",
            );
            is_fit = false;
        }
    }
    let pod_label = named(judge, on[0], "gates.podLabel.key", Some(DEFAULT_LABEL), &mut is_fit);
    let endpoint_slice = named(judge, on[1], "gates.endpointSlice.service", None, &mut is_fit);
    let lease_mirror = named(judge, on[4], "gates.leaseMirror.name", election, &mut is_fit);
    let is_on = |on: Option<bool>| on == Some(true);
    let gates = Gates {
        pod_label,
        endpoint_slice,
        pod_deletion_cost: is_on(on[2]),
        events: is_on(on[3]),
        lease_mirror,
    };
    is_fit.then_some(gates).ok_or(Noted)
}

impl Gates {
    /// Whether a candidate here has what its gates need; no other command needs it.
    ///
    /// # Errors
    ///
    /// What is not there.
    pub fn check_place(&self, environment: &Environment) -> Result<(), Refused> {
        let on = [
            self.pod_label.is_some(),
            self.endpoint_slice.is_some(),
            self.pod_deletion_cost,
            self.events,
            self.lease_mirror.is_some(),
        ];
        let Some((key, _)) = SWITCHES.iter().zip(on).find(|(_, on)| *on) else { return Ok(()) };
        let refuse = |key: &str, rule: String, remedy: &str| Err(Problem::new(key, rule, remedy).into());
        if SERVERS.iter().all(|name| environment.raw(name).is_none()) {
            let rule = "needs a Kubernetes API server, and this process is not in a pod".to_owned();
            return refuse(key, rule, "set it to false, or give a KUBECONFIG outside of a pod");
        }
        let missing =
            ["POD_NAME", "POD_NAMESPACE"].into_iter().filter(|name| environment.text(name).is_none());
        let missing: Vec<_> = missing.collect();
        if !missing.is_empty() {
            let rule = format!("needs {}, which the environment does not have", missing.join(" and "));
            let remedy = "take them from metadata.name and metadata.namespace, by the downward API";
            return refuse(key, rule, remedy);
        }
        if self.endpoint_slice.is_some() && pod(environment).is_none_or(|pod| pod.addresses.is_empty()) {
            let rule = "needs POD_IP with an IP address, which the environment does not have".to_owned();
            return refuse(SWITCHES[1], rule, "take it from status.podIP, by the downward API");
        }
        Ok(())
    }
}

/// What a gate that is on is called there.
fn named(
    judge: &mut Judge<'_>,
    on: Option<bool>,
    key: &'static str,
    default: Option<&str>,
    is_fit: &mut bool,
) -> Option<String> {
    if on != Some(true) {
        return None;
    }
    let Some(name) = judge.text(key).map(|entry| entry.value.as_str()).or(default) else {
        // Without an election there is no default; that is a problem of its own.
        if key == "gates.endpointSlice.service" {
            judge.refuse(
                key,
                "must be given",
                "name a Service without selector, in the namespace of the pod",
            );
        }
        *is_fit = false;
        return None;
    };
    let (is_good, rule, remedy) = match key {
        "gates.podLabel.key" => (
            is_label_key(name),
            format!(
                "must be the key of a label: [DNS-1123 subdomain/]name, with a name of at most {} characters",
                NAME_LIMIT - SUFFIX_LENGTH
            ),
            "give one such as quorate.dev/role",
        ),
        "gates.endpointSlice.service" => (
            name.len() <= NAME_LIMIT && is_dns(name) && !name.contains('.'),
            format!("must be the name of a Service: a DNS label of at most {NAME_LIMIT} characters"),
            "give its name alone, without the namespace",
        ),
        _ => (
            name.len() <= SUBDOMAIN_LIMIT && is_dns(name),
            format!(
                "must be the name of a Lease: a DNS-1123 subdomain of at most {SUBDOMAIN_LIMIT} characters"
            ),
            "give one such as orders-writer",
        ),
    };
    if !is_good {
        judge.refuse(key, rule, remedy);
        *is_fit = false;
        return None;
    }
    Some(name.to_owned())
}

fn is_label_key(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    prefix.is_none_or(|prefix| prefix.len() <= SUBDOMAIN_LIMIT && is_dns(prefix))
        && (1..=NAME_LIMIT - SUFFIX_LENGTH).contains(&name.len())
        && name.chars().all(is_inner)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// A DNS-1123 subdomain, whatever its length.
fn is_dns(text: &str) -> bool {
    text.split('.').all(|part| {
        let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        part.len() <= NAME_LIMIT
            && part.starts_with(is_edge)
            && part.ends_with(is_edge)
            && part.chars().all(|c| is_edge(c) || c == '-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_leaves_room_for_the_annotations_beside_it() {
        assert!(is_label_key("quorate.dev/role") && is_label_key("role"));
        assert!(is_label_key(&format!("quorate.dev/{}", "r".repeat(54))));
        for wrong in
            [&format!("quorate.dev/{}", "r".repeat(55)), "", "/role", "Quorate/role", "a/b/c", "a/-b"]
        {
            assert!(!is_label_key(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_pod_is_one_with_name_and_namespace() {
        let of = |variables: &[(&str, &str)]| pod(&Environment::new(variables.iter().copied(), None));
        assert_eq!(of(&[("POD_NAME", "a")]), None);
        let all = [
            ("POD_NAME", "a"),
            ("POD_NAMESPACE", "b"),
            ("POD_IP", "10.0.0.1"),
            ("POD_IPS", "10.0.0.1,fd00::1"),
        ];
        let addresses = of(&all).map(|pod| pod.addresses).unwrap_or_default();
        assert_eq!(
            addresses,
            ["10.0.0.1", "10.0.0.1", "fd00::1"].map(|ip| ip.parse().unwrap_or(IpAddr::from([0; 4])))
        );
    }
}
