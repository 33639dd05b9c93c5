//! Messages: how long they take, whether they arrive, and what a voter does with them.

use super::{Answered, Asked, Happening, Trace, World};
use crate::core::{
    Answer, Ballot, Caller, Event, GrantTerm, Moment, Operation, Question, QuestionId, Refusal, Standing,
};
use crate::counted::Reached;

/// The way to a voter, and the way back.
const THERE: usize = 0;
const BACK: usize = 1;

impl World {
    /// A candidate asks a voter.
    pub(super) fn send(&mut self, host: usize, voter: usize, id: QuestionId, question: &Question) {
        let sender = &self.hosts[host];
        let (life, sent_ns) = (sender.life, self.now_ns);
        let asked = Asked { host, life, voter, id, sent_ns, question: *question };
        for _ in 0..self.copies() {
            match self.arrival(host, voter, THERE) {
                Some(at_ns) => self.agenda.add(at_ns, Happening::Asked(asked)),
                None => self.time_out(&asked),
            }
        }
    }

    /// The question arrives at whatever server the host finds under the voter's address.
    pub(super) fn on_asked(&mut self, asked: &Asked) {
        let Asked { host, voter, .. } = *asked;
        self.counted.event(self.now_ns, 16 + voter as u64);
        let index = self.addresses[host][voter];
        let server = &mut self.servers[index];
        if self.now_ns < server.down_until_ns {
            // Refused at once by a machine whose server is down, or lost on the way to one that is gone.
            if self.chance.happens(500) {
                self.reply(asked, &Answer::Silent);
            } else {
                self.time_out(asked);
            }
            return;
        }
        let caller =
            Caller { electorate: &self.electorates[self.hosts[host].electorate], voter: &server.name };
        let reply = server.memory.apply(&server.at(self.now_ns), &caller, &asked.question);
        if self.keeps_released && matches!(asked.question.operation, Operation::Release { .. }) {
            server.replicate();
        }
        self.count_reply(asked, index, &reply.answer);
        let level = match asked.question.operation {
            Operation::Observe { .. } => Trace::Everything,
            _ => Trace::Changes,
        };
        self.note(level, || told(asked, reply.answer));
        if reply.hint.is_some() {
            for listener in 0..self.hosts.len() {
                let life = self.hosts[listener].life;
                if let Some(at_ns) = self.arrival(listener, voter, BACK) {
                    let released = reply.hint;
                    let hinted = Happening::Hinted { host: listener, life, server: index, voter, released };
                    self.agenda.add(at_ns, hinted);
                }
            }
        }
        self.reply(asked, &reply.answer);
    }

    fn reply(&mut self, asked: &Asked, answer: &Answer) {
        for _ in 0..self.copies() {
            let deadline_ns = self.deadline_ns(asked);
            match self.arrival(asked.host, asked.voter, BACK) {
                Some(at_ns) if at_ns <= deadline_ns => self.agenda.add(at_ns, answered(asked, answer)),
                _ => self.time_out(asked),
            }
        }
    }

    /// Until when the driver listens for the answer.
    fn deadline_ns(&self, asked: &Asked) -> u64 {
        if !self.weather.driver_times_out {
            return u64::MAX;
        }
        asked.sent_ns + self.hosts[asked.host].patience_ns
    }

    /// No answer will arrive in time: a driver that has a limit says so when it is reached.
    fn time_out(&mut self, asked: &Asked) {
        let deadline_ns = self.deadline_ns(asked);
        if deadline_ns != u64::MAX {
            self.agenda.add(deadline_ns.max(self.now_ns), answered(asked, &Answer::Silent));
        }
    }

    pub(super) fn on_answered(&mut self, answered: &Answered) {
        let Answered { host, life, .. } = *answered;
        if self.hosts[host].life != life {
            return;
        }
        if self.now_ns < self.hosts[host].paused_until_ns {
            self.put_off(answered);
            return;
        }
        let received = answered.received.unwrap_or_else(|| self.hosts[host].moment(self.now_ns));
        let belief_before = self.hosts[host].belief.map(|belief| belief.until);
        let asking = &mut self.hosts[host];
        if let Answer::Granted { term, .. } = answered.answer
            && asking.ballot == answered.ballot
        {
            let attempt = &mut asking.attempt;
            let (least, most) = attempt.granted.unwrap_or((term, term));
            attempt.granted = Some((least.min(term), most.max(term)));
        }
        self.tell(host, Event::Answer { question: answered.id, received, answer: answered.answer });
        self.count_late(answered, belief_before);
    }

    /// An answer that arrives in a pause: read from the socket and the clock at once, or when the pause is over.
    fn put_off(&mut self, answered: &Answered) {
        let mut again = *answered;
        let addressed = &self.hosts[answered.host];
        if addressed.reads_while_paused {
            again.received.get_or_insert(addressed.moment(self.now_ns));
        }
        self.agenda.add(addressed.paused_until_ns, Happening::Answered(again));
    }

    fn count_late(&mut self, answered: &Answered, belief_before: Option<Moment>) {
        let host = &self.hosts[answered.host];
        let says_yes = matches!(answered.answer, Answer::Granted { .. } | Answer::Confirmed { .. });
        if self.now_ns - answered.sent_ns <= host.patience_ns || !says_yes {
            return;
        }
        if host.belief.map(|belief| belief.until) != belief_before {
            self.counted.note(Reached::LateAnswerUsed);
        } else if host.ballot != answered.ballot {
            self.counted.note(Reached::LateAnswerRefused);
        }
    }

