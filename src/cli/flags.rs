//! The flags that set keys of the configuration. All are texts; [`crate::config`] judges them.

use std::path::PathBuf;

use clap::Args;

use crate::config::Flags;
use crate::config::keys;

/// Flags of all commands that need a configuration.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Configuration (stronger than QUORATE_* and the file)")]
pub(super) struct ConfigFlags {
    #[arg(
        long,
        help = "The YAML file [default: $QUORATE_CONFIG, else /etc/quorate/quorate.yaml if it is there]",
        value_name = "FILE"
    )]
    config: Option<PathBuf>,
    /// The name of what is led, a DNS-1123 label
    #[arg(long, value_name = "NAME")]
    election: Option<String>,
    /// A voter by name and URL; repeat it for each; replaces the list of file and environment
    #[arg(long = "voter", value_name = "NAME=URL")]
    voters: Vec<String>,
    /// Allow one single voter, whose every restart loses the memory of the election
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    allow_single_voter: Option<String>,
    /// What every key on the voters begins with [default: quorate]
    #[arg(long, value_name = "PREFIX")]
    key_prefix: Option<String>,
    #[arg(long, help = "Our name, for people [default: $POD_NAME, else the host name]", value_name = "NAME")]
    identity: Option<String>,
    /// The name of our cluster, for people
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    #[arg(
        long,
        help = "The address that others are told [default: $POD_IP, else the host name, with our port]",
        value_name = "ADDRESS"
    )]
    advertise: Option<String>,
    /// The user on the voters
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// A file with the password on the voters; read again when it changes
    #[arg(long, value_name = "FILE")]
    password_file: Option<String>,
    /// The name of an environment variable with the password on the voters
    #[arg(long, value_name = "VARIABLE")]
    password_env: Option<String>,
    /// The authorities that may have signed the voters' certificates, in PEM
    #[arg(long, value_name = "FILE")]
    ca_file: Option<String>,
    /// Our certificate, in PEM, where voters ask for one
    #[arg(long, value_name = "FILE")]
    cert_file: Option<String>,
    /// The key of our certificate, in PEM
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
    /// A name for a ttl: fast (5s), lan (10s) or regions (30s) [default: lan]
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// How long a lease lasts, 1s to 10m; all other durations are derived from it
    #[arg(long, value_name = "DURATION")]
    ttl: Option<String>,
    /// Whom /readyz calls ready: candidate or leader [default: candidate]
    #[arg(long, value_name = "WHO")]
    readiness: Option<String>,
    /// What happens where work has not stopped in time: none, exit or kill [default: exec: kill, run: none]
    #[arg(long, value_name = "WHAT")]
    hard_fence: Option<String>,
    /// Where who leads is written to, for workers that read files
    #[arg(long, value_name = "FILE")]
    status_file: Option<String>,
    /// Where HTTP listens [default: [::]:9797]
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<String>,
    /// json, plain, or auto: plain on a terminal [default: auto]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

impl ConfigFlags {
    /// What was given, by key. Destructured without `..`, so that a new flag cannot be forgotten.
    pub(super) fn as_flags(&self) -> Flags {
        let Self {
            config,
            election,
            voters,
            allow_single_voter,
            key_prefix,
            identity,
            cluster,
            advertise,
            username,
            password_file,
            password_env,
            ca_file,
            cert_file,
            key_file,
            preset,
            ttl,
            readiness,
            hard_fence,
            status_file,
            listen,
            log_format,
            log_level,
        } = self;
        let given = [
            ("election", election),
            ("allowSingleVoter", allow_single_voter),
            ("keyPrefix", key_prefix),
            ("identity", identity),
            ("cluster", cluster),
            ("advertise", advertise),
            ("auth.username", username),
            ("auth.passwordFile", password_file),
            ("auth.passwordEnv", password_env),
            ("tls.caFile", ca_file),
            ("tls.certFile", cert_file),
            ("tls.keyFile", key_file),
            ("timing.preset", preset),
            ("timing.ttl", ttl),
            ("readiness", readiness),
            ("hardFence", hard_fence),
            ("statusFile", status_file),
            ("http.listen", listen),
            ("log.format", log_format),
            ("log.level", log_level),
        ];
        let values =
            given.into_iter().filter_map(|(path, text)| Some((keys::find(path)?, text.clone()?))).collect();
        Flags { file: config.clone(), values, voters: voters.clone() }
    }

    /// The flags alone, for the test that compares them with the list of keys.
    #[cfg(test)]
    pub(super) fn augment_args_for_test() -> clap::Command {
        Self::augment_args(clap::Command::new("flags"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
    use super::*;
    use clap::FromArgMatches;

    #[test]
    fn every_flag_sets_the_key_that_the_list_says() {
        for key in keys::KEYS.iter().filter(|key| key.path != keys::VOTERS) {
            let Some(flag) = key.flag else { continue };
            let matches =
                ConfigFlags::augment_args_for_test().try_get_matches_from(["flags", flag, "x"]).unwrap();
            let flags = ConfigFlags::from_arg_matches(&matches).unwrap().as_flags();
            assert_eq!(flags.values, [(key, "x".to_owned())]);
        }
    }
}
