//! `docs/reference/cli.md`: what `--help` prints, for restage and each of its commands.

use std::env;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::markdown::opening;
use crate::program::{self, Profile};

/// How wide the help is set, whatever terminal this runs in.
const COLUMNS: &str = "100";

pub(super) fn write() -> Result<String, String> {
    let restage = program::build(Profile::Debug)?;
    let whole = help(&restage, &["--help"])?;
    let words = "What `restage --help` and `restage COMMAND --help` print. [docs/cli.md](../cli.md) tells what belongs together: exit \
                 codes, the store, output for programs.";
    let mut text = opening("The command line, every flag", words);
    let _ = write!(text, "\n## restage\n\n{}", block(&whole));
    for command in commands(&whole)? {
        let page = help(&restage, &[&command, "--help"])?;
        let _ = write!(text, "\n## restage {command}\n\n{}", block(&page));
        // A command without commands of its own has no list of them.
        for inner in commands(&page).unwrap_or_default() {
            let _ = write!(text, "\n### restage {command} {inner}\n\n{}", block(&help(&restage, &[&command, &inner, "--help"])?));
        }
    }
    Ok(text)
}

/// The names under `Commands:`; continued descriptions are set in further.
fn commands(help: &str) -> Result<Vec<String>, String> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.trim().is_empty());
    let names = list.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<String> = names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    let own: Vec<String> = names.into_iter().filter(|name| name != "help").collect();
    if own.is_empty() { Err("`restage --help` lists no commands".to_owned()) } else { Ok(own) }
}

fn block(help: &str) -> String {
    format!("```text\n{}\n```\n", help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end())
}

fn help(restage: &Path, words: &[&str]) -> Result<String, String> {
    let mut command = Command::new(restage);
    command.args(words);
    // The help names the values of variables that are set, and a terminal's width.
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RESTAGE_")) {
        command.env_remove(name);
    }
    command.env("COLUMNS", COLUMNS).env("NO_COLOR", "1");
    program::must(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_from_the_help_and_wrapped_descriptions_are_not() {
        let help = "Does.\n\nUsage: restage <COMMAND>\n\nCommands:\n  init   Write files,\n         and more\n  run    Do\n  help   Print\n\nOptions:\n  -C\n";
        assert_eq!(commands(help).unwrap(), ["init", "run"]);
        assert!(commands("Usage: restage").is_err());
    }
}
