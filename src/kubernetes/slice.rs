//! The endpoints of a Service without selector: one object for each family of addresses, which names one leader or none.
//!
//! What a slice says is written by a server-side apply with the version that was read, so that it happens only if nobody
//! wrote since; and what was read is compared by its term.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ObjectReference, Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::{Api, ObjectMeta, Patch, PatchParams};

use super::Ground;
use super::follow::{Mark, Wanted};
use super::object::{
    SHORTEST_REST, TERM, annotations, check_owner, find_or_make, making, saying, settle, term_of, text,
};
use super::server::Trouble;
use crate::election::{GateName, GateTrouble};

const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: (&str, &str) = ("endpointslice.kubernetes.io/managed-by", "quorate.dev");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

impl Family {
    const BOTH: [Self; 2] = [Self::V4, Self::V6];

    fn word(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }

    fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

pub(super) struct Slices {
    ground: Rc<Ground>,
    service: String,
    /// The Service's ports and families, while they are known.
    shape: Option<(Vec<EndpointPort>, Vec<Family>)>,
    /// In the order of [`Family::BOTH`].
    seen: [Option<EndpointSlice>; 2],
    /// What they were to say when they were seen.
    made: Option<Wanted>,
}

impl Slices {
    pub(super) fn new(ground: Rc<Ground>, service: String) -> Self {
        Self { ground, service, shape: None, seen: [None, None], made: None }
    }

    async fn shape(&mut self) -> Result<(Vec<EndpointPort>, Vec<Family>), Trouble> {
        if let Some(shape) = &self.shape {
            return Ok(shape.clone());
        }
        let Ground { server, pod, .. } = &*self.ground;
        let name = &self.service;
        let read = async |client| Api::<Service>::namespaced(client, &pod.namespace).get_opt(name).await;
        let Some(service) = server.ask(read).await? else {
            let sentence = format!("the Service {name} is not there: make one without a selector");
            return Err(Trouble::new(GateTrouble::Missing, sentence));
        };
        let shape = shape_of(name, service)?;
        Ok(self.shape.insert(shape).clone())
    }

    async fn make_one(
        &mut self,
        family: Family,
        ports: &[EndpointPort],
        wanted: Wanted,
    ) -> Result<(), Trouble> {
        let name = format!("{}-{}", self.service, family.word().to_lowercase());
        let known = self.seen[family as usize].take().map(Some);
        let make = async || self.apply(&self.slice(&name, family), &making()).await;
        let read = async || find_or_make(wanted, async || self.find(&name).await, make).await;
        let change = |seen: &Option<_>| {
            seen.as_ref().map_or(Ok(None), |seen| self.change(&name, family, ports, seen, wanted))
        };
        let write = async |_: &_, slice| self.apply(&slice, &saying()).await.map(Some);
        self.seen[family as usize] = settle(known, read, change, write).await?;
        Ok(())
    }

    async fn find(&self, name: &str) -> Result<Option<EndpointSlice>, Trouble> {
        let Ground { server, pod, .. } = &*self.ground;
        server.ask(async |client| Api::namespaced(client, &pod.namespace).get_opt(name).await).await
    }

    async fn apply(&self, slice: &EndpointSlice, params: &PatchParams) -> Result<EndpointSlice, Trouble> {
        let Ground { server, pod, .. } = &*self.ground;
        let name = slice.metadata.name.as_deref().unwrap_or_default();
        let patch = Patch::Apply(slice);
        let write = async |client| Api::namespaced(client, &pod.namespace).patch(name, params, &patch).await;
        server.change(GateName::EndpointSlice, write).await
    }

    /// One that names nobody.
    fn slice(&self, name: &str, family: Family) -> EndpointSlice {
        let labels = [(SERVICE_NAME, self.service.as_str()), MANAGED_BY];
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(self.ground.pod.namespace.clone()),
            labels: Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
            ..ObjectMeta::default()
        };
        EndpointSlice { address_type: family.word().to_owned(), endpoints: Vec::new(), metadata, ports: None }
    }

    /// What is to be written, if anything.
    fn change(
        &self,
        name: &str,
        family: Family,
        ports: &[EndpointPort],
        seen: &EndpointSlice,
        wanted: Wanted,
    ) -> Result<Option<EndpointSlice>, Trouble> {
        let Ground { pod, election, .. } = &*self.ground;
        let what = format!("the EndpointSlice {name}");
        let written = term_of(&seen.metadata, TERM);
        let names_us = names_pod(seen, &pod.name);
        let (term, endpoints) = match wanted {
            Wanted::Shown(term) => (term, self.endpoints(family)),
            // Whoever leads now has said so there; what a process before us in this pod has left names us.
            Wanted::Away(Some(term)) if names_us || written < Some(term) => (term, Vec::new()),
            Wanted::Away(None) if names_us => (written.unwrap_or_default(), Vec::new()),
            Wanted::Away(_) => return Ok(None),
        };
        check_owner(&seen.metadata, &what, election, MANAGED_BY, !seen.endpoints.is_empty(), term)?;
        let is_so = written == Some(term)
            && seen.endpoints == endpoints
            && seen.ports.as_deref().unwrap_or_default() == ports
            && text(seen.metadata.labels.as_ref(), SERVICE_NAME) == Some(&self.service);
        if is_so {
            return Ok(None);
        }
        let mut slice = self.slice(name, family);
        slice.metadata.resource_version.clone_from(&seen.metadata.resource_version);
        slice.metadata.annotations = Some(annotations(&self.ground, term));
        (slice.endpoints, slice.ports) = (endpoints, Some(ports.to_vec()));
        Ok(Some(slice))
    }

