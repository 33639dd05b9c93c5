//! Configuration: a YAML file, then the environment, then flags, become a [`Config`] in which nothing can be wrong.
//!
//! Every refusal is a sentence with key, value, origin, what is allowed and what to do ([`Refused`]); all of them are
//! told at once. Files that are named here were readable when the configuration was loaded; whether the servers are
//! what they should be is found at run time. Keys, defaults and ranges: docs/configuration.md.

mod credentials;
pub mod duration;
mod environment;
mod fields;
mod gates;
mod judge;
pub mod keys;
mod log;
pub(crate) mod masking;
mod print;
mod problem;
mod timing;
mod values;
mod voters;
mod yaml;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::core::ResetPolicy;
use crate::files;
use crate::voter::{PasswordSource, VoterSettings};
use judge::Judge;
use keys::CONFIG_ENVIRONMENT;
use problem::Problems;
use values::Values;

pub use environment::Environment;
pub use gates::{Gates, Pod};
pub use log::{Log, LogFormat, LogLevel};
pub use problem::{Origin, Problem, Refused};
pub use timing::ElectionTiming;

/// Read when no other file is named, if it is there.
pub const DEFAULT_FILE: &str = "/etc/quorate/quorate.yaml";

/// A configuration in which nothing can be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The name of what is led: a DNS-1123 label of at most 63 characters.
    pub election: String,
    /// What every key on the voters begins with.
    pub key_prefix: String,
    /// Our name, for people.
    pub identity: String,
    /// The name of our cluster, for people.
    pub cluster: Option<String>,
    /// Where we can be asked, for people.
    pub advertise: Advertise,
    /// An odd number from 1 to 9, no two of one name or one address.
    pub voters: Vec<VoterSettings>,
    /// Durations that fit in the ladder.
    pub timing: ElectionTiming,
    /// Whom `/readyz` calls ready.
    pub readiness: Readiness,
    /// What happens where work has not stopped in time; each command has a default of its own.
    pub hard_fence: Option<HardFence>,
    /// Where who leads is written to.
    pub status_file: Option<PathBuf>,
    /// What is done about a lost epoch.
    pub on_epoch_reset: ResetPolicy,
    /// What answers over HTTP.
    pub http: Http,
    /// What a cluster shows of leadership.
    pub gates: Gates,
    /// Who we are in a cluster; there where a gate is.
    pub pod: Option<Pod>,
    /// How and how much is logged.
    pub log: Log,
}

/// What answers over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Where it listens; port 0 lets the kernel choose.
    pub listen: SocketAddr,
    /// The file with the token that lets other hosts ask us to resign.
    pub resign_token_file: Option<PathBuf>,
}

/// The address that others are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advertise {
    /// As configured.
    Given(String),
    /// This host with the port that HTTP listens on.
    Host(String),
}

/// Whom `/readyz` calls ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readiness {
    /// Who is able to take part.
    #[default]
    Candidate,
    /// Who leads.
    Leader,
}

/// What happens where work has not stopped in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HardFence {
    /// Nothing more.
    None,
    /// The process ends itself.
    Exit,
    /// The kernel ends the process, also while it does not run.
    Kill,
}

impl HardFence {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Exit => "exit",
            Self::Kill => "kill",
        }
    }
}

/// What the command line says: the file, and keys with their texts.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// Keys of [`keys::KEYS`] and their texts, for those flags that were given.
    pub values: Vec<(&'static keys::Key, String)>,
    /// `--voter name=url`, each; replaces the list unless empty.
    pub voters: Vec<String>,
}

/// A configuration, and what should be told about where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// Sentences for the log.
    pub warnings: Vec<String>,
    /// The command line, which every user of this host may read, has a password in it.
    pub shows_password: bool,
}

/// Reads all sources and judges what they say together.
///
/// # Errors
///
/// Everything that is wrong, in sentences without secrets.
pub fn load(flags: &Flags, environment: &Environment) -> Result<Loaded, Refused> {
    let mut values = Values::default();
    let mut problems = Problems::default();
    let file = read_file(flags, environment, &mut values, &mut problems)?;
    let mut warnings = environment::read(environment, &mut values, &mut problems);
    read_flags(flags, &mut values);
    let config = judge(&values, environment, &mut problems, &mut warnings);
    problems.into_result()?;
    match config {
        Some(config) => {
            let has_secret = |voter: &VoterSettings| {
                matches!(voter.credentials.password, Some(PasswordSource::Literal(_)))
            };
            let shows_password = !flags.voters.is_empty() && config.voters.iter().any(has_secret);
            Ok(Loaded { config, file, warnings, shows_password })
        }
        None => Err(Problem::new("the configuration", "could not be judged", "report this as a bug").into()),
    }
}

/// Reads all sources for what they say about HTTP alone: where the agent of this host answers.
///
/// # Errors
///
/// What is wrong with that, or with how a source is written.
pub fn load_http(flags: &Flags, environment: &Environment) -> Result<Http, Refused> {
    let mut values = Values::default();
    let mut problems = Problems::default();
    read_file(flags, environment, &mut values, &mut problems)?;
    // An agent that runs has warned of what it ignores.
    let _ignored = environment::read(environment, &mut values, &mut problems);
    read_flags(flags, &mut values);
    let http = fields::http(&mut Judge::new(&values, &mut problems));
    problems.into_result()?;
    http.ok_or_else(|| Problem::new("http", "could not be judged", "report this as a bug").into())
}

