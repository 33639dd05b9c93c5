//! `quorate reset`: let the voters forget an election, so that it can begin anew, with other voters if need be.
//!
//! Promise: nothing is removed while anybody leads or may still believe to lead, as far as the voters that can be read
//! tell; and what is removed is exactly what was watched. Whether all candidates have been stopped only the operator
//! knows: what shows that they have not is looked for before and after.

mod crew;
mod plan;
mod text;
mod watch;

use std::io::{BufRead, IsTerminal, Write};

use anyhow::Context;
use clap::Args;
use tokio::runtime;

use self::crew::Crew;
use self::plan::{Plan, Refusal};
use self::text::names;
use super::flags::ConfigFlags;
use super::{Exit, connect, output};
use crate::config::{Config, Loaded};
use crate::voter::Removal;

/// Remove what the voters remember of an election, when nobody leads; the way to change the voters
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ResetArguments {
    /// Do not ask; needed where there is no terminal
    #[arg(short, long)]
    yes: bool,
    /// A voter of the records that is gone for good, so that nobody can lead with it; repeat it for each
    #[arg(long, value_name = "NAME")]
    gone: Vec<String>,
    #[command(flatten)]
    pub(super) config: ConfigFlags,
}

const EXAMPLES: &str = "\
Examples:
  # stop all candidates, then
  quorate reset --config quorate.yaml

  # in a script
  quorate reset --config quorate.yaml --yes

  # from a, b, c to a, d, e, the servers of b and c being burnt down
  quorate reset --config new.yaml --gone b --gone c

To change the voters: stop all candidates, reset with the new list, start them with it. After a halt \
(onEpochReset: halt): stop all candidates, reset, start them. To uninstall: stop all candidates, reset; the records \
have no ttl and stay for ever otherwise.

It watches the voters for a little more than the longest ttl in the records and refuses if any record moves meanwhile, \
or if a leader may live on voters that cannot be read. The next start is an epoch reset, whose terms are larger than \
all before because they begin at the clock.

Ends with 0 if nothing is left, with 1 if it refused or could not finish, and with 69 if fewer than a quorum of the \
configured voters answer.";

pub(super) fn execute(loaded: Loaded, arguments: &ResetArguments) -> anyhow::Result<Exit> {
    let Loaded { config, file: _, warnings, shows_password: _ } = loaded;
    for warning in &warnings {
        output::complain(warning);
    }
    let is_asked = !arguments.yes;
    if is_asked && !std::io::stdin().is_terminal() {
        output::complain(
            "reset asks before it removes anything, and there is no terminal to ask at; give --yes",
        );
        return Ok(Exit::Usage);
    }
    let runtime = runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let exit = runtime.block_on(reset(&config, &arguments.gone, is_asked));
    // A look-up of a host name that does not end must not keep us.
    runtime.shutdown_background();
    exit
}

async fn reset(config: &Config, gone: &[String], is_asked: bool) -> anyhow::Result<Exit> {
    let crew = Crew::new(connect::voters(config), config.timing.core);
    let first = crew.survey().await;
    let plan = match plan::judge(&config.election, gone, config.timing.core.ttl, &first) {
        Ok(plan) if plan.removable.is_empty() => return nothing_to_do(config, &plan),
        Ok(plan) => plan,
        Err(refusal) => return Ok(refuse(&refusal)),
    };
    let listening = crew.listeners(&plan.removable).await;
    if let Some(sentence) = text::still_listening(&listening) {
        output::complain(&sentence);
        return Ok(Exit::Failed);
    }
    output::print(&text::plan(config, &plan, &first, &listening))?;
    if is_asked && !is_confirmed()? {
        output::print("nothing was removed\n")?;
        return Ok(Exit::Failed);
    }
    if let Err(refusal) = watch::stand_still(&crew, &plan, &first).await {
        return Ok(refuse(&refusal));
    }
    remove(config, &crew, &plan, &first).await
}

fn nothing_to_do(config: &Config, plan: &Plan) -> anyhow::Result<Exit> {
    output::print(&text::nothing_there(&config.election))?;
    match text::left_behind(&plan.unread) {
        None => Ok(Exit::Well),
        Some(sentence) => {
            output::complain(&sentence);
            Ok(Exit::Failed)
        }
    }
}

fn refuse(refusal: &Refusal) -> Exit {
    output::complain(&refusal.to_string());
    match refusal {
        Refusal::NoQuorum(_) => Exit::NoQuorum,
        Refusal::Unsafe(_) => Exit::Failed,
    }
}

/// Asks at the terminal; anything but a yes is a no.
fn is_confirmed() -> anyhow::Result<bool> {
    output::print("Have all candidates been stopped, and shall this be removed? [y/N] ")?;
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

async fn remove(
    config: &Config,
    crew: &Crew,
    plan: &Plan,
    surveyed: &[crew::Sighting],
) -> anyhow::Result<Exit> {
    let outcomes = crew.remove(&plan.removable, surveyed).await;
    let of = |wanted: Option<Removal>| -> Vec<&str> {
        let is_it = |outcome: &crew::Outcome| outcome.result.as_ref().ok().copied() == wanted;
        outcomes.iter().filter(|outcome| is_it(outcome)).map(|outcome| outcome.name.as_str()).collect()
    };
    let (removed, changed, unknown) = (of(Some(Removal::Removed)), of(Some(Removal::Changed)), of(None));
    if !removed.is_empty() {
        output::print(&text::removed(&config.election, &removed))?;
    }
    let mut is_whole = true;
    let mut complain = |sentence: String| {
        is_whole = false;
        output::complain(&sentence);
    };
    if !changed.is_empty() {
        complain(format!(
            "something happened at {} in the last moment, so nothing was removed there: a candidate still runs; stop \
             all of them and reset again",
            names(&changed)
        ));
    }
    for outcome in &outcomes {
        if let Err(trouble) = &outcome.result {
            complain(format!("{}: {trouble}; reset again when it answers", outcome.name));
        }
    }
    if let Some(sentence) = text::left_behind(&plan.unread) {
        complain(sentence);
    }
    if let Some(name) = crew.first_to_begin_anew(&removed).await {
        complain(text::begun_anew(&name));
    }
    if unknown.is_empty() && is_whole { Ok(Exit::Well) } else { Ok(Exit::Failed) }
}
