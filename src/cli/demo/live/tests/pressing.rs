//! What keys come to.

use super::*;

fn carried(actor: Actor, act: Act) -> Reaction {
    Reaction::Carry(Order { actor, act })
}

#[test]
fn the_leader_is_chosen_until_somebody_else_is_and_the_choice_moves_on_with_leadership() {
    let mut rehearsal = Rehearsal::led();
    assert_eq!(rehearsal.press('k'), carried(Actor::Candidate(ANN), Act::Kill));
    rehearsal.done(Actor::Candidate(ANN), Act::Kill);
    rehearsal.is_led_by(BEN, TERM + 1);
    assert_eq!(rehearsal.press('k'), carried(Actor::Candidate(BEN), Act::Kill));
    rehearsal.press('c');
    assert_eq!(rehearsal.press('s'), carried(Actor::Candidate(CAT), Act::Stop));
    rehearsal.press('l');
    assert_eq!(rehearsal.press('g'), carried(Actor::Candidate(BEN), Act::End));
}

#[test]
fn arrows_go_through_candidates_and_voters_and_around() {
    let mut rehearsal = Rehearsal::led();
    rehearsal.press_key(KeyCode::Up);
    assert_eq!(rehearsal.scene.chosen(), Actor::Voter(4));
    for _ in 0..=NAMES.len() {
        rehearsal.press_key(KeyCode::Down);
    }
    assert_eq!(rehearsal.scene.chosen(), Actor::Voter(0));
    assert_eq!(rehearsal.press('k'), carried(Actor::Voter(0), Act::Kill));
}

#[test]
fn n_starts_the_chosen_one_if_it_is_down_else_the_first_that_is() {
    let mut rehearsal = Rehearsal::led();
    rehearsal.done(Actor::Candidate(BEN), Act::Kill);
    rehearsal.done(Actor::Candidate(CAT), Act::Kill);
    rehearsal.press('c');
    assert_eq!(rehearsal.press('n'), carried(Actor::Candidate(CAT), Act::Start));
    // It is being started: the next one.
    assert_eq!(rehearsal.press('n'), carried(Actor::Candidate(BEN), Act::Start));
    assert_eq!(rehearsal.press('n'), Reaction::Nothing);
    assert!(rehearsal.scene.hint.as_ref().unwrap().contains("all three candidates run"));
}

#[test]
fn what_cannot_be_done_is_said_with_what_can() {
    let mut rehearsal = Rehearsal::led();
    let mut refused = |keys: &str| {
        for key in keys.chars() {
            assert!(!matches!(rehearsal.press(key), Reaction::Carry(_)), "{keys}");
        }
        rehearsal.scene.hint.clone().unwrap()
    };
    assert_eq!(refused("1g"), "v1 is a voter: k kills it, e and d restart it; g is for candidates");
    assert_eq!(refused("be"), "ben is a candidate and keeps nothing; choose a voter first (1 to 5)");
    assert_eq!(refused("br"), "ben is not stopped; s stops it");
    rehearsal.done(Actor::Candidate(BEN), Act::Stop);
    rehearsal.done(Actor::Voter(1), Act::Kill);
    let mut refused = |key| {
        assert_eq!(rehearsal.press(key), Reaction::Nothing);
        rehearsal.scene.hint.clone().unwrap()
    };
    assert_eq!(refused('s'), "ben is stopped already: r lets it go on");
    assert_eq!(refused('g'), "ben is stopped and would hear it later only: r lets it go on first");
    rehearsal.press('2');
    assert_eq!(rehearsal.press('k'), Reaction::Nothing);
    assert_eq!(rehearsal.scene.hint.as_deref(), Some("v2 is down: e or d starts it again"));
    assert_eq!(rehearsal.press('d'), carried(Actor::Voter(1), Act::StartWithData));
    assert_eq!(rehearsal.press('e'), Reaction::Nothing, "it is being started");
}

#[test]
fn a_voter_is_killed_stopped_resumed_and_restarted_both_ways() {
    let mut rehearsal = Rehearsal::led();
    rehearsal.press('5');
    let v5 = Actor::Voter(4);
    assert_eq!(rehearsal.press('s'), carried(v5, Act::Stop));
    rehearsal.done(v5, Act::Stop);
    assert_eq!(rehearsal.press('r'), carried(v5, Act::Resume));
    assert_eq!(rehearsal.press('e'), carried(v5, Act::StartEmpty));
    rehearsal.done(v5, Act::StartEmpty);
    assert_eq!(rehearsal.press('d'), carried(v5, Act::StartWithData));
}

#[test]
fn the_pages_take_every_key_for_turning_them_but_q() {
    let mut rehearsal = Rehearsal::new();
    assert_eq!(rehearsal.press('q'), Reaction::Quit);
    assert_eq!(rehearsal.press('k'), Reaction::Begin);
    assert_eq!(rehearsal.press('?'), Reaction::Nothing);
    assert_eq!(rehearsal.press('k'), Reaction::Nothing, "it only turned the page");
    rehearsal.done(Actor::Candidate(ANN), Act::Start);
    assert_eq!(rehearsal.press('k'), carried(Actor::Candidate(ANN), Act::Kill));
    rehearsal.press('?');
    assert_eq!(rehearsal.press('q'), Reaction::Quit);
}

#[test]
fn letting_a_key_go_means_nothing() {
    let mut rehearsal = Rehearsal::led();
    let mut key = KeyEvent::new(KeyCode::Char('k'), KeyModifiers::NONE);
    key.kind = ratatui::crossterm::event::KeyEventKind::Release;
    assert_eq!(rehearsal.scene.press(key, rehearsal.now), Reaction::Nothing);
}
