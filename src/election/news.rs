//! What watchers are told, and what people read: the JSON shapes of `/watch` and `/status`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::core::Term;

/// What can be said about a leader. Only the term is certain: the rest is what the leader wrote about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Leader {
    /// Its name.
    pub identity: Option<String>,
    /// Its cluster.
    pub cluster: Option<String>,
    /// Its namespace there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The node that it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Where its agent can be asked.
    pub address: Option<String>,
    /// The number of its leadership.
    pub term: Term,
}

/// What a holder writes about itself into the record, for people; no decision uses it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// Its name.
    #[serde(default)]
    pub identity: Option<String>,
    /// Its cluster.
    #[serde(default)]
    pub cluster: Option<String>,
    /// Its namespace there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The node that it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Where its agent can be asked.
    #[serde(default)]
    pub address: Option<String>,
    /// When its attempt to be elected began: RFC 3339 with milliseconds.
    #[serde(default)]
    pub since: Option<String>,
}

impl Who {
    /// What a record says, fit to be shown; nothing where it says something else.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let Self { identity, cluster, namespace, node, address, since } =
            serde_json::from_str(text).unwrap_or_default();
        let shown = |text: Option<String>| Some(printable(&text?)).filter(|text| !text.is_empty());
        Self {
            identity: shown(identity),
            cluster: shown(cluster),
            namespace: shown(namespace),
            node: shown(node),
            address: shown(address),
            since: shown(since),
        }
    }

    /// The same, as a leader with a term.
    #[must_use]
    pub fn leading(self, term: Term) -> Leader {
        let Self { identity, cluster, namespace, node, address, since: _ } = self;
        Leader { identity, cluster, namespace, node, address, term }
    }
}

/// The kinds of change that watchers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewsKind {
    /// This candidate leads.
    Elected,
    /// It still does, but work must stop.
    Jeopardy,
    /// It leads again as if nothing had happened.
    Safe,
    /// It ceased to lead against its will.
    Lost,
    /// It gave leadership back.
    Released,
    /// Somebody else leads, or nobody does.
    LeaderChanged,
}

impl NewsKind {
    /// The name of the event on `/watch`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Elected => "elected",
            Self::Jeopardy => "jeopardy",
            Self::Safe => "safe",
            Self::Lost => "lost",
            Self::Released => "released",
            Self::LeaderChanged => "leader-changed",
        }
    }
}

/// One event on `/watch`; everything but id and kind is its data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct News {
    /// Grows by one with each event of this process.
    #[serde(skip)]
    pub id: u64,
    /// What happened.
    #[serde(skip)]
    pub kind: NewsKind,
    /// Of the leadership in question.
    pub term: Option<Term>,
    /// What was left of this candidate's own validity when it was told; 0 where it does not lead.
    pub validity_remaining_ms: u64,
    /// Why.
    pub reason: Option<&'static str>,
    /// Who leads now, as far as this candidate knows.
    pub leader: Option<Leader>,
}

/// One of the latest changes, in `/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Transition {
    /// When: RFC 3339 with milliseconds.
    pub at: String,
    /// What; as on `/watch`.
    pub event: &'static str,
    /// Of the leadership in question.
    pub term: Option<Term>,
    /// Why.
    pub reason: Option<&'static str>,
}

/// Unix microseconds as people read them: RFC 3339 with milliseconds.
#[must_use]
pub fn rfc3339(wall_us: u64) -> String {
    let at = i64::try_from(wall_us).ok().and_then(|us| Timestamp::from_microsecond(us).ok());
    format!("{:.3}", at.unwrap_or(Timestamp::UNIX_EPOCH))
}

/// The longest text that is shown of what somebody else wrote, in characters; a DNS name has as many.
const SHOWN_LIMIT: usize = 253;

/// Text that anybody may have written, fit for a line of a terminal: nothing endless, and what would move the cursor
/// or turn the direction of reading only as its number, `\u{1b}`.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars().take(SHOWN_LIMIT) {
        let is_invisible = matches!(character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if character.is_control() || is_invisible {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_milliseconds() {
        assert_eq!(rfc3339(1_767_323_045_678_901), "2026-01-02T03:04:05.678Z");
        assert_eq!(rfc3339(u64::MAX), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_record_that_says_something_else_is_a_leader_without_a_name() {
        assert_eq!(Who::parse("not json"), Who::default());
        assert_eq!(Who::parse(r#"{"identity":"x","more":1}"#).leading(3).identity.as_deref(), Some("x"));
    }

    #[test]
    fn whatever_a_record_says_is_fit_for_a_terminal() {
        let who = Who::parse(
            r#"{"identity":"\u001b[31mred\r\n","cluster":"\u202eab","address":"","since":"Zürich"}"#,
        );
        assert_eq!(who.identity.as_deref(), Some(r"\u{1b}[31mred\u{d}\u{a}"));
        assert_eq!((who.cluster.as_deref(), who.address), (Some(r"\u{202e}ab"), None));
        assert_eq!(who.since.as_deref(), Some("Zürich"));
        assert_eq!(printable(&"x".repeat(1_000)).len(), SHOWN_LIMIT);
    }
}
