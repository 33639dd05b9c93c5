//! One candidate in one election: the core on one side, real clocks and voters on the other.
//!
//! Promise: whoever holds a [`Leadership`] is never told "leader" past the end of the validity, whatever happens to
//! the task that runs here. That task owns timers and questions and decides nothing; the core does.
//!
//! Nothing here is global: a process may run many elections over the same voters, each with a task of its own.

mod about;
mod alarm;
mod asks;
mod board;
mod candidacy;
mod claim;
mod driver;
mod gate_facts;
mod leadership;
mod news;
mod port;
mod predecessor;
mod randomness;
mod renewals;
mod report;
mod resigning;
mod roll;
mod status;
mod verify;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

pub use about::About;
pub(crate) use alarm::Alarm;
#[cfg(all(test, feature = "cli"))]
pub(crate) use board::VoterState;
pub use candidacy::{Candidacy, ForeignRecord, Progress, Wish};
#[cfg(feature = "cli")]
pub(crate) use claim::Footing;
pub use claim::{Claim, Margins};
pub use gate_facts::{GateName, GateTrouble};
pub use leadership::Leadership;
pub use news::{Leader, News, NewsKind, Transition, Who, printable, rfc3339};
pub use port::{NoWork, Pending, ScopedVoter, VoterPort, Work};
pub use report::{AttemptResult, Fact, OperationKind, Report, Succession, WorkEnd, end_word, reset_word};
pub use resigning::Resigner;
pub use status::{Aside, ForeignKey, Phase, Role, Snapshot, StandingWord, VoterStatus};
pub use verify::Verifier;

use crate::clock;
use crate::core::{Candidate, ResetPolicy, Term, Timing};
use crate::voter::Hint;
pub use crate::voter::TroubleKind;

/// How many commands may wait for the election's task; more wait in their callers.
const COMMANDS_WAITING: usize = 64;
/// How many hints may wait for the election's task: several releases by each of nine voters. One that finds no room is
/// dropped, and the next poll makes up for it.
pub const HINTS_WAITING: usize = 64;

/// What an election is told once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What people are told.
    pub about: About,
    /// How often and how patiently voters are asked.
    pub timing: Timing,
    /// What to do about a lost epoch.
    pub on_epoch_reset: ResetPolicy,
    /// How long the work may take to stop when the process ends.
    pub drain_timeout: Duration,
}

/// Why an election cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The kernel refuses a timer.
    #[error(
        "the kernel refuses a timer on CLOCK_BOOTTIME: raise the limit of open files, or use a newer kernel"
    )]
    Timer(#[source] io::Error),
    /// No randomness.
    #[error("the operating system gives no random bits for ballots")]
    Randomness(#[from] getrandom::Error),
}

/// What the election's task is asked to do by others.
pub(crate) enum Command {
    /// Answer with the term that q voters confirm from now on.
    Verify(oneshot::Sender<Option<Term>>),
}

/// An election that can be asked already and runs when its task does.
pub struct Election {
    /// What the rest of the program may ask.
    pub leadership: Leadership,
    /// Asks for quorum rounds.
    pub verifier: Verifier,
    /// Says whether to campaign; whoever says nothing campaigns.
    pub candidacy: Candidacy,
    course: candidacy::Course,
    /// Asks to hand over.
    pub resigner: Resigner,
    settings: Settings,
    commands: mpsc::Receiver<Command>,
    resignations: mpsc::Receiver<resigning::Resignation>,
}

/// What the caller brings to an election.
pub struct Surroundings<V: ?Sized, W> {
    /// In the order of [`About::voters`].
    pub voters: Vec<Arc<V>>,
    /// Voters that said "released, look now".
    pub hints: mpsc::Receiver<Hint>,
    /// What follows leadership and must stop before it is given back.
    pub work: W,
    /// Who counts.
    pub report: Arc<dyn Report>,
    /// Cancelled when the process is to end.
    pub shutdown: CancellationToken,
}

impl Election {
    /// An election that nobody runs yet: it has no leader, and [`Leadership::is_alive`] turns to no after a ttl.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let (sender, commands) = mpsc::channel(COMMANDS_WAITING);
        let (candidacy, course) = Candidacy::new();
        let (requests, resignations) = mpsc::channel(resigning::REQUESTS_WAITING);
        // Two rounds: the one under way, and the one that was asked for.
        let patience = settings.timing.voter_timeout * 2 + Duration::from_millis(100);
        Self {
            leadership: Leadership::new(settings.about.clone(), clock::now()),
            verifier: Verifier { commands: sender, patience },
            candidacy,
            course,
            resigner: Resigner { requests },
            settings,
            commands,
            resignations,
        }
    }

    /// Campaigns, leads and campaigns again until the shutdown token is cancelled; then stops the work, releases,
    /// and returns when the voters have heard it or the voter timeout has passed. A standby returns at once.
    ///
    /// # Errors
    ///
    /// Where the operating system gives neither timer nor randomness. Voters in trouble are no error.
    pub async fn run<V: VoterPort + ?Sized, W: Work>(
        self,
        surroundings: Surroundings<V, W>,
    ) -> Result<(), Failure> {
        let candidate = Candidate::new(
            crate::core::Settings {
                timing: self.settings.timing,
                voters: self.settings.about.voters.len(),
                on_epoch_reset: self.settings.on_epoch_reset,
                planted: crate::core::Planted::default(),
            },
            Box::new(randomness::SystemRandomness::new()?),
        );
        drop((self.verifier, self.candidacy, self.resigner));
        let asked =
            driver::Asked { commands: self.commands, course: self.course, resignations: self.resignations };
        driver::run(candidate, self.settings, self.leadership, asked, surroundings).await
    }
}

#[cfg(test)]
mod tests;
