//! Marks on the own pod: the label that Services select, and the annotation that rollouts heed.
//!
//! Both go through `pods/status`, where labels and annotations pass and the spec does not, so that nobody who has our
//! token can change what runs. What the label says is dated by two annotations beside it: a leader takes the label off
//! whichever pod wears it with an older term and dates that pod with its own, so that whoever was deposed there finds
//! a newer term when it wakes up.

use std::rc::Rc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, ObjectMeta, PartialObjectMeta, Patch, PatchParams};
use serde_json::{Value, json};

use super::Ground;
use super::events::Happening;
use super::follow::{Mark, Wanted};
use super::object::{SHORTEST_REST, outdated, settle, term_of, text};
use super::server::Trouble;
use crate::core::Term;
use crate::election::{GateName, GateTrouble};

const LEADER: &str = "leader";
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
/// More than the 0 of a pod that says nothing, and less than anything that somebody means.
const LEADER_COST: &str = "1";

/// A pod, as far as it concerns us.
type Meta = PartialObjectMeta<Pod>;

enum Kind {
    Label { key: String, term_key: String, election_key: String },
    DeletionCost,
}

pub(super) struct PodMark {
    ground: Rc<Ground>,
    kind: Kind,
    seen: Option<ObjectMeta>,
}

impl PodMark {
    pub(super) fn label(ground: Rc<Ground>, key: String) -> Self {
        let (term_key, election_key) = (format!("{key}-term"), format!("{key}-election"));
        Self { ground, kind: Kind::Label { key, term_key, election_key }, seen: None }
    }

    pub(super) fn deletion_cost(ground: Rc<Ground>) -> Self {
        Self { ground, kind: Kind::DeletionCost, seen: None }
    }

    async fn read(&self) -> Result<ObjectMeta, Trouble> {
        let Ground { server, pod, .. } = &*self.ground;
        let read =
            async |client| Api::<Pod>::namespaced(client, &pod.namespace).get_metadata(&pod.name).await;
        Ok(server.ask(read).await?.metadata)
    }

    /// Only as long as nobody has written in between.
    async fn write(&self, name: &str, seen: &ObjectMeta, mut change: Value) -> Result<ObjectMeta, Trouble> {
        let Ground { server, pod, .. } = &*self.ground;
        change["resourceVersion"] = json!(seen.resource_version);
        let patch = Patch::Merge(json!({"metadata": change}));
        let write = async |client| {
            let pods = Api::<Meta>::namespaced(client, &pod.namespace);
            pods.patch_status(name, &PatchParams::default(), &patch).await
        };
        Ok(server.change(self.gate(), write).await?.metadata)
    }

    async fn make_own(&mut self, wanted: Wanted) -> Result<(), Trouble> {
        let known = match self.kind {
            Kind::Label { .. } => self.seen.take(),
            // The label has been written since.
            Kind::DeletionCost => None,
        };
        let change = |seen: &ObjectMeta| self.kind.change(seen, &self.ground.election, wanted);
        let write = async |seen: &ObjectMeta, change| self.write(&self.ground.pod.name, seen, change).await;
        self.seen = Some(settle(known, async || self.read().await, change, write).await?);
        Ok(())
    }

    /// Takes the label off every other pod that wears it for this election with an older term.
    async fn repair(&self, term: Term) -> Result<(), Trouble> {
        let Kind::Label { key, term_key, election_key } = &self.kind else { return Ok(()) };
        let Ground { server, pod, election, telling, .. } = &*self.ground;
        let selector = ListParams::default().labels(&format!("{key}={LEADER}"));
        let list =
            async |client| Api::<Pod>::namespaced(client, &pod.namespace).list_metadata(&selector).await;
        for other in server.ask(list).await?.items {
            let meta = other.metadata;
            let name = meta.name.clone().unwrap_or_default();
            let is_ours = text(meta.annotations.as_ref(), election_key) == Some(election);
            if name == pod.name || !is_ours {
                continue;
            }
            match term_of(&meta, term_key) {
                Some(newer) if newer > term => return Err(outdated(&format!("the pod {name}"), newer, term)),
                Some(_) | None => {}
            }
            let change = json!({"labels": {key: null}, "annotations": {term_key: term.to_string()}});
            match self.write(&name, &meta, change).await {
                Ok(_) => {
                    tracing::info!(%election, term, pod = name, "took a stale label off another pod");
                    telling.tell(Happening::StaleLabelRepaired { pod: name });
                }
                // It is gone.
                Err(trouble) if trouble.kind == GateTrouble::Missing => {}
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }
}

impl Mark for PodMark {
    fn gate(&self) -> GateName {
        match self.kind {
            Kind::Label { .. } => GateName::PodLabel,
            Kind::DeletionCost => GateName::PodDeletionCost,
        }
    }

    async fn make(&mut self, wanted: Wanted) -> Result<(), Trouble> {
        // First: two pods with the label are worse than none. Rights to list that are missing keep our own from nothing.
        let repaired = match wanted {
            Wanted::Shown(term) => self.repair(term).await,
            Wanted::Away(_) => Ok(()),
        };
        if let Err(trouble) = &repaired
            && trouble.kind != GateTrouble::Forbidden
        {
            return repaired;
        }
        self.make_own(wanted).await.and(repaired)
    }

    fn forget(&mut self) {
        self.seen = None;
    }

    fn rest(&self) -> Duration {
        self.ground.ttl.max(SHORTEST_REST)
    }
}

impl Kind {
    /// What has to be changed in the own pod, if anything.
    fn change(&self, seen: &ObjectMeta, election: &str, wanted: Wanted) -> Result<Option<Value>, Trouble> {
        let Self::Label { key, term_key, election_key } = self else {
            let has = text(seen.annotations.as_ref(), DELETION_COST) == Some(LEADER_COST);
            return Ok(match wanted {
                Wanted::Shown(_) if !has => Some(json!({"annotations": {DELETION_COST: LEADER_COST}})),
                Wanted::Away(_) if has => Some(json!({"annotations": {DELETION_COST: null}})),
                Wanted::Shown(_) | Wanted::Away(_) => None,
            });
        };
        let has = text(seen.labels.as_ref(), key) == Some(LEADER);
        let theirs = text(seen.annotations.as_ref(), election_key);
        if has && theirs.is_some_and(|theirs| theirs != election) {
            let theirs = theirs.unwrap_or_default();
            let sentence = format!(
                "the election {theirs} marks this pod with {key} too: give each its own gates.podLabel.key"
            );
            return Err(Trouble::new(GateTrouble::Foreign, sentence));
        }
        let newest = term_of(seen, term_key).filter(|_| theirs == Some(election));
        match wanted {
            Wanted::Shown(term) => match newest {
                Some(newer) if newer > term => Err(outdated("this pod", newer, term)),
                Some(same) if same == term && has => Ok(None),
                Some(_) | None => Ok(Some(json!({"labels": {key: LEADER},
                    "annotations": {term_key: term.to_string(), election_key: election}}))),
            },
            Wanted::Away(None) => Ok(has.then(|| json!({"labels": {key: null}}))),
            // Dated also where there is no label: what we sent before and has not landed yet never will.
            Wanted::Away(Some(term)) if has || newest < Some(term) => {
                let newest = newest.unwrap_or_default().max(term);
                Ok(Some(json!({"labels": {key: null},
                    "annotations": {term_key: newest.to_string(), election_key: election}})))
            }
            Wanted::Away(Some(_)) => Ok(None),
        }
    }
}
