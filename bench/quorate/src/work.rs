//! The command that `quorate exec` runs here: this program again. It writes down when it acted, in nanoseconds of
//! `CLOCK_BOOTTIME`.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{SigSet, Signal};
use nix::time::{ClockId, clock_gettime};

/// Between two acts.
const BEAT: Duration = Duration::from_millis(1);

pub fn boot() -> Result<Duration> {
    Ok(Duration::from(clock_gettime(ClockId::CLOCK_BOOTTIME)?))
}

/// This program as work.
pub fn command(kind: &str, file: &Path) -> Result<Vec<String>> {
    let this = env::current_exe()?;
    let text = |path: &Path| path.to_str().map(str::to_owned).context("a path that is no text");
    Ok(vec![text(&this)?, "work".to_owned(), kind.to_owned(), text(file)?])
}

/// What the work does.
pub fn play(kind: &str, file: &Path) -> Result<()> {
    let began = boot()?;
    match kind {
        "end" => stamp(file, began),
        "stay" => {
            stamp(file, began)?;
            loop {
                thread::park();
            }
        }
        "stubborn" => beat(file),
        _ => bail!("no such work: {kind}"),
    }
}

/// One line for each start.
fn stamp(file: &Path, began: Duration) -> Result<()> {
    let line = format!("{}\n", began.as_nanos());
    Ok(OpenOptions::new().append(true).create(true).open(file)?.write_all(line.as_bytes())?)
}

/// All starts that were written down whole.
pub fn starts(file: &Path) -> Vec<Duration> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().filter_map(|line| line.parse().ok()).map(Duration::from_nanos).collect()
}

/// Never heeds SIGTERM; its last act replaces the one before in a file of its term.
fn beat(file: &Path) -> Result<()> {
    let mut deaf = SigSet::empty();
    deaf.add(Signal::SIGTERM);
    deaf.thread_block()?;
    let file = File::create(file.with_extension(env::var("QUORATE_TERM")?))?;
    loop {
        file.write_all_at(&u64::try_from(boot()?.as_nanos())?.to_le_bytes(), 0)?;
        thread::sleep(BEAT);
    }
}

/// When the work of this term last acted; nothing before its first act.
pub fn last_act(file: &Path, term: u64) -> Option<Duration> {
    let bytes = fs::read(file.with_extension(term.to_string())).ok()?;
    Some(Duration::from_nanos(u64::from_le_bytes(bytes.try_into().ok()?)))
}

/// A directory of this run, removed with its value.
pub struct Scratch(std::path::PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Result<Self> {
        let path = env::temp_dir().join(format!("bench-{name}-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub fn file(&self, name: &str) -> std::path::PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}
