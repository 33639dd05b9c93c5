//! The scene and its picture without any process: what was told goes in, what is seen and ordered comes out.
#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod looking;
mod pressing;

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::draw::{Palette, draw};
use super::facts::{
    Act, Actor, Happening, Leader, News, NewsData, Order, Phase, Recollection, Standing, Status, VoterStatus,
    What,
};
use super::scene::{Reaction, Scene};
use crate::cli::demo::company::{NAMES, VOTERS};
use crate::cli::demo::times::Times;
use crate::core::Term;

const TERM: Term = 1_767_323_045_678;
const ANN: usize = 0;
const BEN: usize = 1;
const CAT: usize = 2;

/// A scene, and a clock that goes on only when told to.
struct Rehearsal {
    scene: Scene,
    now: Duration,
}

impl Rehearsal {
    /// The first page is shown.
    fn new() -> Self {
        let scene = Scene::new("Redis 7.0.15".to_owned(), Times::derived());
        Self { scene, now: Duration::from_secs(1_000) }
    }

    /// All candidates run, all voters are blank.
    fn begun() -> Self {
        let mut rehearsal = Self::new();
        assert_eq!(rehearsal.press(' '), Reaction::Begin);
        for n in 0..NAMES.len() {
            rehearsal.done(Actor::Candidate(n), Act::Start);
        }
        for n in 0..VOTERS.len() {
            rehearsal.recalls(n, Standing::Blank, "", None);
        }
        for n in 0..NAMES.len() {
            rehearsal.stands_by(n, None);
        }
        rehearsal
    }

    /// ann leads, by all voters, and renewed just now.
    fn led() -> Self {
        let mut rehearsal = Self::begun();
        rehearsal.after(3_100);
        rehearsal.news(ANN, "elected", "vacant", TERM);
        rehearsal.after(100);
        rehearsal.is_led_by(ANN, TERM);
        rehearsal
    }

    fn after(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    fn told(&mut self, what: What) {
        self.scene.take(Happening { at: self.now, what });
    }

    fn done(&mut self, actor: Actor, act: Act) {
        self.told(What::Done(Order { actor, act }));
    }

    fn news(&mut self, candidate: usize, event: &str, reason: &str, term: Term) {
        let data = NewsData { term: Some(term), reason: Some(reason.to_owned()) };
        self.told(What::News(candidate, News { event: event.to_owned(), data }));
    }

    /// All that live say so, and the voters that are up.
    fn is_led_by(&mut self, leader: usize, term: Term) {
        for n in 0..VOTERS.len() {
            if self.scene.life(Actor::Voter(n)) == super::scene::Life::Up {
                self.recalls(n, Standing::Member, &format!("i{n}"), Some(leader));
            }
        }
        self.leads(leader, term, 2_860);
        for n in (0..NAMES.len()).filter(|n| *n != leader) {
            if self.scene.life(Actor::Candidate(n)) == super::scene::Life::Up {
                self.stands_by(n, Some((leader, term)));
            }
        }
    }

    fn leads(&mut self, candidate: usize, term: Term, validity_ms: u64) {
        self.answers(candidate, Phase::Leading, Some(term), validity_ms, None);
    }

    fn stands_by(&mut self, candidate: usize, leader: Option<(usize, Term)>) {
        self.answers(candidate, Phase::Observing, None, 0, leader);
    }

    fn answers(
        &mut self,
        candidate: usize,
        phase: Phase,
        term: Option<Term>,
        validity_ms: u64,
        leader: Option<(usize, Term)>,
    ) {
        let leader = leader.map(|(n, term)| Leader { identity: Some(NAMES[n].to_owned()), term });
        let is_up = |n: usize| self.scene.life(Actor::Voter(n)) == super::scene::Life::Up;
        let seen = |n| VoterStatus { reachable: is_up(n), holds_us: validity_ms > 0 };
        let voter = (0..VOTERS.len()).map(seen).collect();
        let status = Status { phase, term, validity_remaining_ms: validity_ms, leader, voter };
        self.told(What::Status { candidate, sent: self.now, status });
    }

    fn recalls(&mut self, voter: usize, standing: Standing, instance: &str, holder: Option<usize>) {
        let recollection = Recollection {
            standing,
            instance: instance.to_owned(),
            term: None,
            holder: holder.map(|n| NAMES[n].to_owned()),
            is_released: false,
            lease_until: holder.map(|_| self.now + Duration::from_millis(2_900)),
        };
        self.told(What::Recollection(voter, Some(recollection)));
    }

    fn press(&mut self, letter: char) -> Reaction {
        self.press_key(KeyCode::Char(letter))
    }

    fn press_key(&mut self, code: KeyCode) -> Reaction {
        self.scene.press(KeyEvent::new(code, KeyModifiers::NONE), self.now)
    }

    fn seen(&self, width: u16, height: u16, is_coloured: bool) -> TestBackend {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, &self.scene, self.now, Palette { is_coloured })).unwrap();
        terminal.backend().clone()
    }

    /// On the commonest terminal.
    fn picture(&self) -> TestBackend {
        self.seen(80, 24, false)
    }

    fn last_told(&self) -> &str {
        &self.scene.log.back().unwrap().text
    }
}
