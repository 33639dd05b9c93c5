//! One function for each path.

use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};

use super::{Endpoints, Readiness, resign, watch};
use crate::clock;
use crate::core::Term;
use crate::election::Phase;

const PATHS: &str = "/livez /readyz /leaderz /status /watch /verify /metrics, or POST /resign";

/// Of the text format of Prometheus.
const EXPOSITION: &str = "text/plain; version=0.0.4";

pub(super) const TERM: HeaderName = HeaderName::from_static("quorate-term");
const VALIDITY: HeaderName = HeaderName::from_static("quorate-validity-ms");
const LEADER: HeaderName = HeaderName::from_static("quorate-leader");

pub(super) fn router(endpoints: Endpoints) -> Router {
    Router::new()
        .route("/livez", only(get(livez)))
        .route("/readyz", only(get(readyz)))
        .route("/leaderz", only(get(leaderz)))
        .route("/status", only(get(status)))
        .route("/watch", only(get(watch::watch)))
        .route("/verify", only(get(verify)))
        .route("/metrics", only(get(scrape)))
        .route(
            "/resign",
            post(resign::resign).fallback(async || {
                let sentence = "this path gives leadership up: use POST";
                say(StatusCode::METHOD_NOT_ALLOWED, sentence.to_owned())
            }),
        )
        .fallback(async || say(StatusCode::NOT_FOUND, format!("nothing is here; ask for one of {PATHS}")))
        .with_state(endpoints)
}

fn only(route: MethodRouter<Endpoints>) -> MethodRouter<Endpoints> {
    route.fallback(async || say(StatusCode::METHOD_NOT_ALLOWED, "this path is only read: use GET".to_owned()))
}

/// A sentence for people.
pub(super) fn say(code: StatusCode, sentence: String) -> Response {
    (code, [(CACHE_CONTROL, "no-store")], sentence + "\n").into_response()
}

async fn livez(State(endpoints): State<Endpoints>) -> Response {
    if endpoints.leadership.is_alive(clock::now().at) {
        say(StatusCode::OK, "alive".to_owned())
    } else {
        let sentence = "the election has not run for a ttl, or still leads when it must have stopped";
        say(StatusCode::SERVICE_UNAVAILABLE, sentence.to_owned())
    }
}

async fn readyz(State(endpoints): State<Endpoints>, RawQuery(query): RawQuery) -> Response {
    let Endpoints { leadership, readiness, .. } = endpoints;
    let now = clock::now().at;
    let is_leading = leadership.leads_before_soft(now);
    let (is_ready, role) = match (parameter(query.as_deref(), "role"), readiness) {
        (Some("leader"), _) | (None, Readiness::Leader) => (is_leading, "leading"),
        (Some("standby"), _) => (leadership.is_able() && !leadership.holds(now), "standing by"),
        (Some("any"), _) | (None, Readiness::Candidate) => (leadership.is_able(), "able to take part"),
        (Some(other), _) => {
            let sentence = format!("role={other:?} is none; ask for role=leader, role=standby or role=any");
            return say(StatusCode::BAD_REQUEST, sentence);
        }
    };
    if let Some(aside) = leadership.aside().filter(|_| is_ready && !is_leading) {
        say(StatusCode::OK, format!("in reach of a quorum, but inert: {}; see the log", aside.sentence()))
    } else if is_ready {
        say(StatusCode::OK, role.to_owned())
    } else {
        say(StatusCode::SERVICE_UNAVAILABLE, format!("not {role}"))
    }
}

async fn leaderz(State(endpoints): State<Endpoints>) -> Response {
    let leadership = endpoints.leadership;
    let now = clock::now().at;
    // One reading of the claim, so that headers and code tell one story.
    let claim = leadership.claim().filter(|claim| claim.holds(now));
    let remaining_ms = claim.as_ref().map_or(0, |claim| claim.remaining(now).as_millis());
    let leader = match &claim {
        Some(claim) => Some(leadership.about().leading(claim.term)),
        None => leadership.leader(now),
    };
    let mut headers = HeaderMap::new();
    headers.insert(VALIDITY, number(remaining_ms));
    if let Some(leader) = &leader {
        headers.insert(TERM, number(u128::from(leader.term)));
        let identity = leader.identity.as_deref().unwrap_or_default();
        headers.extend(HeaderValue::from_bytes(identity.as_bytes()).map(|name| (LEADER, name)));
    }
    let other = leader.as_ref().and_then(|leader| leader.identity.as_deref());
    let (code, sentence) = match (&claim, other) {
        (Some(claim), _) if claim.leads_before_soft(now) => {
            (StatusCode::OK, format!("leading term {}, valid for {remaining_ms} ms", claim.term))
        }
        (Some(claim), _) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("term {} is being given up", claim.term))
        }
        (None, Some(name)) => (StatusCode::SERVICE_UNAVAILABLE, format!("not leading; the leader is {name}")),
        (None, None) => (StatusCode::SERVICE_UNAVAILABLE, "not leading; no leader is known".to_owned()),
    };
    (headers, say(code, sentence)).into_response()
}

async fn status(State(endpoints): State<Endpoints>) -> Response {
    let snapshot = endpoints.leadership.snapshot(clock::now());
    ([(CACHE_CONTROL, "no-store")], Json(snapshot)).into_response()
}

async fn verify(State(endpoints): State<Endpoints>, RawQuery(query): RawQuery) -> Response {
    let Some(term) = parameter(query.as_deref(), "term").and_then(|text| text.parse::<Term>().ok()) else {
        let sentence = "say which term is to be verified: /verify?term=N, N a whole number";
        return say(StatusCode::BAD_REQUEST, sentence.to_owned());
    };
    match endpoints.verifier.verify().await {
        Some(confirmed) if confirmed == term => {
            say(StatusCode::OK, format!("a quorum confirmed term {term} after you asked"))
        }
        Some(confirmed) => {
            say(StatusCode::CONFLICT, format!("a quorum confirmed term {confirmed}, not {term}"))
        }
        None => {
            let why = why_unknown(endpoints.leadership.phase(clock::now().at));
            say(StatusCode::SERVICE_UNAVAILABLE, format!("unknown: {why}"))
        }
    }
}

fn why_unknown(phase: Phase) -> &'static str {
    match phase {
        Phase::Leading | Phase::Jeopardy | Phase::Stopping => "no quorum of voters confirmed in time",
        Phase::Observing | Phase::Electing | Phase::Resigned => "this candidate does not lead",
    }
}

async fn scrape(State(endpoints): State<Endpoints>) -> Response {
    match (endpoints.scrape)() {
        Ok(text) => ([(CONTENT_TYPE, EXPOSITION)], text).into_response(),
        Err(error) => say(StatusCode::INTERNAL_SERVER_ERROR, format!("metrics cannot be written: {error}")),
    }
}

/// The first value of a parameter. Our values need no percent-encoding.
pub(super) fn parameter<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    query?.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

pub(super) fn number(value: u128) -> HeaderValue {
    HeaderValue::from(u64::try_from(value).unwrap_or(u64::MAX))
}
