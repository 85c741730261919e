//! Words that the command line refuses, where they were for a command of migrations.

use super::{Written, failures};
use crate::args::{Cli, Format};
use crate::screen::Screen;
use clap::{CommandFactory as _, ValueEnum as _};
use restage_core::Code;
use restage_core::signal::ExitStatus;
use std::ffi::OsString;

/// The exit code of words that cannot be understood, if they were for a command of migrations: a migrator's own, for 2 would say
/// that a migration failed; and for `run` with a migrator's last line. People have been told what is wrong.
pub(crate) fn ended_before_it_began(error: &clap::Error, words: impl Iterator<Item = OsString>) -> Option<u8> {
    let words: Vec<String> = words.skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let commands = commands(words.iter().cloned());
    let mut commands = commands.iter().map(String::as_str);
    if commands.next() != Some("migrate") {
        return None;
    }
    let (exit, screen) = (ExitStatus::InvalidConfiguration, Screen::new(format(&words)));
    if screen.format() == Format::Json {
        let wrong = Code::InvalidFile.error(told(&error.to_string())).help("`restage migrate --help` tells what can be typed");
        screen.json(&Written { exit, errors: failures(&[wrong]) });
    }
    if commands.next() == Some("run") {
        screen.talk(&exit.to_string());
    }
    Some(exit.number())
}

/// What was asked for, as far as it can be understood.
fn format(words: &[String]) -> Format {
    let next = words.iter().skip(1).map(Some).chain([None]);
    let asked = words.iter().zip(next).find_map(|(word, next)| match word.strip_prefix("--output")? {
        "" => next.map(String::as_str),
        value => value.strip_prefix('='),
    });
    asked.and_then(|asked| Format::from_str(asked, false).ok()).unwrap_or(Format::Text)
}

/// What is wrong, on one line, without how it is used.
fn told(error: &str) -> String {
    let wrong = error.strip_prefix("error: ").unwrap_or(error).split("\n\n").next().unwrap_or_default();
    wrong.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words that are neither options nor their values: the command and the one within it come first. Between them only options
/// stand that every command takes.
fn commands(mut words: impl Iterator<Item = String>) -> Vec<String> {
    let cli = Cli::command();
    let takes_value = |word: &str| {
        cli.get_arguments().filter(|option| option.get_action().takes_values()).any(|option| {
            option.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long))
                || option.get_short().is_some_and(|short| word.strip_prefix('-') == Some(short.encode_utf8(&mut [0; 4])))
        })
    };
    let mut commands = Vec::new();
    while let Some(word) = words.next() {
        if takes_value(&word) {
            words.next();
        } else if !word.starts_with('-') {
            commands.push(word);
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_found_between_options_and_their_values() {
        for typed in ["migrate run --nope", "--output json migrate -C migrate run", "-Cx migrate --store=run --output json run x"] {
            let commands = commands(typed.split(' ').map(str::to_owned));
            assert_eq!(commands[..2], ["migrate", "run"], "{typed}");
        }
        assert_eq!(commands(["-C", "migrate", "run"].map(str::to_owned).into_iter()), ["run"]);
    }
    #[test]
    fn the_format_is_found_wherever_it_stands() {
        for (typed, wanted) in [
            ("migrate run --output json --nope", Format::Json),
            ("migrate --output=json", Format::Json),
            ("migrate --output", Format::Text),
        ] {
            assert_eq!(format(&typed.split(' ').map(str::to_owned).collect::<Vec<_>>()), wanted, "{typed}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_on_one_line() {
        let error = "error: the following required arguments were not provided:\n  <--database <X>|--url <URL>>\n\nUsage: restage";
        assert_eq!(told(error), "the following required arguments were not provided: <--database <X>|--url <URL>>");
    }
}
