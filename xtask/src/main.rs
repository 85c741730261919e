//! What the people who work on restage run: `cargo xtask COMMAND`.
//!
//! One module per command; a new one is a module and a line in `COMMANDS`. `ci` is all that CI runs, word for word.

#![expect(clippy::print_stdout, reason = "a tool for the people at the terminal, who read what it prints")]

mod ci;
mod tidy;
mod generated;
mod pages;
mod bench;
mod soak;
mod site;
mod program;
mod relay;
mod processes;
mod options;
mod markdown;
mod workspace;

use std::process::ExitCode;

/// What a command found, as one line; an error is what went wrong, as one line.
type Outcome = Result<String, String>;

/// A command: its name, what it does, and the function that gets the words behind the name.
type Command = (&'static str, &'static str, fn(&[String]) -> Outcome);

const COMMANDS: &[Command] = &[
    ("ci", "everything that CI checks, or only the suites that are named: `ci clippy tests`", ci::run),
    ("tidy", "the rules of style that no other tool knows", tidy::run),
    ("docs", "write the generated reference pages; `docs --check` fails when they differ", generated::run),
    (
        "bench",
        "measure against dump and restore: `bench [copy|rows|refresh|masks|swap|migrate] [--scale N] [--rounds N] [--program FILE] [--write]`",
        bench::run,
    ),
    (
        "soak",
        "the long tests: `soak [sim|kill|memory|schemas|lines|sizes] [--seeds N] [--rounds N] [--gigabytes N] [--cases N] [--program FILE]`",
        soak::run,
    ),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let name = words.first().map_or("help", String::as_str);
    let Some((_, _, run)) = COMMANDS.iter().find(|(known, ..)| *known == name) else {
        println!("usage: cargo xtask COMMAND\n");
        for (name, about, _) in COMMANDS {
            println!("  {name:8} {about}");
        }
        return if name == "help" { ExitCode::SUCCESS } else { ExitCode::from(2) };
    };
    match run(&words[1..]) {
        Ok(line) => {
            println!("{name}: {line}");
            ExitCode::SUCCESS
        }
        Err(line) => {
            println!("{name}: FAILED: {line}");
            ExitCode::FAILURE
        }
    }
}
