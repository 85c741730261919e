//! restage at a terminal, where it asks, somebody answers, and Ctrl-C is typed.

use crate::play::{Played, await_that};
use crate::world::World;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

/// The width of the terminal, in characters.
pub(crate) const COLUMNS: usize = 80;
/// What Ctrl-C and Ctrl-D send.
pub(crate) const CTRL_C: &str = "\u{3}";
pub(crate) const CTRL_D: &str = "\u{4}";

/// A command at a terminal. It is killed when dropped.
pub(crate) struct Seat {
    child: Child,
    keys: ChildStdin,
    shown: PathBuf,
    words: String,
}

impl Seat {
    /// Starts a command at a terminal of its own, which `script` of util-linux makes.
    pub(crate) fn take(world: &World, words: &[&str]) -> Self {
        let restage = world.command(words);
        let typed = std::iter::once(restage.get_program()).chain(restage.get_args());
        let typed: Vec<String> = typed.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
        let line = format!("stty cols {COLUMNS} && exec {}", typed.join(" "));
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]).env_clear();
        command.envs(restage.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "xterm");
        let number = fs::read_dir(world.path("said")).unwrap().count();
        let shown = world.path("said").join(format!("{number}.terminal"));
        command.current_dir(restage.get_current_dir().unwrap()).stdin(Stdio::piped());
        command.stdout(File::create_new(&shown).unwrap()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let keys = child.stdin.take().unwrap();
        Self { child, keys, shown, words: format!("restage {}", words.join(" ")) }
    }

    /// What the terminal shows so far, without colours.
    pub(crate) fn shown(&self) -> String {
        let text = String::from_utf8(fs::read(&self.shown).unwrap()).unwrap().replace('\r', "");
        let mut parts = text.split("\u{1b}[");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |shown, part| shown + part.split_once('m').map_or(part, |(_, text)| text))
    }

    /// Waits until the terminal shows some words so many times.
    #[track_caller]
    pub(crate) fn shows(&self, words: &str, times: usize) {
        await_that(words, || self.shown().matches(words).count() >= times);
    }

    /// Types.
    pub(crate) fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the command's end; at a terminal both streams are one.
    #[track_caller]
    pub(crate) fn ends(mut self, code: i32) -> Played {
        await_that("the command at the terminal ends", || self.child.try_wait().unwrap().is_some());
        let (status, shown) = (self.child.wait().unwrap(), self.shown());
        Played { words: self.words.clone(), status, out: shown.clone(), err: shown }.ends(code)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
