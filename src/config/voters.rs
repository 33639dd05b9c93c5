//! The list of voters: an odd number of servers, no two of which are one.

use std::collections::BTreeMap;

use super::credentials::{Place, credentials_or, tls_or};
use super::environment::Environment;
use super::keys::VOTERS;
use super::masking::masked_url;
use super::problem::{Origin, Problem, Problems};
use super::values::{Values, WrittenVoter};
use crate::voter::{
    Address, Credentials, Endpoint, TlsSettings, Unfit, UrlError, VoterSettings, check_voter,
};

/// More voters make every election slower and tolerate no fault that nine do not.
const MOST_VOTERS: usize = 9;
const EXAMPLE: &str =
    "`--voter a=redis://host:6379`, QUORATE_VOTERS=\"a=redis://…,b=redis://…,c=redis://…\" or the key voters";

/// The voters that were written, or nothing and the problems noted.
pub(super) fn judge(
    values: &Values,
    environment: &Environment,
    allow_single: bool,
    problems: &mut Problems,
    warnings: &mut Vec<String>,
) -> Option<Vec<VoterSettings>> {
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
    let is_open =
        |voter: &VoterSettings| voter.credentials.username.is_some() && voter.credentials.password.is_none();
    if let Some(username) = values.get("auth.username")
        && voters.iter().any(|(voter, _)| is_open(voter))
    {
        let rule = "must have a password beside it";
        let remedy = "give auth.passwordFile (--password-file) or auth.passwordEnv (--password-env)";
        problems.push(
            Problem::new("auth.username", rule, remedy).with_value(&username.value).at(&username.origin),
        );
    }
    check_distinct(&voters, problems);
    if place.has("tls.") && !voters.is_empty() && !voters.iter().any(|(voter, _)| is_tls(voter)) {
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
    auth: Credentials,
    tls: TlsSettings,
}

fn one(
    written: &WrittenVoter,
    index: usize,
    common: &Common,
    environment: &Environment,
    problems: &mut Problems,
) -> Option<VoterSettings> {
    let label = format!("{VOTERS}[{index}].");
    let place = Place { label: &label, entries: &written.entries, environment };
    let name = problems.note(name(written, &label));
    let parsed = problems.note(url(written, &label));
    let (auth, tls) = (place.auth(problems), place.tls(problems));
    let (name, (mut endpoint, from_url), own_auth, own_tls) = (name?, parsed?, auth?, tls?);
    let joined = joined(from_url, own_auth, &common.auth, &label, &written.origin);
    let credentials = problems.note(joined)?;
    match &mut endpoint.address {
        Address::Tls { tls, .. } => *tls = tls_or(own_tls, &common.tls),
        Address::Tcp { .. } | Address::Unix { .. } if place.has("tls.") => {
            let rule = "is given for a voter whose URL is not rediss://";
            let remedy = "write rediss:// in its URL, or remove its tls";
            problems.push(Problem::new(format!("{label}tls"), rule, remedy).at(&written.origin));
            return None;
        }
        Address::Tcp { .. } | Address::Unix { .. } => {}
    }
    Some(VoterSettings { name, endpoint, credentials })
}

fn name(written: &WrittenVoter, label: &str) -> Result<String, Problem> {
    let key = format!("{label}name");
    let Some(entry) = written.entries.get("name") else {
        let remedy = "write name=url, or name and url in the file";
        return Err(Problem::new(key, "is missing", remedy).at(&written.origin));
    };
    let name = &entry.value;
    check_voter(name).map_err(|Unfit { rule, remedy }| {
        Problem::new(key, rule, remedy).with_value(&masked_url(name)).at(&entry.origin)
    })?;
    Ok(name.clone())
}

fn url(written: &WrittenVoter, label: &str) -> Result<(Endpoint, Credentials), Problem> {
    let key = format!("{label}url");
    let Some(entry) = written.entries.get("url") else {
        return Err(Problem::new(key, "is missing", "write redis://host:port").at(&written.origin));
    };
    Endpoint::parse(&entry.value).map_err(|UrlError { rule, remedy }| {
        Problem::new(key, rule, remedy).with_value(&masked_url(&entry.value)).at(&entry.origin)
    })
}

/// URL, own and common credentials together; two that contradict are refused, because one would be ignored.
fn joined(
    from_url: Credentials,
    own: Credentials,
    common: &Credentials,
    label: &str,
    origin: &Origin,
) -> Result<Credentials, Problem> {
    let mut auth = credentials_or(own, common);
    let refuse = |rule: &str, remedy: &str| Err(Problem::new(format!("{label}url"), rule, remedy).at(origin));
    match (from_url.username, &auth.username) {
        (Some(_), Some(_)) => {
            return refuse("has a username, and auth has one too", "remove one of the two");
        }
        (Some(username), None) => auth.username = Some(username),
        (None, _) => {}
    }
    match (from_url.password, &auth.password) {
        (Some(_), Some(_)) => {
            let remedy = "remove one of the two, best that in the URL";
            return refuse("has a password, and auth has one too", remedy);
        }
        (Some(password), None) => auth.password = Some(password),
        (None, _) => {}
    }
    // Where the common username is the one, that is told once for all voters.
    if auth.username.is_some() && auth.password.is_none() && common.username.is_none() {
        let rule = "must have a password, because the voter has a username";
        let remedy = "give auth.passwordFile or auth.passwordEnv";
        return Err(Problem::new(format!("{label}auth"), rule, remedy).at(origin));
    }
    Ok(auth)
}

fn check_distinct(voters: &[(VoterSettings, &Origin)], problems: &mut Problems) {
    let mut names: BTreeMap<&str, &Origin> = BTreeMap::new();
    let mut addresses: BTreeMap<String, &VoterSettings> = BTreeMap::new();
    for (voter, origin) in voters {
        if names.insert(&voter.name, origin).is_some() {
            let problem =
                Problem::new(VOTERS, "must have different names", "give each voter a name of its own");
            problems.push(problem.with_value(&voter.name).at(origin));
        }
        let address = voter.endpoint.address.server();
        if let Some(first) = addresses.get(&address) {
            let rule = format!(
                "must be different servers, and {} and {} ({} and {}) are both {address}, which would vote twice; \
                 another database or scheme does not make another server",
                first.name, voter.name, first.endpoint, voter.endpoint
            );
            problems.push(Problem::new(VOTERS, rule, "give each voter a server of its own").at(origin));
        } else {
            addresses.insert(address, voter);
        }
    }
}

fn is_tls(voter: &VoterSettings) -> bool {
    matches!(voter.endpoint.address, Address::Tls { .. })
}
