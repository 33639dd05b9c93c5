//! `POST /resign`: hand over, and stand back for a while.
//!
//! Who may ask: a process of this host, because it could end us as well; anybody who has the token of
//! `http.resignTokenFile`. Never a browser, whose user may know nothing of it: pages can make it post to any address
//! that it reaches, this host's too, and it then says where the page is from.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::header::{AUTHORIZATION, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::Endpoints;
use super::answers::{TERM, number, parameter, say};
use super::server::Connection;
use crate::core::{Moment, StandBack, Term};
use crate::{clock, files};

/// How long this candidate stands back unless asked for another time.
const STAND_BACK: Duration = Duration::from_secs(30);
/// Shorter, and it would be the first to be elected again; longer, and it is better stopped.
const STAND_BACK_RANGE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(1));
/// How long whoever asked waits for the work to stop before being told that it goes on.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two refusals that are logged.
const REFUSAL_INTERVAL: Duration = Duration::from_secs(10);
/// What stands before a token.
const BEARER: &[u8] = b"Bearer ";
/// Headers with which a proxy says that it speaks for somebody else.
const FORWARDED: [&str; 5] = ["forwarded", "via", "x-forwarded-for", "x-forwarded-proto", "x-real-ip"];

/// When a refusal was last told: whoever asks and asks must not fill the log.
#[derive(Clone, Default)]
pub(super) struct Refusals(Arc<Mutex<Option<Moment>>>);

impl Refusals {
    fn is_worth_telling(&self, now: Moment) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told.is_none_or(|last| now.observer_elapsed(last) >= REFUSAL_INTERVAL);
        if is_due {
            *told = Some(now);
        }
        is_due
    }
}

pub(super) async fn resign(
    State(endpoints): State<Endpoints>,
    Extension(connection): Extension<Arc<Connection>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    if let Err(sentence) = allowed(&endpoints, &connection, &headers).await {
        if endpoints.refusals.is_worth_telling(clock::now().at) {
            tracing::warn!(peer = %connection.peer, "asked to resign, and refused: {sentence}");
        }
        return say(StatusCode::FORBIDDEN, sentence.to_owned());
    }
    let query = query.unwrap_or_default();
    if !query.is_empty() && (query.contains('&') || parameter(Some(&query), "forMs").is_none()) {
        return say(StatusCode::BAD_REQUEST, "give forMs=MILLISECONDS once, or nothing".to_owned());
    }
    let asked = parameter(Some(&query), "forMs");
    let stand_back = asked.map_or(Some(STAND_BACK), |ms| ms.parse().ok().map(Duration::from_millis));
    let (shortest, longest) = STAND_BACK_RANGE;
    let Some(stand_back) = stand_back.filter(|asked| (shortest..=longest).contains(asked)) else {
        let sentence = format!(
            "forMs={:?} is no time to stand back for; give whole milliseconds from {} to {}",
            asked.unwrap_or_default(),
            shortest.as_millis(),
            longest.as_millis()
        );
        return say(StatusCode::BAD_REQUEST, sentence);
    };
    let for_ms = u64::try_from(stand_back.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(peer = %connection.peer, for_ms, "asked to resign");
    let leadership = &endpoints.leadership;
    let term = leadership.term(clock::now().at);
    endpoints.resigner.resign(StandBack::For(stand_back));
    let seconds = stand_back.as_secs_f64();
    if let Some(term) = term {
        let answer = hand_over(&endpoints, term, seconds).await;
        return ([(TERM, number(term.into()))], answer).into_response();
    }
    let leader = leadership.leader(clock::now().at).and_then(|leader| leader.identity);
    let leader = leader.map_or_else(|| "nobody is known to".to_owned(), |name| format!("{name} does"));
    let sentence = format!("this candidate does not lead, {leader}; it stands back for {seconds} s");
    say(StatusCode::OK, sentence)
}

/// Answers when the work has stopped and the release was heard, or when that takes too long to wait for.
async fn hand_over(endpoints: &Endpoints, term: Term, seconds: f64) -> Response {
    let mut progress = endpoints.progress.clone();
    let settled = progress.wait_for(|progress| progress.settled >= term);
    match tokio::time::timeout(PATIENCE, settled).await {
        Ok(Ok(_)) => say(
            StatusCode::OK,
            format!("term {term} is released; this candidate stands back for {seconds} s"),
        ),
        Ok(Err(_)) => say(StatusCode::OK, format!("term {term} is over, because this agent is ending")),
        Err(_) => {
            let sentence =
                format!("term {term} is being handed over: its work has been told to stop and has not yet");
            say(StatusCode::ACCEPTED, sentence)
        }
    }
}

/// # Errors
///
/// Why not, a sentence.
async fn allowed(
    endpoints: &Endpoints,
    connection: &Connection,
    headers: &HeaderMap,
) -> Result<(), &'static str> {
    if headers.contains_key(ORIGIN) {
        return Err("browsers may not ask for this: a page that nobody trusts could make them");
    }
    match (headers.get(AUTHORIZATION), &endpoints.resign_token_file) {
        (Some(given), Some(file)) => {
            let token = token(file.clone()).await.ok_or("http.resignTokenFile cannot be read")?;
            // The scheme's name has no case; the token has.
            let (scheme, given) = given.as_bytes().split_at_checked(BEARER.len()).unwrap_or_default();
            let is_it = given.ct_eq(token.as_bytes());
            if scheme.eq_ignore_ascii_case(BEARER) && is_it.into() {
                Ok(())
            } else {
                Err("the token is not the one of http.resignTokenFile")
            }
        }
        (Some(_), None) => Err("a token is of no use: http.resignTokenFile is not configured"),
        (None, _) if FORWARDED.iter().any(|name| headers.contains_key(*name)) => {
            Err("a proxy asks for somebody else; ask directly, or with the token of http.resignTokenFile")
        }
        (None, _) if is_here(connection.peer) => Ok(()),
        (None, _) => {
            Err("only this host may ask, over loopback, or whoever has the token of http.resignTokenFile")
        }
    }
}

/// Read anew each time, so that it can be rotated.
async fn token(file: PathBuf) -> Option<String> {
    tokio::task::spawn_blocking(move || files::read_password(&file)).await.ok()?.ok()
}

/// The other end is a process of this host. An address of ours that is not loopback proves nothing: who comes through
/// address translation may have it, and a service mesh lets others come from 127.0.0.6.
fn is_here(peer: SocketAddr) -> bool {
    let peer = peer.ip().to_canonical();
    peer == Ipv4Addr::LOCALHOST || peer == Ipv6Addr::LOCALHOST
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
    use super::*;

    #[test]
    fn only_the_loopback_addresses_that_everybody_uses_are_this_host() {
        for here in ["127.0.0.1:5", "[::ffff:127.0.0.1]:5", "[::1]:5"] {
            assert!(is_here(here.parse().unwrap()), "{here}");
        }
        for elsewhere in
            ["127.0.0.6:5", "10.1.2.3:5", "[::ffff:10.1.2.4]:5", "[fe80::2]:5", "0.0.0.0:5", "[::]:5"]
        {
            assert!(!is_here(elsewhere.parse().unwrap()), "{elsewhere}");
        }
    }
}
