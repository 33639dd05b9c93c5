#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

//! The driver with real clocks over voters in memory: the core's own model of a voter.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::core::{Answer, Caller, EndReason, Moment, Now, Planted, Question, Run, Server, VoterModel};
use crate::voter::{Details, Reply};

const TTL: Duration = Duration::from_secs(1);
/// Longer than everything that is waited for here; a first election takes O, a lapse D.
const PATIENCE: Duration = Duration::from_secs(10);
const MARGINS: Margins =
    Margins { stop_grace: Duration::from_millis(300), fence_margin: Duration::from_millis(50) };

struct MemoryVoter {
    name: &'static str,
    run: Run,
    memory: Mutex<VoterModel>,
    who: Mutex<String>,
    is_up: AtomicBool,
    listeners: Mutex<Vec<mpsc::Sender<Hint>>>,
}

impl MemoryVoter {
    fn answer(&self, question: &Question, who: &str) -> Answer {
        let time_us = clock::now().wall_us;
        let server = Server { run: self.run, primary: true, time_us };
        let caller = Caller { electorate: "1 a,b,c", voter: self.name };
        let reply = self.memory.lock().unwrap().apply(&server, &caller, question);
        if matches!(reply.answer, Answer::Granted { .. }) {
            who.clone_into(&mut self.who.lock().unwrap());
        }
        if reply.hint.is_some() {
            for listener in self.listeners.lock().unwrap().iter() {
                let _ = listener.try_send(Hint {
                    election: "orders".into(),
                    voter: self.name.into(),
                    released: reply.hint,
                });
            }
        }
        reply.answer
    }
}

impl VoterPort for MemoryVoter {
    fn ask(&self, question: Question, who: Arc<str>, patience: Duration) -> Pending<Reply> {
        let answer = self.is_up.load(Ordering::Relaxed).then(|| self.answer(&question, &who));
        let who = self.who.lock().unwrap().clone();
        Box::pin(async move {
            if answer.is_none() {
                tokio::time::sleep(patience).await;
            }
            let details = answer.map(|_| Details { who, ..Details::default() });
            let answer = answer.unwrap_or(Answer::Silent);
            Reply { answer, received: clock::now().at, details, trouble: None }
        })
    }
}

fn voters() -> Vec<Arc<MemoryVoter>> {
    let voter = |(index, name): (u8, &'static str)| {
        Arc::new(MemoryVoter {
            name,
            run: Run { process: [index; 20], history: [index; 20] },
            memory: Mutex::new(VoterModel::new(Planted::none())),
            who: Mutex::default(),
            is_up: AtomicBool::new(true),
            listeners: Mutex::default(),
        })
    };
    (1..).zip(["a", "b", "c"]).map(voter).collect()
}

fn set_up(voters: &[Arc<MemoryVoter>], is_up: bool) {
    for voter in voters {
        voter.is_up.store(is_up, Ordering::Relaxed);
    }
}

fn about(identity: &str) -> About {
    About {
        election: "orders".to_owned(),
        identity: identity.to_owned(),
        cluster: None,
        namespace: None,
        node: None,
        address: None,
        voters: ["a", "b", "c"].map(str::to_owned).to_vec(),
        ttl: TTL,
        margins: MARGINS,
    }
}

/// What was reported.
#[derive(Default)]
struct Facts(Mutex<Vec<Fact>>);

impl Report for Facts {
    fn note(&self, fact: Fact) {
        self.0.lock().unwrap().push(fact);
    }
}

impl Facts {
    fn has(&self, wanted: impl Fn(&Fact) -> bool) -> bool {
        self.0.lock().unwrap().iter().any(wanted)
    }
}

struct Candidate {
    leadership: Leadership,
    verifier: Verifier,
    facts: Arc<Facts>,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), Failure>>,
}

impl Candidate {
    fn start(identity: &str, voters: &[Arc<MemoryVoter>]) -> Self {
        Self::start_with(identity, voters, NoWork)
    }

