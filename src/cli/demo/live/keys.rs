//! Which key means what.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::facts::{Act, Actor};

/// What a person wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Quit,
    /// The page that explains everything, there or away.
    Explain,
    /// To act on this one from now on.
    Choose(Actor),
    /// To act on the leader, whoever that is.
    ChooseLeader,
    /// The one above.
    Up,
    /// The one below.
    Down,
    /// Do this to the chosen one.
    Do(Act),
}

/// Letters are taken in either case: caps lock is not a wish.
pub(super) fn meaning(key: KeyEvent) -> Option<Wish> {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return (key.code == KeyCode::Char('c')).then_some(Wish::Quit);
    }
    let letter = match key.code {
        KeyCode::Char(letter) => letter.to_ascii_lowercase(),
        KeyCode::Up => return Some(Wish::Up),
        KeyCode::Down => return Some(Wish::Down),
        KeyCode::F(1) => return Some(Wish::Explain),
        _ => return None,
    };
    Some(match letter {
        'q' => Wish::Quit,
        '?' => Wish::Explain,
        'a' => Wish::Choose(Actor::Candidate(0)),
        'b' => Wish::Choose(Actor::Candidate(1)),
        'c' => Wish::Choose(Actor::Candidate(2)),
        '1' => Wish::Choose(Actor::Voter(0)),
        '2' => Wish::Choose(Actor::Voter(1)),
        '3' => Wish::Choose(Actor::Voter(2)),
        '4' => Wish::Choose(Actor::Voter(3)),
        '5' => Wish::Choose(Actor::Voter(4)),
        'l' => Wish::ChooseLeader,
        'k' => Wish::Do(Act::Kill),
        's' => Wish::Do(Act::Stop),
        'r' => Wish::Do(Act::Resume),
        'g' => Wish::Do(Act::End),
        'n' => Wish::Do(Act::Start),
        'e' => Wish::Do(Act::StartEmpty),
        'd' => Wish::Do(Act::StartWithData),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::company::{NAMES, VOTERS};

    fn typed(letter: char) -> Option<Wish> {
        meaning(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE))
    }

    #[test]
    fn everybody_is_chosen_by_the_first_letter_or_the_number_of_the_name() {
        for (n, name) in NAMES.iter().enumerate() {
            assert_eq!(name.chars().next().and_then(typed), Some(Wish::Choose(Actor::Candidate(n))));
        }
        for (n, name) in VOTERS.iter().enumerate() {
            assert_eq!(name.chars().last().and_then(typed), Some(Wish::Choose(Actor::Voter(n))));
        }
    }

    #[test]
    fn capitals_mean_the_same_and_other_keys_mean_nothing() {
        assert_eq!(typed('K'), Some(Wish::Do(Act::Kill)));
        assert_eq!(typed('x'), None);
        assert_eq!(meaning(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)), None);
    }

    #[test]
    fn ctrl_c_quits_and_is_not_the_c_of_cat() {
        assert_eq!(meaning(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Some(Wish::Quit));
        assert_eq!(meaning(KeyEvent::new(KeyCode::Char('k'), KeyModifiers::CONTROL)), None);
    }
}
