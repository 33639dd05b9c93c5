//! The API server, asked with limits of our own.
//!
//! kube reads token and authorities again once a minute. After an answer that they may be the cause of, the client is
//! made anew from the files, so that a rotation costs one failed request at most.

use std::cell::RefCell;
use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use kube::config::KubeConfigOptions;
use kube::{Client, Config};

use crate::election::{Fact, GateName, GateTrouble, Report, printable};

/// How long one request may take, connecting included: twice what Kubernetes promises of an API server that is well.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_secs(2);
/// What an API server that is asked too much says if it says nothing else.
const THROTTLED_PAUSE: Duration = Duration::from_secs(1);
/// The variable that names a file with the address and the credentials, for a process outside of a pod.
const KUBECONFIG: &str = "KUBECONFIG";

/// Why a request did not do what it was for.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) kind: GateTrouble,
    /// For people, with what they can do.
    pub(super) text: String,
    /// How long the server wants to be left alone.
    pub(super) wait: Option<Duration>,
}

impl Trouble {
    pub(super) fn new(kind: GateTrouble, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), wait: None }
    }
}

pub(super) struct Server {
    report: Arc<dyn Report>,
    client: RefCell<Option<Client>>,
}

impl Server {
    pub(super) fn new(report: Arc<dyn Report>) -> Self {
        Self { report, client: RefCell::new(None) }
    }

    pub(super) fn report(&self) -> Arc<dyn Report> {
        Arc::clone(&self.report)
    }

    /// One request, within [`REQUEST_LIMIT`]; once more where our token may have been replaced meanwhile.
    pub(super) async fn ask<T>(
        &self,
        question: impl AsyncFn(Client) -> kube::Result<T>,
    ) -> Result<T, Trouble> {
        let was_connected = self.client.borrow().is_some();
        let answer = self.ask_once(&question).await;
        match &answer {
            Err(trouble) if trouble.kind == GateTrouble::Unauthorized && was_connected => {
                self.ask_once(&question).await
            }
            Ok(_) | Err(_) => answer,
        }
    }

    async fn ask_once<T>(&self, question: impl AsyncFn(Client) -> kube::Result<T>) -> Result<T, Trouble> {
        let answer = tokio::time::timeout(REQUEST_LIMIT, async {
            let client = self.client().await?;
            question(client).await.map_err(|error| trouble(&error))
        });
        let late = || Trouble::new(GateTrouble::Timeout, format!("no answer within {REQUEST_LIMIT:?}"));
        let answer = answer.await.unwrap_or_else(|_| Err(late()));
        if let Err(Trouble { kind, .. }) = &answer
            && matches!(kind, GateTrouble::Timeout | GateTrouble::Unreachable | GateTrouble::Unauthorized)
        {
            // Its connections, token and authorities may be those of yesterday.
            self.client.replace(None);
        }
        answer
    }

    /// The same for a change, which is counted.
    pub(super) async fn change<T>(
        &self,
        gate: GateName,
        question: impl AsyncFn(Client) -> kube::Result<T>,
    ) -> Result<T, Trouble> {
        self.report.note(Fact::GateWrote(gate));
        self.ask(question).await
    }

    async fn client(&self) -> Result<Client, Trouble> {
        if let Some(client) = self.client.borrow().as_ref() {
            return Ok(client.clone());
        }
        let client = connect().await?;
        self.client.replace(Some(client.clone()));
        Ok(client)
    }
}

async fn connect() -> Result<Client, Trouble> {
    let unreadable = |error: &dyn Error| {
        Trouble::new(
            GateTrouble::Credentials,
            format!("{}: is the ServiceAccount's token mounted?", told(error)),
        )
    };
    let mut config = if std::env::var_os(KUBECONFIG).is_some_and(|path| !path.is_empty()) {
        Config::from_kubeconfig(&KubeConfigOptions::default()).await.map_err(|error| unreadable(&error))?
    } else {
        Config::incluster().map_err(|error| unreadable(&error))?
    };
    config.connect_timeout = Some(REQUEST_LIMIT);
    config.write_timeout = Some(REQUEST_LIMIT);
    // It would retry for minutes; we know better when that is pointless.
    config.default_retry = false;
    Client::try_from(config).map_err(|error| unreadable(&error))
}

fn trouble(error: &kube::Error) -> Trouble {
    use kube::Error as E;
    match error {
        E::Api(status) => {
            let (kind, hint) = match status.code {
                401 => (GateTrouble::Unauthorized, ": the token is not (or no longer) good"),
                403 => (GateTrouble::Forbidden, ": grant what deploy/rbac has for this gate"),
                404 => (GateTrouble::Missing, ""),
                409 => (GateTrouble::Conflict, ""),
                429 => (GateTrouble::Throttled, ""),
                500.. => (GateTrouble::Server, ""),
                _ => (GateTrouble::Rejected, ""),
            };
            let asked = status.details.as_ref().map(|details| details.retry_after_seconds);
            let asked =
                asked.filter(|&seconds| seconds > 0).map(|seconds| Duration::from_secs(seconds.into()));
            let wait = asked.or((kind == GateTrouble::Throttled).then_some(THROTTLED_PAUSE));
            Trouble { kind, text: printable(&status.message) + hint, wait }
        }
        E::SerdeError(_) | E::FromUtf8(_) => Trouble::new(GateTrouble::Garbage, told(error)),
        E::Auth(_) => Trouble::new(GateTrouble::Credentials, told(error)),
        _ if is_no_http(error) => Trouble::new(GateTrouble::Garbage, told(error)),
        _ => Trouble::new(GateTrouble::Unreachable, told(error)),
    }
}

/// What came back is not the answer of a web server.
fn is_no_http(error: &kube::Error) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            return true;
        }
        next = cause.source();
    }
    false
}

/// An error with its causes, fit for a line.
fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            // A string takes everything.
            let _ = write!(text, ": {cause_text}");
        }
        next = cause.source();
    }
    printable(&text)
}