    fn start_with(identity: &str, voters: &[Arc<MemoryVoter>], work: impl Work) -> Self {
        let election = Election::new(Settings {
            about: about(identity),
            timing: Timing::of_ttl(TTL),
            on_epoch_reset: ResetPolicy::Continue,
            drain_timeout: Duration::from_secs(5),
        });
        let (sender, hints) = mpsc::channel(16);
        for voter in voters {
            voter.listeners.lock().unwrap().push(sender.clone());
        }
        let (leadership, verifier) = (election.leadership.clone(), election.verifier.clone());
        let (facts, shutdown) = (Arc::new(Facts::default()), CancellationToken::new());
        let surroundings = Surroundings {
            voters: voters.to_vec(),
            hints,
            work,
            report: Arc::clone(&facts) as Arc<dyn Report>,
            shutdown: shutdown.clone(),
        };
        let task = tokio::spawn(election.run(surroundings));
        Self { leadership, verifier, facts, shutdown, task }
    }

    /// Waits for an event, and answers with it and all that came before it.
    async fn told(&self, kind: NewsKind) -> Vec<News> {
        let (current, mut news) = self.leadership.watch(clock::now().at);
        let mut told = vec![current];
        while told.last().unwrap().kind != kind {
            told.push(timeout(PATIENCE, news.recv()).await.unwrap().unwrap());
        }
        told
    }

    async fn end(self) -> Duration {
        let begun = clock::now().at;
        self.shutdown.cancel();
        timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
        clock::now().at.leader_elapsed(begun)
    }
}

#[tokio::test]
async fn a_leader_renews_and_is_verified_and_hands_over_at_its_end() {
    let voters = voters();
    let first = Candidate::start("first", &voters);
    let elected = first.told(NewsKind::Elected).await;
    let term = elected.last().unwrap().term.unwrap();
    let until = first.leadership.until().unwrap();
    let second = Candidate::start("second", &voters);
    let (_, mut news) = second.leadership.watch(clock::now().at);
    let seen = timeout(PATIENCE, news.recv()).await.unwrap().unwrap();
    assert_eq!(seen.kind, NewsKind::LeaderChanged);
    assert_eq!(seen.leader.unwrap().identity.as_deref(), Some("first"));
    assert_eq!((first.verifier.verify().await, second.verifier.verify().await), (Some(term), None));
    assert!(until.is_before(first.leadership.until().unwrap()), "a verification renews");

    first.end().await;
    let elected = second.told(NewsKind::Elected).await;
    assert!(elected.last().unwrap().term.unwrap() > term);
    let is_handover = |fact: &Fact| match fact {
        Fact::FailedOver { kind, took } => *kind == Succession::Released && *took < TTL / 2,
        _ => false,
    };
    assert!(second.facts.has(is_handover));
    second.end().await;
}

