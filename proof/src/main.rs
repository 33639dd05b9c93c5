//! `quorate-proof`: the proof for whoever wants to see it run. `make` has a target for each command.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lexopt::prelude::*;
use quorate_proof::limits;
use quorate_proof::matrix;
use quorate_proof::runner::Go;
use quorate_proof::search::{Bounds, Variant, search};
use quorate_proof::storms::{SIZES, Storms};
use quorate_proof::world::{Setting, Trace, World};

const HELP: &str = "\
Shows that the lease protocol keeps its promises, over the product's own core.

quorate-proof simulate [--seeds N]        storms over 1, 3, 5 and 7 voters, N seeds of each size (5000)
quorate-proof simulate --forever          … until told to stop, from a seed that differs each time
quorate-proof simulate --from SEED        … beginning with this seed
quorate-proof replay [N:]SEED [--all]     one of them again, with a trace; N voters (3); --all shows observations, too
quorate-proof limits [--seeds N]          what lies beyond the protocol's limits, and what still holds there (200)
quorate-proof exhaustive [--states N]     every order of events on three voters, and the rules without which it breaks
quorate-proof matrix [--seeds N]          each fault alone: plain Redlock and Quorate (1000)

Exit code 1: a promise was broken, or a rule not missed. 2: the command line is wrong.
";

/// How often a run without end tells how far it is.
const PROGRESS: Duration = Duration::from_secs(10);
/// An end that no seed reaches.
const NO_END: u64 = u64::MAX / 64;

/// What the command line asks for.
struct Asked {
    command: String,
    seed: Option<String>,
    seeds: Option<u64>,
    from: u64,
    forever: bool,
    all: bool,
    states: Option<usize>,
}

fn main() -> ExitCode {
    let asked = match asked() {
        Ok(asked) => asked,
        Err(wrong) => {
            eprintln!("quorate-proof: {wrong}; quorate-proof --help tells what there is");
            return ExitCode::from(2);
        }
    };
    let done = match asked.command.as_str() {
        "simulate" => Ok(simulate(&asked)),
        "replay" => replay(&asked),
        "limits" => Ok(limits::report(asked.seeds.unwrap_or(200))),
        "exhaustive" => Ok(exhaustive(&asked)),
        "matrix" => Ok(matrix::report(asked.seeds.unwrap_or(1000))),
        "help" => {
            print!("{HELP}");
            Ok(true)
        }
        other => Err(format!("there is no command {other:?}")),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(wrong) => {
            eprintln!("quorate-proof: {wrong}; quorate-proof --help tells what there is");
            ExitCode::from(2)
        }
    }
}

fn asked() -> Result<Asked, lexopt::Error> {
    let mut asked = Asked {
        command: "help".into(),
        seed: None,
        seeds: None,
        from: 0,
        forever: false,
        all: false,
        states: None,
    };
    let mut words = 0;
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("help") | Short('h') => asked.command = "help".into(),
            Long("seeds") => asked.seeds = Some(number("--seeds", &parser.value()?)?),
            Long("from") => asked.from = number("--from", &parser.value()?)?,
            Long("states") => asked.states = Some(number("--states", &parser.value()?)?),
            Long("forever") => asked.forever = true,
            Long("all") => asked.all = true,
            Value(word) if words == 0 => {
                asked.command = word.string()?;
                words += 1;
            }
            Value(word) if words == 1 => {
                asked.seed = Some(word.string()?);
                words += 1;
            }
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(asked)
}

/// A number, and whose it is.
fn number<T: FromStr>(what: &str, given: &OsStr) -> Result<T, String> {
    let parsed = given.to_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| format!("{what} must be a whole number, and is \"{}\"", given.display()))
}

