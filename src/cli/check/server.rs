//! What is found about one server: reaching it, rights, and how it is set up.

use std::time::Duration;

use super::examine::Examined;
use super::finding::{Findings, Topic};
use crate::config::duration;
use crate::core::Timing;
use crate::voter::{Inspection, Trouble, TroubleKind};

/// The oldest version that knows all that is needed.
const OLDEST: (u32, u32) = (6, 2);
/// The series that the tests of this version run against, Redis and Valkey.
const TESTED: [&str; 3] = ["Redis 6.2", "Redis 7.0", "Valkey 8.1"];
/// An offset of less than this is what NTP leaves, with room.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(1);
/// Of memory or connections, in per cent: nearly full.
const NEARLY_FULL: u64 = 90;
/// An attempt to connect lasts as long as the question that began it, and as long again.
const TIMEOUTS_TO_CONNECT: u32 = 2;
/// An election takes two round trips, three after a race, and must not run past the voter timeout often.
const ROUND_TRIPS_IN_A_TIMEOUT: u32 = 3;

pub(super) fn look_at(voter: &Examined, timing: &Timing, findings: &mut Findings<'_>) {
    let inspection = match &voter.inspection {
        Ok(inspection) => inspection,
        Err(trouble) => return unreachable(trouble, findings),
    };
    rights(voter, inspection, findings);
    role(voter, findings);
    version(voter, findings);
    eviction(voter, findings);
    resources(voter, findings);
    speed(voter, inspection, timing, findings);
    clock(voter, inspection, findings);
}

fn unreachable(trouble: &Trouble, findings: &mut Findings<'_>) {
    let topic = match trouble.kind {
        TroubleKind::NoPerm => Topic::Rights,
        TroubleKind::Cluster => Topic::Cluster,
        TroubleKind::Misconf | TroubleKind::ReadOnly | TroubleKind::OutOfMemory => Topic::Writes,
        _ => Topic::Connection,
    };
    let (what, remedy) = trouble.advice();
    let why = "a voter that cannot be asked does not vote";
    findings.failure(topic, what, why, remedy.unwrap_or("look into the server's log"));
}

fn rights(voter: &Examined, inspection: &Inspection, findings: &mut Findings<'_>) {
    let Inspection { lacking, failing, deaf, .. } = inspection;
    if !lacking.is_empty() {
        findings.failure(
            Topic::Rights,
            format!("the user lacks {}", lacking.join(" ")),
            "the scripts of an election need these rights, and without them the voter does not vote",
            "ACL SETUSER with what is lacking; the whole line stands in docs/operations.md",
        );
    }
    // A replica refuses writes as it should; that it is one is told by itself.
    let is_primary = voter.fact("role").is_none_or(|role| role == "master");
    for (command, trouble) in failing.iter().filter(|_| is_primary && lacking.is_empty()) {
        let (what, remedy) = trouble.advice();
        findings.failure(
            Topic::Writes,
            format!("{command}: {what}"),
            "a voter that cannot write does not vote",
            remedy.unwrap_or("look into the server's log"),
        );
    }
    if let Some(trouble) = deaf {
        let (what, _) = trouble.advice();
        findings.warning(
            Topic::Hints,
            format!("releases are not heard of: {what}"),
            "a clean hand-over then waits for the next poll instead of being told at once",
            "grant +subscribe +unsubscribe and the channels; the whole line stands in docs/operations.md",
        );
    }
}

fn role(voter: &Examined, findings: &mut Findings<'_>) {
    if voter.fact("role").is_some_and(|role| role != "master") {
        let primary = voter.fact("master_host").unwrap_or("another server");
        findings.failure(
            Topic::Role,
            format!("is a replica of {primary}"),
            "a replica takes no writes, and its memory is somebody else's",
            "give the address of a primary of its own",
        );
    }
    if let Some(count @ 1..) = voter.number("connected_slaves") {
        findings.note(
            Topic::Role,
            format!("has {count} replica{}", if count == 1 { "" } else { "s" }),
            "a fail-over to a replica is an amnesia, as an empty restart is; it makes the voter no safer",
            "run it without replicas, unless something else needs them",
        );
    }
    if voter.fact("cluster_enabled") == Some("1") {
        findings.failure(
            Topic::Cluster,
            "runs in cluster mode",
            "the nodes of a cluster are no independent voters",
            "use a standalone server",
        );
    }
}

/// `Redis 7.0.15`, as the server calls itself.
pub(super) fn server(voter: &Examined) -> Option<String> {
    let valkey = voter.fact("valkey_version").map(|version| format!("Valkey {version}"));
    valkey.or_else(|| voter.fact("redis_version").map(|version| format!("Redis {version}")))
}

