//! What follows leadership in a Kubernetes cluster: the pod's label, an endpoint slice, the deletion cost, Events, and a
//! Lease for people to look at. The only place that knows kube.
//!
//! Promise: these are hints for routing and for people, never fences. They are shown after leadership has begun, asked
//! away at `soft` and before the lease is given back, and repeated until they stick; one that a newer term has written
//! is left alone. The election never waits for the API server: closing gives up after a small limit of its own, and
//! nothing else here is waited for (ADR 0011).
//!
//! Assumes that no two candidates of one election share a pod.

mod events;
mod follow;
mod mirror;
mod object;
mod pace;
mod pod;
mod server;
mod slice;

use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, LocalSet, spawn_local};

use crate::clock;
use crate::core::{EndReason, Term};
use crate::election::{Alarm, Leadership, Pending, Report};
use crate::gate::{Gate, ORDERS_WAITING, Order, thread};
use events::Telling;
use follow::{Mark, Tries, Wanted, follow, hold_back, until_settled};
use mirror::Mirror;
use pod::PodMark;
use server::Server;
use slice::Slices;

/// How long closing waits for the API server, as a share of the ttl and at most: what it takes ten times over where
/// the API server is well, and little beside a ttl where it is not.
const CLOSE_SHARE: u32 = 10;
const LONGEST_CLOSE: Duration = Duration::from_secs(1);
/// How long the last Events are waited for at the end of the process.
const LAST_WORDS: Duration = Duration::from_millis(900);

/// Who we are in the cluster, as the downward API says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The node that it is on.
    pub node: Option<String>,
    /// Without it `kubectl describe` does not find the Events of the pod.
    pub uid: Option<String>,
    /// At most one of each family counts.
    pub addresses: Vec<IpAddr>,
}

/// Which gates there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// The key of the label.
    pub pod_label: Option<String>,
    /// The Service whose endpoints are written.
    pub endpoint_slice: Option<String>,
    /// Ask to be deleted last.
    pub pod_deletion_cost: bool,
    /// Tell of it.
    pub events: bool,
    /// The name of the Lease.
    pub lease_mirror: Option<String>,
}

/// What has been started.
pub struct Started {
    /// All of these gates together.
    pub gate: Box<dyn Gate>,
    /// To be told what `report` would have been told; it is told all of it.
    pub report: Arc<dyn Report>,
    /// Answers when the last words have been said, after the gate was dropped.
    pub ended: oneshot::Receiver<()>,
}

/// What all gates share.
struct Ground {
    server: Server,
    pod: Pod,
    election: String,
    identity: String,
    ttl: Duration,
    telling: Telling,
}

/// Begins to follow, on a thread of its own.
///
/// # Errors
///
/// The system gives no thread or timer. An API server that is not there is no error.
pub fn start(
    pod: Pod,
    wishes: Wishes,
    leadership: Leadership,
    report: Arc<dyn Report>,
) -> io::Result<Started> {
    let (orders, receiver) = mpsc::channel(ORDERS_WAITING);
    let (said, ended) = oneshot::channel();
    let close_limit = (leadership.about().ttl / CLOSE_SHARE).min(LONGEST_CLOSE);
    let (telling, told) = Telling::new(Arc::clone(&report), wishes.events);
    let witness = Arc::new(telling.clone());
    let (_, news) = leadership.watch(clock::now().at);
    thread::start("quorate-kube", Alarm::new, move |runtime, alarm| {
        let keeper = Keeper::new(pod, leadership, telling, report);
        LocalSet::new().block_on(&runtime, keeper.keep(wishes, told.tell_of(news), receiver, alarm));
        // A file that cannot be read for ever must not keep us.
        runtime.shutdown_background();
        // Whoever waits for it may have given up.
        let _ = said.send(());
    })?;
    Ok(Started { gate: Box::new(Hints { orders, close_limit }), report: witness, ended })
}

/// The half that stays with the election.
struct Hints {
    orders: mpsc::Sender<Order>,
    close_limit: Duration,
}

impl Gate for Hints {
    fn open(&mut self, term: Term) {
        // Only where the thread has ended or hangs: then nothing is shown, and the next election is another chance.
        let _ = self.orders.try_send(Order::Open(term));
    }

    fn close(&mut self, reason: EndReason) -> Pending<()> {
        let (done, answer) = oneshot::channel();
        let _ = self.orders.try_send(Order::Close(reason, done));
        let limit = self.close_limit;
        // Hints: whatever they still say is no reason to keep the lease.
        Box::pin(async move { drop(tokio::time::timeout(limit, answer).await) })
    }
}

