//! The live demo: the same servers and candidates as in the script, and a person who decides what breaks.
//!
//! Three parts that only talk: the screen with its keys (here), the stagehand, who acts on processes, and the
//! onlookers, who ask them. What is shown follows from what is told, in [`scene::Scene`], and is drawn by a pure
//! function.

mod draw;
mod facts;
mod headline;
mod keys;
mod onlookers;
mod scene;
mod screen;
mod stagehand;
#[cfg(test)]
mod tests;

use std::io::{IsTerminal, stdin, stdout};
use std::path::Path;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use anyhow::bail;

use self::draw::{Palette, draw};
use self::facts::{Act, Actor, Happening, Order};
use self::scene::{Reaction, Scene};
use self::screen::Screen;
use self::stagehand::{Stagehand, voter_options};
use super::company::{Company, NAMES};
use super::interrupt::Interrupt;
use super::page::{is_dumb, is_set};
use super::server_name;
use super::times::{Times, now};
use crate::cli::{Exit, output};

/// The bars move smoothly, and a key is answered at once anyway.
const FRAME: Duration = Duration::from_millis(50);

/// Somebody can see it and press keys.
pub(super) fn is_possible() -> bool {
    stdin().is_terminal() && stdout().is_terminal() && !is_dumb()
}

pub(super) fn execute(binary: &Path) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen(screen::restore)?;
    let company = Company::start(&voter_options(binary), &interrupt)?;
    let server = server_name(&company.voters[0].command(&["INFO", "server"])?);
    let mut scene = Scene::new(server, Times::derived());
    let (tell, told) = channel();
    let mut screen = Screen::enter()?;
    let stagehand = Stagehand::begin(company, interrupt.clone(), tell)?;
    let played = play(&mut screen, &mut scene, &stagehand, &told, &interrupt);
    drop(screen);
    drop(stagehand);
    played?;
    conclude(&scene)
}

/// Until somebody quits, by key or by signal.
fn play(
    screen: &mut Screen,
    scene: &mut Scene,
    stagehand: &Stagehand,
    told: &Receiver<Happening>,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let palette = Palette { is_coloured: !is_set("NO_COLOR") };
    while !interrupt.has_come() {
        screen.draw(|frame| draw(frame, scene, now(), palette))?;
        for key in screen::keys(FRAME)? {
            match scene.press(key, now()) {
                Reaction::Nothing => {}
                Reaction::Carry(order) => stagehand.carry(order),
                Reaction::Begin => {
                    (0..NAMES.len())
                        .for_each(|n| stagehand.carry(Order { actor: Actor::Candidate(n), act: Act::Start }));
                }
                Reaction::Quit => return Ok(()),
            }
        }
        loop {
            match told.try_recv() {
                Ok(happening) => scene.take(happening),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => bail!("the demo's own thread has ended; this is a bug"),
            }
        }
    }
    Ok(())
}

fn conclude(scene: &Scene) -> anyhow::Result<Exit> {
    if let Some(violation) = scene.book.violation() {
        output::complain(&format!("not as promised: {violation}; this is a bug, please report it"));
        return Ok(Exit::Failed);
    }
    let (answers, terms) = (scene.book.total(), scene.book.reigns.len());
    output::print(&format!(
        "{answers} answers, never two leaders at once; {terms} terms, each larger than the last.\nServers, candidates and \
         their files are gone. Yours next: `quorate run --help`.\n"
    ))?;
    Ok(Exit::Well)
}