fn version(voter: &Examined, findings: &mut Findings<'_>) {
    let Some(server) = server(voter) else { return };
    let mut numbers = voter.fact("redis_version").unwrap_or_default().split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else { return };
    if (major, minor) < OLDEST {
        findings.failure(
            Topic::Version,
            format!("{server} is too old"),
            "the scripts need Redis 6.2 or later",
            "upgrade the server",
        );
    } else if !TESTED.iter().any(|tested| server.starts_with(&format!("{tested}."))) {
        findings.note(
            Topic::Version,
            format!("{server} is none of the series that this version is tested with"),
            "it most likely works; nobody has tried",
            &format!("choose one of {} to be sure", TESTED.join(", ")),
        );
    }
}

fn eviction(voter: &Examined, findings: &mut Findings<'_>) {
    let Some(policy) = voter.fact("maxmemory_policy") else { return };
    let remedy = "CONFIG SET maxmemory-policy noeviction, and the same in the server's configuration";
    match policy.split('-').next() {
        Some("allkeys") => findings.failure(
            Topic::Eviction,
            format!("maxmemory-policy is {policy}"),
            "a full server may throw away the record; that is an amnesia, and several at once end the epoch",
            remedy,
        ),
        Some("volatile") => findings.warning(
            Topic::Eviction,
            format!("maxmemory-policy is {policy}"),
            "a full server may throw away the lease key, and classic Redlock clients then see no lock",
            remedy,
        ),
        _ => {}
    }
}

fn resources(voter: &Examined, findings: &mut Findings<'_>) {
    let failed = |name: &str| voter.fact(name).is_some_and(|status| status == "err");
    if failed("rdb_last_bgsave_status")
        || failed("aof_last_write_status")
        || failed("aof_last_bgrewrite_status")
    {
        findings.warning(
            Topic::Persistence,
            "its last attempt to save failed",
            "a server that cannot save refuses writes by default (stop-writes-on-bgsave-error), and then does not vote",
            "free the disk, or run the voter without persistence, which an election does not need",
        );
    }
    let is_nearly_full = |used: &str, limit: &str| match (voter.number(used), voter.number(limit)) {
        (Some(used), Some(limit @ 1..)) => used.saturating_mul(100) >= limit.saturating_mul(NEARLY_FULL),
        _ => false,
    };
    if is_nearly_full("used_memory", "maxmemory") {
        findings.warning(
            Topic::Memory,
            format!("uses more than {NEARLY_FULL} % of its maxmemory"),
            "Redis 6.2 does not vote when it is full, and any server may evict, if its policy lets it",
            "raise maxmemory, or give the voter a server of its own",
        );
    }
    if is_nearly_full("connected_clients", "maxclients") {
        findings.warning(
            Topic::Memory,
            format!("more than {NEARLY_FULL} % of its connections are taken"),
            "a candidate that cannot connect cannot ask it",
            "raise maxclients, or close idle clients",
        );
    }
}

fn speed(voter: &Examined, inspection: &Inspection, timing: &Timing, findings: &mut Findings<'_>) {
    let timeout = timing.voter_timeout;
    let limit = duration::format(timeout);
    let remedy = "raise timing.voterTimeout, with timing.ttl if need be, or bring the voter nearer";
    match voter.round_trip {
        Some(took) if took > timeout => findings.failure(
            Topic::RoundTrip,
            format!("a round trip takes {}, and timing.voterTimeout is {limit}", milliseconds(took)),
            "candidates take it for silent",
            remedy,
        ),
        Some(took) if took * ROUND_TRIPS_IN_A_TIMEOUT > timeout => findings.warning(
            Topic::RoundTrip,
            format!("a round trip takes {}, and timing.voterTimeout is {limit}", milliseconds(took)),
            "a little more, and candidates take it for silent",
            remedy,
        ),
        _ => {}
    }
    let took = inspection.connect;
    if took > timeout * TIMEOUTS_TO_CONNECT {
        findings.failure(
            Topic::Connection,
            format!(
                "to connect takes {}, and twice timing.voterTimeout is {}",
                milliseconds(took),
                duration::format(timeout * TIMEOUTS_TO_CONNECT)
            ),
            "candidates give up before they are connected",
            remedy,
        );
    } else if took > timeout {
        findings.warning(
            Topic::Connection,
            format!("to connect takes {}, and timing.voterTimeout is {limit}", milliseconds(took)),
            "after each loss of the connection the first question goes unanswered",
            remedy,
        );
    }
}

fn clock(voter: &Examined, inspection: &Inspection, findings: &mut Findings<'_>) {
    let Some(offset_us) = inspection.clock_offset_us else { return };
    let size = Duration::from_micros(offset_us.unsigned_abs());
    // Half the round trip is what an offset may be wrong by.
    let tolerance = CLOCK_TOLERANCE + voter.round_trip.unwrap_or_default();
    if size > tolerance {
        let direction = if offset_us < 0 { "behind" } else { "ahead of" };
        findings.warning(
            Topic::Clock,
            format!("its clock is {} {direction} ours", milliseconds(size)),
            "after a majority has forgotten, terms begin at the clocks; they grow only as far as the clocks are right",
            "run NTP on the voters and here",
        );
    }
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1e3)
}
