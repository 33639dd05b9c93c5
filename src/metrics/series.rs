//! The series of one election, looked up once, so that counting cannot fail.

use prometheus::{Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec};

use super::families::Families;
use crate::core::{EndReason, Now, ResetKind, VoterIndex};
use crate::election::{
    About, Aside, AttemptResult, Fact, ForeignKey, GateName, GateTrouble, Leadership, OperationKind, Report,
    StandingWord, Succession, TroubleKind, WorkEnd, end_word, reset_word,
};

const SUCCESSIONS: [Succession; 3] = [Succession::Released, Succession::Expired, Succession::Vacant];
const ENDS: [EndReason; 5] = [
    EndReason::Resigned,
    EndReason::Lapsed,
    EndReason::Lost,
    EndReason::ClockDiverged,
    EndReason::ClockStood,
];
const RESETS: [ResetKind; 3] = [ResetKind::First, ResetKind::Forgotten, ResetKind::Unreadable];

type Made<T> = Result<T, prometheus::Error>;

/// Counters or histograms, one for each value of a closed list.
type Each<K, T> = Vec<(K, T)>;

pub(super) struct Series {
    is_leader: Gauge,
    leader_tenure: Gauge,
    validity_remaining: Gauge,
    term: Gauge,
    observed_leader: Gauge,
    inert: Each<Aside, Gauge>,
    voters_held: Gauge,
    won: IntCounter,
    failed: IntCounter,
    elected: Each<Succession, IntCounter>,
    ended: Each<EndReason, IntCounter>,
    extended: IntCounter,
    renewal_failed: IntCounter,
    renew_duration: Histogram,
    renew_headroom: Histogram,
    overruns: IntCounter,
    failover: Each<Succession, Histogram>,
    voters: Vec<VoterSeries>,
    worker_stops: Each<WorkEnd, IntCounter>,
    epoch_resets: Each<ResetKind, IntCounter>,
    clock_diverged: IntCounter,
    clock_stood: IntCounter,
    loop_delay: Histogram,
    gates: Each<GateName, GateSeries>,
}

struct GateSeries {
    writes: IntCounter,
    failures: Each<GateTrouble, IntCounter>,
    failing: Gauge,
}

struct VoterSeries {
    up: Gauge,
    joining: Gauge,
    foreign_key: Gauge,
    clock_offset: Gauge,
    amnesia: IntCounter,
    request_duration: Each<OperationKind, Histogram>,
    errors: Each<TroubleKind, IntCounter>,
}

impl Series {
    /// All series of an election, at 0.
    pub(super) fn new(families: &Families, about: &About) -> Made<Self> {
        let election = about.election.as_str();
        let gauge = |family: &GaugeVec| family.get_metric_with_label_values(&[election]);
        let counter = |family: &IntCounterVec| family.get_metric_with_label_values(&[election]);
        let histogram = |family: &HistogramVec| family.get_metric_with_label_values(&[election]);
        let by =
            |family: &IntCounterVec, value: &str| family.get_metric_with_label_values(&[election, value]);
        gauge(&families.ttl)?.set(about.ttl.as_secs_f64());
        gauge(&families.voters)?.set(small(about.voters.len()));
        gauge(&families.quorum)?.set(small(about.quorum()));
        Ok(Self {
            is_leader: gauge(&families.is_leader)?,
            leader_tenure: gauge(&families.leader_tenure)?,
            validity_remaining: gauge(&families.validity_remaining)?,
            term: gauge(&families.term)?,
            observed_leader: gauge(&families.observed_leader)?,
            inert: each(&Aside::ALL, |why| {
                families.inert.get_metric_with_label_values(&[election, why.word()])
            })?,
            voters_held: gauge(&families.voters_held)?,
            won: by(&families.elections, "won")?,
            failed: by(&families.elections, "failed")?,
            elected: each(&SUCCESSIONS, |why| by(&families.transitions, &format!("elected_{}", why.word())))?,
            ended: each(&ENDS, |why| by(&families.transitions, end_word(why)))?,
            extended: by(&families.renewals, "extended")?,
            renewal_failed: by(&families.renewals, "failed")?,
            renew_duration: histogram(&families.renew_duration)?,
            renew_headroom: histogram(&families.renew_headroom)?,
            overruns: counter(&families.overruns)?,
            failover: each(&[Succession::Released, Succession::Expired], |kind| {
                families.failover.get_metric_with_label_values(&[election, kind.word()])
            })?,
            voters: about
                .voters
                .iter()
                .map(|voter| VoterSeries::new(families, election, voter))
                .collect::<Made<_>>()?,
            worker_stops: each(&WorkEnd::ALL, |how| by(&families.worker_stops, how.word()))?,
            epoch_resets: each(&RESETS, |kind| by(&families.epoch_resets, reset_word(kind)))?,
            clock_diverged: by(&families.clock_trips, "diverged")?,
            clock_stood: by(&families.clock_trips, "stood")?,
            loop_delay: histogram(&families.loop_delay)?,
            gates: each(&GateName::ALL, |gate| GateSeries::new(families, election, gate))?,
        })
    }

