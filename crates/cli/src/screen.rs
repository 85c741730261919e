//! The two streams: data on standard output, talk on standard error, colour and progress only where people read.

use crate::args::Format;
use crate::render::{fold, printable};
use serde::Serialize;
use std::io::{IsTerminal, Write};

/// Where a command writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    format: Format,
    colour: Colour,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colour {
    On,
    Off,
}

/// How a word is set off; everything reads without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Headings.
    Bold,
    /// Secondary matter.
    Dim,
    /// Good.
    Green,
    /// Read this.
    Yellow,
    /// Bad.
    Red,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Red => "31",
        }
    }
}

#[expect(clippy::unused_self, reason = "the streams are the process's; having a screen is the right to write to them")]
impl Screen {
    pub(crate) fn new(format: Format) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let people = std::io::stderr().is_terminal() && (format == Format::Json || std::io::stdout().is_terminal());
        Self { format, colour: if wanted && people { Colour::On } else { Colour::Off } }
    }
    /// One without colour, whatever the tests run on.
    #[cfg(test)]
    pub(crate) const fn plain() -> Self {
        Self { format: Format::Text, colour: Colour::Off }
    }
    /// What standard output is for.
    pub(crate) fn format(self) -> Format {
        self.format
    }
    /// Whether somebody sits in front of it and can answer.
    pub(crate) fn has_person(self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }
    /// Whether progress can be drawn over itself.
    pub(crate) fn is_live(self) -> bool {
        std::io::stderr().is_terminal() && std::env::var("TERM").is_ok_and(|term| term != "dumb")
    }
    /// Sets words off.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        match self.colour {
            Colour::On => format!("\u{1b}[{}m{text}\u{1b}[0m", style.code()),
            Colour::Off => text.to_owned(),
        }
    }
    /// Writes data. A reader that went away, such as `head`, is no error.
    pub(crate) fn data(self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") });
        let _ = out.flush();
    }
    /// Writes one JSON document as data.
    pub(crate) fn json<T: Serialize + ?Sized>(self, value: &T) {
        self.data(&serde_json::to_string_pretty(value).expect("what is shown is plain data"));
    }
    /// Writes one JSON document on a line of its own.
    pub(crate) fn json_line<T: Serialize + ?Sized>(self, value: &T) {
        self.data(&serde_json::to_string(value).expect("what is shown is plain data"));
    }
    /// Writes talk.
    pub(crate) fn talk(self, text: &str) {
        let mut err = std::io::stderr().lock();
        let _ = writeln!(err, "{text}");
    }
    /// Writes one line of talk: at a terminal folded at its width, so that no word is cut; elsewhere as it is, for logs are
    /// searched by line. Every line begins `indent` characters in, the further ones by `hang` more.
    pub(crate) fn talk_folded(self, text: &str, indent: usize, hang: usize) {
        self.talk(&folded(text, indent, hang));
    }
    /// The same behind a label in its style.
    pub(crate) fn talk_labelled(self, style: Style, label: &str, text: &str, indent: usize, hang: usize) {
        let plain = folded(&format!("{label} {text}"), indent, hang);
        self.talk(&plain.replacen(label, &self.paint(style, label), 1));
    }
    /// Asks a question that is answered with yes or no; anything but yes is no.
    pub(crate) fn agrees(self, question: &str) -> bool {
        {
            let question = folded(&format!("{question} [y/N]"), 0, 2);
            // Let go before the answer: others may have to talk meanwhile.
            let mut err = std::io::stderr().lock();
            let _ = write!(err, "{question} ");
            let _ = err.flush();
        }
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        if !answer.ends_with('\n') {
            self.talk("");
        }
        read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
    }
    /// Asks the same, and gives up when `stopped` comes before the answer: nothing then.
    pub(crate) async fn agrees_before(self, question: &str, stopped: impl Future<Output = ()>) -> Option<bool> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let question = question.to_owned();
        // Nothing ends a read of a terminal: the thread stays behind, and ends with the process.
        std::thread::spawn(move || answer.send(self.agrees(&question)));
        tokio::select! {
            biased;
            () = stopped => None,
            agrees = answered => Some(agrees.unwrap_or(false)),
        }
    }
}

fn folded(text: &str, indent: usize, hang: usize) -> String {
    let is_terminal = std::io::stderr().is_terminal();
    let text = if is_terminal { printable(text) } else { text.to_owned() };
    // What has lines of its own, such as an excerpt of a file, is set already.
    if is_terminal && !text.contains('\n') { fold(&text, indent, hang, width()) } else { format!("{}{text}", " ".repeat(indent)) }
}

/// The width that text is set to, in characters: the terminal's, from 60 to 120; 100 where there is none.
pub(crate) fn width() -> usize {
    let columns = rustix::termios::tcgetwinsize(std::io::stderr()).map(|size| usize::from(size.ws_col)).ok();
    columns.filter(|columns| *columns > 0).map_or(100, |columns| columns.clamp(60, 120))
}