    fn count_reply(&mut self, asked: &Asked, server: usize, answer: &Answer) {
        let was_member = self.servers[server].is_member;
        let is_current = |ballot| {
            let host = &self.hosts[asked.host];
            host.life == asked.life && host.ballot == Some(ballot)
        };
        let reached = match (&asked.question.operation, answer) {
            (Operation::Join { .. }, Answer::Joined) => {
                let others = self.addresses[asked.host].iter().filter(|&&other| other != server);
                let members = others.filter(|&&other| self.servers[other].is_member).count();
                (members > self.setting.voters / 2).then_some(Reached::Reseed)
            }
            (Operation::Join { .. }, Answer::Refused(_)) => Some(Reached::JoinRefused),
            (Operation::Grant { term: GrantTerm::Adopt(_), .. }, Answer::Granted { .. }) => {
                Some(if was_member { Reached::AdoptedMember } else { Reached::AdoptedJoining })
            }
            (Operation::Grant { ballot, .. }, Answer::Granted { .. }) if !is_current(*ballot) => {
                Some(Reached::OrphanGrant)
            }
            (Operation::Grant { ballot, .. }, Answer::Granted { .. })
                if self.servers[server].granted == Some(*ballot) =>
            {
                Some(Reached::RepeatedGrant)
            }
            (Operation::Grant { key_stood_still: true, .. }, Answer::Granted { .. }) => {
                Some(Reached::KeyStoodStill)
            }
            (Operation::Grant { .. }, Answer::Refused(refusal)) => match refusal {
                Refusal::Foreign => Some(Reached::ForeignRefused),
                Refusal::Released => Some(Reached::ReleasedGrantRefused),
                Refusal::Changed => Some(Reached::GrantChanged),
                Refusal::Joining | Refusal::Held => None,
            },
            _ => None,
        };
        if let Some(reached) = reached {
            self.counted.note(reached);
        }
        let member_now = match answer {
            Answer::Observed(observation) => observation.standing == Standing::Member,
            Answer::Joined | Answer::Granted { .. } | Answer::Confirmed { .. } => true,
            Answer::Amnesia => false,
            _ => was_member,
        };
        self.servers[server].is_member = member_now;
        if let (Operation::Grant { ballot, .. }, Answer::Granted { .. }) = (&asked.question.operation, answer)
        {
            self.servers[server].granted = Some(*ballot);
        }
    }

    fn copies(&mut self) -> usize {
        if self.chance.happens(self.weather.duplicated) { 2 } else { 1 }
    }

    /// When a message arrives, if it does.
    fn arrival(&mut self, host: usize, voter: usize, way: usize) -> Option<u64> {
        if self.now_ns < self.cuts[host][voter][way] || self.chance.happens(self.weather.dropped) {
            return None;
        }
        Some(self.now_ns + self.delay_ns())
    }

    /// How long a message takes that arrives.
    pub(super) fn delay_ns(&mut self) -> u64 {
        let usual = self.chance.between(self.weather.quickest_ns, self.weather.usual_ns);
        if self.chance.happens(self.weather.slow) {
            usual + self.chance.below(self.weather.slowest_ns)
        } else {
            usual
        }
    }
}

fn answered(asked: &Asked, answer: &Answer) -> Happening {
    let &Asked { host, life, id, sent_ns, ref question, .. } = asked;
    Happening::Answered(Answered {
        host,
        life,
        id,
        sent_ns,
        ballot: ballot_of(question),
        answer: *answer,
        received: None,
    })
}

fn ballot_of(question: &Question) -> Option<Ballot> {
    match question.operation {
        Operation::Grant { ballot, .. }
        | Operation::Confirm { ballot, .. }
        | Operation::Release { ballot } => Some(ballot),
        Operation::Observe { .. } | Operation::Join { .. } => None,
    }
}

/// A question and its answer for people: ballots and instances by their first digits.
fn told(asked: &Asked, answer: Answer) -> String {
    let Asked { host, voter, .. } = *asked;
    let short = |ballot: Ballot| format!("{:04x}", ballot.0 >> 112);
    let asked = match asked.question.operation {
        Operation::Observe { .. } => "observe".into(),
        Operation::Grant { ballot, seen, term, .. } => {
            let holder = seen.holder.map_or("nobody".into(), short);
            let state = if seen.released { "released" } else { "not released" };
            let (what, term) = match term {
                GrantTerm::Hint(term) => ("grant", term),
                GrantTerm::Adopt(term) => ("adopt", term),
            };
            format!(
                "{what} {}, term {term}, over version {} of {holder}, {state}",
                short(ballot),
                seen.version
            )
        }
        Operation::Confirm { ballot, term, .. } => format!("confirm {}, term {term}", short(ballot)),
        Operation::Release { ballot } => format!("release {}", short(ballot)),
        Operation::Join { instance, term, .. } => {
            format!("join instance {:04x}, term {term}", instance.proposal >> 112)
        }
    };
    let said = match answer {
        Answer::Observed(shown) => {
            let holder = shown.seen.holder.map_or("nobody".into(), short);
            let (standing, released) = (shown.standing, if shown.seen.released { ", released" } else { "" });
            let instance = shown.seen.instance.proposal >> 112;
            format!(
                "{standing:?} {instance:04x}, version {} of {holder}{released}, term {}, key {:?}",
                shown.seen.version, shown.term, shown.key
            )
        }
        other => format!("{other:?}"),
    };
    format!("c{host} -> v{voter}: {asked} -> {said}")
}
