//! `restage migrate`: migrations by hand or in a deployment, with the exit statuses of a migrator.

mod asked;
mod queue;
mod hangup;
mod mistyped;

pub(crate) mod info;
mod run;
mod validate;
mod repair;
mod baseline;
mod undo;
mod snapshot;

pub(crate) use mistyped::ended_before_it_began;

use crate::args::migrate::{Migrate as Args, MigrateCommand};
use crate::args::{Common, Format};
use crate::fault::{self, Fault};
use crate::screen::Screen;
use restage_core::error::Failure;
use restage_core::signal::ExitStatus;
use restage_core::{Code, Error};
use restage_migrate::runner::Runner;
use restage_providers::aws::Aws;
use restage_providers::migrator::{Ended, Resolved, of_connecting, of_working, stop::Stop};
use serde::Serialize;

pub(crate) async fn run(common: &Common, args: &Args, screen: Screen) -> u8 {
    let access = asked::access(&Aws::default());
    let done = match &args.command {
        MigrateCommand::Run(args) => return run::run(common, args, screen).await,
        MigrateCommand::Info(args) => info::run(common, &access, args, screen).await,
        MigrateCommand::Validate(args) => validate::run(common, &access, args, screen).await,
        MigrateCommand::Repair(args) => repair::run(common, &access, args, screen).await,
        MigrateCommand::Baseline(args) => baseline::run(common, &access, args, screen).await,
        MigrateCommand::Undo(args) => undo::run(common, &access, args, screen).await,
        MigrateCommand::Snapshot(args) => snapshot::run(common, &access, args, screen).await,
    };
    match done {
        Ok(()) => ExitStatus::Success.number(),
        Err(mut ended) => {
            ended.errors = ended.errors.iter().map(|error| access.without_secrets(error)).collect();
            if screen.format() == Format::Json {
                screen.json(&Written { exit: ended.status, errors: failures(&ended.errors) });
            }
            tell(&ended, screen);
            ended.status.number()
        }
    }
}

/// How an end that is not a good one is written for programs.
#[derive(Serialize)]
struct Written {
    exit: ExitStatus,
    errors: Vec<Failure>,
}

fn failures(errors: &[Error]) -> Vec<Failure> {
    errors.iter().map(Failure::from).collect()
}

/// Shows every error, and where more is to be read.
fn tell(ended: &Ended, screen: Screen) {
    ended.errors.iter().for_each(|error| fault::show(error, screen));
    if ended.status != ExitStatus::Success {
        screen.talk(&format!("`restage explain exit-{}` tells the usual causes and what to do", ended.status.number()));
    }
}

/// Shows what was passed over in the locations.
fn passed_over(what: &[String], screen: Screen) {
    what.iter().for_each(|what| screen.talk(&format!("passed over: {what}")));
}

/// The end of a command whose words or files are wrong.
fn misconfigured(fault: Fault) -> Ended {
    let errors = match fault {
        Fault::Problems(problems) => {
            let error = Code::InvalidFile
                .error("the environments file cannot be used")
                .help("correct it; `restage check` shows every problem");
            vec![error.because(problems.to_string())]
        }
        Fault::Refused(refusals) => refusals.0,
        Fault::Error(error) => vec![*error],
    };
    Ended::by(ExitStatus::InvalidConfiguration, errors)
}

/// A runner on the configured database.
async fn connected<'a>(resolved: &'a Resolved, stop: &'a Stop) -> Result<Runner<'a>, Ended> {
    let cx = resolved.cx(&restage_migrate::runner::Silent, stop);
    Runner::connect(&resolved.endpoint, cx).await.map_err(|error| Ended::of(of_connecting(&error), error))
}

/// The end that an error of work makes.
fn failed(error: restage_migrate::Error) -> Ended {
    Ended::of(of_working(&error), error)
}
