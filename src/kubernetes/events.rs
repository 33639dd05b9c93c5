//! Events about the own pod: what `kubectl describe pod` shows of an election.
//!
//! Told once each, in order, and given up rather than kept for ever: an Event that comes an hour late helps nobody.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use super::Ground;
use super::follow::Health;
use super::object::wall_time;
use super::pace::Pace;
use super::server::Trouble;
use crate::core::{ResetKind, Term};
use crate::election::{Fact, GateName, GateTrouble, News, NewsKind, Report, WorkEnd, reset_word};

/// How many may wait: a change of leader makes three, so this is some minutes without an API server.
const WAITING: usize = 32;
/// With pauses that double up to ten seconds, a minute and a half.
const ATTEMPTS: usize = 12;

/// What is worth an Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    Elected { term: Option<Term>, after: &'static str },
    Released { term: Option<Term> },
    Lost { term: Option<Term>, why: &'static str },
    QuorumLost,
    QuorumRestored,
    EpochReset(ResetKind),
    WorkerKilled,
    StaleLabelRepaired { pod: String },
}

impl Happening {
    fn of(news: &News) -> Option<Self> {
        let (term, why) = (news.term, news.reason.unwrap_or("unknown"));
        match news.kind {
            NewsKind::Elected => Some(Self::Elected { term, after: why }),
            NewsKind::Released => Some(Self::Released { term }),
            NewsKind::Lost => Some(Self::Lost { term, why }),
            NewsKind::Jeopardy | NewsKind::Safe | NewsKind::LeaderChanged => None,
        }
    }

    /// Reason, action and whether it is only normal.
    fn words(&self) -> (&'static str, &'static str, bool) {
        match self {
            Self::Elected { .. } => ("LeaderElected", "Elect", true),
            Self::Released { .. } => ("LeaderReleased", "Release", true),
            Self::Lost { .. } => ("LeaderLost", "Lose", false),
            Self::QuorumLost => ("QuorumLost", "Observe", false),
            Self::QuorumRestored => ("QuorumRestored", "Observe", true),
            Self::EpochReset(kind) => ("EpochReset", "Reset", *kind == ResetKind::First),
            Self::WorkerKilled => ("WorkerKilled", "Kill", false),
            Self::StaleLabelRepaired { .. } => ("StaleLabelRepaired", "Repair", true),
        }
    }

    fn sentence(&self, election: &str) -> String {
        let named = |term: &Option<Term>| term.map_or_else(|| "unknown".to_owned(), |term| term.to_string());
        match self {
            Self::Elected { term, after } => {
                format!("Leads {election} with term {}; before: {after}", named(term))
            }
            Self::Released { term } => format!("Released {election}, term {}", named(term)),
            Self::Lost { term, why } => format!("Lost {election}, term {}: {why}", named(term)),
            Self::QuorumLost => format!("Fewer than a quorum of the voters of {election} answer"),
            Self::QuorumRestored => format!("A quorum of the voters of {election} answers again"),
            Self::EpochReset(kind) => {
                format!(
                    "Began an epoch of {election}: what the voters knew of terms was {}",
                    reset_word(*kind)
                )
            }
            Self::WorkerKilled => {
                format!("The command under {election}, or something that it had started, had to be killed")
            }
            Self::StaleLabelRepaired { pod } => {
                format!("Took the label of the leader of {election} off the pod {pod}, which led before")
            }
        }
    }
}

/// The half that listens. Whoever reports is told nothing of how this goes.
#[derive(Clone)]
pub(super) struct Telling {
    report: Arc<dyn Report>,
    sender: Option<mpsc::Sender<(Timestamp, Happening)>>,
    lacks_quorum: Arc<AtomicBool>,
    end: CancellationToken,
}

/// What was said, and nobody has told yet.
pub(super) struct Told {
    receiver: mpsc::Receiver<(Timestamp, Happening)>,
    end: CancellationToken,
}

/// The half that tells.
pub(super) struct Teller {
    told: Told,
    news: broadcast::Receiver<News>,
}

impl Telling {
    pub(super) fn new(report: Arc<dyn Report>, is_on: bool) -> (Self, Told) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let end = CancellationToken::new();
        let lacks_quorum = Arc::new(AtomicBool::new(false));
        let telling = Self { report, sender: is_on.then_some(sender), lacks_quorum, end: end.clone() };
        (telling, Told { receiver, end })
    }

    pub(super) fn tell(&self, happening: Happening) {
        let Some(sender) = &self.sender else { return };
        if sender.try_send((wall_time(), happening)).is_err() {
            self.report.note(Fact::GateFailed { gate: GateName::Events, trouble: GateTrouble::Dropped });
        }
    }

    pub(super) fn end(&self) {
        self.end.cancel();
    }
}

