//! `restage`: keeps non-production environments true to production.
//!
//! Each command has a file in [`commands`]; [`desk`] wires the store, the world and the engine together; [`render`]
//! draws. Only this crate prints.

mod args;
mod commands;
mod desk;
mod fault;
mod person;
mod project;
mod render;
mod screen;

use args::{Cli, Command};
use clap::Parser;
use clap::error::ErrorKind;
use fault::{Fault, exit};
use screen::Screen;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            if asked_for {
                return ExitCode::from(exit::DONE);
            }
            let migrator = commands::migrate::ended_before_it_began(&error, std::env::args_os());
            return ExitCode::from(migrator.unwrap_or(exit::USAGE));
        }
    };
    let screen = Screen::new(cli.common.output);
    match dispatch(cli, screen).await {
        Ok(code) => ExitCode::from(code),
        Err(fault) => fault.report(screen),
    }
}

async fn dispatch(cli: Cli, screen: Screen) -> Result<u8, Fault> {
    let common = &cli.common;
    match cli.command {
        Command::Init(args) => commands::init::run(common, &args, screen),
        Command::Check => commands::check::run(common, screen),
        Command::Plan(args) => commands::plan::run(common, &args, screen).await,
        Command::Run(args) => commands::run::run(common, &args, screen).await,
        Command::Copy(args) => commands::copy::run(common, &args, screen).await,
        Command::Migrate(args) => Ok(commands::migrate::run(common, &args, screen).await),
        Command::Runs(args) => commands::runs::run(common, &args, screen).await,
        Command::Show(args) => commands::show::run(common, &args, screen).await,
        Command::Logs(args) => commands::logs::run(common, &args, screen).await,
        Command::Resume(args) => commands::resume::run(common, &args, screen).await,
        Command::Undo(args) => commands::undo::run(common, &args, screen).await,
        Command::Cancel(args) => commands::cancel::run(common, &args, screen).await,
        Command::Approve(args) => commands::approve::run(common, &args, screen).await,
        Command::Retire(args) => commands::retire::run(common, &args, screen).await,
        Command::Diagnose(args) => commands::diagnose::run(common, &args, screen).await,
        Command::Explain(args) => commands::explain::run(&args, screen),
        Command::Schema(args) => Ok(commands::schema::run(&args, screen)),
        Command::Completions(args) => Ok(commands::completions::run(&args, screen)),
        Command::KeepSnapshot(args) => commands::keep_snapshot::run(&args).await,
        Command::Demo(args) => commands::demo::run(&args, screen).await,
    }
}
