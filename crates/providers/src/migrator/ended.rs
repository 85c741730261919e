//! How a migrator ended.

use super::status::of_reaching;
use super::trouble::told_of_migrations;
use crate::postgres::told;
use restage_core::Error;
use restage_core::signal::ExitStatus;
use restage_migrate::runner::Ran;
use restage_pgcopy as pgcopy;

/// How a migrator ended, and why.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// Why, where it did not end well.
    pub errors: Vec<Error>,
    /// The scripts that it applied, in this order; also those before a failure.
    pub applied: Vec<String>,
    /// What its run did, if that came to its end.
    pub ran: Option<Box<Ran>>,
    /// How many tables are as the models say, if they were compared.
    pub models: Option<u64>,
}

impl Ended {
    /// An end that is not a good one.
    pub fn by(status: ExitStatus, errors: Vec<Error>) -> Self {
        Self { status, errors, applied: vec![], ran: None, models: None }
    }

    /// The end that an error of a run makes; what history and scripts disagree on are errors one by one.
    pub fn of(status: ExitStatus, error: restage_migrate::Error) -> Self {
        Self::by(status, told_one_by_one(error))
    }

    /// The end that an error makes of work that only reads, also of reaching the database.
    pub(super) fn of_reading(error: pgcopy::Error) -> Self {
        Self::by(of_reaching(error.kind), vec![told(error)])
    }

    pub(super) fn well(ran: Ran, models: Option<u64>) -> Self {
        Self { ran: Some(Box::new(ran)), models, ..Self::by(ExitStatus::Success, vec![]) }
    }
}

fn told_one_by_one(error: restage_migrate::Error) -> Vec<Error> {
    match error.disagreements_of() {
        Ok(all) => all.into_iter().map(told_of_migrations).collect(),
        Err(error) => vec![told_of_migrations(error)],
    }
}
