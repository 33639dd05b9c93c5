//! What is under way in the laboratory: every message takes 100 µs, there and back.

use std::time::Duration;

use super::lab::Lab;
use crate::core::{
    Answer, Caller, Event, Observation, Operation, Question, QuestionId, Released, Reply, VoterIndex,
};

/// How long every message takes.
pub const ONE_WAY: Duration = Duration::from_micros(100);

/// What happens to messages between a candidate and a voter; settled when the question is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    #[default]
    Up,
    /// Questions are lost.
    Cut,
    /// Nothing but observations passes.
    OnlyObserve,
    /// Questions arrive; answers to all but observations are kept back until released.
    OnlyObservationsAnswered,
    /// Questions arrive; answers are kept back until released.
    AnswersHeld,
    /// Answers are kept back; whatever would write is answered with an error.
    WritesFail,
    /// Confirms are lost.
    NoConfirm,
}

impl Link {
    fn loses(self, operation: &Operation) -> bool {
        match self {
            Self::Cut => true,
            Self::OnlyObserve => !matches!(operation, Operation::Observe { .. }),
            Self::NoConfirm => matches!(operation, Operation::Confirm { .. }),
            Self::Up | Self::OnlyObservationsAnswered | Self::AnswersHeld | Self::WritesFail => false,
        }
    }

    fn holds_back(self, operation: &Operation) -> bool {
        match self {
            Self::AnswersHeld | Self::WritesFail => true,
            Self::OnlyObservationsAnswered => !matches!(operation, Operation::Observe { .. }),
            Self::Up | Self::Cut | Self::OnlyObserve | Self::NoConfirm => false,
        }
    }
}

/// Whose process: nothing reaches the next one that was meant for the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub participant: usize,
    pub life: u32,
}

/// A message.
#[derive(Debug)]
pub(super) enum Message {
    Question { from: Process, voter: VoterIndex, id: QuestionId, question: Question, link: Link },
    Answer { to: Process, id: QuestionId, answer: Answer },
    Hint { to: Process, voter: VoterIndex, released: Option<Released> },
}

/// A message that arrives then.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub arrives: Duration,
    message: Message,
}

impl Lab {
    /// As all messages take the same time, they arrive in the order of sending.
    fn send(&mut self, message: Message) {
        let arrives = self.now() + ONE_WAY;
        self.under_way.push_back(UnderWay { arrives, message });
    }

    /// A candidate asks.
    pub(super) fn ask(&mut self, participant: usize, voter: VoterIndex, id: QuestionId, question: Question) {
        self.asked.push((self.now(), participant, voter, question.operation));
        let link = self.links[participant][voter];
        if !link.loses(&question.operation) {
            let from = self.process(participant);
            self.send(Message::Question { from, voter, id, question, link });
        }
    }

    /// The message that has been under way for longest arrives.
    pub(super) fn deliver_next(&mut self) {
        if let Some(UnderWay { message, .. }) = self.under_way.pop_front() {
            self.deliver(message);
        }
    }

    pub(super) fn deliver(&mut self, message: Message) {
        match message {
            Message::Question { from, voter, id, question, link } => {
                self.reach_voter(from, voter, id, &question, link);
            }
            Message::Answer { to, .. } | Message::Hint { to, .. } if to != self.process(to.participant) => {}
            Message::Answer { to, .. } | Message::Hint { to, .. } if self.is_stopped(to.participant) => {
                self.participants[to.participant].unread.push(message);
            }
            Message::Answer { to, id, answer } => self.answer(to.participant, id, answer),
            Message::Hint { to, voter, released } => {
                self.tell(to.participant, Event::Hint { voter, released });
            }
        }
    }

    fn reach_voter(
        &mut self,
        from: Process,
        voter: VoterIndex,
        id: QuestionId,
        question: &Question,
        link: Link,
    ) {
        let fails = link == Link::WritesFail && !matches!(question.operation, Operation::Observe { .. });
        let reply =
            if fails { Reply { answer: Answer::Silent, hint: None } } else { self.apply(voter, question) };
        if reply.hint.is_some() {
            for participant in 0..self.participants.len() {
                if self.links[participant][voter] == Link::Up {
                    let to = self.process(participant);
                    self.send(Message::Hint { to, voter, released: reply.hint });
                }
            }
        }
        if link.holds_back(&question.operation) {
            self.participants[from.participant].held.push((id, reply.answer));
        } else {
            self.send(Message::Answer { to: from, id, answer: reply.answer });
        }
    }

    fn apply(&mut self, voter: VoterIndex, question: &Question) -> Reply {
        let names: Vec<_> = (0..self.voters.len()).map(|voter| voter.to_string()).collect();
        let electorate = format!("1 {}", names.join(","));
        let server = self.server(voter);
        let caller = Caller { electorate: &electorate, voter: &names[voter] };
        self.voters[voter].apply(&server, &caller, question)
    }

    /// Asks a voter something on nobody's behalf, in no time.
    pub fn ask_directly(&mut self, voter: VoterIndex, operation: Operation) -> Answer {
        self.apply(voter, &Question { operation, high_water: None }).answer
    }

    /// What whoever looks sees now.
    pub fn observe(&mut self, voter: VoterIndex) -> Observation {
        match self.ask_directly(voter, Operation::Observe { proposal: None }) {
            Answer::Observed(observation) => observation,
            other => panic!("voter {voter} answers {other:?}"),
        }
    }

    /// Answers that were held back arrive now.
    pub fn deliver_held(&mut self, participant: usize) {
        self.deliver_oldest_held(participant, usize::MAX);
    }

    /// The oldest of the answers that were held back arrive now.
    pub fn deliver_oldest_held(&mut self, participant: usize, most: usize) {
        let held = &mut self.participants[participant].held;
        let oldest: Vec<_> = held.drain(..most.min(held.len())).collect();
        for (question, answer) in oldest {
            self.answer(participant, question, answer);
        }
    }

    fn answer(&mut self, participant: usize, question: QuestionId, answer: Answer) {
        let received = self.moment(participant);
        self.tell(participant, Event::Answer { question, received, answer });
    }
}
