//! A program in a pseudo terminal, and what a person would see of it.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// An election takes three seconds, a start less than one; on a busy machine all of it takes longer.
const LIMIT: Duration = Duration::from_mins(1);
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    pub child: Box<dyn Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
    /// Of the terminal, before anybody changed them.
    modes: String,
}

impl Terminal {
    /// Runs the demo in a terminal of this size, with its files below a directory.
    pub fn run(columns: u16, rows: u16, directory: &Path) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_quorate"));
        command.arg("demo");
        command.env("TMPDIR", directory);
        command.env("TERM", "xterm-256color");
        let modes = modes(pair.master.as_ref());
        let child = pair.slave.spawn_command(command).unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(cells(rows), cells(columns), 0)));
        let (mut output, seen) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The end of a pseudo terminal is an error on Linux.
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                seen.lock().unwrap().process(&bytes[..count]);
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Self { master: pair.master, keys, child, screen, modes }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.screen.lock().unwrap().screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(size(columns, rows)).unwrap();
    }

    pub fn seen(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until something is found in what is seen.
    pub fn until<T>(&mut self, what: &str, found: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + LIMIT;
        loop {
            let seen = self.seen();
            if let Some(found) = found(&seen) {
                return found;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended ({ended:?}) before {what}:\n{seen}");
            assert!(Instant::now() < deadline, "no {what} within {LIMIT:?}:\n{seen}");
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    pub fn shows(&mut self, what: &str) {
        self.until(what, |seen| seen.contains(what).then_some(()));
    }

    /// Waits until something that it wrote before it ended has been read.
    pub fn has_shown(&self, what: &str) {
        let deadline = Instant::now() + LIMIT;
        while !self.seen().contains(what) {
            assert!(Instant::now() < deadline, "no {what:?} in:\n{}", self.seen());
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    /// Waits until it ends, and until it is seen to have given the screen back.
    pub fn ends(&mut self) -> ExitStatus {
        let deadline = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.seen());
            std::thread::sleep(LOOK_INTERVAL);
        };
        while self.screen.lock().unwrap().screen().alternate_screen() {
            assert!(Instant::now() < deadline, "the alternate screen is left behind");
            std::thread::sleep(LOOK_INTERVAL);
        }
        status
    }

    /// Whether lines, echo and cursor are as they were.
    pub fn is_restored(&self) -> bool {
        !self.screen.lock().unwrap().screen().hide_cursor() && modes(self.master.as_ref()) == self.modes
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().unwrap())
}