    /// Sets what is read rather than counted.
    pub(super) fn read(&self, leadership: &Leadership, now: Now) {
        let claim = leadership.claim().filter(|claim| claim.holds(now.at));
        let leader = leadership.leader(now.at);
        let snapshot = leadership.snapshot(now);
        self.is_leader.set(truth(claim.is_some()));
        self.leader_tenure
            .set(claim.as_ref().map_or(0.0, |claim| now.at.leader_elapsed(claim.since).as_secs_f64()));
        self.validity_remaining
            .set(claim.as_ref().map_or(0.0, |claim| claim.remaining(now.at).as_secs_f64()));
        #[expect(
            clippy::cast_precision_loss,
            reason = "terms stay below 2^53, which a double carries exactly"
        )]
        self.term.set(leader.as_ref().map_or(0.0, |leader| leader.term as f64));
        self.observed_leader.set(truth(leader.is_some()));
        let aside = leadership.aside();
        self.inert.iter().for_each(|(why, series)| series.set(truth(aside == Some(*why))));
        self.voters_held.set(small(snapshot.voters_held));
        for (series, voter) in self.voters.iter().zip(&snapshot.voter) {
            series.up.set(truth(voter.reachable));
            series.joining.set(truth(voter.standing == Some(StandingWord::Joining)));
            series.foreign_key.set(truth(voter.foreign_key.is_some_and(ForeignKey::is_endless)));
            series.clock_offset.set(voter.clock_offset_ms.unwrap_or(0.0) / 1e3);
        }
    }

    fn voter(&self, voter: VoterIndex, note: impl FnOnce(&VoterSeries)) {
        if let Some(series) = self.voters.get(voter) {
            note(series);
        }
    }
}

impl VoterSeries {
    fn new(families: &Families, election: &str, voter: &str) -> Made<Self> {
        let labels = [election, voter];
        Ok(Self {
            up: families.voter_up.get_metric_with_label_values(&labels)?,
            joining: families.voter_joining.get_metric_with_label_values(&labels)?,
            foreign_key: families.voter_foreign_key.get_metric_with_label_values(&labels)?,
            clock_offset: families.voter_clock_offset.get_metric_with_label_values(&labels)?,
            amnesia: families.voter_amnesia.get_metric_with_label_values(&labels)?,
            request_duration: each(&OperationKind::ALL, |operation| {
                families.voter_request_duration.get_metric_with_label_values(&[
                    election,
                    voter,
                    operation.word(),
                ])
            })?,
            errors: each(&TroubleKind::ALL, |kind| {
                families.voter_errors.get_metric_with_label_values(&[election, voter, kind.label()])
            })?,
        })
    }
}

impl GateSeries {
    fn new(families: &Families, election: &str, gate: GateName) -> Made<Self> {
        let labels = [election, gate.word()];
        Ok(Self {
            writes: families.gate_writes.get_metric_with_label_values(&labels)?,
            failures: each(&GateTrouble::ALL, |trouble| {
                families.gate_failures.get_metric_with_label_values(&[election, gate.word(), trouble.word()])
            })?,
            failing: families.gate_failing.get_metric_with_label_values(&labels)?,
        })
    }
}

impl Report for Series {
    fn note(&self, fact: Fact) {
        match fact {
            Fact::Attempt(AttemptResult::Won) => self.won.inc(),
            Fact::Attempt(AttemptResult::Failed) => self.failed.inc(),
            Fact::Elected(why) => of(&self.elected, why, IntCounter::inc),
            Fact::Ended(why) => {
                of(&self.ended, why, IntCounter::inc);
                match why {
                    EndReason::ClockDiverged => self.clock_diverged.inc(),
                    EndReason::ClockStood => self.clock_stood.inc(),
                    EndReason::Resigned | EndReason::Lapsed | EndReason::Lost => {}
                }
            }
            Fact::FailedOver { kind, took } => {
                of(&self.failover, kind, |series| series.observe(took.as_secs_f64()));
            }
            Fact::Renewed { took, headroom } => {
                self.extended.inc();
                self.renew_duration.observe(took.as_secs_f64());
                self.renew_headroom.observe(headroom);
            }
            Fact::RenewalFailed => self.renewal_failed.inc(),
            Fact::Overrun => self.overruns.inc(),
            Fact::Asked { voter, operation, took } => self.voter(voter, |series| {
                of(&series.request_duration, operation, |series| series.observe(took.as_secs_f64()));
            }),
            Fact::Trouble { voter, kind } => {
                self.voter(voter, |series| of(&series.errors, kind, IntCounter::inc));
            }
            Fact::Amnesia { voter } => self.voter(voter, |series| series.amnesia.inc()),
            Fact::WorkEnded(how) => of(&self.worker_stops, how, IntCounter::inc),
            Fact::EpochReset(kind) => of(&self.epoch_resets, kind, IntCounter::inc),
            Fact::LoopDelay(late) => self.loop_delay.observe(late.as_secs_f64()),
            // `voter_up` says so at each scrape.
            Fact::Quorum(_) => {}
            Fact::GateWrote(gate) => of(&self.gates, gate, |series| series.writes.inc()),
            Fact::GateFailed { gate, trouble } => {
                of(&self.gates, gate, |series| of(&series.failures, trouble, IntCounter::inc));
            }
            Fact::GateFailing { gate, is_failing } => {
                of(&self.gates, gate, |series| series.failing.set(truth(is_failing)));
            }
        }
    }
}

fn each<K: Copy, T>(keys: &[K], make: impl Fn(K) -> Made<T>) -> Made<Each<K, T>> {
    keys.iter().map(|&key| Ok((key, make(key)?))).collect()
}

fn of<K: Copy + PartialEq, T>(series: &Each<K, T>, key: K, note: impl Fn(&T)) {
    series.iter().filter(|(known, _)| *known == key).for_each(|(_, series)| note(series));
}

fn truth(answer: bool) -> f64 {
    f64::from(u8::from(answer))
}

/// Numbers of voters are at most 9.
fn small(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::NAN, f64::from)
}
