//! A directory for one demo, by which everything that it started is found again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Each demo measures times over fifteen processes of its own: two at once would measure each other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
/// Processes are gone within milliseconds; on a busy machine later.
const ENDING: Duration = Duration::from_secs(10);

/// Where a demo puts its files, if its `TMPDIR` is this.
pub struct Place {
    directory: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Place {
    pub fn alone() -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        Self { directory: tempfile::tempdir().unwrap(), _alone: alone }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The processes that the demo of this number started, itself not counted.
    pub fn processes(&self, demo: u32) -> Vec<PathBuf> {
        let mark = self.path().as_os_str().as_encoded_bytes();
        let own = PathBuf::from(format!("/proc/{demo}"));
        let has_mark = |process: &PathBuf| {
            // Candidates have the directory in their arguments, servers work in it, watchers have it from their
            // environment. A process may end while it is looked at.
            let read = |name| fs::read(process.join(name)).unwrap_or_default();
            let has = |bytes: &[u8]| bytes.windows(mark.len()).any(|window| window == mark);
            has(&read("cmdline")) || has(&read("environ")) || self.works_here(process)
        };
        let all = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
        all.filter(|process| *process != own && has_mark(process)).collect()
    }

    pub fn servers(&self, demo: u32) -> Vec<PathBuf> {
        self.processes(demo).into_iter().filter(|process| self.works_here(process)).collect()
    }

    fn works_here(&self, process: &Path) -> bool {
        fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(self.path()))
    }

    pub fn has_no_process(&self, demo: u32) {
        let deadline = Instant::now() + ENDING;
        while !self.processes(demo).is_empty() {
            assert!(Instant::now() < deadline, "left behind: {:?}", self.processes(demo));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn has_nothing(&self, demo: u32) {
        self.has_no_process(demo);
        assert_eq!(fs::read_dir(self.path()).unwrap().count(), 0, "files are left behind");
    }
}
