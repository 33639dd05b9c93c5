//! What becomes of a candidate's actions: the work that follows its leadership, and what the oracles make of it.

use super::{Happening, Trace, World};
use crate::contender::Protocol;
use crate::core::{Action, Ballot, EndReason, GrantTerm, Moment, Operation, Question, ResetKind, Term};
use crate::counted::Reached;
use crate::host::{Attempt, Belief};
use crate::oracles::Promise;

impl World {
    /// Does what a candidate wants done. `shown_holder` is who holds the voter that it has just observed, if it has.
    pub(super) fn act(&mut self, host: usize, action: &Action, shown_holder: Option<Ballot>) {
        match *action {
            Action::Ask { id, voter, ref question } => {
                self.watch_question(host, question, shown_holder);
                self.send(host, voter, id, question);
            }
            Action::Elected { term, until, .. } => self.on_elected(host, term, until),
            Action::Extended { until } => self.on_extended(host, until),
            Action::StopWork { .. } => self.stop_work(host),
            Action::Ended { reason, term } => self.on_ended(host, term, reason),
            Action::AttemptFailed => {
                self.counted.note(Reached::AttemptFailed);
                if self.hosts[host].attempt.rounds > 0 {
                    self.counted.note(Reached::VerifyFailed);
                }
                self.hosts[host].ballot = None;
            }
            Action::Verified { request, term } => self.on_verified(host, request, term),
            Action::EpochReset { kind, floor } => {
                self.note(Trace::Changes, || format!("c{host} RESETS the epoch: {kind:?}, floor {floor}"));
                self.watch_floor(floor);
                self.counted.note(match kind {
                    ResetKind::First => Reached::ResetFirst,
                    ResetKind::Forgotten => Reached::ResetForgotten,
                    ResetKind::Unreadable => Reached::ResetUnreadable,
                });
            }
            Action::Halted { .. } => self.note(Trace::Changes, || format!("c{host} {action:?}")),
            Action::Inert(inertia) => {
                self.note(Trace::Changes, || format!("c{host} inert: {inertia:?}"));
                self.hosts[host].is_inert = inertia.is_some();
                if inertia.is_some() {
                    self.counted.note(Reached::Inert);
                }
            }
        }
    }

    /// What questions tell of attempts, and the promise about releases.
    fn watch_question(&mut self, host: usize, question: &Question, shown_holder: Option<Ballot>) {
        let asking = &mut self.hosts[host];
        match question.operation {
            Operation::Grant { ballot, term: GrantTerm::Hint(_), .. } if asking.ballot.is_none() => {
                asking.ballot = Some(ballot);
                asking.attempt = Attempt { begun_ns: self.now_ns, ..Attempt::default() };
            }
            Operation::Confirm { ballot, .. }
                if asking.ballot == Some(ballot)
                    && asking.belief.is_none()
                    && (asking.attempt.rounds == 0 || asking.attempt.round_ns != self.now_ns) =>
            {
                asking.attempt.rounds += 1;
                asking.attempt.round_ns = self.now_ns;
            }
            Operation::Join { term, .. }
                if self.servers.iter().filter(|server| server.is_member).count()
                    <= self.setting.voters / 2 =>
            {
                self.watch_floor(term);
            }
            Operation::Release { ballot } => {
                let leads_with = asking.belief.and_then(|belief| belief.ballot);
                if asking.work_running && leads_with == Some(ballot) {
                    self.break_promise(Promise::ReleaseAfterWork, || {
                        format!("c{host} released before its work had stopped")
                    });
                }
                if shown_holder == Some(ballot) {
                    self.counted.note(Reached::DeadBallotReleased);
                }
            }
            _ => {}
        }
    }

    /// A join outside a reseed, or a reset: terms begin anew above this floor, which must not be lower than what was.
    fn watch_floor(&mut self, floor: Term) {
        if self.lied && self.elections.highest() > floor {
            self.note(Trace::Changes, || "the clocks lied: a new order of terms begins".into());
            self.order_is_lost = true;
            self.elections.forget();
        }
    }

    fn on_elected(&mut self, host: usize, term: Term, until: Moment) {
        let elected = &mut self.hosts[host];
        let until_ns = elected.when_over(until);
        self.leaderships += 1;
        let leadership = self.leaderships;
        elected.belief = Some(Belief { leadership, term, ballot: elected.ballot, until, until_ns });
        elected.work_running = true;
        elected.refused_since_ns = None;
        let (life, begun_ns) = (elected.life, elected.attempt.begun_ns);
        if elected.attempt.granted.is_some_and(|(least, most)| least != most) {
            self.counted.note(Reached::Raise);
        }
        self.counted.note(Reached::Elected);
        self.note(Trace::Changes, || format!("c{host} ELECTED, term {term}"));
        if self.setting.protocol == Protocol::Quorate
            && let Some(wrong) = self.elections.complete(term, begun_ns, self.now_ns)
        {
            self.break_promise(Promise::Order, || format!("c{host}: {wrong}"));
        }
        self.check_exclusion(host);
        self.has_led_since_healing |= self.healed_ns.is_some();
        // Claim first.
        self.agenda.add(self.now_ns, Happening::Acts { host, life });
    }

