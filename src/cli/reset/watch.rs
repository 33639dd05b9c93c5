//! Watches that nothing happens for as long as a leader may believe without being heard of.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use super::crew::{Crew, Sighting};
use super::plan::{Plan, Refusal};
use super::text;

/// How many times the limit of a question a voter that was read once may be silent for at the end of the watch.
const TIMEOUTS_OF_PATIENCE: u32 = 4;

/// Returns when every voter that the plan rests on has shown the same memory for the plan's wait, beginning with
/// `first`.
///
/// # Errors
///
/// As soon as one shows another memory; or if one of them is not heard of any more.
pub(super) async fn stand_still(crew: &Crew, plan: &Plan, first: &[Sighting]) -> Result<(), Refusal> {
    let mut progress = Progress::new();
    let begun: Vec<_> = first.iter().filter(|sighting| sighting.survey.is_ok()).collect();
    let mut waiting = begun.clone();
    loop {
        let now = crate::clock::now().at;
        let still: Vec<Duration> =
            waiting.iter().map(|sighting| now.observer_elapsed(sighting.received)).collect();
        let shortest = still.iter().min().copied().unwrap_or_default();
        progress.show(plan.wait.saturating_sub(shortest));
        // Not before the end is near, where a look less would be a look too late.
        let pause = crew.interval().min(plan.wait.saturating_sub(shortest)).max(MOMENT);
        tokio::time::sleep(pause).await;
        let sightings = crew.survey().await;
        for before in &begun {
            let Some(now) = sightings.iter().find(|sighting| sighting.name == before.name) else { continue };
            if let (Ok(before), Ok(survey)) = (&before.survey, &now.survey)
                && before.stamp() != survey.stamp()
            {
                progress.end();
                return Err(Refusal::Unsafe(text::moved(&now.name, survey)));
            }
        }
        waiting.retain(|before| {
            let stood = sightings.iter().find(|sighting| sighting.name == before.name).is_some_and(|now| {
                now.survey.is_ok() && now.sent.observer_elapsed(before.received) >= plan.wait
            });
            !stood
        });
        if waiting.is_empty() {
            progress.end();
            return Ok(());
        }
        let longest = plan.wait + crew.timeout() * TIMEOUTS_OF_PATIENCE;
        if let Some(silent) =
            waiting.iter().find(|before| crate::clock::now().at.observer_elapsed(before.received) >= longest)
        {
            progress.end();
            return Err(Refusal::Unsafe(text::fell_silent(&silent.name)));
        }
    }
}

/// So that a wait that is over by a hair is not spun through.
const MOMENT: Duration = Duration::from_millis(2);

/// A line that counts down on a terminal, and one line elsewhere.
struct Progress {
    is_terminal: bool,
    is_told: bool,
}

impl Progress {
    fn new() -> Self {
        Self { is_terminal: std::io::stderr().is_terminal(), is_told: false }
    }

    fn show(&mut self, left: Duration) {
        let mut err = std::io::stderr().lock();
        let seconds = left.as_millis().div_ceil(100);
        // Nobody reads it, and there is no other place to say so.
        let _ = if self.is_terminal {
            write!(err, "\rwatching that nothing moves: {}.{} s left \x1b[K", seconds / 10, seconds % 10)
        } else if self.is_told {
            Ok(())
        } else {
            writeln!(err, "watching that nothing moves for {}.{} s", seconds / 10, seconds % 10)
        };
        self.is_told = true;
    }

    fn end(&self) {
        if self.is_terminal {
            // As above.
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}
