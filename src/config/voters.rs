//! The list of voters: an odd number of servers, no two of which are one.

use std::collections::BTreeMap;

use super::credentials::{Auth, Password, Place, Tls};
use super::environment::Environment;
use super::keys::VOTERS;
use super::problem::{Origin, Problem, Problems};
use super::secret::{Secret, masked_url};
use super::values::{Values, WrittenVoter};
use super::voter_url::{self, Server, VoterUrl};

/// More voters make every election slower and tolerate no fault that nine do not.
const MOST_VOTERS: usize = 9;
/// A voter's name is a label of metrics and stands in every record.
const NAME_LIMIT: usize = 63;
const EXAMPLE: &str =
    "`--voter a=redis://host:6379`, QUORATE_VOTERS=\"a=redis://…,b=redis://…,c=redis://…\" or the key voters";

/// One voter, with everything that is needed to speak with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterConfig {
    /// 1 to 63 of the characters `A-Z a-z 0-9 . _ -`; no other voter has it.
    pub name: String,
    /// Server and database.
    pub url: VoterUrl,
    /// Who we are there.
    pub auth: Auth,
    /// Given exactly where the URL is `rediss://`.
    pub tls: Option<Tls>,
}

/// The voters that were written, or nothing and the problems noted.
pub(super) fn judge(
    values: &Values,
    environment: &Environment,
    allow_single: bool,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<Vec<VoterConfig>> {
    let place = Place { label: "", entries: &values.entries, environment };
    let (auth, tls) = (place.auth(problems), place.tls(problems));
    let Some(written) = &values.voters else {
        problems.push(Problem::new(
            VOTERS,
            "must be given",
            format!("name 3, 5, 7 or 9 servers by {EXAMPLE}"),
        ));
        return None;
    };
    let counted = problems.note(check_count(written.voters.len(), allow_single, &written.origin));
    let common = Common { auth: auth.clone().unwrap_or_default(), tls: tls.clone().unwrap_or_default() };
    let mut voters = Vec::new();
    for (index, voter) in written.voters.iter().take(MOST_VOTERS).enumerate() {
        voters
            .extend(one(voter, index, &common, environment, problems).map(|judged| (judged, &voter.origin)));
    }
    check_distinct(&voters, problems);
    if place.has("tls.") && !voters.is_empty() && voters.iter().all(|(voter, _)| voter.tls.is_none()) {
        warnings.push(
            "tls is configured, but no voter's URL begins with rediss://, so nothing is encrypted".to_owned(),
        );
    }
    counted?;
    (auth.is_some() && tls.is_some()).then(|| voters.into_iter().map(|(voter, _)| voter).collect())
}

fn check_count(count: usize, allow_single: bool, origin: &Origin) -> Result<(), Problem> {
    let (rule, remedy) = match count {
        0 => ("must be 3, 5, 7 or 9 servers, and none is given".to_owned(), format!("name them by {EXAMPLE}")),
        1 if allow_single => return Ok(()),
        1 => (
            "must be 3, 5, 7 or 9 servers, and 1 is given, whose every restart loses the memory of the election".to_owned(),
            "add two, or set allowSingleVoter: true".to_owned(),
        ),
        count if count > MOST_VOTERS => {
            (format!("must be 3, 5, 7 or 9 servers, and {count} are given"), "remove some".to_owned())
        }
        count if count % 2 == 0 => (
            format!(
                "must be an odd number of servers, 3, 5, 7 or 9, and {count} are given, which tolerate no more \
                 failures than {}",
                count - 1
            ),
            "add or remove one".to_owned(),
        ),
        _ => return Ok(()),
    };
    Err(Problem::new(VOTERS, rule, remedy).at(origin))
}

struct Common {
    auth: Auth,
    tls: Tls,
}

fn one(
    written: &WrittenVoter,
    index: usize,
    common: &Common,
    environment: &Environment,
    problems: &mut Problems,
) -> Option<VoterConfig> {
    let label = format!("{VOTERS}[{index}].");
    let place = Place { label: &label, entries: &written.entries, environment };
    let name = problems.note(name(written, &label));
    let parsed = problems.note(url(written, &label));
    let (auth, tls) = (place.auth(problems), place.tls(problems));
    let (name, parsed, own_auth, own_tls) = (name?, parsed?, auth?, tls?);
    let from_url = FromUrl { username: parsed.username, password: parsed.password };
    let auth = problems.note(from_url.joined(own_auth, &common.auth, &label, &written.origin))?;
    let tls = match parsed.url.server {
        Server::Tls { .. } => Some(own_tls.or(&common.tls)),
        Server::Tcp { .. } | Server::Unix { .. } if place.has("tls.") => {
            let rule = "is given for a voter whose URL is not rediss://";
            let remedy = "write rediss:// in its URL, or remove its tls";
            problems.push(Problem::new(format!("{label}tls"), rule, remedy).at(&written.origin));
            return None;
        }
        Server::Tcp { .. } | Server::Unix { .. } => None,
    };
    Some(VoterConfig { name, url: parsed.url, auth, tls })
}

fn name(written: &WrittenVoter, label: &str) -> Result<String, Problem> {
    let key = format!("{label}name");
    let rule = format!("must be 1 to {NAME_LIMIT} letters, digits, `.`, `_` or `-`");
    let Some(entry) = written.entries.get("name") else {
        let remedy = "write name=url, or name and url in the file";
        return Err(Problem::new(key, format!("{rule}, and is missing"), remedy).at(&written.origin));
    };
    let name = &entry.value;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if (1..=NAME_LIMIT).contains(&name.len()) && name.chars().all(is_allowed) {
        return Ok(name.clone());
    }
    let remedy = "choose a short name such as a, b, c; a voter keeps it for good";
    Err(Problem::new(key, rule, remedy).with_value(&masked_url(name)).at(&entry.origin))
}

fn url(written: &WrittenVoter, label: &str) -> Result<voter_url::ParsedUrl, Problem> {
    let key = format!("{label}url");
    let Some(entry) = written.entries.get("url") else {
        return Err(Problem::new(key, "is missing", "write redis://host:port").at(&written.origin));
    };
    voter_url::parse(&entry.value).map_err(|(rule, remedy)| {
        Problem::new(key, rule, remedy).with_value(&masked_url(&entry.value)).at(&entry.origin)
    })
}

/// Who we are, as far as the URL says.
struct FromUrl {
    username: Option<String>,
    password: Option<Secret>,
}

impl FromUrl {
    /// URL, own and common credentials together; two that contradict are refused, because one would be ignored.
    fn joined(self, own: Auth, common: &Auth, label: &str, origin: &Origin) -> Result<Auth, Problem> {
        let mut auth = own.or(common);
        let refuse =
            |rule: &str, remedy: &str| Err(Problem::new(format!("{label}url"), rule, remedy).at(origin));
        match (self.username, &auth.username) {
            (Some(_), Some(_)) => {
                return refuse("has a username, and auth has one too", "remove one of the two");
            }
            (Some(username), None) => auth.username = Some(username),
            (None, _) => {}
        }
        match (self.password, &auth.password) {
            (Some(_), Some(_)) => {
                return refuse(
                    "has a password, and auth has one too",
                    "remove one of the two, best that in the URL",
                );
            }
            (Some(password), None) => auth.password = Some(Password::Url(password)),
            (None, _) => {}
        }
        if auth.username.is_some() && auth.password.is_none() {
            let rule = "must have a password, because the voter has a username";
            let remedy = "give auth.passwordFile or auth.passwordEnv";
            return Err(Problem::new(format!("{label}auth"), rule, remedy).at(origin));
        }
        Ok(auth)
    }
}

fn check_distinct(voters: &[(VoterConfig, &Origin)], problems: &mut Problems) {
    let mut names: BTreeMap<&str, &Origin> = BTreeMap::new();
    let mut addresses: BTreeMap<String, &str> = BTreeMap::new();
    for (voter, origin) in voters {
        if names.insert(&voter.name, origin).is_some() {
            let problem =
                Problem::new(VOTERS, "must have different names", "give each voter a name of its own");
            problems.push(problem.with_value(&voter.name).at(origin));
        }
        let address = voter.url.server.address();
        if let Some(first) = addresses.get(&address) {
            let rule = format!(
                "must be different servers, and {first} and {} are both {address}, which would vote twice; \
                 another database or scheme does not make another server",
                voter.name
            );
            problems.push(Problem::new(VOTERS, rule, "give each voter a server of its own").at(origin));
        } else {
            addresses.insert(address, &voter.name);
        }
    }
}
