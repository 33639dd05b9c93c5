//! What is seen: pictures of the states that matter, and what the log says. A picture that changes on purpose is
//! accepted with `INSTA_UPDATE=always`; read the difference before committing it.

use insta::assert_snapshot;
use ratatui::style::Color;

use super::*;
use crate::cli::demo::live::draw::SMALLEST;

#[test]
fn the_first_page_explains_the_screen_and_the_keys() {
    assert_snapshot!(Rehearsal::new().picture());
}

#[test]
fn before_the_first_election_it_says_what_is_waited_for() {
    assert_snapshot!(Rehearsal::begun().picture());
}

#[test]
fn a_leader_its_term_its_bar_and_the_voters_that_count_are_seen() {
    assert_snapshot!(Rehearsal::led().picture());
}

#[test]
fn after_a_crash_the_wait_is_explained() {
    let mut rehearsal = Rehearsal::led();
    rehearsal.after(200);
    rehearsal.done(Actor::Candidate(ANN), Act::Kill);
    rehearsal.after(500);
    rehearsal.stands_by(BEN, Some((ANN, TERM)));
    assert_snapshot!(rehearsal.picture());
    rehearsal.after(2_100);
    rehearsal.news(BEN, "elected", "expired", TERM + 1);
    assert_eq!(
        rehearsal.last_told(),
        format!(
            "ben leads 2.60\u{a0}s after ann was killed, term {}: O\u{a0}=\u{a0}3.032\u{a0}s after the last renewal that it saw.",
            TERM + 1
        )
    );
}

#[test]
fn a_stopped_leader_is_seen_to_believe_until_its_bar_is_empty_and_no_longer() {
    let mut rehearsal = Rehearsal::led();
    rehearsal.done(Actor::Candidate(ANN), Act::Stop);
    rehearsal.after(1_000);
    rehearsal.told(What::Silence(ANN));
    assert_snapshot!(rehearsal.picture());
    rehearsal.after(2_000);
    rehearsal.is_led_by(CAT, TERM + 1);
    let picture = rehearsal.picture().to_string();
    assert!(picture.contains("it would not lead if it went on"), "{picture}");
    assert!(picture.contains("cat leads. Every 600 ms"), "{picture}");
}

#[test]
fn without_a_majority_it_says_that_nobody_can_lead_and_what_to_press() {
    let mut rehearsal = Rehearsal::led();
    for (voter, act) in [(0, Act::Kill), (1, Act::Kill), (2, Act::Stop)] {
        rehearsal.done(Actor::Voter(voter), act);
    }
    rehearsal.leads(ANN, TERM, 2_000);
    assert!(rehearsal.picture().to_string().contains("ann still leads, by what is left of its validity"));
    rehearsal.after(1_000);
    rehearsal.answers(ANN, Phase::Jeopardy, Some(TERM), 1_000, None);
    rehearsal.news(ANN, "jeopardy", "", TERM);
    assert!(rehearsal.picture().to_string().contains("ann is giving up"));
    rehearsal.after(1_000);
    for n in 0..NAMES.len() {
        rehearsal.stands_by(n, None);
    }
    rehearsal.news(ANN, "lost", "lapsed", TERM);
    rehearsal.press('3');
    assert_snapshot!(rehearsal.picture());
}

#[test]
fn a_voter_restarted_with_its_data_is_told_to_be_forgetful_and_why_and_when_it_votes_again() {
    let mut rehearsal = Rehearsal::led();
    rehearsal.press('1');
    rehearsal.done(Actor::Voter(0), Act::StartWithData);
    rehearsal.after(100);
    // Its record says what it said before: nobody has asked it yet.
    rehearsal.recalls(0, Standing::Member, "i0", Some(ANN));
    assert_snapshot!(rehearsal.picture());
    rehearsal.after(100);
    rehearsal.recalls(0, Standing::Joining, "i9", None);
    assert!(rehearsal.last_told().contains("its run id is new"), "{}", rehearsal.last_told());
    rehearsal.after(300);
    rehearsal.recalls(0, Standing::Member, "i9", Some(ANN));
    assert_eq!(
        rehearsal.last_told(),
        "v1 votes again, 500\u{a0}ms after it was up: ann proved that a majority is still its own, and took v1 back."
    );
}

#[test]
fn two_leaders_at_once_are_shouted() {
    let mut rehearsal = Rehearsal::led();
    for _ in 0..3 {
        rehearsal.after(100);
        rehearsal.leads(ANN, TERM, 2_000);
        rehearsal.after(100);
        rehearsal.leads(BEN, TERM + 1, 2_000);
    }
    let picture = rehearsal.picture().to_string();
    assert!(picture.contains("NOT AS PROMISED: two leaders at one instant: ann"), "{picture}");
}

#[test]
fn a_window_that_is_too_small_gets_a_sentence_and_the_smallest_shows_everything() {
    let mut rehearsal = Rehearsal::new();
    let (width, height) = SMALLEST;
    let page = rehearsal.seen(width, height, true).to_string();
    assert!(page.contains("Any key begins, q quits."), "{page}");
    let narrow = rehearsal.seen(width - 1, height, true).to_string();
    assert!(narrow.contains("This needs 80 columns and 22 lines, and there are 79 and 22"), "{narrow}");
    rehearsal = Rehearsal::led();
    let low = rehearsal.seen(width, height - 1, true).to_string();
    assert!(low.contains("there are 80 and 21"), "{low}");
    rehearsal.seen(1, 1, true);
    assert_snapshot!(rehearsal.seen(width, height, false));
}

#[test]
fn a_large_window_is_filled_by_the_log() {
    let mut rehearsal = Rehearsal::led();
    for n in 0..VOTERS.len() {
        rehearsal.done(Actor::Voter(n), Act::Stop);
        rehearsal.done(Actor::Voter(n), Act::Resume);
    }
    assert_snapshot!(rehearsal.seen(120, 40, false));
}

#[test]
fn without_colours_no_cell_has_one() {
    let rehearsal = Rehearsal::led();
    let coloured = |picture: TestBackend| {
        picture.buffer().content().iter().any(|cell| (cell.fg, cell.bg) != (Color::Reset, Color::Reset))
    };
    assert!(coloured(rehearsal.seen(80, 24, true)));
    assert!(!coloured(rehearsal.seen(80, 24, false)));
}