#[tokio::test]
async fn a_standby_ends_at_once() {
    let voters = voters();
    let leader = Candidate::start("leader", &voters);
    leader.told(NewsKind::Elected).await;
    let standby = Candidate::start("standby", &voters);
    timeout(PATIENCE, async {
        while !standby.leadership.is_able() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert!(standby.end().await < Timing::of_ttl(TTL).voter_timeout);
    leader.end().await;
}

#[tokio::test]
async fn without_a_quorum_leadership_ends_in_time_and_comes_back_with_the_voters() {
    let voters = voters();
    let candidate = Candidate::start("x", &voters);
    let term = candidate.told(NewsKind::Elected).await.last().unwrap().term.unwrap();
    set_up(&voters[1..], false);
    let told = candidate.told(NewsKind::Lost).await;
    let kinds: Vec<_> = told.iter().map(|news| news.kind).collect();
    assert_eq!(kinds, [NewsKind::Elected, NewsKind::Jeopardy, NewsKind::Lost]);
    let left = told[1].validity_remaining_ms;
    assert!((250..=350).contains(&left), "jeopardy was told {left} ms before the end");
    assert!(!candidate.leadership.holds(clock::now().at));
    assert!(candidate.leadership.is_able(), "voters lost later do not make it unready");
    assert!(candidate.facts.has(|fact| *fact == Fact::Ended(EndReason::Lapsed)));
    assert!(candidate.facts.has(|fact| *fact == Fact::RenewalFailed));
    set_up(&voters, true);
    let told = candidate.told(NewsKind::Elected).await;
    assert!(told.last().unwrap().term.unwrap() > term);
    // What it gave back after the end is no hand-over, and its old ballot is no other leader.
    assert_eq!(told.last().unwrap().reason, Some("expired"));
    let is_told_of_itself = |news: &News| news.kind == NewsKind::LeaderChanged && news.leader.is_some();
    assert!(!told.iter().any(is_told_of_itself), "{told:?}");
    candidate.end().await;
}

#[tokio::test]
async fn a_renewal_that_lands_before_hard_makes_safe_what_was_in_jeopardy() {
    let voters = voters();
    let candidate = Candidate::start("x", &voters);
    candidate.told(NewsKind::Elected).await;
    set_up(&voters[1..], false);
    candidate.told(NewsKind::Jeopardy).await;
    assert!(!candidate.leadership.leads_before_soft(clock::now().at));
    set_up(&voters, true);
    let told = candidate.told(NewsKind::Safe).await;
    assert!(told.iter().all(|news| matches!(news.kind, NewsKind::Jeopardy | NewsKind::Safe)), "{told:?}");
    assert!(candidate.leadership.leads_before_soft(clock::now().at));
    candidate.end().await;
}

/// Work that takes its time to stop.
struct SlowWork {
    takes: Duration,
    stopped_boot_ns: Arc<AtomicU64>,
}

impl Work for SlowWork {
    fn stop(&mut self, _: EndReason) -> Pending<()> {
        let (takes, stopped) = (self.takes, Arc::clone(&self.stopped_boot_ns));
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            stopped.store(clock::now().at.boot_ns(), Ordering::Relaxed);
        })
    }
}

#[tokio::test]
async fn nobody_else_leads_before_the_work_has_stopped() {
    let voters = voters();
    let stopped_boot_ns = Arc::new(AtomicU64::new(0));
    // Longer than a ttl: renewals go on while the work stops.
    let work = SlowWork { takes: TTL * 2, stopped_boot_ns: Arc::clone(&stopped_boot_ns) };
    let first = Candidate::start_with("first", &voters, work);
    first.told(NewsKind::Elected).await;
    let second = Candidate::start("second", &voters);
    let leadership = first.leadership.clone();
    let ending = tokio::spawn(first.end());
    let (_, mut news) = leadership.watch(clock::now().at);
    assert_eq!(timeout(PATIENCE, news.recv()).await.unwrap().unwrap().kind, NewsKind::Jeopardy);
    let now = clock::now().at;
    assert_eq!(leadership.phase(now), Phase::Stopping);
    assert!(leadership.holds(now) && !leadership.leads_before_soft(now));
    second.told(NewsKind::Elected).await;
    let since = second.leadership.claim().unwrap().since;
    assert!(since.boot_ns() > stopped_boot_ns.load(Ordering::Relaxed));
    assert!(stopped_boot_ns.load(Ordering::Relaxed) > 0);
    assert!(Moment::is_before(now, since));
    ending.await.unwrap();
    second.end().await;
}

#[cfg(feature = "cli")]
#[test]
fn whoever_seals_a_leadership_first_says_why_it_ends() {
    let now = clock::now();
    let led = || {
        let leadership = Leadership::new(about("a"), now);
        leadership.elected(now, 7, now.at.plus(TTL), Succession::Vacant);
        leadership
    };
    let past_soft = Now { at: now.at.plus(TTL.saturating_sub(MARGINS.stop_grace)), ..now };
    let leadership = led();
    assert_eq!(leadership.seal_past_soft(now), Footing::Leads);
    assert_eq!(leadership.seal_past_soft(past_soft), Footing::RanOut);
    assert_eq!(leadership.seal_past_soft(past_soft), Footing::GivenUp);
    assert!(leadership.holds(past_soft.at) && leadership.claim().unwrap().sealed);
    let leadership = led();
    leadership.give_up(now, EndReason::Resigned);
    assert_eq!(
        leadership.seal_past_soft(past_soft),
        Footing::GivenUp,
        "it was resigned, and did not run out"
    );
    leadership.withdraw(now, EndReason::Lost);
    assert_eq!(leadership.seal_past_soft(past_soft), Footing::GivenUp);
}