    fn on_extended(&mut self, host: usize, until: Moment) {
        let extended = &mut self.hosts[host];
        let until_ns = extended.when_over(until);
        if let Some(belief) = &mut extended.belief {
            (belief.until, belief.until_ns) = (until, until_ns);
        }
        let refused_since_ns = extended.refused_since_ns;
        self.check_exclusion(host);
        self.has_led_since_healing |= self.healed_ns.is_some();
        // What was confirmed before the refusal may still be told for as long as questions are remembered: 2 ttl.
        let patience = u64::try_from((2 * self.longest_ttl()).as_nanos()).unwrap_or(u64::MAX);
        if !self.order_is_lost && refused_since_ns.is_some_and(|since| self.now_ns > since + patience) {
            self.break_promise(Promise::NoZombie, || format!("c{host} keeps a quorum with a refused term"));
        }
    }

    fn on_ended(&mut self, host: usize, term: Term, reason: EndReason) {
        self.note(Trace::Changes, || format!("c{host} ended term {term}: {reason:?}"));
        self.counted.note(match reason {
            EndReason::Lapsed => Reached::Lapsed,
            EndReason::Resigned => Reached::Resigned,
            EndReason::Lost => Reached::Lost,
            EndReason::ClockDiverged => Reached::TripWire,
            EndReason::ClockStood => Reached::ClockStoodTripWire,
        });
        if reason == EndReason::Resigned && self.hosts[host].work_running {
            self.break_promise(Promise::ReleaseAfterWork, || {
                format!("c{host} resigned before its work had stopped")
            });
        }
        self.hosts[host].belief = None;
        self.hosts[host].ballot = None;
        self.stop_work(host);
    }

    fn stop_work(&mut self, host: usize) {
        let stopped_ns = self.now_ns + self.chance.below(self.base_ttl_ns / 4);
        let life = self.hosts[host].life;
        self.agenda.add(stopped_ns, Happening::WorkStopped { host, life });
    }

    /// The work asks whether it may act, and if so, sends an act to the resource.
    pub(super) fn on_act(&mut self, host: usize, life: u32, again: &Happening) {
        if !self.is_awake(host, life, again) {
            return;
        }
        let acting = &self.hosts[host];
        let Some(belief) = acting.belief.filter(|_| acting.work_running) else { return };
        let until = acting.contender.as_ref().and_then(super::Contender::until);
        if until.is_some_and(|until| acting.moment(self.now_ns).is_before(until)) {
            let arrival_ns = self.now_ns + self.delay_ns();
            self.agenda.add(
                arrival_ns,
                Happening::ActArrives { host, leadership: belief.leadership, term: belief.term },
            );
        }
        let next_ns = self.now_ns + self.chance.between(self.base_ttl_ns / 8, self.base_ttl_ns / 2);
        self.agenda.add(next_ns, *again);
    }

    pub(super) fn on_act_arrives(&mut self, host: usize, leadership: u64, term: Term) {
        self.counted.event(self.now_ns, 32);
        if self.resource.accepts(term) {
            self.on_act_accepted(leadership, term);
            return;
        }
        self.counted.note(Reached::ActRefused);
        let acting = &mut self.hosts[host];
        if acting.believes(self.now_ns).is_some_and(|belief| belief.leadership == leadership) {
            acting.refused_since_ns.get_or_insert(self.now_ns);
            if !self.order_is_lost {
                self.break_promise(Promise::Order, || {
                    format!("the resource refuses term {term} of c{host}, which leads")
                });
            }
        }
    }

    fn on_act_accepted(&mut self, leadership: u64, term: Term) {
        self.counted.note(Reached::ActAccepted);
        if let Some(before) = self.resource.goes_back(term) {
            self.break_promise(Promise::Resource, || format!("accepted term {term} after {before}"));
        }
        if leadership < self.newest_acted {
            self.counted.note(Reached::LateActAccepted);
            if self.setting.protocol == Protocol::Quorate && !self.order_is_lost {
                self.break_promise(Promise::Order, || {
                    format!("an act of term {term} was accepted after one of a later leadership")
                });
            }
        }
        self.newest_acted = self.newest_acted.max(leadership);
    }

    /// One believer at any true time.
    pub(super) fn check_exclusion(&mut self, host: usize) {
        let Some(belief) = self.hosts[host].believes(self.now_ns) else { return };
        let mut rivals = (0..self.hosts.len()).filter(|&other| other != host);
        let rival = rivals.find_map(|other| Some((other, self.hosts[other].believes(self.now_ns)?)));
        if let Some((other, rival)) = rival {
            self.break_promise(Promise::Exclusion, || {
                format!("two leaders: c{host} in term {} and c{other} in term {}", belief.term, rival.term)
            });
        }
    }

    /// A verified leader was the newest at some instant after the request.
    fn on_verified(&mut self, host: usize, request: u64, term: Option<Term>) {
        let Some(term) = term else { return };
        self.counted.note(Reached::Verified);
        if let Some(newer) = self.elections.newer_than(term, request)
            && !self.order_is_lost
        {
            self.break_promise(Promise::Verify, || {
                format!("c{host} verified term {term} after term {newer} had begun")
            });
        }
    }
}
