//! The terminal: taken over when the demo begins, and given back as it was, however the demo ends.
//!
//! Returning and failing drop the [`Screen`], a panic runs the hook that ratatui installs, a first signal lets the demo
//! return, and before a second one ends the process it calls [`restore`].

use std::io::{self, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event, KeyEvent};
use ratatui::crossterm::execute;
use ratatui::{DefaultTerminal, Frame};

/// More keys than anybody presses between two frames; the rest is read after the next one.
const KEYS_AT_ONCE: usize = 32;

static IS_OURS: AtomicBool = AtomicBool::new(false);

#[derive(Debug)]
pub(super) struct Screen(DefaultTerminal);

impl Screen {
    /// # Errors
    ///
    /// There is no terminal; then it is as it was.
    pub(super) fn enter() -> io::Result<Self> {
        IS_OURS.store(true, Ordering::SeqCst);
        ratatui::try_init().map(Self).inspect_err(|_| restore())
    }

    /// # Errors
    ///
    /// The terminal is gone.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame)) -> io::Result<()> {
        self.0.draw(draw).map(|_| ())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Waits for keys, but no longer than the limit: the keys that were pressed. A change of size ends the wait, too.
///
/// # Errors
///
/// The terminal is gone.
pub(super) fn keys(limit: Duration) -> io::Result<Vec<KeyEvent>> {
    let mut keys = Vec::new();
    let mut limit = limit;
    while keys.len() < KEYS_AT_ONCE && event::poll(limit)? {
        if let Event::Key(key) = event::read()? {
            keys.push(key);
        }
        limit = Duration::ZERO;
    }
    Ok(keys)
}

/// Gives the terminal back, if it is ours.
pub(super) fn restore() {
    if IS_OURS.swap(false, Ordering::SeqCst) {
        // Where it fails the terminal is gone, and nobody looks at it.
        let _ = ratatui::try_restore();
        let _ = execute!(stdout(), Show);
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test that fails may panic, and one panics on purpose"
    )]
    use std::io::Read;

    use portable_pty::{CommandBuilder, PtySize, native_pty_system};

    use super::*;

    const TEST: &str = "cli::demo::live::screen::tests::a_panic_gives_the_terminal_back";
    /// Tells this test, run again in a terminal of its own, that it is to panic there.
    const IN_TERMINAL: &str = "QUORATE_TEST_PANIC_IN_TERMINAL";

    #[test]
    fn a_panic_gives_the_terminal_back() {
        if std::env::var_os(IN_TERMINAL).is_some() {
            let mut screen = Screen::enter().unwrap();
            screen.draw(|frame| frame.render_widget("drawn", frame.area())).unwrap();
            panic!("on purpose");
        }
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let before = pair.master.get_termios().unwrap();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["--exact", TEST, "--nocapture"]);
        command.env(IN_TERMINAL, "1");
        let mut child = pair.slave.spawn_command(command).unwrap();
        let mut output = pair.master.try_clone_reader().unwrap();
        let reader = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            // The end of a pseudo terminal is an error on Linux.
            let _ = output.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        assert_eq!(child.wait().unwrap().exit_code(), 101);
        assert!(pair.master.get_termios().unwrap() == before, "lines and echo are not as they were");
        drop(pair);
        let text = reader.join().unwrap();
        let places = ["\x1b[?1049h", "drawn", "\x1b[?1049l", "on purpose"].map(|part| text.find(part));
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{text:?}");
        assert!(text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l"), "the cursor stays hidden: {text:?}");
    }
}