/// Reads the first of `--config`, the variable and the default file; the default may be missing.
fn read_file(
    flags: &Flags,
    environment: &Environment,
    values: &mut Values,
    problems: &mut Problems,
) -> Result<Option<PathBuf>, Refused> {
    let (path, origin, is_optional) = match (&flags.file, environment.raw(CONFIG_ENVIRONMENT)) {
        (Some(path), _) => (path.clone(), Origin::Flag { name: "--config".to_owned() }, false),
        (None, Some(path)) => {
            (path.into(), Origin::Environment { name: CONFIG_ENVIRONMENT.to_owned() }, false)
        }
        (None, None) => {
            let path = PathBuf::from(DEFAULT_FILE);
            let origin = Origin::File { path: path.clone(), line: 1, column: 1 };
            (path, origin, true)
        }
    };
    let refuse = |rule: String, remedy: &str| {
        Refused::from(
            Problem::new("config", rule, remedy).with_value(&path.display().to_string()).at(&origin),
        )
    };
    let bytes = match files::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if is_optional && error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let remedy = "give the path of a YAML file that this process may read";
            return Err(refuse(format!("names a file that cannot be read, {error}"), remedy));
        }
    };
    let text =
        String::from_utf8(bytes).map_err(|_| refuse("is not UTF-8 text".to_owned(), "save it as UTF-8"))?;
    yaml::read(&text, &path, values, problems)?;
    Ok(Some(path))
}

fn read_flags(flags: &Flags, values: &mut Values) {
    for (key, text) in &flags.values {
        let name = key.flag.unwrap_or(key.path).to_owned();
        values.set(key.path, text, Origin::Flag { name });
    }
    if !flags.voters.is_empty() {
        let origin = Origin::Flag { name: "--voter".to_owned() };
        values.set_voters(flags.voters.iter().map(String::as_str), &origin);
    }
}

/// Each part notes its own problems; nothing comes out if there is one, but only after all were looked at.
fn judge(
    values: &Values,
    environment: &Environment,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<Config> {
    let mut judge = Judge::new(values, problems);
    let election = fields::election(&mut judge);
    let key_prefix = fields::key_prefix(&mut judge);
    let default_identity = environment.text("POD_NAME").or(environment.host_name());
    let identity = fields::name_for_people(&mut judge, "identity");
    let cluster = fields::name_for_people(&mut judge, "cluster");
    let advertise = fields::name_for_people(&mut judge, "advertise");
    let allow_single = judge.switch("allowSingleVoter", false);
    let timing = timing::judge(&mut judge);
    let readiness = judge.choice(
        "readiness",
        Readiness::default(),
        &[("candidate", Readiness::Candidate), ("leader", Readiness::Leader)],
    );
    let on_epoch_reset = judge.choice(
        "onEpochReset",
        ResetPolicy::default(),
        &[("continue", ResetPolicy::Continue), ("halt", ResetPolicy::Halt)],
    );
    let hard_fence = fields::hard_fence(&mut judge);
    let status_file = fields::status_file(&mut judge);
    let http = fields::http(&mut judge);
    let log = fields::log(&mut judge);
    let gates = gates::gates(&mut judge, election.as_deref());
    let is_unfit = default_identity.is_some_and(|name| name.is_empty() || name.chars().any(char::is_control));
    if values.get("identity").is_none() && is_unfit {
        judge.refuse(
            "identity",
            "is POD_NAME, which must be text without control characters",
            "set --identity",
        );
    }
    if values.get("identity").is_none() && default_identity.is_none() {
        judge.refuse("identity", "must be given where neither POD_NAME nor a host name is", "set --identity");
    }
    let voters = voters::judge(values, environment, allow_single.unwrap_or(true), problems, warnings);
    Some(Config {
        election: election?,
        key_prefix: key_prefix?,
        identity: identity.ok()?.or_else(|| default_identity.map(str::to_owned))?,
        cluster: cluster.ok()?,
        advertise: advertise.ok()?.map_or_else(|| default_advertise(environment), Advertise::Given),
        voters: voters?,
        timing: timing?,
        readiness: readiness?,
        hard_fence: hard_fence.ok()?,
        status_file: status_file.ok()?,
        on_epoch_reset: on_epoch_reset?,
        http: http?,
        gates: gates.ok()?,
        pod: gates::pod(environment),
        log: log?,
    })
}

fn default_advertise(environment: &Environment) -> Advertise {
    let host = environment.text("POD_IP").or(environment.host_name()).unwrap_or("localhost");
    Advertise::Host(host.to_owned())
}

impl Advertise {
    /// The address, given the port that HTTP listens on in the end.
    #[must_use]
    pub fn address(&self, port: u16) -> String {
        match self {
            Self::Given(address) => address.clone(),
            Self::Host(host) => match host.parse::<IpAddr>() {
                Ok(ip) => SocketAddr::new(ip, port).to_string(),
                Err(_) => format!("{host}:{port}"),
            },
        }
    }
}
