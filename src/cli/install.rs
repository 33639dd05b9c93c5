//! `quorate install`: copy this program to where another container finds it.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;

use super::{Exit, output};
use crate::files;

/// Copy this program into a directory, so that it can wrap a command of another image
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct InstallArguments {
    /// A directory that is there, such as a volume shared with another container
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  # an init container of this image, with a volume at /opt/quorate
  quorate install /opt/quorate

The worker's container, of any image, then runs /opt/quorate/quorate exec -- ./worker from the same volume. \
The copy replaces an older one at once and whole. It runs in an image without a C library only where this program was \
built statically (`make static`, and so the image): it says so if not.";

pub(super) fn execute(arguments: &InstallArguments) -> anyhow::Result<Exit> {
    let directory = &arguments.directory;
    if !directory.is_dir() {
        bail!("{} is not a directory: make it, or mount the volume there", directory.display());
    }
    let target = directory.join("quorate");
    files::replace(&target, copy).with_context(|| format!("cannot write {}", target.display()))?;
    if !cfg!(target_feature = "crt-static") {
        output::complain(
            "this program needs the C library that it was built with: in an image without it the copy does not run \
             (`make static` builds one that does)",
        );
    }
    output::print(&format!("{}\n", target.display()))?;
    Ok(Exit::Well)
}

/// This very program, also where its file has been replaced meanwhile.
fn copy(file: &mut File) -> io::Result<()> {
    let mut from = File::open("/proc/self/exe")?;
    io::copy(&mut from, file)?;
    file.set_permissions(Permissions::from_mode(0o755))?;
    file.sync_all()
}
