//! One sentence about how things stand, and why.

use std::time::Duration;

use super::facts::Actor;
use super::scene::{Life, Scene, Tone};
use crate::cli::demo::company::{NAMES, QUORUM, VOTERS};
use crate::cli::demo::times::{named, shown};

pub(super) fn headline(scene: &Scene, now: Duration) -> (Tone, String) {
    if let Some(violation) = scene.book.violation() {
        return (Tone::Bad, format!("NOT AS PROMISED: {violation}. This is a bug: please report it."));
    }
    match (scene.leader(), scene.believer(now)) {
        (Some(reign), _) => led(scene, NAMES[reign.candidate]),
        (None, Some((candidate, until))) => fading(scene, candidate, until.saturating_sub(now)),
        (None, None) => (Tone::Bad, vacant(scene)),
    }
}

fn led(scene: &Scene, name: &str) -> (Tone, String) {
    let (up, all) = (scene.voters_up(), VOTERS.len());
    let renewed = shown(scene.times.renew);
    match up {
        QUORUM => (
            Tone::Good,
            format!(
                "{name} leads with exactly a majority of the voters: one more that fails, and it has to stop."
            ),
        ),
        up if up > QUORUM => (
            Tone::Good,
            format!(
                "{name} leads. Every {renewed} it renews its lease at all voters; a renewal counts once {QUORUM} of {all} \
                 have acknowledged it."
            ),
        ),
        _ => (
            Tone::Bad,
            format!(
                "{name} still leads, by what is left of its validity: {up} of {all} voters answer, so no renewal counts. \
                 It stops before the bar is empty."
            ),
        ),
    }
}

/// Nobody says that it leads, but somebody may still believe.
fn fading(scene: &Scene, candidate: usize, left: Duration) -> (Tone, String) {
    let (name, watch) = (NAMES[candidate], named("O", scene.times.watch));
    let text = match scene.life(Actor::Candidate(candidate)) {
        Life::Stopped => format!(
            "{name} is stopped, and whoever let it go on now would find a leader for {} more. So the others wait: \
             {watch} after its last renewal.",
            shown(left)
        ),
        _ => format!(
            "{name} is giving up: its work stops in the validity that is left. Nobody else can lead before that is over."
        ),
    };
    (Tone::Bad, text)
}

/// Nobody leads, and nobody may believe so.
fn vacant(scene: &Scene) -> String {
    let (up, all, watch) = (scene.voters_up(), VOTERS.len(), named("O", scene.times.watch));
    let runs = |n: usize| matches!(scene.candidates[n].life, Life::Up | Life::Starting);
    if up < QUORUM {
        return format!(
            "Nobody can lead: {up} of {all} voters answer, and it takes {QUORUM}. Choose one that is down or stopped (1 to \
             {all}), then press e, d or r."
        );
    }
    if !(0..NAMES.len()).any(runs) {
        return "Nobody wants to lead: no candidate runs. n starts one.".to_owned();
    }
    let forgetful = up - scene.members();
    if up - forgetful < QUORUM {
        let who = if forgetful == 1 {
            "1 voter remembers".to_owned()
        } else {
            format!("{forgetful} voters remember")
        };
        return format!(
            "Nobody may lead yet: {who} nothing and might have forgotten a leader. All watch for {watch}; by then any \
             such leader has stopped."
        );
    }
    format!(
        "Nobody leads. The candidates watch the voters' records: one that stands still for {watch} has no leader any \
         more."
    )
}
