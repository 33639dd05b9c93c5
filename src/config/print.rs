//! The effective configuration as YAML that loads again, without a secret: passwords in URLs are masked.
//!
//! Everything is written out: derived durations as values, common credentials at each voter.

use serde::Serialize;

use super::{Config, Gates, HardFence, Readiness, duration};
use crate::core::ResetPolicy;
use crate::voter::{Address, Credentials, MASK, PasswordSource, TlsSettings, VoterSettings};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    election: &'a str,
    key_prefix: &'a str,
    identity: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a str>,
    advertise: String,
    voters: Vec<Voter<'a>>,
    allow_single_voter: bool,
    timing: Timing,
    readiness: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hard_fence: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_file: Option<String>,
    on_epoch_reset: &'static str,
    http: WrittenHttp,
    #[serde(skip_serializing_if = "Option::is_none")]
    gates: Option<WrittenGates<'a>>,
    log: Log,
}

/// Those that are on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenGates<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_label: Option<Gate<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_slice: Option<Gate<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_deletion_cost: Option<Gate<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Gate<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_mirror: Option<Gate<'a>>,
}

#[derive(Clone, Copy, Serialize)]
struct Gate<'a> {
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Voter<'a> {
    name: &'a str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<WrittenAuth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<WrittenTls>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenAuth {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_env: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_password_file: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenTls {
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cert_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Timing {
    ttl: String,
    renew_interval: String,
    observe_interval: String,
    voter_timeout: String,
    stop_grace: String,
    fence_margin: String,
    drain_timeout: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenHttp {
    listen: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resign_token_file: Option<String>,
}

#[derive(Serialize)]
struct Log {
    format: &'static str,
    level: &'static str,
}

impl Config {
    /// This configuration as YAML that loads again. A password in a URL is masked; all others are named by their
    /// file or variable anyway.
    ///
    /// # Errors
    ///
    /// Where the YAML writer refuses, which no valid configuration makes it do.
    pub fn to_yaml(&self) -> Result<String, serde_yaml::SerializeError> {
        serde_yaml::to_string(&document(self))
    }
}

fn document(config: &Config) -> Document<'_> {
    let text = duration::format;
    Document {
        election: &config.election,
        key_prefix: &config.key_prefix,
        identity: &config.identity,
        cluster: config.cluster.as_deref(),
        advertise: config.advertise.address(config.http.listen.port()),
        voters: config.voters.iter().map(voter).collect(),
        allow_single_voter: config.voters.len() == 1,
        timing: Timing {
            ttl: text(config.timing.core.ttl),
            renew_interval: text(config.timing.core.renew_interval),
            observe_interval: text(config.timing.core.observe_interval),
            voter_timeout: text(config.timing.core.voter_timeout),
            stop_grace: text(config.timing.stop_grace),
            fence_margin: text(config.timing.fence_margin),
            drain_timeout: text(config.timing.drain_timeout),
        },
        readiness: match config.readiness {
            Readiness::Candidate => "candidate",
            Readiness::Leader => "leader",
        },
        hard_fence: config.hard_fence.map(HardFence::name),
        status_file: config.status_file.as_ref().map(|path| path.display().to_string()),
        on_epoch_reset: match config.on_epoch_reset {
            ResetPolicy::Continue => "continue",
            ResetPolicy::Halt => "halt",
        },
        http: WrittenHttp {
            listen: config.http.listen.to_string(),
            resign_token_file: config.http.resign_token_file.as_ref().map(|path| path.display().to_string()),
        },
        gates: config.gates.is_any().then(|| gates(&config.gates)),
        log: Log { format: config.log.format.name(), level: config.log.level.name() },
    }
}

fn gates(gates: &Gates) -> WrittenGates<'_> {
    let on = Gate { enabled: true, key: None, service: None, name: None };
    WrittenGates {
        pod_label: gates.pod_label.as_deref().map(|key| Gate { key: Some(key), ..on }),
        endpoint_slice: gates.endpoint_slice.as_deref().map(|service| Gate { service: Some(service), ..on }),
        pod_deletion_cost: gates.pod_deletion_cost.then_some(on),
        events: gates.events.then_some(on),
        lease_mirror: gates.lease_mirror.as_deref().map(|name| Gate { name: Some(name), ..on }),
    }
}

fn voter(voter: &VoterSettings) -> Voter<'_> {
    let VoterSettings { name, endpoint, credentials } = voter;
    let masked = matches!(credentials.password, Some(PasswordSource::Literal(_))).then_some(MASK);
    let tls = match &endpoint.address {
        Address::Tls { tls: given, .. } if *given != TlsSettings::default() => Some(tls(given)),
        Address::Tls { .. } | Address::Tcp { .. } | Address::Unix { .. } => None,
    };
    Voter { name, url: endpoint.url(masked), auth: auth(credentials), tls }
}

fn auth(auth: &Credentials) -> Option<WrittenAuth> {
    let (password_file, password_env) = match &auth.password {
        Some(PasswordSource::File(path)) => (Some(path.display().to_string()), None),
        Some(PasswordSource::Env(name)) => (None, Some(name.clone())),
        Some(PasswordSource::Literal(_)) | None => (None, None),
    };
    let previous_password_file = auth.previous_password_file.as_ref().map(|path| path.display().to_string());
    let written =
        WrittenAuth { username: auth.username.clone(), password_file, password_env, previous_password_file };
    let is_empty =
        written.username.is_none() && written.password_file.is_none() && written.password_env.is_none();
    (!is_empty).then_some(written)
}

fn tls(tls: &TlsSettings) -> WrittenTls {
    let text = |path: &std::path::PathBuf| path.display().to_string();
    WrittenTls {
        ca_file: tls.ca_file.as_ref().map(text),
        cert_file: tls.identity.as_ref().map(|identity| text(&identity.cert_file)),
        key_file: tls.identity.as_ref().map(|identity| text(&identity.key_file)),
        server_name: tls.server_name.clone(),
    }
}
