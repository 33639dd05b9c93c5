//! A wall clock that a test steps: of a server or a candidate that runs as a process of its own.
//!
//! The step is made inside the process, by a library that is preloaded into it (`wall_clock.c`): a machine has one wall
//! clock, and a time namespace moves all but that one.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// One wall clock.
pub struct WallClock {
    directory: tempfile::TempDir,
    offset: File,
    offset_us: i64,
}

impl WallClock {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let offset = File::create(directory.path().join("offset")).unwrap();
        offset.write_all_at(&0_i64.to_ne_bytes(), 0).unwrap();
        Self { directory, offset, offset_us: 0 }
    }

    /// A program that does what this one does, by this wall clock.
    pub fn program(&self, program: &Path) -> PathBuf {
        let stepped = self.directory.path().join("program");
        let offset = self.directory.path().join("offset");
        let [library, offset, program] = [library(), &offset, program].map(|path| path.to_str().unwrap());
        let script =
            format!("#!/bin/sh\nTEST_WALL_CLOCK='{offset}' LD_PRELOAD='{library}' exec '{program}' \"$@\"\n");
        write_program(&stepped, &script);
        stepped
    }

    /// It steps, at once.
    pub fn step(&mut self, by_us: i64) {
        self.offset_us += by_us;
        self.offset.write_all_at(&self.offset_us.to_ne_bytes(), 0).unwrap();
    }
}

/// A script that can be run.
pub fn write_program(path: &Path, script: &str) {
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Compiled once by each process that wants it.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/wall_clock.c");
        let name = format!("wall_clock-{}.so", std::process::id());
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let options = ["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"];
        let compiled = Command::new("cc").args(options).arg(&library).arg(source).status().unwrap();
        assert!(compiled.success());
        library
    })
}
