//! A line for each candidate and each voter.

use std::time::Duration;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::facts::{Actor, Phase, Recollection, Standing, Status};
use super::super::scene::{Candidate, Life, Scene, Voter};
use super::palette::Palette;
use crate::cli::demo::company::{NAMES, VOTERS};
use crate::cli::demo::times::{TTL, Times};

/// The cells of a bar of full validity.
const BAR_WIDTH: usize = 20;

pub(super) fn candidates(scene: &Scene, now: Duration, palette: Palette) -> Vec<Line<'static>> {
    let row = |n| {
        let mut spans = name(scene, Actor::Candidate(n), palette);
        spans.extend(candidate(&scene.candidates[n], now, palette));
        Line::from(spans)
    };
    (0..NAMES.len()).map(row).collect()
}

pub(super) fn voters(scene: &Scene, now: Duration, palette: Palette) -> Vec<Line<'static>> {
    let row = |n| {
        let mut spans = name(scene, Actor::Voter(n), palette);
        spans.extend(voter(&scene.voters[n], scene.times, now, palette));
        spans.extend(as_the_leader_sees_it(scene, n, palette));
        Line::from(spans)
    };
    (0..VOTERS.len()).map(row).collect()
}

/// The name, marked if the keys act on it.
fn name(scene: &Scene, actor: Actor, palette: Palette) -> Vec<Span<'static>> {
    let is_chosen = scene.chosen() == actor;
    let (mark, style) = if is_chosen { ("▶", palette.chosen()) } else { (" ", Style::new()) };
    vec![Span::styled(format!("{mark} {:<5}", actor.name()), style)]
}

fn candidate(candidate: &Candidate, now: Duration, palette: Palette) -> Vec<Span<'static>> {
    let believes = candidate.until.filter(|until| *until > now);
    let word = |text: &str, style: Style| Span::styled(format!("{text:<9} "), style);
    match (candidate.life, &candidate.status, believes) {
        (Life::Starting, ..) => vec![word("starting", palette.faint())],
        (Life::Down, ..) => {
            vec![word("down", palette.bad()), Span::styled("no process: n starts it again", palette.faint())]
        }
        (Life::Stopped, _, believes) => {
            let mut spans = vec![word("stopped", palette.warning())];
            if let Some(until) = believes {
                let left = until.saturating_sub(now);
                spans.extend(bar(left, palette.warning(), palette));
                spans.push(Span::styled("  would still believe that it leads", palette.warning()));
            } else {
                spans.push(Span::styled(
                    "frozen by SIGSTOP; it would not lead if it went on",
                    palette.faint(),
                ));
            }
            spans
        }
        (Life::Up | Life::Ending, None, _) => vec![word("silent", palette.bad())],
        (Life::Up | Life::Ending, Some(status), Some(until)) => {
            let (title, style) = match status.phase {
                Phase::Leading => ("LEADER", palette.good()),
                Phase::Stopping => ("stopping", palette.warning()),
                _ => ("jeopardy", palette.warning()),
            };
            let mut spans = vec![word(title, style)];
            spans.extend(bar(until.saturating_sub(now), style, palette));
            let held = format!("  {} of {} voters", holding(status), VOTERS.len());
            spans.push(Span::styled(held, Style::new()));
            let term = status.term.unwrap_or_default();
            spans.push(Span::styled(format!("  term {term}"), Style::new()));
            spans
        }
        (Life::Up | Life::Ending, Some(status), None) => {
            let title = match (candidate.life, status.phase) {
                (Life::Ending, _) => "ending",
                (_, Phase::Electing) => "electing",
                _ => "standby",
            };
            let sees = match &status.leader {
                Some(leader) => {
                    let name = leader.identity.as_deref().unwrap_or("somebody");
                    format!("sees {name} lead, term {}", leader.term)
                }
                None => format!("sees no leader, and {} voters", reachable(status)),
            };
            vec![word(title, Style::new()), Span::styled(sees, palette.faint())]
        }
    }
}

