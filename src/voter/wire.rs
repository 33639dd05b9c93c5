//! What the scripts are given and what they answer, as text. Knows the scripts' argument order and nothing of sockets.

use std::fmt::{Display, Write as _};
use std::str::FromStr;
use std::time::Duration;

use super::trouble::{Trouble, TroubleKind};
use super::{Details, Scope};
use crate::core::{
    Answer, FORMAT, GrantTerm, LeaseKey, Observation, Operation, Question, Refusal, Seen, Standing,
    TERM_LIMIT,
};

/// Passes the arguments of a question's script, after its keys, to `push`, in order.
pub(super) fn arguments(scope: &Scope, question: &Question, who: &str, push: impl FnMut(&str)) {
    let mut args = Arguments { push, scratch: String::with_capacity(160) };
    args.text(&scope.electorate);
    args.text(&scope.voter);
    args.optional(question.high_water.map(|mark| mark.instance));
    args.optional(question.high_water.map(|mark| mark.version));
    match question.operation {
        Operation::Observe { proposal: Some(bits) } => args.show(format_args!("{bits:032x}")),
        Operation::Observe { proposal: None } => args.text(""),
        Operation::Grant { ballot, ttl, seen, key_stood_still, term } => {
            args.show(ballot);
            args.ttl(ttl);
            let (mode, term) = match term {
                GrantTerm::Hint(term) => ("hint", term),
                GrantTerm::Adopt(term) => ("adopt", term),
            };
            args.text(mode);
            args.show(term);
            args.show(seen.instance);
            args.optional(seen.holder);
            args.show(seen.version);
            args.flag(seen.released);
            args.flag(key_stood_still);
            args.text(who);
        }
        Operation::Confirm { ballot, term, ttl } => {
            args.show(ballot);
            args.show(term);
            args.ttl(ttl);
        }
        Operation::Release { ballot } => {
            args.show(ballot);
            args.text(&scope.hint);
        }
        Operation::Join { instance, term, ttl } => {
            args.show(instance);
            args.show(term);
            args.ttl(ttl);
        }
    }
}

/// Collects arguments without an allocation for each.
struct Arguments<F> {
    push: F,
    scratch: String,
}

impl<F: FnMut(&str)> Arguments<F> {
    fn text(&mut self, text: &str) {
        (self.push)(text);
    }

    fn show(&mut self, value: impl Display) {
        self.scratch.clear();
        // Writing to a string cannot fail.
        let _ = write!(self.scratch, "{value}");
        (self.push)(&self.scratch);
    }

    fn optional(&mut self, value: Option<impl Display>) {
        match value {
            Some(value) => self.show(value),
            None => self.text(""),
        }
    }

    fn flag(&mut self, value: bool) {
        self.text(if value { "1" } else { "0" });
    }

    fn ttl(&mut self, ttl: Duration) {
        self.show(ttl.as_millis());
    }
}

/// An answer, with what an observation shows to people, and with the trouble that explains a *replica* or *mismatch*.
pub(super) struct Understood {
    pub(super) answer: Answer,
    pub(super) details: Option<Details>,
    pub(super) trouble: Option<Trouble>,
}

impl From<Answer> for Understood {
    fn from(answer: Answer) -> Self {
        Self { answer, details: None, trouble: None }
    }
}

/// Reads the answer of a question's script.
///
/// # Errors
///
/// [`TroubleKind::Malformed`] where it is none that this operation's script gives.
pub(super) fn understand(
    scope: &Scope,
    operation: Operation,
    fields: &[String],
) -> Result<Understood, Trouble> {
    let malformed = || Trouble::with(TroubleKind::Malformed, format!("to {}", name(operation)));
    let (kind, rest) = fields.split_first().ok_or_else(malformed)?;
    let answer = match (kind.as_str(), rest, operation) {
        ("replica", [], _) => {
            let trouble = Some(Trouble::new(TroubleKind::Replica));
            return Ok(Understood { answer: Answer::Replica, details: None, trouble });
        }
        ("mismatch", [format, electorate, voter], _) => {
            return Ok(mismatch(scope, format, electorate, voter));
        }
        ("amnesia", [], _) => Answer::Amnesia,
        ("observed", rest, Operation::Observe { .. }) => return observed(rest).ok_or_else(malformed),
        ("granted", [term, version], Operation::Grant { .. }) => Answer::Granted {
            term: number(term).ok_or_else(malformed)?,
            version: number(version).ok_or_else(malformed)?,
        },
        ("refused", [why], Operation::Grant { .. } | Operation::Join { .. }) => {
            Answer::Refused(refusal(why).ok_or_else(malformed)?)
        }
        ("confirmed", [term], Operation::Confirm { .. }) => {
            Answer::Confirmed { term: number(term).ok_or_else(malformed)? }
        }
        ("lost", [], Operation::Confirm { .. }) => Answer::Lost,
        ("released", [], Operation::Release { .. }) => Answer::Released,
        ("joined", [], Operation::Join { .. }) => Answer::Joined,
        _ => return Err(malformed()),
    };
    Ok(answer.into())
}