impl Report for Telling {
    fn note(&self, fact: Fact) {
        self.report.note(fact);
        match fact {
            Fact::EpochReset(kind) => self.tell(Happening::EpochReset(kind)),
            Fact::WorkEnded(WorkEnd::Killed) => self.tell(Happening::WorkerKilled),
            Fact::Quorum(true) if self.lacks_quorum.swap(false, Ordering::Relaxed) => {
                self.tell(Happening::QuorumRestored);
            }
            Fact::Quorum(false) => {
                self.lacks_quorum.store(true, Ordering::Relaxed);
                self.tell(Happening::QuorumLost);
            }
            _ => {}
        }
    }
}

impl Told {
    /// With the news of an election.
    pub(super) fn tell_of(self, news: broadcast::Receiver<News>) -> Teller {
        Teller { told: self, news }
    }
}

impl Teller {
    /// Until the end is near; then only what waits already, each once.
    pub(super) async fn tell(self, ground: Rc<Ground>) {
        let Self { told: Told { mut receiver, end }, mut news } = self;
        let hand_on =
            |news: &News| Happening::of(news).into_iter().for_each(|told| ground.telling.tell(told));
        let collect = async {
            loop {
                tokio::select! {
                    biased;
                    told = news.recv() => match told {
                        Ok(told) => hand_on(&told),
                        Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => return,
                    },
                    () = end.cancelled() => return,
                }
            }
        };
        let report = ground.server.report();
        let health = Health { gate: GateName::Events, election: ground.election.clone(), report, told: None };
        let mut sender = Sender { ground: &ground, health, end: &end };
        let send = async {
            loop {
                tokio::select! {
                    biased;
                    told = receiver.recv() => match told {
                        Some((at, happening)) => sender.deliver(at, &happening).await,
                        None => return,
                    },
                    () = end.cancelled() => return,
                }
            }
        };
        tokio::join!(collect, send);
    }
}

struct Sender<'a> {
    ground: &'a Ground,
    health: Health,
    end: &'a CancellationToken,
}

impl Sender<'_> {
    async fn deliver(&mut self, at: Timestamp, happening: &Happening) {
        let event = self.event(at, happening);
        let mut pace = Pace::default();
        for _ in 0..ATTEMPTS {
            let trouble = match self.create(&event).await {
                Ok(()) => return self.health.well(),
                Err(trouble) => trouble,
            };
            self.health.ill(&trouble);
            tokio::select! {
                biased;
                () = self.end.cancelled() => break,
                () = tokio::time::sleep(pace.next(trouble.wait)) => {}
            }
        }
        let report = self.ground.server.report();
        report.note(Fact::GateFailed { gate: GateName::Events, trouble: GateTrouble::Dropped });
    }

    async fn create(&self, event: &Event) -> Result<(), Trouble> {
        let Ground { server, pod, .. } = self.ground;
        let create = async |client| {
            Api::<Event>::namespaced(client, &pod.namespace).create(&PostParams::default(), event).await
        };
        match server.change(GateName::Events, create).await {
            // It was told before; only the answer was lost.
            Err(trouble) if trouble.kind == GateTrouble::Conflict => Ok(()),
            told => told.map(drop),
        }
    }

    fn event(&self, at: Timestamp, happening: &Happening) -> Event {
        let Ground { pod, election, .. } = self.ground;
        let (reason, action, is_normal) = happening.words();
        Event {
            action: Some(action.to_owned()),
            event_time: Some(MicroTime(at)),
            metadata: ObjectMeta {
                // As Kubernetes' own are named: what it is about, and when.
                name: Some(format!("{}.{:x}", pod.name, at.as_nanosecond())),
                namespace: Some(pod.namespace.clone()),
                ..ObjectMeta::default()
            },
            note: Some(happening.sentence(election)),
            reason: Some(reason.to_owned()),
            regarding: Some(ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Pod".to_owned()),
                name: Some(pod.name.clone()),
                namespace: Some(pod.namespace.clone()),
                uid: pod.uid.clone(),
                ..ObjectReference::default()
            }),
            reporting_controller: Some("quorate.dev/quorate".to_owned()),
            reporting_instance: Some(pod.name.clone()),
            type_: Some(if is_normal { "Normal" } else { "Warning" }.to_owned()),
            ..Event::default()
        }
    }
}