fn reachable(status: &Status) -> usize {
    status.voter.iter().filter(|voter| voter.reachable).count()
}

/// Who answers and counts.
fn holding(status: &Status) -> usize {
    status.voter.iter().filter(|voter| voter.reachable && voter.holds_us).count()
}

/// What is left of the ttl, and in seconds.
fn bar(left: Duration, style: Style, palette: Palette) -> [Span<'static>; 3] {
    let share = left.as_millis() * 2 * BAR_WIDTH as u128 / TTL.as_millis();
    let halves = usize::try_from(share).unwrap_or_default().min(2 * BAR_WIDTH);
    let full = "━".repeat(halves / 2) + if halves % 2 == 1 { "╸" } else { "" };
    let rest = "─".repeat(BAR_WIDTH - halves.div_ceil(2));
    let seconds = format!(" {:.2} s", left.as_secs_f64());
    [Span::styled(full, style), Span::styled(rest, palette.faint()), Span::styled(seconds, style)]
}

fn voter(voter: &Voter, times: Times, now: Duration, palette: Palette) -> Vec<Span<'static>> {
    let (title, style, text) = match (voter.life, &voter.recollection) {
        (Life::Down, _) => ("down", palette.bad(), "no process: e or d starts it again".to_owned()),
        (Life::Starting, _) => ("starting", palette.faint(), String::new()),
        (Life::Stopped, _) => ("stopped", palette.warning(), "frozen by SIGSTOP: answers nothing".to_owned()),
        (Life::Up | Life::Ending, None) => ("silent", palette.bad(), String::new()),
        (Life::Up | Life::Ending, Some(recollection)) => {
            let is_asked = voter
                .forgot
                .as_ref()
                .is_none_or(|(_, before)| before.as_ref() != Some(&recollection.instance));
            match recollection.standing {
                Standing::Member if is_asked => ("member", Style::new(), remembers(recollection, times, now)),
                Standing::Blank => ("blank", palette.warning(), "remembers nothing".to_owned()),
                Standing::Joining | Standing::Member => {
                    ("joining", palette.warning(), "has forgotten, and may not vote yet".to_owned())
                }
            }
        }
    };
    vec![Span::styled(format!("{title:<9} "), style), Span::styled(format!("{text:<36}"), Style::new())]
}

/// While renewals come in, that they do; what is left of the lease only once they fail to.
fn remembers(recollection: &Recollection, times: Times, now: Duration) -> String {
    let left = recollection.lease_until.map(|until| until.saturating_sub(now)).filter(|left| !left.is_zero());
    match (&recollection.holder, recollection.is_released, left) {
        (Some(name), false, Some(left)) if left + times.renew * 2 > TTL => format!("has leased to {name}"),
        (Some(name), false, Some(left)) => {
            format!("has leased to {name}, for {:.1} s more", left.as_secs_f64())
        }
        (Some(name), false, None) => format!("had leased to {name}; run out"),
        (Some(name), true, _) => format!("free: {name} gave its lease back"),
        (None, _, _) => "free: leased to nobody yet".to_owned(),
    }
}

/// On the right: whether it counts for the leader.
fn as_the_leader_sees_it(scene: &Scene, voter: usize, palette: Palette) -> Vec<Span<'static>> {
    let Some(reign) = scene.leader().filter(|_| scene.voters[voter].forgot.is_none()) else {
        return Vec::new();
    };
    let leader = &scene.candidates[reign.candidate];
    let Some(seen) = leader.status.as_ref().and_then(|status| status.voter.get(voter)) else {
        return Vec::new();
    };
    let name = NAMES[reign.candidate];
    let (mark, style, text) = match (seen.reachable, seen.holds_us) {
        (true, true) => ("✔", palette.good(), "counts for"),
        (true, false) => ("·", palette.faint(), "not held by"),
        (false, _) => ("✘", palette.bad(), "silent to"),
    };
    vec![Span::styled(format!("{mark} "), style), Span::styled(format!("{text} {name}"), palette.faint())]
}