fn simulate(asked: &Asked) -> bool {
    let (first, seeds) = if asked.forever && asked.from == 0 {
        (fresh_seed(), NO_END)
    } else {
        (asked.from, asked.seeds.unwrap_or(if asked.forever { NO_END } else { 5000 }))
    };
    println!("storms over {SIZES:?} voters from seed {first}");
    let stop = stop_when_told();
    let mut told = Instant::now();
    let storms = Storms::live_through(first..first.saturating_add(seeds), seeds, Duration::ZERO, |storms| {
        if told.elapsed() >= PROGRESS {
            told = Instant::now();
            println!("{}, {} broken", storms.summary(), storms.failures.len());
        }
        if stop.load(Ordering::Relaxed) || storms.failures.len() >= 10 { Go::Stop } else { Go::On }
    });
    let sums =
        SIZES.iter().zip(&storms.counted).map(|(voters, counted)| format!("\nN = {voters}\n{counted}"));
    println!("{}\n{}", sums.collect::<String>(), storms.summary());
    for failure in &storms.failures {
        println!(
            "N = {}, seed {}: {}\n    again, with a trace: make simulate SEED={}:{}",
            failure.voters, failure.seed, failure.broken, failure.voters, failure.seed
        );
    }
    let was_stopped = stop.load(Ordering::Relaxed);
    let unreached = if was_stopped || seeds < 1000 { Vec::new() } else { storms.unreached() };
    for (voters, what) in &unreached {
        println!("N = {voters}: never exercised: {}", what.words());
    }
    if storms.failures.is_empty() && unreached.is_empty() {
        println!("no promise was broken");
    }
    storms.failures.is_empty() && unreached.is_empty()
}

/// Ctrl-C and SIGTERM end a run with its sums instead of cutting it off.
fn stop_when_told() -> &'static AtomicBool {
    static TOLD: AtomicBool = AtomicBool::new(false);
    let set = ctrlc::set_handler(|| TOLD.store(true, Ordering::Relaxed));
    if let Err(cause) = set {
        eprintln!("quorate-proof: Ctrl-C will end this without its sums: {cause}");
    }
    &TOLD
}

/// From the clock: what matters is that it differs, and that it is told.
fn fresh_seed() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(1, |since| since.as_secs())
}

fn replay(asked: &Asked) -> Result<bool, String> {
    let seed = asked.seed.as_deref().ok_or("replay needs a seed, as 3:177 or 177")?;
    let (voters, seed) = seed.split_once(':').unwrap_or(("3", seed));
    let (voters, seed) =
        (number::<u64>("the number of voters", voters.as_ref())?, number("the seed", seed.as_ref())?);
    let voters = SIZES
        .into_iter()
        .find(|&size| size as u64 == voters)
        .ok_or_else(|| format!("there are worlds of {SIZES:?} voters, not of {voters}"))?;
    let trace = if asked.all { Trace::Everything } else { Trace::Changes };
    let outcome = World::new(Setting { trace, ..Setting::storm(voters, seed) }).run();
    // Whoever reads it through `less` may stop early.
    let _closed = io::stdout().write_all(outcome.trace.as_bytes());
    for broken in &outcome.broken {
        println!("BROKEN: {broken}");
    }
    Ok(outcome.broken.is_empty())
}

fn exhaustive(asked: &Asked) -> bool {
    let mut holds = true;
    for variant in Variant::BROKEN {
        let found = search(variant, variant.bounds(), |_, _, _| {});
        println!("without a rule ({}): {found}", variant.words());
        holds &= found.counterexample.is_some();
    }
    for bounds in Bounds::WHOLE {
        let heals = if bounds.heals { "leaders adopt" } else { "leaders do not adopt" };
        println!("all rules, attempts {}, amnesias {}, {heals}:", bounds.attempts, bounds.amnesias);
        let bounds = Bounds { most_states: asked.states.unwrap_or(bounds.most_states), ..bounds };
        let mut told = Instant::now();
        let found = search(Variant::Whole, bounds, |depth, states, new| {
            if told.elapsed() >= PROGRESS {
                told = Instant::now();
                println!("    {depth} steps: {states} states, {new} of them new");
            }
        });
        println!("{found}");
        holds &= found.counterexample.is_none();
    }
    holds
}
