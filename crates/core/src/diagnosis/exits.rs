//! What exit statuses mean, and what to do about each.

use super::{NextCommand, Notes, next};
use crate::signal::ExitStatus;

/// What it means, to stand behind a colon.
pub(super) fn meaning(status: ExitStatus) -> &'static str {
    match status {
        ExitStatus::Success => "it ended well",
        ExitStatus::InvalidConfiguration => "its configuration is incomplete or wrong, and nothing was done",
        ExitStatus::MigrationFailed => "a migration failed",
        ExitStatus::ValidationFailed => "the models do not fit the schema",
        ExitStatus::Unexpected => "something happened that nobody foresaw",
    }
}

/// What leads further, beyond what this diagnosis has looked at already.
pub(super) fn next_after(status: ExitStatus, notes: &Notes<'_>) -> Vec<NextCommand> {
    let symptoms = notes.symptoms;
    let mut commands = Vec::new();
    let mut offer = |is_missing: bool, option: &str, does: &str| {
        if is_missing {
            commands.push(notes.again_with(option, does));
        }
    };
    let log = (!symptoms.log.is_asked(), "--log FILE", "looks for the error in the migrator's log");
    match status {
        ExitStatus::Success => {}
        ExitStatus::InvalidConfiguration => {
            let parameters = symptoms.access.seen().is_some_and(|access| access.parameters.is_asked());
            offer(!parameters, "--parameters PATH", "looks whether its parameters are there and may be read");
            offer(log.0, log.1, log.2);
        }
        ExitStatus::MigrationFailed => {
            offer(
                !symptoms.database.is_asked(),
                "--database ENVIRONMENT/NAME",
                "looks for failed and unexpected rows of the history",
            );
            // A history that could not be read is a finding of its own, whatever it was to be compared with.
            let alone = symptoms.scripts().is_some_and(|scripts| !scripts.is_asked());
            offer(alone, "--location FOLDER", "compares the history with the scripts");
            offer(log.0, log.1, log.2);
        }
        ExitStatus::ValidationFailed => {
            let does = "names every difference between the models and the database";
            offer(!symptoms.database.is_asked(), "--database ENVIRONMENT/NAME --models FILE", does);
            let alone = symptoms.database.seen().is_some_and(|database| !database.models.is_asked());
            offer(alone, "--models FILE", does);
            offer(log.0, log.1, log.2);
        }
        ExitStatus::Unexpected => offer(log.0, log.1, log.2),
    }
    if commands.is_empty() && status != ExitStatus::Success {
        commands.push(next(&symptoms.command, "again, once what the other findings say is corrected; then deploy again"));
    }
    commands
}