struct Keeper {
    ground: Rc<Ground>,
    leadership: Leadership,
    /// What the objects should say.
    wanted: watch::Sender<Wanted>,
    /// Of each gate, what became of its latest try.
    tries: Vec<Tries>,
    /// Between *open* and *close*.
    open: Option<Term>,
    /// The latest that was open.
    last: Option<Term>,
}

impl Keeper {
    fn new(pod: Pod, leadership: Leadership, telling: Telling, report: Arc<dyn Report>) -> Self {
        let about = leadership.about();
        let ground = Ground {
            server: Server::new(report),
            pod,
            election: about.election.clone(),
            identity: about.identity.clone(),
            ttl: about.ttl,
            telling,
        };
        Self {
            ground: Rc::new(ground),
            leadership,
            wanted: watch::Sender::new(Wanted::Away(None)),
            tries: Vec::new(),
            open: None,
            last: None,
        }
    }

    async fn keep(
        mut self,
        wishes: Wishes,
        news: events::Teller,
        mut orders: mpsc::Receiver<Order>,
        mut alarm: Alarm,
    ) {
        let teller = wishes.events.then(|| spawn_local(news.tell(Rc::clone(&self.ground))));
        self.begin(wishes);
        let mut moves = self.leadership.moves();
        loop {
            let now = clock::now().at;
            let claim = self.leadership.claim().filter(|claim| Some(claim.term) == self.open);
            let soft = claim.map(|claim| claim.soft).filter(|&soft| now.is_before(soft));
            let is_waiting = soft.is_some();
            self.want(match self.open {
                Some(term) if is_waiting => Wanted::Shown(term),
                Some(_) | None => Wanted::Away(self.last),
            });
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    None => break,
                    Some(Order::Open(term)) => (self.open, self.last) = (Some(term), Some(term)),
                    Some(Order::Close(_, done)) => {
                        self.open = None;
                        self.want(Wanted::Away(self.last));
                        self.acknowledge(done);
                    }
                },
                _ = moves.changed() => {}
                rung = alarm.wait(soft.unwrap_or(now), now), if is_waiting => drop(rung),
            }
        }
        if let Some(teller) = teller {
            finish(&self.ground, teller).await;
        }
    }

    fn begin(&mut self, wishes: Wishes) {
        let ground = || Rc::clone(&self.ground);
        let label = wishes.pod_label.map(|key| PodMark::label(ground(), key));
        let cost = wishes.pod_deletion_cost.then(|| PodMark::deletion_cost(ground()));
        let slices = wishes.endpoint_slice.map(|service| Slices::new(ground(), service));
        let mirror = wishes.lease_mirror.map(|name| Mirror::new(ground(), name));
        self.attend(label, self.wanted.subscribe());
        self.attend(slices, self.wanted.subscribe());
        let (later, wanted_later) = watch::channel(*self.wanted.borrow());
        spawn_local(hold_back(self.tries.clone(), self.wanted.subscribe(), later));
        self.attend(cost, wanted_later.clone());
        self.attend(mirror, wanted_later);
    }

    fn attend<M: Mark + 'static>(&mut self, mark: Option<M>, wanted: watch::Receiver<Wanted>) {
        let Some(mark) = mark else { return };
        let (teller, tries) = watch::channel(None);
        self.tries.push(tries);
        let (server, election) = (self.ground.server.report(), self.ground.election.clone());
        spawn_local(follow(mark, election, server, wanted, teller));
    }

    fn want(&self, wanted: Wanted) {
        self.wanted.send_if_modified(|now| std::mem::replace(now, wanted) != wanted);
    }

    /// Answers when every object says what is wanted now; whoever waits for it does not do so for long.
    fn acknowledge(&self, mut done: oneshot::Sender<()>) {
        let (tries, wanted) = (self.tries.clone(), *self.wanted.borrow());
        spawn_local(async move {
            let settled = async {
                for mut mark in tries {
                    until_settled(&mut mark, wanted).await;
                }
            };
            tokio::select! {
                () = settled => drop(done.send(())),
                () = done.closed() => {}
            }
        });
    }
}

async fn finish(ground: &Ground, teller: JoinHandle<()>) {
    ground.telling.end();
    // What has not been told by then is dropped: nobody is left to tell it.
    let _ = tokio::time::timeout(LAST_WORDS, teller).await;
}
