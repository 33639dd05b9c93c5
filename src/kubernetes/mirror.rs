//! A Lease that shows who leads, for `kubectl get lease` and whatever counts Leases. Nobody is elected by it.
//!
//! Written at transitions and once per ttl. Compared by term and version as endpoint slices are; a Lease that does not
//! say that it is a mirror is somebody's lock and is left alone.

use std::rc::Rc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, Patch, PatchParams};

use super::Ground;
use super::follow::{Mark, Wanted};
use super::object::{
    TERM, annotations, check_owner, find_or_make, making, saying, settle, term_of, wall_time,
};
use super::server::Trouble;
use crate::election::GateName;

const IS_MIRROR: (&str, &str) = ("quorate.dev/mirror", "true");

pub(super) struct Mirror {
    ground: Rc<Ground>,
    name: String,
    seen: Option<Lease>,
    /// What it was to say when it was seen.
    made: Option<Wanted>,
}

impl Mirror {
    pub(super) fn new(ground: Rc<Ground>, name: String) -> Self {
        Self { ground, name, seen: None, made: None }
    }

    async fn find(&self) -> Result<Option<Lease>, Trouble> {
        let Ground { server, pod, .. } = &*self.ground;
        server.ask(async |client| Api::namespaced(client, &pod.namespace).get_opt(&self.name).await).await
    }

    async fn apply(&self, lease: &Lease, params: &PatchParams) -> Result<Lease, Trouble> {
        let Ground { server, pod, .. } = &*self.ground;
        let patch = Patch::Apply(lease);
        let write =
            async |client| Api::namespaced(client, &pod.namespace).patch(&self.name, params, &patch).await;
        server.change(GateName::LeaseMirror, write).await
    }

    /// One that names nobody. With the time, most locks that others make at the same moment are a conflict; whatever names
    /// somebody is seen not to be ours.
    fn lease(&self) -> Lease {
        let metadata = ObjectMeta {
            name: Some(self.name.clone()),
            namespace: Some(self.ground.pod.namespace.clone()),
            labels: Some([(IS_MIRROR.0.to_owned(), IS_MIRROR.1.to_owned())].into()),
            ..ObjectMeta::default()
        };
        let acquire_time = Some(MicroTime(wall_time()));
        Lease { metadata, spec: Some(LeaseSpec { acquire_time, ..LeaseSpec::default() }) }
    }

    /// What is to be written, if anything.
    fn change(&self, seen: &Lease, wanted: Wanted) -> Result<Option<Lease>, Trouble> {
        let Ground { election, identity, ttl, .. } = &*self.ground;
        let what = format!("the Lease {}", self.name);
        let before = seen.spec.clone().unwrap_or_default();
        let written = term_of(&seen.metadata, TERM);
        let names_us = before.holder_identity.as_ref() == Some(identity);
        let (term, holder) = match wanted {
            Wanted::Shown(term) => (term, Some(identity.clone())),
            Wanted::Away(Some(term)) if names_us && written <= Some(term) => (term, None),
            Wanted::Away(None) if names_us => (written.unwrap_or_default(), None),
            Wanted::Away(_) => return Ok(None),
        };
        let names_somebody = before.holder_identity.as_ref().is_some_and(|holder| !holder.is_empty());
        check_owner(&seen.metadata, &what, election, IS_MIRROR, names_somebody, term)?;
        let now = Some(MicroTime(wall_time()));
        let is_new = holder.is_some() && written != Some(term);
        let transitions = before.lease_transitions.unwrap_or_default();
        let spec = LeaseSpec {
            acquire_time: if is_new { now.clone() } else { before.acquire_time },
            holder_identity: holder,
            lease_duration_seconds: Some(i32::try_from(ttl.as_secs().max(1)).unwrap_or(i32::MAX)),
            // The first holder of a new Lease follows nobody.
            lease_transitions: Some(transitions + i32::from(is_new && written.is_some())),
            renew_time: now,
            ..LeaseSpec::default()
        };
        let mut lease = self.lease();
        lease.metadata.resource_version.clone_from(&seen.metadata.resource_version);
        lease.metadata.annotations = Some(annotations(&self.ground, term));
        lease.spec = Some(spec);
        Ok(Some(lease))
    }
}

impl Mark for Mirror {
    fn gate(&self) -> GateName {
        GateName::LeaseMirror
    }

    async fn make(&mut self, wanted: Wanted) -> Result<(), Trouble> {
        // Meanwhile others have led.
        if self.made.replace(wanted) != Some(wanted) && matches!(wanted, Wanted::Shown(_)) {
            self.seen = None;
        }
        let known = self.seen.take().map(Some);
        let make = async || self.apply(&self.lease(), &making()).await;
        let read = async || find_or_make(wanted, async || self.find().await, make).await;
        let change = |seen: &Option<Lease>| seen.as_ref().map_or(Ok(None), |seen| self.change(seen, wanted));
        let write = async |_: &_, lease| self.apply(&lease, &saying()).await.map(Some);
        self.seen = settle(known, read, change, write).await?;
        Ok(())
    }

    fn forget(&mut self) {
        self.seen = None;
    }

    fn rest(&self) -> Duration {
        self.ground.ttl
    }

    fn rested(&mut self) {
        // The version that was written last is enough: whoever wrote since makes a conflict.
    }
}
