//! What a wish comes to: an order, a change on the screen, or the reason why not.

use std::time::Duration;

use ratatui::crossterm::event::{KeyEvent, KeyEventKind};

use super::super::facts::{Act, Actor, Order};
use super::super::keys::{Wish, meaning};
use super::{Choice, Life, Scene, View};
use crate::cli::demo::company::{NAMES, VOTERS};

/// What is to be done about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Reaction {
    Nothing,
    Carry(Order),
    /// All candidates are to be started.
    Begin,
    Quit,
}

impl Scene {
    /// Somebody pressed a key.
    pub(in super::super) fn press(&mut self, key: KeyEvent, now: Duration) -> Reaction {
        if key.kind == KeyEventKind::Release {
            return Reaction::Nothing;
        }
        let wish = meaning(key);
        match (wish, self.view) {
            (Some(Wish::Quit), _) => Reaction::Quit,
            (_, View::Beginning) => {
                self.view = View::Stage;
                self.begun = now;
                Reaction::Begin
            }
            (_, View::Explanation) => {
                self.view = View::Stage;
                Reaction::Nothing
            }
            (Some(wish), View::Stage) => {
                self.hint = None;
                self.fulfil(wish)
            }
            (None, View::Stage) => Reaction::Nothing,
        }
    }

    fn fulfil(&mut self, wish: Wish) -> Reaction {
        match wish {
            Wish::Quit => return Reaction::Quit,
            Wish::Explain => self.view = View::Explanation,
            Wish::Choose(actor) => self.choice = Choice::This(actor),
            Wish::ChooseLeader => self.choice = Choice::Leader,
            Wish::Up => self.step(ROWS - 1),
            Wish::Down => self.step(1),
            Wish::Do(Act::Start) => return self.start(),
            Wish::Do(act) => return self.wish_for(act),
        }
        Reaction::Nothing
    }

    /// To the row so many below, from the last one to the first.
    fn step(&mut self, down: usize) {
        let row = match self.chosen() {
            Actor::Candidate(n) => n,
            Actor::Voter(n) => NAMES.len() + n,
        };
        let row = (row + down) % ROWS;
        let actor = if row < NAMES.len() { Actor::Candidate(row) } else { Actor::Voter(row - NAMES.len()) };
        self.choice = Choice::This(actor);
    }

    /// The chosen candidate if it is down, else the first one that is.
    fn start(&mut self) -> Reaction {
        let is_down = |n: &usize| self.candidates[*n].life == Life::Down;
        let chosen = match self.chosen() {
            Actor::Candidate(n) => Some(n).filter(is_down),
            Actor::Voter(_) => None,
        };
        match chosen.or_else(|| (0..NAMES.len()).find(is_down)) {
            Some(n) => {
                self.candidates[n].life = Life::Starting;
                Reaction::Carry(Order { actor: Actor::Candidate(n), act: Act::Start })
            }
            None => self
                .no("all three candidates run; e or d restarts a voter that is chosen (1 to 5)".to_owned()),
        }
    }

    fn wish_for(&mut self, act: Act) -> Reaction {
        let actor = self.chosen();
        let (name, life) = (actor.name(), self.life(actor));
        let is_voter = matches!(actor, Actor::Voter(_));
        let again = if is_voter { "e or d starts it again" } else { "n starts it again" };
        let why_not = match (act, life) {
            (_, Life::Starting) => Some(format!("{name} is being started")),
            (Act::End, _) if is_voter => {
                Some(format!("{name} is a voter: k kills it, e and d restart it; g is for candidates"))
            }
            (Act::StartEmpty | Act::StartWithData, _) if !is_voter => {
                Some(format!("{name} is a candidate and keeps nothing; choose a voter first (1 to 5)"))
            }
            (Act::Kill | Act::Stop | Act::Resume | Act::End, Life::Down) => {
                Some(format!("{name} is down: {again}"))
            }
            (Act::Stop, Life::Stopped) => Some(format!("{name} is stopped already: r lets it go on")),
            (Act::End, Life::Stopped) => {
                Some(format!("{name} is stopped and would hear it later only: r lets it go on first"))
            }
            (Act::Resume, Life::Up) => Some(format!("{name} is not stopped; s stops it")),
            (Act::Stop | Act::Resume | Act::End, Life::Ending) => Some(format!("{name} is ending")),
            _ => None,
        };
        if let Some(why_not) = why_not {
            return self.no(why_not);
        }
        if matches!(act, Act::StartEmpty | Act::StartWithData) {
            self.set_life(actor, Life::Starting);
        }
        Reaction::Carry(Order { actor, act })
    }

    fn no(&mut self, why: String) -> Reaction {
        self.hint = Some(why);
        Reaction::Nothing
    }
}

/// Candidates first, then voters, as they stand on the screen.
const ROWS: usize = NAMES.len() + VOTERS.len();
