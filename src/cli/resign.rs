//! `quorate resign`: ask an agent to hand over, and tell who leads next.
//!
//! Knows nothing of the voters: only where an agent answers over HTTP.

mod agent;
mod hand_over;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use hyper::header::HeaderValue;
use tokio::runtime;

use self::agent::Agent;
use super::{Exit, output};
use crate::config::{Environment, Flags, Http, duration, load_http};
use crate::files;

/// Ask an agent to hand over leadership and to stand back for a while
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ResignArguments {
    /// How long the agent does not campaign afterwards, from 1s to 1h
    #[arg(long = "for", allow_hyphen_values = true, value_name = "DURATION", default_value = "30s", value_parser = stand_back)]
    stand_back: Duration,
    /// Where the agent answers [default: this host, at the port of http.listen]
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    address: Option<String>,
    /// The file with the agent's token, to ask from another host [default, for the own one: http.resignTokenFile]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Sentences for people, or JSON for programs
    #[arg(short, long, value_enum, default_value_t = ResignOutput::Text)]
    output: ResignOutput,
    #[arg(
        long,
        help = "The YAML file [default: $QUORATE_CONFIG, else /etc/quorate/quorate.yaml if it is there]",
        value_name = "FILE"
    )]
    config: Option<PathBuf>,
}

/// The shape of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ResignOutput {
    /// For people.
    Text,
    /// For programs.
    Json,
}

const EXAMPLES: &str = "\
Examples:
  # the agent of this host, before its maintenance
  quorate resign --for 10m

  # in a pod
  kubectl exec orders-7c9f-x2x4v -- quorate resign

  # another host's agent, whose http.resignTokenFile holds this token
  quorate resign --address 10.1.2.3:9797 --token-file token

  # the same without this program
  curl -X POST http://localhost:9797/resign?forMs=30000

The leader stops its work, releases the lease, tells the others, and does not campaign for the given time, in which \
another candidate takes over; without one, nobody leads. A standby stands back as well. An agent takes this from its \
own host, or from whoever has its token.

Ends with 0 when the agent does not lead any more, and with 1 if it refuses or does not answer.";

/// As the agent takes it.
const STAND_BACK_RANGE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(1));

fn stand_back(text: &str) -> Result<Duration, String> {
    let (shortest, longest) = STAND_BACK_RANGE;
    let asked = duration::parse(text).filter(|asked| (shortest..=longest).contains(asked));
    asked.ok_or_else(|| "give a duration from 1s to 1h, with its unit, as 30s or 1m30s".to_owned())
}

fn address(text: &str) -> Result<String, String> {
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_host = |host: &str| {
        let is_v6 = host.starts_with('[') && host.ends_with(']');
        !host.is_empty() && (is_v6 || !host.contains([':', '/', '@', ' ']))
    };
    match text.rsplit_once(':') {
        Some((host, port)) if is_host(host) && is_port(port) => Ok(text.to_owned()),
        _ => Err("give host and port, as localhost:9797 or [::1]:9797".to_owned()),
    }
}

pub(super) fn execute(arguments: &ResignArguments) -> anyhow::Result<Exit> {
    let agent = match agent(arguments) {
        Ok(agent) => agent,
        Err(sentence) => {
            output::complain(&sentence);
            return Ok(Exit::Configuration);
        }
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let exit = runtime.block_on(hand_over::resign(&agent, arguments.stand_back, arguments.output));
    // A look-up of a host name that does not end must not keep us.
    runtime.shutdown_background();
    exit
}

/// The agent that is meant, and with what it is asked. The configuration counts for the own one only.
///
/// # Errors
///
/// What is wrong with the configuration or the token.
fn agent(arguments: &ResignArguments) -> Result<Agent, String> {
    let ResignArguments { address, token_file, config, stand_back: _, output: _ } = arguments;
    let (address, token_file) = if let Some(address) = address {
        (address.clone(), token_file.clone())
    } else {
        let flags = Flags { file: config.clone(), ..Flags::default() };
        let http =
            load_http(&flags, &Environment::of_this_process()).map_err(|refused| refused.to_string())?;
        let port_0 =
            "http.listen has port 0, so that only the agent's log tells where it answers; give --address";
        (own(&http).ok_or(port_0)?, token_file.clone().or(http.resign_token_file))
    };
    let bearer = token_file.as_deref().map(bearer).transpose()?;
    Ok(Agent::new(address, bearer))
}

/// # Errors
///
/// A sentence, which never has the token in it.
fn bearer(file: &Path) -> Result<HeaderValue, String> {
    let remedy = "give the path of a file that holds the agent's token";
    let name = file.display();
    let token =
        files::read_password(file).map_err(|error| format!("the token file {name} {error}; {remedy}"))?;
    let header = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut header =
        header.map_err(|_| format!("the token file {name} has more than a line of text; {remedy}"))?;
    header.set_sensitive(true);
    Ok(header)
}

/// Where the agent of this configuration answers on this host.
fn own(http: &Http) -> Option<String> {
    let Http { listen, resign_token_file: _ } = http;
    let host = if listen.ip().is_unspecified() { "127.0.0.1".to_owned() } else { listen.ip().to_string() };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    (listen.port() != 0).then(|| format!("{host}:{}", listen.port()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may panic")]
    use super::*;

    #[test]
    fn addresses_are_host_and_port() {
        for good in ["localhost:9797", "10.1.2.3:1", "[::1]:9797", "orders-0.orders:65535"] {
            assert_eq!(address(good).unwrap(), good);
        }
        for bad in ["", "localhost", ":9797", "host:0", "host:65536", "http://host:9797", "::1:9797", "a@b:1"]
        {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_own_agent_is_asked_over_loopback_where_it_listens_there() {
        let own = |listen: &str| own(&Http { listen: listen.parse().unwrap(), resign_token_file: None });
        assert_eq!(own("[::]:9797").as_deref(), Some("127.0.0.1:9797"));
        assert_eq!(own("0.0.0.0:80").as_deref(), Some("127.0.0.1:80"));
        assert_eq!(own("[fe80::1]:80").as_deref(), Some("[fe80::1]:80"));
        assert_eq!(own("10.1.2.3:80").as_deref(), Some("10.1.2.3:80"));
        assert_eq!(own("[::]:0"), None);
    }
}
