//! Words that the command line refuses, where they were for a command of migrations.

use crate::args::Cli;
use crate::screen::Screen;
use clap::CommandFactory as _;
use restage_core::signal::ExitStatus;
use std::ffi::OsString;

/// The exit code of words that cannot be understood, if they were for a command of migrations: a migrator's own, for 2 would say
/// that a migration failed; and for `run` with a migrator's last line.
pub(crate) fn ended_before_it_began(words: impl Iterator<Item = OsString>, screen: Screen) -> Option<u8> {
    let commands = commands(words.skip(1).map(|word| word.to_string_lossy().into_owned()));
    let mut commands = commands.iter().map(String::as_str);
    if commands.next() != Some("migrate") {
        return None;
    }
    let status = ExitStatus::InvalidConfiguration;
    if commands.next() == Some("run") {
        screen.talk(&status.to_string());
    }
    Some(status.number())
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
}