fn observed(fields: &[String]) -> Option<Understood> {
    let [
        standing,
        instance,
        holder,
        version,
        released,
        term,
        ttl,
        key,
        left,
        time_us,
        run,
        electorate,
        eviction_policy,
        who,
    ] = fields
    else {
        return None;
    };
    let left = match left.as_str() {
        "-1" | "-2" => None,
        digits => Some(Duration::from_millis(digits.parse().ok()?)),
    };
    let observation = Observation {
        standing: match standing.as_str() {
            "member" => Standing::Member,
            "joining" => Standing::Joining,
            _ => return None,
        },
        seen: Seen {
            instance: instance.parse().ok()?,
            holder: optional(holder)?,
            version: number(version)?,
            released: released == "1",
        },
        term: number(term)?,
        ttl: optional(ttl)?.map(Duration::from_millis),
        key: match key.as_str() {
            "free" => LeaseKey::Free,
            "holder" => LeaseKey::Holders { left: left? },
            "foreign" => LeaseKey::Foreign { left },
            _ => return None,
        },
        time_us: time_us.parse().ok()?,
        run: run.parse().ok()?,
    };
    let details = Details {
        who: who.clone(),
        electorate: Some(electorate.clone()).filter(|text| !text.is_empty()),
        foreign_format: None,
        eviction_policy: eviction_policy.clone(),
        server_version: String::new(),
    };
    Some(Understood { answer: Answer::Observed(observation), details: Some(details), trouble: None })
}

/// An absent field has not been written yet, and differs from nothing.
fn mismatch(scope: &Scope, format: &str, electorate: &str, voter: &str) -> Understood {
    let shown = |text: &str| text.chars().take(200).filter(|c| !c.is_control()).collect::<String>();
    let differs = |theirs: &str, ours: &str| !theirs.is_empty() && theirs != ours;
    let ours = FORMAT.to_string();
    let is_foreign = differs(format, &ours);
    // What another format means by its fields is not known.
    let told = if is_foreign {
        format!("format there: {}, here: {ours}", shown(format))
    } else {
        format!(
            "there: electorate {}, voter {}; configured: electorate {}, voter {}",
            shown(electorate),
            shown(voter),
            scope.electorate,
            scope.voter
        )
    };
    let theirs = Some(shown(electorate)).filter(|electorate| !electorate.is_empty());
    let foreign_format = is_foreign.then(|| shown(format));
    let details = Details { electorate: theirs, foreign_format, ..Details::default() };
    Understood {
        answer: Answer::Mismatch { electorate_differs: is_foreign || differs(electorate, &scope.electorate) },
        details: Some(details),
        trouble: Some(Trouble::with(TroubleKind::Mismatch, told)),
    }
}

fn refusal(why: &str) -> Option<Refusal> {
    Some(match why {
        "joining" => Refusal::Joining,
        "released" => Refusal::Released,
        "changed" => Refusal::Changed,
        "foreign" => Refusal::Foreign,
        "held" => Refusal::Held,
        _ => return None,
    })
}

const fn name(operation: Operation) -> &'static str {
    match operation {
        Operation::Observe { .. } => "observe",
        Operation::Grant { .. } => "grant",
        Operation::Confirm { .. } => "confirm",
        Operation::Release { .. } => "release",
        Operation::Join { .. } => "join",
    }
}

/// Outer `None`: unreadable; inner `None`: an empty field.
#[expect(clippy::option_option, reason = "unreadable and absent are two things")]
fn optional<T: FromStr>(text: &str) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) }
}

/// A term or a version: whole and below 2^53.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|&number| number < TERM_LIMIT)
}
