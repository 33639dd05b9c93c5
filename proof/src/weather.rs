//! What goes wrong and how often: drawn anew for each seed (swarm), so that some worlds know only one kind of fault
//! and others all of them.

use crate::chance::Chance;

/// How often something happens, in 1000.
pub type PerMille = u64;

/// What may go wrong within the protocol's promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A candidate's process dies; another one without memory follows, perhaps with another ttl.
    CandidateCrash,
    /// A candidate's process stands still; its clocks go on.
    CandidatePause,
    /// A candidate's machine sleeps: one of its two clocks stands still meanwhile.
    CandidateSuspend,
    /// A candidate's wall clock steps.
    CandidateWallStep,
    /// A candidate is asked to hand over.
    Resign,
    /// A candidate is asked whether it is the leader.
    Verify,
    /// A candidate is restarted with another set of voters in its configuration.
    Stranger,
    /// A voter's server is started again on its data.
    VoterRestart,
    /// … without data.
    VoterRestartEmpty,
    /// … with data of some time ago.
    VoterRestartOldData,
    /// A voter's server is down for a while, and may come back empty.
    VoterDown,
    /// `FLUSHALL`.
    Flush,
    /// The record is evicted or deleted.
    RecordLost,
    /// The lease key is evicted or deleted.
    KeyLost,
    /// A client that is not Quorate takes the lease key.
    ForeignKey,
    /// A voter's wall clock steps.
    VoterWallStep,
    /// A voter's wall clock stands still for a while.
    VoterWallFreeze,
    /// A replica that lags behind becomes the primary, and sometimes the old primary again.
    FailOver,
    /// A voter's server is a replica for a while.
    Demotion,
    /// One link is cut, perhaps one way.
    LinkCut,
    /// A candidate is cut off from several voters.
    Isolation,
    /// Somebody publishes hints without end.
    HintFlood,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::CandidateCrash,
        Self::CandidatePause,
        Self::CandidateSuspend,
        Self::CandidateWallStep,
        Self::Resign,
        Self::Verify,
        Self::Stranger,
        Self::VoterRestart,
        Self::VoterRestartEmpty,
        Self::VoterRestartOldData,
        Self::VoterDown,
        Self::Flush,
        Self::RecordLost,
        Self::KeyLost,
        Self::ForeignKey,
        Self::VoterWallStep,
        Self::VoterWallFreeze,
        Self::FailOver,
        Self::Demotion,
        Self::LinkCut,
        Self::Isolation,
        Self::HintFlood,
    ];

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::CandidateCrash => "candidates crash",
            Self::CandidatePause => "candidates stand still",
            Self::CandidateSuspend => "candidates' machines sleep",
            Self::CandidateWallStep => "candidates' wall clocks step",
            Self::Resign => "leaders hand over",
            Self::Verify => "leaders are asked to verify",
            Self::Stranger => "candidates with another set of voters",
            Self::VoterRestart => "voters restart on their data",
            Self::VoterRestartEmpty => "voters restart empty",
            Self::VoterRestartOldData => "voters restart on old data",
            Self::VoterDown => "voters go down",
            Self::Flush => "`FLUSHALL`",
            Self::RecordLost => "records evicted or deleted",
            Self::KeyLost => "lease keys evicted or deleted",
            Self::ForeignKey => "foreign lease keys",
            Self::VoterWallStep => "voters' wall clocks step",
            Self::VoterWallFreeze => "voters' wall clocks stand still",
            Self::FailOver => "fail-overs to stale replicas, and back",
            Self::Demotion => "voters are replicas for a while",
            Self::LinkCut => "links cut, one way or both",
            Self::Isolation => "candidates cut off from several voters",
            Self::HintFlood => "floods of invented hints",
        }
    }
}

/// The weather of one seed.
#[derive(Clone, Debug)]
pub struct Weather {
    /// Messages that are lost.
    pub dropped: PerMille,
    /// Messages that arrive twice.
    pub duplicated: PerMille,
    /// Messages that take up to `slowest_ns`.
    pub slow: PerMille,
    /// Beyond the ttl, in some worlds.
    pub slowest_ns: u64,
    /// The usual way there takes from this …
    pub quickest_ns: u64,
    /// … to this.
    pub usual_ns: u64,
    /// The faults there are; one that is there twice is twice as frequent.
    pub faults: Vec<Fault>,
    /// Mean true time between two faults.
    pub between_ns: u64,
    /// Whether a driver answers for a voter that is late, and never listens again: the product's does.
    pub driver_times_out: bool,
    /// How many voters die for good during the storm, at the most.
    pub dying: usize,
}

impl Weather {
    /// A swarm of faults.
    pub fn drawn(chance: &mut Chance, ttl_ns: u64, voters: usize) -> Self {
        let mut faults = Vec::new();
        for fault in Fault::ALL {
            if chance.happens(400) {
                let frequency = chance.index(4) + 1;
                faults.extend(std::iter::repeat_n(fault, frequency));
            }
        }
        let intensity = |chance: &mut Chance| if chance.happens(500) { chance.magnitude(1, 250) } else { 0 };
        let (dropped, duplicated, slow) = (intensity(chance), intensity(chance), intensity(chance));
        let usual_ns = chance.magnitude(200_000, ttl_ns / 60);
        Self {
            dropped,
            duplicated,
            slow,
            slowest_ns: chance.magnitude(usual_ns, 3 * ttl_ns),
            quickest_ns: usual_ns / 10,
            usual_ns,
            faults,
            between_ns: chance.magnitude(ttl_ns / 10, 4 * ttl_ns),
            driver_times_out: chance.happens(500),
            dying: if chance.happens(250) { chance.index((voters - 1) / 2 + 1) } else { 0 },
        }
    }

    /// One kind of fault only, often, on a good network.
    #[must_use]
    pub fn only(fault: Fault, ttl_ns: u64) -> Self {
        Self { faults: vec![fault], between_ns: ttl_ns / 2, ..Self::calm() }
    }

    /// Nothing goes wrong.
    #[must_use]
    pub fn calm() -> Self {
        Self {
            dropped: 0,
            duplicated: 0,
            slow: 0,
            slowest_ns: 0,
            quickest_ns: 50_000,
            usual_ns: 500_000,
            faults: Vec::new(),
            between_ns: u64::MAX / 4,
            driver_times_out: true,
            dying: 0,
        }
    }
}
