//! The declaration of every family: name, what it says, labels, buckets.

use prometheus::core::Collector;
use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

/// Round trips: from 100 µs within a host to the longest voter timeout of a preset, 1.5 s.
const ROUND_TRIP_SECONDS: &[f64] =
    &[0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
/// Fail-overs: from a hint's hand-over to a lapse of the longest ttl.
const FAILOVER_SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 600.0];
/// Shares of the ttl; work must be stopping at 0.35, and an alert looks at 0.3.
const HEADROOM: &[f64] = &[0.05, 0.1, 0.2, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0];
/// How late a task wakes up: from the timer's own precision to a fence margin.
const DELAY_SECONDS: &[f64] =
    &[0.000_05, 0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

pub(super) struct Families {
    pub(super) is_leader: GaugeVec,
    pub(super) leader_tenure: GaugeVec,
    pub(super) validity_remaining: GaugeVec,
    pub(super) ttl: GaugeVec,
    pub(super) term: GaugeVec,
    pub(super) observed_leader: GaugeVec,
    pub(super) inert: GaugeVec,
    pub(super) elections: IntCounterVec,
    pub(super) transitions: IntCounterVec,
    pub(super) renewals: IntCounterVec,
    pub(super) renew_duration: HistogramVec,
    pub(super) renew_headroom: HistogramVec,
    pub(super) overruns: IntCounterVec,
    pub(super) failover: HistogramVec,
    pub(super) voters: GaugeVec,
    pub(super) quorum: GaugeVec,
    pub(super) voters_held: GaugeVec,
    pub(super) voter_up: GaugeVec,
    pub(super) voter_request_duration: HistogramVec,
    pub(super) voter_errors: IntCounterVec,
    pub(super) voter_clock_offset: GaugeVec,
    pub(super) voter_amnesia: IntCounterVec,
    pub(super) voter_joining: GaugeVec,
    pub(super) voter_foreign_key: GaugeVec,
    pub(super) worker_stops: IntCounterVec,
    pub(super) epoch_resets: IntCounterVec,
    pub(super) clock_trips: IntCounterVec,
    pub(super) loop_delay: HistogramVec,
    pub(super) gate_writes: IntCounterVec,
    pub(super) gate_failures: IntCounterVec,
    pub(super) gate_failing: GaugeVec,
    pub(super) build_info: GaugeVec,
}

impl Families {
    #[expect(clippy::too_many_lines, reason = "a table: one line or two for each family")]
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let all = Declarations { registry };
        Ok(Self {
            is_leader: all.gauge(
                "is_leader",
                "1 while this candidate's validity has not ended, else 0; computed at the scrape",
                &[],
            )?,
            leader_tenure: all.gauge(
                "leader_tenure_seconds",
                "How long this candidate has led without interruption; 0 on a standby",
                &[],
            )?,
            validity_remaining: all.gauge(
                "validity_remaining_seconds",
                "What is left of this candidate's validity; 0 on a standby",
                &[],
            )?,
            ttl: all.gauge("ttl_seconds", "The configured ttl", &[])?,
            term: all.gauge(
                "term",
                "The term of the leader that this candidate knows, itself included; 0: none",
                &[],
            )?,
            observed_leader: all.gauge(
                "observed_leader",
                "1 while this candidate leads or sees a live leader anywhere, else 0",
                &[],
            )?,
            inert: all.gauge("inert", "1 while this candidate may not be elected for this reason, else 0", &["reason"])?,
            elections: all.counter("elections_total", "Attempts to be elected, by how they ended", &["result"])?,
            transitions: all.counter(
                "transitions_total",
                "Changes of this candidate's role: elected after what, ended why",
                &["reason"],
            )?,
            renewals: all.counter("renewals_total", "Renewal rounds, by how they ended", &["result"])?,
            renew_duration: all.histogram(
                "renew_duration_seconds",
                "From sending a renewal to the acknowledgement that completed its quorum",
                &[],
                ROUND_TRIP_SECONDS,
            )?,
            renew_headroom: all.histogram(
                "renew_headroom_ratio",
                "Validity left when a renewal landed, divided by the ttl",
                &[],
                HEADROOM,
            )?,
            overruns: all.counter(
                "overruns_total",
                "Times that this process woke up after its validity had ended, asleep since before the fence margin",
                &[],
            )?,
            failover: all.histogram(
                "failover_seconds",
                "From the release, or the last sign of life, of the leader before to being elected",
                &["kind"],
                FAILOVER_SECONDS,
            )?,
            voters: all.gauge("voters", "The number of voters", &[])?,
            quorum: all.gauge("quorum", "The number of voters that a leader needs", &[])?,
            voters_held: all.gauge(
                "voters_held",
                "The number of voters that count towards this candidate's validity; 0 on a standby",
                &[],
            )?,
            voter_up: all.gauge("voter_up", "1 if the voter answered the last poll that ended, and as no second name of another one, else 0", &["voter"])?,
            voter_request_duration: all.histogram(
                "voter_request_duration_seconds",
                "From sending a question to a voter to its answer; silence is not counted",
                &["voter", "operation"],
                ROUND_TRIP_SECONDS,
            )?,
            voter_errors: all.counter(
                "voter_errors_total",
                "Questions to a voter that ended in trouble, by kind",
                &["voter", "kind"],
            )?,
            voter_clock_offset: all.gauge(
                "voter_clock_offset_seconds",
                "The voter's wall clock minus this host's",
                &["voter"],
            )?,
            voter_amnesia: all.counter("voter_amnesia_total", "Times that the voter was seen to have forgotten", &["voter"])?,
            voter_joining: all.gauge("voter_joining", "1 while the voter forgot and may not vote yet, else 0", &["voter"])?,
            voter_foreign_key: all.gauge(
                "voter_foreign_key",
                "1 while the voter's lease key belongs to a client that is not Quorate and has no ttl, else 0",
                &["voter"],
            )?,
            worker_stops: all.counter("worker_stops_total", "Times that the command of exec ended, by how", &["how"])?,
            epoch_resets: all.counter("epoch_resets_total", "Epochs that this candidate began, by kind", &["kind"])?,
            clock_trips: all.counter(
                "clock_trips_total",
                "Leaderships given up because the clocks could not be trusted, by kind",
                &["kind"],
            )?,
            loop_delay: all.histogram(
                "loop_delay_seconds",
                "How late the election's task woke up",
                &[],
                DELAY_SECONDS,
            )?,
            gate_writes: all.counter("gate_writes_total", "Changes that a gate asked the API server for", &["gate"])?,
            gate_failures: all.counter(
                "gate_failures_total",
                "Requests of a gate to the API server that did not do what it wanted, by kind",
                &["gate", "kind"],
            )?,
            gate_failing: all.gauge(
                "gate_failing",
                "1 while the API server does not show what the gate wants it to show, else 0",
                &["gate"],
            )?,
            build_info: register(
                registry,
                GaugeVec::new(Opts::new("quorate_build_info", "1; the version is in the label"), &["version"])?,
            )?,
        })
    }
}

struct Declarations<'a> {
    registry: &'a Registry,
}

impl Declarations<'_> {
    fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, prometheus::Error> {
        register(self.registry, GaugeVec::new(Opts::new(full(name), help), &with_election(labels))?)
    }

    fn counter(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
        register(self.registry, IntCounterVec::new(Opts::new(full(name), help), &with_election(labels))?)
    }

    fn histogram(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<HistogramVec, prometheus::Error> {
        let options = HistogramOpts::new(full(name), help).buckets(buckets.to_vec());
        register(self.registry, HistogramVec::new(options, &with_election(labels))?)
    }
}

fn full(name: &str) -> String {
    format!("quorate_{name}")
}

fn with_election<'a>(labels: &[&'a str]) -> Vec<&'a str> {
    std::iter::once("election").chain(labels.iter().copied()).collect()
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, family: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(family.clone()))?;
    Ok(family)
}
