//! An agent, asked over HTTP: one connection for each question, everything bounded.

use std::time::Duration;

use anyhow::Context;
use axum::body::{Body, to_bytes};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::election::printable;

/// Longer than an agent waits for its work to stop before it says that it is still waiting.
const RESIGN_LIMIT: Duration = Duration::from_secs(70);
/// Three attempts of TCP, and a look-up of the name.
const CONNECT_LIMIT: Duration = Duration::from_secs(8);
/// An agent answers at once.
const STATUS_LIMIT: Duration = Duration::from_secs(2);
/// A status has a few kilobytes; against whatever else may answer there.
const BODY_LIMIT: usize = 256 * 1024;

/// What an agent says to being asked to resign.
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    /// Its sentence about that.
    pub(super) said: String,
    /// The term that it led when it was asked.
    pub(super) term: Option<u64>,
}

pub(super) enum Outcome {
    /// It does not lead any more.
    Done,
    /// It has told its work to stop, which takes long.
    Stopping,
    /// It will not.
    Refused,
}

pub(super) struct Agent {
    pub(super) address: String,
    token: Option<HeaderValue>,
}

struct Reply {
    code: StatusCode,
    term: Option<u64>,
    body: String,
}

impl Agent {
    /// `bearer` is the whole value of the header that has the token.
    pub(super) fn new(address: String, bearer: Option<HeaderValue>) -> Self {
        Self { address, token: bearer }
    }

    /// # Errors
    ///
    /// A sentence, where nobody answers as an agent does.
    pub(super) async fn resign(&self, stand_back: Duration) -> Result<Answer, String> {
        let path = format!("/resign?forMs={}", stand_back.as_millis());
        let Reply { code, term, body } = self.ask(Method::POST, &path, RESIGN_LIMIT).await?;
        let outcome = match code {
            StatusCode::OK => Outcome::Done,
            StatusCode::ACCEPTED => Outcome::Stopping,
            StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => Outcome::Refused,
            _ => {
                return Err(format!(
                    "what answers at {} is no agent that can be asked to resign (HTTP {}); give the --address of one",
                    self.address,
                    code.as_u16()
                ));
            }
        };
        Ok(Answer { outcome, said: printable(body.lines().next().unwrap_or_default()), term })
    }

    /// # Errors
    ///
    /// As above.
    pub(super) async fn status(&self) -> Result<serde_json::Value, String> {
        let Reply { body, .. } = self.ask(Method::GET, "/status", STATUS_LIMIT).await?;
        serde_json::from_str(&body).map_err(|_| format!("what answers at {} is no agent", self.address))
    }

    async fn ask(&self, method: Method, path: &str, limit: Duration) -> Result<Reply, String> {
        let asked = tokio::time::timeout(limit, self.converse(method, path)).await;
        let failed = |why: &str| {
            format!("no agent answers at {} ({why}); start one there, or give its --address", self.address)
        };
        match asked {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => Err(failed(&format!("{error:#}"))),
            Err(_) => Err(failed("not in time")),
        }
    }

    async fn converse(&self, method: Method, path: &str) -> anyhow::Result<Reply> {
        let connecting = tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(&self.address));
        let stream = connecting.await.context("no connection in time")??;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the sender; how is its own affair.
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.address);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        let response = sender.send_request(request.body(Body::empty())?).await?;
        let code = response.status();
        let term = response.headers().get("quorate-term").and_then(|term| term.to_str().ok()?.parse().ok());
        let body = to_bytes(Body::new(response.into_body()), BODY_LIMIT).await?;
        Ok(Reply { code, term, body: String::from_utf8_lossy(&body).into_owned() })
    }
}