    fn endpoints(&self, family: Family) -> Vec<Endpoint> {
        let pod = &self.ground.pod;
        let address = pod.addresses.iter().find(|&&address| Family::of(address) == family);
        let endpoint = |address: &IpAddr| Endpoint {
            addresses: vec![address.to_string()],
            conditions: Some(EndpointConditions {
                ready: Some(true),
                serving: Some(true),
                terminating: Some(false),
            }),
            node_name: pod.node.clone(),
            target_ref: Some(ObjectReference {
                kind: Some("Pod".to_owned()),
                name: Some(pod.name.clone()),
                namespace: Some(pod.namespace.clone()),
                uid: pod.uid.clone(),
                ..ObjectReference::default()
            }),
            ..Endpoint::default()
        };
        address.map(endpoint).into_iter().collect()
    }
}

impl Mark for Slices {
    fn gate(&self) -> GateName {
        GateName::EndpointSlice
    }

    async fn make(&mut self, wanted: Wanted) -> Result<(), Trouble> {
        // Meanwhile others have led.
        if self.made.replace(wanted) != Some(wanted) && matches!(wanted, Wanted::Shown(_)) {
            self.seen = [None, None];
        }
        let (ports, families) = self.shape().await?;
        let has = |family| self.ground.pod.addresses.iter().any(|&address| Family::of(address) == family);
        if !families.iter().any(|&family| has(family)) {
            let families = families.iter().map(|family| family.word()).collect::<Vec<_>>().join(" and ");
            let sentence = format!(
                "the Service {} has {families} addresses, and POD_IP and POD_IPS give this pod none",
                self.service
            );
            return Err(Trouble::new(GateTrouble::Rejected, sentence));
        }
        for family in Family::BOTH.into_iter().filter(|family| families.contains(family)) {
            self.make_one(family, &ports, wanted).await?;
        }
        Ok(())
    }

    fn forget(&mut self) {
        (self.shape, self.seen) = (None, [None, None]);
    }

    fn rest(&self) -> Duration {
        self.ground.ttl.max(SHORTEST_REST)
    }
}

fn names_pod(slice: &EndpointSlice, pod: &str) -> bool {
    let name = |endpoint: &Endpoint| endpoint.target_ref.as_ref().and_then(|target| target.name.clone());
    slice.endpoints.iter().any(|endpoint| name(endpoint).as_deref() == Some(pod))
}

/// Ports and families of a Service whose endpoints are ours to write.
fn shape_of(name: &str, service: Service) -> Result<(Vec<EndpointPort>, Vec<Family>), Trouble> {
    let spec = service.spec.unwrap_or_default();
    if spec.selector.is_some_and(|selector| !selector.is_empty()) {
        let sentence =
            format!("the Service {name} has a selector, so that others write its endpoints: remove it");
        return Err(Trouble::new(GateTrouble::Foreign, sentence));
    }
    let ports = spec.ports.unwrap_or_default().into_iter().map(|port| endpoint_port(name, port));
    let ports = ports.collect::<Result<Vec<_>, _>>()?;
    let has = |family: &str| spec.ip_families.as_ref().is_some_and(|all| all.iter().any(|one| one == family));
    let families = Family::BOTH.into_iter().filter(|family| has(family.word())).collect();
    Ok((ports, families))
}

fn endpoint_port(service: &str, port: ServicePort) -> Result<EndpointPort, Trouble> {
    let number = match port.target_port {
        None => port.port,
        Some(IntOrString::Int(number)) => number,
        Some(IntOrString::String(named)) => {
            let sentence = format!(
                "the Service {service} has the targetPort {named}, and names are looked up by a selector: give the number"
            );
            return Err(Trouble::new(GateTrouble::Rejected, sentence));
        }
    };
    Ok(EndpointPort {
        app_protocol: port.app_protocol,
        // The server writes "" where there is no name.
        name: Some(port.name.unwrap_or_default()),
        port: Some(number),
        protocol: Some(port.protocol.unwrap_or_else(|| "TCP".to_owned())),
    })
}
